"""What may be paid for a use, when, and out of which houses (使用付款). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal
from escrow.fund_use.rules import STATUS_LABELS, UseStatus
from escrow.fund_use.share_rules import Bearer, Share, spread
from ledger.money import ZERO, Yuan


class PaymentKind(StrEnum):
    """What is paid, or that nothing will be (付款种类)."""

    ADVANCE = "advance"
    FINAL = "final"
    END = "end"


class PaymentStatus(StrEnum):
    """How far a payment has come (付款状态)."""

    ENTERED = "entered"
    DUE = "due"
    PAID = "paid"
    REJECTED = "rejected"


PAYMENT_LABELS = {PaymentKind.ADVANCE: "预付", PaymentKind.FINAL: "结算", PaymentKind.END: "终止（未施工）"}
PAYMENT_STATUS_LABELS = {
    PaymentStatus.ENTERED: "待复核",
    PaymentStatus.DUE: "已复核，待银行付款",
    PaymentStatus.PAID: "已办结",
    PaymentStatus.REJECTED: "已退回",
}
PAYMENT_STEPS = {
    (PaymentStatus.ENTERED, PaymentStatus.DUE),
    (PaymentStatus.ENTERED, PaymentStatus.PAID),
    (PaymentStatus.ENTERED, PaymentStatus.REJECTED),
    (PaymentStatus.DUE, PaymentStatus.PAID),
    (PaymentStatus.PAID, PaymentStatus.DUE),
}


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """A use as it stands when something is to be paid for it (付款事实)."""

    status: UseStatus
    budget: Yuan
    fund_part: Yuan
    advanced: Yuan
    # Kinds of payments that stand, with how far each has come.
    standing: dict[PaymentKind, PaymentStatus]
    reviewed: bool = False
    unfiled: bool = False


def payment_refusals(facts: PaymentFacts, kind: PaymentKind, total: Yuan, law: Law) -> list[Refusal]:
    """Why this may not be paid (不予付款的理由)."""
    wanted = UseStatus.ACCEPTED if kind is PaymentKind.FINAL else UseStatus.APPROVED
    once, found = law["fund_two_officers"].citation, []
    if facts.status is not wanted:
        message = f"这件申请{STATUS_LABELS[facts.status]}，不能办理{PAYMENT_LABELS[kind]}"
        found.append(Refusal("not-now", message, once))
    if (stands := facts.standing.get(kind)) is not None:
        message = f"{PAYMENT_LABELS[kind]}{PAYMENT_STATUS_LABELS[stands]}，不得再录"
        found.append(Refusal("payment-once", message, once))
    elif kind is PaymentKind.END and facts.standing:
        found.append(Refusal("paid-already", "已有付款，须验收结算，不得终止", once))
    open_ = (PaymentStatus.ENTERED, PaymentStatus.DUE)
    if kind is PaymentKind.FINAL and facts.standing.get(PaymentKind.ADVANCE) in open_:
        found.append(Refusal("advance-open", "预付尚未办结，办结之后方可结算", once))
    if kind is PaymentKind.ADVANCE:
        found += _advance_refusals(facts, total, law)
    if kind is PaymentKind.FINAL:
        found += _final_refusals(facts, total, law)
    return found


def _advance_refusals(facts: PaymentFacts, amount: Yuan, law: Law) -> list[Refusal]:
    ratio = law["use_advance_ratio"]
    most = facts.fund_part.share(ratio.value)
    if amount <= most:
        return []
    message = f"预付不超过分户账承担额的 {ratio.value:.0%}，即 {most} 元"
    return [Refusal("advance-over-ratio", message, ratio.citation)]


def _final_refusals(facts: PaymentFacts, total: Yuan, law: Law) -> list[Refusal]:
    found, within, review = [], law["use_settled_within_budget"], law["use_review_over"]
    if total > facts.budget:
        message = f"结算 {total} 元超过预算 {facts.budget} 元，超出部分须另行申请"
        found.append(Refusal("final-over-budget", message, within.citation))
    if total > Yuan(review.value) and not facts.reviewed:
        message = f"结算超过 {review.value} 元的，须附造价审核报告"
        found.append(Refusal("review-needed", message, review.citation))
    if facts.unfiled:
        source = law["emergency_filing_days"].citation
        found.append(Refusal("emergency-not-filed", "应急使用尚未事后备案，不得结算", source))
    return found


def over_advance_refusals(fund_total: Yuan, advanced: Yuan, law: Law) -> list[Refusal]:
    """More was advanced than the final account gives: it comes back first (预付超过结算)."""
    if fund_total >= advanced:
        return []
    message = f"分户账应付 {fund_total} 元，已预付 {advanced} 元；多付部分须先由施工单位退回"
    return [Refusal("advance-over-final", message, law["use_settled_within_budget"].citation)]


def advance_parts(amount: Yuan, shares: Sequence[Share]) -> dict[int, Yuan]:
    """An advance out of the houses in proportion to what is held on each; never more (预付分摊)."""
    caps = [(one.unit_code, one.from_fund.fen) for one in shares]
    return _kept(shares, spread(amount, caps))


def fund_totals(total: Yuan, shares: Sequence[Share]) -> dict[int, Yuan]:
    """What each account bears of the final cost: the owner's own part is the last to be spared (结算分摊)."""
    finals = spread(total, [(one.unit_code, one.amount.fen) for one in shares])
    return {
        one.house_id: min(final, one.from_fund)
        for one, final in zip(shares, finals, strict=True) if one.bearer is Bearer.FUND
    }  # fmt: skip


def final_parts(
    totals: dict[int, Yuan], advanced: dict[int, Yuan], shares: Sequence[Share]
) -> dict[int, Yuan]:
    """What is left to pay, house by house; where an advance ran a fen ahead the others bear it (尾款分摊)."""
    owed = [max(totals.get(one.house_id, ZERO) - advanced.get(one.house_id, ZERO), ZERO) for one in shares]
    left = sum(totals.values(), ZERO) - sum(advanced.values(), ZERO)
    weights = [(one.unit_code, part.fen) for one, part in zip(shares, owed, strict=True)]
    return _kept(shares, spread(left, weights)) if left > ZERO else {}


def _kept(shares: Sequence[Share], parts: Sequence[Yuan]) -> dict[int, Yuan]:
    return {one.house_id: part for one, part in zip(shares, parts, strict=True) if part > ZERO}
