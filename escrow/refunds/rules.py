"""When a buyer's money may go back, how much of it, and to whom (退款). Pure."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from config.regulations import Law
from escrow import chart
from escrow.contracts.rules import ContractStatus
from escrow.errors import Refusal
from escrow.supervision.rules import AccountStatus
from escrow.workdays.rules import Calendar
from ledger.money import ZERO, Yuan


class RefundStatus(StrEnum):
    """Life of a refund (退款状态). What the bank made of it is read from its instructions."""

    ENTERED = "entered"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    DUE = "due"
    ISSUED = "issued"
    REJECTED = "rejected"
    REVOKED = "revoked"


# The only steps a refund takes, and the money each one moves (状态与资金同行).
STEPS = {
    (RefundStatus.ENTERED, RefundStatus.REVIEWED): None,
    (RefundStatus.ENTERED, RefundStatus.APPROVED): chart.HOLD_REFUND,
    (RefundStatus.REVIEWED, RefundStatus.APPROVED): chart.HOLD_REFUND,
    (RefundStatus.ENTERED, RefundStatus.REJECTED): None,
    (RefundStatus.REVIEWED, RefundStatus.REJECTED): None,
    (RefundStatus.APPROVED, RefundStatus.DUE): chart.REFUND_DUE,
    (RefundStatus.APPROVED, RefundStatus.REVOKED): chart.HOLD_REFUND,
    (RefundStatus.DUE, RefundStatus.ISSUED): chart.INSTRUCT_REFUND,
}
WAITING = frozenset({RefundStatus.ENTERED, RefundStatus.REVIEWED})
STATUS_LABELS = {
    RefundStatus.ENTERED: "待复核",
    RefundStatus.REVIEWED: "已一级复核，待二级复核",
    RefundStatus.APPROVED: "已核准，待转应退",
    RefundStatus.DUE: "应退，待签发",
    RefundStatus.ISSUED: "已签发",
    RefundStatus.REJECTED: "已退回",
    RefundStatus.REVOKED: "已撤销",
}
# Money leaves only an account in good order (可以付款的账户).
PAYS = frozenset({AccountStatus.ACTIVE})
ENDED = frozenset({AccountStatus.RELEASING, AccountStatus.CLOSED})


@dataclass(frozen=True, slots=True)
class Part:
    """What is asked back of one receipt, and what of it was not refunded before (一笔入账的退款)."""

    receipt_no: str
    amount: Yuan
    refundable: Yuan
    is_reversed: bool
    to_original: bool


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """What is known, under the locks, of a refund to be entered or approved (退款事实).

    `paid_in`: 8101 of the contract; `held`: what other approved refunds of it hold in 8302.
    """

    contract_no: str
    contract_status: ContractStatus
    account_status: AccountStatus
    paid_in: Yuan
    held: Yuan
    parts: tuple[Part, ...]

    @property
    def amount(self) -> Yuan:
        """The whole refund (退款合计)."""
        return sum((part.amount for part in self.parts), ZERO)

    @property
    def other_payee(self) -> bool:
        """Whether any of it goes elsewhere than whence it came (改退他人)."""
        return any(not part.to_original for part in self.parts)


def refusals(facts: RefundFacts, law: Law) -> list[Refusal]:
    """Every reason this refund must be refused; an empty list means it may be taken (不予退款的理由)."""
    return [*_contract_refusals(facts, law), *_amount_refusals(facts, law), *_part_refusals(facts, law)]


def approval_refusals(facts: RefundFacts, law: Law) -> list[Refusal]:
    """The same, judged again, over an account that pays (核准时再判)."""
    return [*account_refusals(facts.account_status, law), *refusals(facts, law)]


def account_refusals(status: AccountStatus, law: Law) -> list[Refusal]:
    """Why nothing is paid from this account now (账户不付款)."""
    if status in PAYS:
        return []
    said = "已解除监管，账户不再付款" if status in ENDED else "已暂停，恢复之前不付款"
    return [Refusal("account-not-active", f"监管账户{said}", law["account_active"].citation)]


def _contract_refusals(facts: RefundFacts, law: Law) -> list[Refusal]:
    found, source = [], law["refund_after_cancellation"].citation
    if facts.contract_status is not ContractStatus.CANCELLED:
        message = f"合同 {facts.contract_no} 尚未注销，款项不能退还"
        found.append(Refusal("contract-not-cancelled", message, source))
    if facts.account_status in ENDED:
        message = "项目已解除监管，款项已转应付开发企业，由开发企业退还"
        found.append(Refusal("supervision-ended", message, source))
    return found


def _amount_refusals(facts: RefundFacts, law: Law) -> list[Refusal]:
    left = facts.paid_in - facts.held
    if facts.amount <= left:
        return []
    held = f"（另有 {facts.held} 元已核准待退）" if facts.held > ZERO else ""
    message = f"合同 {facts.contract_no} 已缴未退 {left} 元{held}，所退 {facts.amount} 元超出"
    return [Refusal("refund-over-paid", message, law["refund_within_paid"].citation)]


def _part_refusals(facts: RefundFacts, law: Law) -> list[Refusal]:
    found, source = [], law["refund_within_paid"].citation
    for part in facts.parts:
        if part.is_reversed:
            message = f"入账 {part.receipt_no} 已由银行冲正，无款可退"
            found.append(Refusal("receipt-reversed", message, law["reversal_settled"].citation))
        elif part.amount > part.refundable:
            message = f"入账 {part.receipt_no} 尚可退 {part.refundable} 元，所退 {part.amount} 元超出"
            found.append(Refusal("refund-over-receipt", message, source))
    return found


# --- who decides (核准人) ---


@dataclass(frozen=True, slots=True)
class Handled:
    """Where a refund stands, who had a hand in it, and who asks now (办理情况)."""

    status: RefundStatus
    other_payee: bool
    entered_by: int
    reviewed_by: int | None
    officer_id: int
    takeover_no: str | None = None

    @property
    def two_levels(self) -> bool:
        """Another payee, and every payment under a takeover, is seen twice (两级复核)."""
        return self.other_payee or self.takeover_no is not None


def next_level(handled: Handled) -> RefundStatus:
    """What a favourable decision makes of it: the first of two levels, or the approval (下一级)."""
    first = handled.status is RefundStatus.ENTERED and handled.two_levels
    return RefundStatus.REVIEWED if first else RefundStatus.APPROVED


def decider_refusals(handled: Handled, law: Law) -> list[Refusal]:
    """Why this officer cannot decide this refund now (核准人回避)."""
    source, found = law["refund_two_officers"].citation, []
    if handled.status not in WAITING:
        message = f"这件退款{STATUS_LABELS[handled.status]}，不能再次决定"
        found.append(Refusal("already-decided", message, source))
    if handled.entered_by == handled.officer_id:
        found.append(Refusal("same-officer", "退款由您录入，须由另一人员决定", source))
    if handled.reviewed_by == handled.officer_id:
        why = "改退他人" if handled.other_payee else "接管期间的每笔付款"
        key = "refund_to_payer" if handled.other_payee else "takeover_two_officers"
        message = f"您已作一级复核，{why}须由另一人员作二级复核"
        found.append(Refusal("same-officer", message, law[key].citation))
    return found


def revoker_refusals(handled: Handled, law: Law) -> list[Refusal]:
    """Why an approved refund cannot be taken back by this officer now (不予撤销的理由)."""
    source, found = law["refund_two_officers"].citation, []
    if handled.status is not RefundStatus.APPROVED:
        message = f"这件退款{STATUS_LABELS[handled.status]}，只有已核准待转应退的可以撤销"
        found.append(Refusal("not-revocable", message, source))
    if handled.entered_by == handled.officer_id:
        found.append(Refusal("same-officer", "退款由您录入，须由另一人员撤销", source))
    return found


def ready_on(approved_on: date, calendar: Calendar, *, other_payee: bool, law: Law) -> date:
    """The first day on which it may be issued: another payee waits working days (最早签发日)."""
    days = law["refund_other_payee_days"].value if other_payee else 0
    return calendar.working_days_after(approved_on, days)


# --- the money (资金) ---


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands for a refund: the building's money, and what the account has beside court holds (可退资金)."""

    amount: Yuan
    building: Yuan
    account: Yuan
    court_held: Yuan

    @property
    def missing(self) -> Yuan:
        """How much is lacking (差额)."""
        free = max(self.account - self.court_held, ZERO)
        return max(self.amount - min(self.building, free), ZERO)


