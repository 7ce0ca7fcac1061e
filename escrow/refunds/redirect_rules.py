"""When a refund the original account cannot take may go elsewhere (改退账户). Pure."""

from dataclasses import dataclass
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal
from escrow.refunds.rules import RefundStatus


class RedirectStatus(StrEnum):
    """Life of a change of payee (改退状态)."""

    ENTERED = "entered"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    REJECTED = "rejected"


# Always two levels: it is another payee. No money moves until the refund is issued again (状态迁移).
STEPS = {
    (RedirectStatus.ENTERED, RedirectStatus.REVIEWED),
    (RedirectStatus.REVIEWED, RedirectStatus.APPROVED),
    (RedirectStatus.ENTERED, RedirectStatus.REJECTED),
    (RedirectStatus.REVIEWED, RedirectStatus.REJECTED),
}
OPEN = frozenset({RedirectStatus.ENTERED, RedirectStatus.REVIEWED})
REDIRECT_LABELS = {
    RedirectStatus.ENTERED: "待一级复核",
    RedirectStatus.REVIEWED: "待二级复核",
    RedirectStatus.APPROVED: "已核准",
    RedirectStatus.REJECTED: "已退回",
}


def entry_refusals(status: RefundStatus, *, is_ordered: bool, is_open: bool, law: Law) -> list[Refusal]:
    """Why this part may not be redirected now (不予改退的理由)."""
    found, source = [], law["refund_to_payer"].citation
    if status not in (RefundStatus.DUE, RefundStatus.ISSUED):
        found.append(Refusal("refund-not-due", "退款尚未转应退，收款人有误的请退回重录", source))
    if is_ordered:
        message = "这笔退款已签发而银行尚未答复未付，或已付讫，不能改退"
        found.append(Refusal("refund-issued", message, source))
    if is_open:
        found.append(Refusal("redirect-open", "这笔退款已有改退申请待复核", source))
    return found


@dataclass(frozen=True, slots=True)
class RedirectHandled:
    """Where a change of payee stands, who had a hand in it, and who asks now (办理情况)."""

    status: RedirectStatus
    entered_by: int
    reviewed_by: int | None
    officer_id: int


def decider_refusals(handled: RedirectHandled, law: Law) -> list[Refusal]:
    """Why this officer cannot decide this change of payee now (复核人回避)."""
    found, source = [], law["refund_to_payer"].citation
    if handled.status not in OPEN:
        message = f"这件改退{REDIRECT_LABELS[handled.status]}，不能再次决定"
        found.append(Refusal("already-decided", message, source))
    if handled.officer_id in (handled.entered_by, handled.reviewed_by):
        message = "改退的录入、一级复核、二级复核须为三名人员"
        found.append(Refusal("same-officer", message, source))
    return found
