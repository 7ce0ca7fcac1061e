"""分户账建成之后的事：业主变更、面积更正、串户更正、灭失返还、续交。

Event: a house changes hands, its area or its account is corrected, it is lost, its fund runs low.
Actors: officers (enter, decide); the register, whose word is read where it stands.
Articles: 民法典 第二百七十八条、第二百八十一条; 本局设定（待补依据）.
Imports: advances, maintenance, access, ledger.
"""
