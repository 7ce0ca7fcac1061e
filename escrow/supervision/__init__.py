"""监管协议与监管账户：何处收存、何时生效、账户现状。

Event: a supervision agreement is proposed, accepted by two officers, and takes effect.
Actors: platform (proposes), two officers (accept). Articles: 晋房屋登记清零办发〔2023〕3号 第三部分“五是”.
Imports: projects, access, ledger.
"""
