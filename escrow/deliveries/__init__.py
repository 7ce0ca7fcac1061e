"""对外推送：把对外事件逐件、按主体先后送到订阅方的地址，送不到的交人员处理。

Event: something the outside should know has happened, or a subscriber took or refused it.
Actors: subscribers, the beat, the security officer (who may subscribe), officers (send again).
Articles: none; api.md "Outward events".
At least once, in order within a subject; no network inside a transaction.
Imports: access, the outbox.
"""
