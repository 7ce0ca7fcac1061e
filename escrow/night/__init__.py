"""夜班：系统自己做的事——跑了什么、结果如何、还有什么到期；到期而没人办的，报警。

Event: a task of `escrow.tasks` has run; something is due and nobody has seen to it.
Actors: the house itself; officers read. Articles: 本局设定（待补依据）.
Imports: supervision, workdays, access. Knows the other rooms' tables only to count what waits in them.
"""
