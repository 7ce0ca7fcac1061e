"""维修资金法定报表：会住维01 资产负债表、02 收支表、03 净资产变动表，任一期间，页面、表格与 PDF。

Event: somebody asks what the fund held on a day and what moved it over a period. Actors: every officer.
Articles: 财会〔2020〕7号. Nothing is stored: each figure is read from the ledger by value date, so the three
statements, the trial balance and the books cannot differ.
Imports: maintenance, fund_income, access, ledger.
"""
