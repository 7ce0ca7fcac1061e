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
# What the register itself told needs no officer and is no row here (登记机构所报).
REGISTERED, REGISTERED_LABEL = "registered", "转移登记（登记机构报送）"
OWNER_LABELS = {
    OwnerStatus.ENTERED: "待确认", OwnerStatus.CONFIRMED: "已确认", OwnerStatus.REJECTED: "已退回",
}  # fmt: skip
OWNER_STEPS = {
    (OwnerStatus.ENTERED, OwnerStatus.CONFIRMED),
    (OwnerStatus.ENTERED, OwnerStatus.REJECTED),
}


@dataclass(frozen=True, slots=True)
class OwnerFacts:
    """What is known of a house and its owners (业主变更事实).

    `told_since`: the certificate of what the register told after this change was entered; `told_of`: the unit
    whose transfer the register has told of under the very certificate.
    """

    unit_code: str
    is_open: bool
    latest: date | None
    is_waiting: bool
    today: date
    told_since: str | None = None
    told_of: str | None = None


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
    return found + _registered_refusals(kind, facts, source)


def _registered_refusals(kind: OwnerKind, facts: OwnerFacts, source: str) -> list[Refusal]:
    """What the register itself told stands before what officers entered (以登记机构所报为准)."""
    if facts.told_since is not None:
        message = (
            f"录入之后登记机构报来本户的转移登记（证书 {facts.told_since}），以登记机构所报为准；"
            "本件请退回，仍须更正的看过所报之后另录"
        )
        return [Refusal("owner-registered-since", message, source)]
    if facts.told_of not in (None, facts.unit_code):
        message = f"登记机构所报，这份证书是另一户 {facts.told_of} 的"
        return [Refusal("certificate-reused", message, source)]
    if kind is OwnerKind.TRANSFER and facts.told_of is not None:
        message = "登记机构已报来这份证书的转移登记，业主已随之变更，不必再录"
        return [Refusal("owner-registered", message, source)]
    return []


def decider_refusals(status: OwnerStatus, entered_by: int, officer_id: int, law: Law) -> list[Refusal]:
    """Why this officer may not decide on the change (不予决定的理由)."""
    source, found = law["fund_two_officers"].citation, []
    if status is not OwnerStatus.ENTERED:
        found.append(Refusal("already-decided", f"这件业主变更{OWNER_LABELS[status]}，不再待确认", source))
    if entered_by == officer_id:
        found.append(Refusal("same-officer", "这件业主变更由您录入，须由另一人员确认", source))
    return found
