"""维修资金付款指令：自专户付出的每一笔，签发、撤销、银行答复，答复之前不记账。

Event: what two officers decided to pay is ordered from the fund's bank; the bank answers paid, failed,
unknown or returned. Actors: cashier (issues), reviewer (decides), bank (reads, answers). Articles: 财会〔2020〕7号
收付实现制; 本局设定（待补依据）. What is paid, and how it is booked, each room that pays says by its handler.
Imports: advances, maintenance, instructions, access, ledger.
"""
