"""When unmatched money may be claimed for contracts, or returned to its payer (待认领款). Pure."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from config.regulations import Law
from escrow.contracts.rules import ContractStatus, Source
from escrow.deposits.rules import NoticeFacts
from escrow.errors import Refusal
from escrow.supervision.rules import AccountStatus
from escrow.workdays.rules import Calendar, WorkingYearUnknown
from ledger.money import ZERO, Yuan


class ClaimKind(StrEnum):
    """What is done with unmatched money (处理方式)."""

    CLAIM = "claim"
    RETURN = "return"
    SETTLE = "settle"


class ClaimStatus(StrEnum):
    """Life of a claim (认领状态)."""

    ENTERED = "entered"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


KIND_LABELS = {
    ClaimKind.CLAIM: "认领",
    ClaimKind.RETURN: "退回付款人",
    ClaimKind.SETTLE: "冲抵应收银行更正款",
}
STATUS_LABELS = {
    ClaimStatus.ENTERED: "待确认",
    ClaimStatus.CONFIRMED: "已确认",
    ClaimStatus.REJECTED: "已退回",
}
# The only steps a claim takes (状态迁移).
STEPS = {
    (ClaimStatus.ENTERED, ClaimStatus.CONFIRMED),
    (ClaimStatus.ENTERED, ClaimStatus.REJECTED),
}
# Money of an ended account belongs to nobody here any more.
OPEN_ACCOUNTS = frozenset({AccountStatus.ACTIVE, AccountStatus.SUSPENDED, AccountStatus.RELEASING})


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a claim: for which notice, how much (认领份额). No facts: we know no such notice."""

    notice_no: str
    amount: Yuan
    contract_no: str = ""
    source: Source | None = None
    facts: NoticeFacts | None = None


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """What is known of the receipt, and what is asked of it (认领事实)."""

    receipt_no: str
    kind: ClaimKind
    asked: Yuan
    remainder: Yuan
    account: AccountStatus
    is_reversed: bool = False
    waiting: int | None = None
    payer_known: bool = True
    shares: tuple[Share, ...] = ()
    # What the bank still owes under the heading a correction is to settle.
    receivable: Yuan = ZERO
    # Of which source the receipt is already in a contract.
    sources: tuple[tuple[str, Source], ...] = ()


def refusals(facts: ClaimFacts, law: Law) -> list[Refusal]:
    """Every reason this money is not claimed, or not returned, like this (不予认领的理由)."""
    return [
        *_receipt_refusals(facts, law), *_share_refusals(facts, law), *_receivable_refusals(facts, law),
    ]  # fmt: skip


def _receipt_refusals(facts: ClaimFacts, law: Law) -> list[Refusal]:
    once, found = law["claim_counts_once"].citation, []
    if facts.account not in OPEN_ACCOUNTS:
        message = "监管账户未生效或已销户，不再认领"
        found.append(Refusal("account-not-active", message, law["account_active"].citation))
    if facts.is_reversed:
        found.append(Refusal("receipt-reversed", f"入账 {facts.receipt_no} 已被银行冲正", once))
    elif facts.asked > facts.remainder:
        message = f"入账 {facts.receipt_no} 待认领 {facts.remainder} 元，所填合计 {facts.asked} 元"
        found.append(Refusal("over-remainder", message, once))
    if facts.waiting is not None:
        message = f"入账 {facts.receipt_no} 已有第 {facts.waiting} 号处理等待确认"
        found.append(Refusal("claim-waiting", message, law["claim_two_officers"].citation))
    if facts.kind is ClaimKind.RETURN and not facts.payer_known:
        message = "银行未报付款人户名或账号，须先由银行查明来源"
        found.append(Refusal("payer-unknown", message, law["unmatched_to_payer"].citation))
    return found


