"""期初导入：监管之前已在销售的项目，连同合同、缴存与余额一次转入，整件成立或整件不成立。

Event: a running project comes under supervision. Actors: one officer uploads, another approves.
Articles: 本局设定（待补依据）; domain §7.1 P26. Imports: deposits, contracts, supervision, projects, access, ledger.
"""
