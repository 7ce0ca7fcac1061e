"""付款指令：签发给银行的付款命令，与银行的答复，直至有确定的结果。

Event: an order to pay leaves with a gap-free number; the bank answers paid, failed, unknown or returned.
Actors: an officer (issues), the bank (reads, answers). Articles: 本局设定（待补依据）; domain §7.1 P10–P14, P17.
Money moves only on a bank's answer whose facts equal the order; a missing answer is a state of its own.
Imports: deposits, contracts, supervision, projects, access, ledger.
"""
