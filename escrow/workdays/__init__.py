"""工作日历：每年国务院办公厅放假通知的放假与调休日，一人录入、另一人确认；没有录入的年份绝不推算。

Event: a year's notice is published; one officer enters it, another confirms it.
Actors: officers. Articles: 国务院办公厅年度放假通知; 本局设定（待补依据）。
Imports: access. Every room that counts working days asks here.
"""
