"""解除监管：首次登记确认之后，余额转为应付开发企业款，账户停止收款。

Event: a developer applies for the end of supervision. Actors: one officer enters, another approves.
Articles: 晋房屋登记清零办发〔2023〕3号 第三部分“五是”. Imports: registration, contracts, deposits, supervision, access, ledger.
"""
