"""What a fund account and a house account go through, and why a step is refused (维修资金专户与分户账). Pure."""

from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal


class FundStatus(StrEnum):
    """How far a fund account has come (专户状态)."""

    ENTERED = "entered"
    ACTIVE = "active"
    REJECTED = "rejected"
    CLOSED = "closed"


class HouseStatus(StrEnum):
    """Whether a house account is kept (分户账状态)."""

    BUILT = "built"
    CLOSED = "closed"


FUND_LABELS = {
    FundStatus.ENTERED: "待确认",
    FundStatus.ACTIVE: "使用中",
    FundStatus.REJECTED: "已退回",
    FundStatus.CLOSED: "已销户",
}
FUND_STEPS = {
    (FundStatus.ENTERED, FundStatus.ACTIVE),
    (FundStatus.ENTERED, FundStatus.REJECTED),
    (FundStatus.ACTIVE, FundStatus.CLOSED),
}
HOUSE_STEPS = {(HouseStatus.BUILT, HouseStatus.CLOSED)}


def decider_refusals(status: FundStatus, entered_by: int, officer_id: int, law: Law) -> list[Refusal]:
    """Why this officer may not decide on the account (不予决定的理由)."""
    source, found = law["fund_two_officers"].citation, []
    if status is not FundStatus.ENTERED:
        found.append(Refusal("already-decided", f"该专户{FUND_LABELS[status]}，不再待确认", source))
    if entered_by == officer_id:
        found.append(Refusal("same-officer", "专户由您录入，须由另一人员确认", source))
    return found
