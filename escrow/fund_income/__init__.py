"""维修资金收益：存款利息、国债、共用部位收益入账，按月按年结转，每年分配到户。

Event: the bank pays interest, common parts earn money; a month closes; what is undistributed goes to houses.
Actors: cashier (enters, proposes), reviewer (confirms, approves). Articles: 财会〔2020〕7号; M7–M10, M20.
Shares are exact to the fen: largest remainder, ties by unit code; running a share twice changes nothing.
Imports: maintenance, access, ledger.
"""
