"""用款：开发企业申请拨付工程款，一人录入、另一人核准并占用额度，签发时再核一次限额。

Event: an application to pay listed payees of registered construction contracts.
Actors: one officer enters, another approves; a third where it is large, split, taken over, or from key funds.
Articles: 晋房屋登记清零办发〔2023〕3号 第三部分“五是”; 本局设定（待补依据）。
Imports: instructions, contracts, supervision, projects, access, ledger.
"""
