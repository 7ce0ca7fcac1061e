"""住宅专项维修资金：专户、小区、楼幢、分户账，首期交存标准，各级余额。

Event: a fund account is opened, house accounts are built from the register. Actors: officers (enter, decide),
bank and filing system (read). Articles: 财会〔2020〕7号; 晋房屋登记清零办发〔2023〕3号 第三部分“一是”;
昌州自然资发〔2022〕196号 二（二）2（3）. Imports: projects, access, ledger.
"""
