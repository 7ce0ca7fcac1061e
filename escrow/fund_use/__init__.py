"""维修资金使用：申请与分摊、公示、表决、核准占用、应急使用、预付、验收、结算。

Event: a community's common parts are repaired out of the house accounts. Actors: register and cashier (enter,
record votes), reviewer (approves, confirms). Articles: 民法典 第二百七十八条; 建设部、财政部令第165号 第二十条、第二十五条.
Held at approval (M11), paid on the bank's word alone (M12). Imports: fund_orders, maintenance, access.
"""
