"""看全局的人和系统：未到账清单、风险提示、对外事件、系统健康、接口说明。

Event: somebody asks how things stand. Actors: officers (daily list, findings), outside systems (events),
operators (health).
Articles: 晋房屋登记清零办发〔2023〕3号 第三部分“五是”. Imports: withdrawals, deposits, contracts,
supervision, projects, access, ledger: findings read all of them.
"""