def cover_refusals(cover: Cover, law: Law) -> list[Refusal]:
    """Why an approved refund cannot fall due yet: it waits, before every withdrawal (资金不足，排队待退)."""
    if cover.missing == ZERO:
        return []
    held = f"，账户司法冻结 {min(cover.court_held, cover.account)} 元" if cover.court_held > ZERO else ""
    message = f"本幢资金 {cover.building} 元{held}，尚差 {cover.missing} 元；资金到位之前本幢不得拨付"
    return [Refusal("refund-uncovered", message, law["refund_before_withdrawal"].citation)]


@dataclass(frozen=True, slots=True)
class IssueFacts:
    """What is known of a refund whose instructions are to be issued (签发事实).

    `open_parts`: not ordered and ready; `waiting_parts`: not ordered, another payee decided on or delayed.
    """

    status: RefundStatus
    account_status: AccountStatus
    ready_on: date | None
    today: date
    open_parts: int
    waiting_parts: int = 0


def issue_refusals(facts: IssueFacts, law: Law) -> list[Refusal]:
    """Why no refund instruction is issued now (不予签发的理由)."""
    found, source = account_refusals(facts.account_status, law), law["refund_to_payer"].citation
    if facts.status not in (RefundStatus.DUE, RefundStatus.ISSUED):
        message = f"这件退款{STATUS_LABELS[facts.status]}，转应退之后方可签发"
        found.append(Refusal("refund-not-due", message, law["refund_two_officers"].citation))
    elif facts.open_parts == 0 and facts.waiting_parts:
        message = "改退账户须经两级复核，并待其最早签发日，方可签发"
        found.append(Refusal("redirect-must-wait", message, source))
    elif facts.open_parts == 0:
        message = "各笔退款均已签发；银行答复失败或退汇之后方可再签"
        found.append(Refusal("refund-issued", message, law["refund_within_paid"].citation))
    if facts.ready_on is not None and facts.today < facts.ready_on:
        message = f"改退他人的退款须待 {facts.ready_on} 方可签发"
        found.append(Refusal("refund-must-wait", message, source))
    return found
