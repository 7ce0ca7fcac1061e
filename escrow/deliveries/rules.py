"""How often and when an event is brought again, and what each try may come to (推送规则). Pure."""

from datetime import timedelta
from enum import StrEnum


class Algorithm(StrEnum):
    """With what a delivery is signed (签名算法)."""

    SHA256 = "hmac-sha256"
    SM3 = "hmac-sm3"


class DeliveryStatus(StrEnum):
    """Where a delivery stands (推送状态)."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


class TryOutcome(StrEnum):
    """What a try came to (推送结果)."""

    TAKEN = "taken"
    REFUSED = "refused"
    REDIRECTED = "redirected"
    NOT_ALLOWED = "not-allowed"
    UNKNOWN_NAME = "unknown-name"
    UNREACHABLE = "unreachable"
    NO_TRUST = "no-trust"
    TOO_SLOW = "too-slow"
    GARBLED = "garbled"


STATUS_LABELS = {
    DeliveryStatus.WAITING: "待推送",
    DeliveryStatus.SENDING: "推送中",
    DeliveryStatus.DELIVERED: "已送达",
    DeliveryStatus.DEAD: "未送达",
    DeliveryStatus.DROPPED: "已放弃",
}
OUTCOME_LABELS = {
    TryOutcome.TAKEN: "对方已收下",
    TryOutcome.REFUSED: "对方拒收",
    TryOutcome.REDIRECTED: "对方要求转址，未跟随",
    TryOutcome.NOT_ALLOWED: "地址不在允许之列",
    TryOutcome.UNKNOWN_NAME: "域名无法解析",
    TryOutcome.UNREACHABLE: "连接不上或中断",
    TryOutcome.NO_TRUST: "对方证书不可信",
    TryOutcome.TOO_SLOW: "对方超时未答",
    TryOutcome.GARBLED: "对方答复无法识别",
}
ALGORITHM_LABELS = {Algorithm.SHA256: "HMAC-SHA256", Algorithm.SM3: "HMAC-SM3（国密）"}
# Every step a delivery may take; PostgreSQL holds the same table.
STEPS = frozenset({
    (DeliveryStatus.WAITING, DeliveryStatus.SENDING), (DeliveryStatus.SENDING, DeliveryStatus.SENDING),
    (DeliveryStatus.SENDING, DeliveryStatus.WAITING), (DeliveryStatus.SENDING, DeliveryStatus.DELIVERED),
    (DeliveryStatus.SENDING, DeliveryStatus.DEAD), (DeliveryStatus.DEAD, DeliveryStatus.WAITING),
    (DeliveryStatus.WAITING, DeliveryStatus.DROPPED), (DeliveryStatus.SENDING, DeliveryStatus.DROPPED),
    (DeliveryStatus.DEAD, DeliveryStatus.DROPPED),
})  # fmt: skip

# Twelve tries spread over some two hours; then an officer is asked.
MOST_TRIES = 12
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
LONGEST_REST = timedelta(minutes=2)
# One try from looking the name up to the status line; and until when its sender may say how it went.
PATIENCE = timedelta(seconds=5)
LEASE = timedelta(seconds=60)
# How long one subscriber's turn lasts, so that others have theirs.
LONGEST_TURN = timedelta(seconds=10)
# How many of one subscriber's deliveries are under way at once.
AT_ONCE = 4


def wait_after(tries: int, chance: float, longest: timedelta = LONGEST_WAIT) -> timedelta:
    """How long after so many failures the next try waits: doubling, half of it by chance (退避)."""
    doublings: int = 2 ** min(max(tries - 1, 0), 20)
    whole = min(FIRST_WAIT * doublings, longest)
    return whole / 2 + whole / 2 * chance


def tires(outcome: TryOutcome, http_status: int | None) -> bool:
    """Whether a failure is the subscriber's as a whole, not this one event's (对方整体不可用)."""
    if outcome in (TryOutcome.REFUSED, TryOutcome.REDIRECTED):
        return http_status is None or http_status >= 500 or http_status in (408, 429)
    return outcome is not TryOutcome.TAKEN


def status_outcome(http_status: int) -> TryOutcome:
    """What a final status means; redirects are never followed (状态码的含义)."""
    if 200 <= http_status <= 299:
        return TryOutcome.TAKEN
    return TryOutcome.REDIRECTED if 300 <= http_status <= 399 else TryOutcome.REFUSED