def _receivable_refusals(facts: ClaimFacts, law: Law) -> list[Refusal]:
    """A correction settles what the bank owes, and no more (冲抵不超过所欠)."""
    source = law["reversal_settled"].citation
    if facts.kind is not ClaimKind.SETTLE or facts.asked <= facts.receivable:
        return []
    if facts.receivable == ZERO:
        return [Refusal("no-receivable", "账上没有这一笔应收银行更正款，或已结清", source)]
    message = f"这一笔应收银行更正款尚欠 {facts.receivable} 元，所填 {facts.asked} 元"
    return [Refusal("over-receivable", message, source)]


def _share_refusals(facts: ClaimFacts, law: Law) -> list[Refusal]:
    source, found = law["claim_counts_once"].citation, []
    for share in facts.shares:
        if said := _share_fault(share):
            found.append(Refusal(said[0], f"通知书 {share.notice_no}{said[1]}", source))
    kinds: dict[str, set[Source]] = {}
    told = [(share.contract_no, share.source) for share in facts.shares]
    for contract_no, kind in [*facts.sources, *told]:
        if contract_no and kind is not None:
            kinds.setdefault(contract_no, set()).add(kind)
    for contract_no, held in kinds.items():
        if len(held) > 1:
            message = f"同一笔入账在合同 {contract_no} 内只能归同一资金来源（自有、贷款、公积金不混）"
            found.append(Refusal("source-mixed", message, source))
    return found


def _share_fault(share: Share) -> tuple[str, str] | None:
    facts = share.facts
    if facts is None:
        return "no-notice", "：没有这个号"
    if not facts.same_account:
        return "other-account", f"（合同 {share.contract_no}）不由本监管账户收款"
    if facts.contract_status is ContractStatus.CANCELLED:
        return "contract-cancelled", f"的合同 {share.contract_no} 已注销"
    if facts.is_void:
        return "notice-void", "已作废，或所在楼幢已解除监管"
    if share.amount > facts.amount - facts.paid:
        return "over-notice", f"尚应缴 {facts.amount - facts.paid} 元，所填 {share.amount} 元"
    return None


def decision_refusals(
    status: ClaimStatus, *, entered_by: int, officer_id: int, law: Law
) -> list[Refusal]:  # fmt: skip
    """Why this officer does not decide this claim (不能确认的理由)."""
    source = law["claim_two_officers"].citation
    if status is not ClaimStatus.ENTERED:
        return [Refusal("claim-decided", f"此件{STATUS_LABELS[status]}，不能再办", source)]
    if entered_by == officer_id:
        return [Refusal("same-officer", "确认须由录入人以外的人员办理", source)]
    return []


def order_refusals(kind: ClaimKind, status: ClaimStatus, *, ordered: bool, law: Law) -> list[Refusal]:
    """Why a return is not ordered of the bank now (不能签发的理由)."""
    source = law["unmatched_to_payer"].citation
    if kind is not ClaimKind.RETURN or status is not ClaimStatus.CONFIRMED:
        return [Refusal("return-not-decided", "尚未决定退回付款人，不能签发", source)]
    if ordered:
        return [Refusal("return-ordered", "退回指令已签发，银行未付之前不得再签", source)]
    return []


@dataclass(frozen=True, slots=True)
class Age:
    """How long money has been nobody's (待认领时长); `due_on` none where that year's days are not known yet."""

    days: int
    due_on: date | None
    is_late: bool
    # Due today or on the next working day.
    is_near: bool = False


def age_of(booked_on: date, today: date, calendar: Calendar, law: Law) -> Age:
    """Held against the working days the law gives (认领期限)."""
    allowed: int = law["claim_days"].value
    try:
        due = calendar.working_days_after(booked_on, allowed)
    except WorkingYearUnknown:
        due = None
    is_near = due is not None and calendar.working_day_before(due) <= today <= due
    return Age((today - booked_on).days, due, calendar.overdue(booked_on, allowed, today), is_near)


def splits_whole(shares: tuple[Share, ...]) -> Yuan:
    """What the parts come to (份额合计)."""
    return sum((share.amount for share in shares), ZERO)
