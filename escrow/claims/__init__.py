"""待认领：不明入账归入合同（整笔或分拆），或退回付款人；一人录入，另一人确认。

Event: money in the account belongs to nobody yet. Actors: officers.
Articles: 本局设定（待补依据）. Imports: deposits, contracts, supervision, instructions, access, ledger.
"""
