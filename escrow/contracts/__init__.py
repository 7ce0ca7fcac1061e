"""购房合同：草拟、买受人、缴款通知书、注销。

Event: a contract is drafted (notices issued), or cancelled. Actors: filing system, banks (verify notices).
Articles: 晋房屋登记清零办发〔2023〕3号 第三部分“五是”. Imports: projects, supervision, access.
"""
