"""维修资金期初导入：运行中小区的分户余额，由 Excel 或 CSV 一次转入，整件成立或整件不成立。

Event: running communities come into the fund account with their balances. Actors: one officer uploads,
another approves. Articles: 财会〔2020〕7号（新旧衔接）; 本局设定（待补依据）.
Imports: houses (owners), maintenance, access, ledger.
"""
