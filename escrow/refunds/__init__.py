"""退款：合同注销之后，购房款退回原付款账户，贷款退回放款机构；先于用款。

Event: a buyer's money goes back. Actors: one officer enters, another approves, a third for another payee.
Articles: 本局设定（待补依据）。 Imports: instructions, deposits, contracts, supervision, access, ledger.
"""
