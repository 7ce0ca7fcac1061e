"""Who owns a house, and why a change of owner is refused (业主与业主变更). Pure."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal


class OwnerKind(StrEnum):
    """How owners came to be known (业主来源)."""

    OPENING = "opening"
    TRANSFER = "transfer"
    CORRECTION = "correction"


class OwnerStatus(StrEnum):
    """How far a change of owner has come (业主变更状态)."""

    ENTERED = "entered"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


OWNER_KINDS = {
    OwnerKind.OPENING: "期初导入", OwnerKind.TRANSFER: "转移登记", OwnerKind.CORRECTION: "更正",
}  # fmt: skip
OWNER_LABELS = {
    OwnerStatus.ENTERED: "待确认", OwnerStatus.CONFIRMED: "已确认", OwnerStatus.REJECTED: "已退回",
}  # fmt: skip
OWNER_STEPS = {
    (OwnerStatus.ENTERED, OwnerStatus.CONFIRMED),
    (OwnerStatus.ENTERED, OwnerStatus.REJECTED),
}


@dataclass(frozen=True, slots=True)
class OwnerFacts:
    """What is known of a house and its owners (业主变更事实)."""

    is_open: bool
    latest: date | None
    is_waiting: bool
    today: date


def owner_refusals(kind: OwnerKind, from_day: date, facts: OwnerFacts, law: Law) -> list[Refusal]:
    """Why this change of owner cannot be entered or confirmed (不予变更的理由)."""
    source, found = law["owner_by_registration"].citation, []
    if not facts.is_open:
        found.append(Refusal("house-closed", "分户账已销户，不再变更业主", source))
    if facts.is_waiting:
        found.append(Refusal("owner-waiting", "本户已有一件业主变更待确认", source))
    if from_day > facts.today:
        found.append(Refusal("owner-later", "转移登记日不能晚于今天", source))
    if kind is OwnerKind.TRANSFER and facts.latest is not None and from_day < facts.latest:
        message = f"本户业主自 {facts.latest} 起已变更，转移登记日不得早于这一天；录错的请用更正"
        found.append(Refusal("owner-earlier", message, source))
    return found


def decider_refusals(status: OwnerStatus, entered_by: int, officer_id: int, law: Law) -> list[Refusal]:
    """Why this officer may not decide on the change (不予决定的理由)."""
    source, found = law["fund_two_officers"].citation, []
    if status is not OwnerStatus.ENTERED:
        found.append(Refusal("already-decided", f"这件业主变更{OWNER_LABELS[status]}，不再待确认", source))
    if entered_by == officer_id:
        found.append(Refusal("same-officer", "这件业主变更由您录入，须由另一人员确认", source))
    return found
