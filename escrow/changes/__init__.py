"""监管账户变更：项目改用另一监管账户，余额凭一件指令整户划转，两人办理。

Event: another account is agreed; one officer enters, another approves; the bank pays; it takes over.
Actors: officers, the old account's bank. Articles: 本局设定（待补依据）; domain §2 (a) 8, §7.1 P21.
Imports: instructions, supervision, projects, access, ledger. What an answer moves: instructions/carrying.
"""
