"""购房款入账：银行记账、匹配缴款通知书、不明入账、冲正。

Event: a bank books a credit on a supervised account, or reverses one. Actors: banks.
Articles: 晋房屋登记清零办发〔2023〕3号 第三部分“五是”. Imports: supervision, contracts, access, ledger.
"""
