"""网签备案前的核对：这位买受人的钱真的在监管专户里吗？

Event: a contract is checked and filed. Actors: contract-filing system, officers at the counter.
Articles: 晋房屋登记清零办发〔2023〕3号 第三部分“五是”.
Imports: contracts, deposits, supervision, projects, access.
"""
