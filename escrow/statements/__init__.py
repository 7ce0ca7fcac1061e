"""银行对账单：收取、留存原文、核对整份，与账簿逐笔勾对，差异逐件了结，账户逐日日结。

Event: a bank sends the statement of one account and day; every line is matched; the day is closed.
Actors: banks (door), an officer (page upload, differences), another officer (decides). Articles: 本局设定（待补依据）.
Truth order: statement > message > nothing typed by hand. Books are only added to, never edited.
Imports: instructions, deposits, contracts, supervision, projects, access, ledger.
"""
