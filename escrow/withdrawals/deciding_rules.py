"""How many officers a withdrawal takes, who they may be, and by when (用款复核层级与时限). Pure."""

from dataclasses import dataclass

from config.regulations import Law
from escrow.errors import Refusal
from escrow.withdrawals.rules import (
    HOLDING,
    STATUS_LABELS,
    WAITING,
    WithdrawalStatus,
)
from ledger.money import ZERO, Yuan


@dataclass(frozen=True, slots=True)
class LevelFacts:
    """What decides how many levels look at an application (复核层级事实).

    `rolling`: by whom or what it is summed -> what was asked in the window, this application included.
    """

    amount: Yuan
    key_funds: Yuan
    rolling: dict[str, Yuan]
    takeover_no: str | None
    court_order_no: str | None
    draw_down: bool


def second_level(facts: LevelFacts, law: Law) -> list[Refusal]:
    """Every reason a second level must look at it, each with its source; empty where one is enough (二级复核)."""
    found, large = [], law["withdrawal_second_level"]
    threshold = Yuan(large.value) * 10000
    if facts.amount >= threshold:
        message = f"用款 {facts.amount} 元，达到 {large.value} 万元"
        found.append(Refusal("large", message, large.citation))
    days = law["withdrawal_rolling_days"]
    for name, total in facts.rolling.items():
        if facts.amount < threshold <= total:
            message = f"{name} {days.value} 日内累计用款 {total} 元，达到 {large.value} 万元"
            found.append(Refusal("rolling-sum", message, days.citation))
    if facts.key_funds > ZERO and not facts.draw_down:
        message = f"农民工工资动用重点监管资金 {facts.key_funds} 元"
        found.append(Refusal("wages-from-key", message, large.citation))
    if facts.takeover_no:
        message = f"项目已由 {facts.takeover_no} 接管，每笔付款须两级复核"
        found.append(Refusal("takeover", message, law["takeover_two_officers"].citation))
    if facts.court_order_no:
        message = f"冻结期间凭 {facts.court_order_no} 支付工程用款"
        found.append(Refusal("court-hold", message, law["court_hold_construction"].citation))
    return found


@dataclass(frozen=True, slots=True)
class Handled:
    """Where an application stands, who had a hand in it, and who asks now (办理情况)."""

    status: WithdrawalStatus
    entered_by: int
    reviewed_by: int | None
    decided_by: int | None
    officer_id: int
    attached_by: int | None = None


def next_level(status: WithdrawalStatus, *, second: bool) -> WithdrawalStatus:
    """What a favourable decision makes of it (下一级)."""
    first = status is WithdrawalStatus.ENTERED and second
    return WithdrawalStatus.REVIEWED if first else WithdrawalStatus.APPROVED


def decider_refusals(handled: Handled, law: Law) -> list[Refusal]:
    """Why this officer cannot decide this application now (复核人回避)."""
    source, found = law["withdrawal_two_officers"].citation, []
    if handled.status not in WAITING:
        message = f"这件用款{STATUS_LABELS[handled.status]}，不能再次决定"
        found.append(Refusal("already-decided", message, source))
    if handled.entered_by == handled.officer_id:
        found.append(Refusal("same-officer", "用款由您录入，须由另一人员决定", source))
    if handled.reviewed_by == handled.officer_id:
        found.append(Refusal("same-officer", "您已作一级复核，须由另一人员作二级复核", source))
    return found


def issuer_refusals(handled: Handled, open_lines: int, law: Law) -> list[Refusal]:
    """Why this officer cannot issue its orders now (签发人回避与状态)."""
    source, found = law["withdrawal_two_officers"].citation, []
    if handled.status not in (*HOLDING, WithdrawalStatus.ISSUED):
        message = f"这件用款{STATUS_LABELS[handled.status]}，核准之后方可签发"
        found.append(Refusal("not-approved", message, source))
    elif not open_lines:
        message = "各笔均已签发；银行答复未付或退汇之后方可再签"
        found.append(Refusal("already-issued", message, law["withdrawal_within_contract"].citation))
    if handled.officer_id in (handled.reviewed_by, handled.decided_by, handled.attached_by):
        found.append(Refusal("same-officer", "用款由您复核，须由另一人员签发", source))
    return found


def takeover_refusals(handled: Handled, takeover_no: str | None, law: Law) -> list[Refusal]:
    """A takeover that came after the approval: two levels have to have seen the payment (接管后的付款)."""
    if takeover_no is None or handled.reviewed_by is not None:
        return []
    message = f"项目已由 {takeover_no} 接管，本件只经一级复核，须撤销后重新申请"
    return [Refusal("takeover", message, law["takeover_two_officers"].citation)]


def attacher_refusals(
    handled: Handled, others: list[str], *, holds: tuple[str, ...], attached: bool, law: Law
) -> list[Refusal]:  # fmt: skip
    """Why the order for a payment past a court's hold cannot be attached now (不能补附决定的理由).

    `others`: payees of the application that are not paid for construction.
    """
    source, found = law["court_hold_construction"].citation, []
    if handled.status not in (*HOLDING, WithdrawalStatus.ISSUED) or attached:
        said = "已附决定" if attached else STATUS_LABELS[handled.status]
        found.append(Refusal("not-attachable", f"这件用款{said}，不能补附决定", source))
    if not holds:
        found.append(Refusal("no-court-hold", "账户没有司法冻结，无须附决定", source))
    if others:
        message = f"冻结期间只有工程建设用款可凭决定支付（{'、'.join(others)}）"
        found.append(Refusal("court-construction-only", message, source))
    if handled.officer_id in (handled.entered_by, handled.reviewed_by, handled.decided_by):
        message = "用款由您录入或复核，须由另一人员附决定"
        found.append(Refusal("same-officer", message, law["withdrawal_two_officers"].citation))
    return found


@dataclass(frozen=True, slots=True)
class Remainder:
    """What the bank made of an application's lines (各笔结果)."""

    paid: Yuan
    waiting: Yuan
    unpaid: Yuan


def closer_refusals(handled: Handled, left: Remainder, law: Law) -> list[Refusal]:
    """Why the rest of an application cannot be given up by this officer now (不能了结余款的理由)."""
    source, found = law["withdrawal_two_officers"].citation, []
    if handled.status is not WithdrawalStatus.ISSUED:
        message = f"这件用款{STATUS_LABELS[handled.status]}，只有已签发、银行付了一部分的可以了结余款"
        found.append(Refusal("not-closable", message, source))
    elif left.waiting != ZERO:
        message = f"还有 {left.waiting} 元银行尚未答复，答复之后方可了结"
        found.append(Refusal("orders-waiting", message, law["result_equals_order"].citation))
    elif left.unpaid == ZERO:
        found.append(Refusal("nothing-left", "各笔均已付清，没有余款可了结", source))
    elif left.paid == ZERO:
        found.append(Refusal("nothing-paid", "银行一笔未付，请撤销核准，不作余款了结", source))
    if handled.entered_by == handled.officer_id:
        found.append(Refusal("same-officer", "用款由您录入，须由另一人员了结", source))
    return found


def revoker_refusals(handled: Handled, law: Law, *, unpaid: bool = False) -> list[Refusal]:
    """Why an approval cannot be given up by this officer now (不予撤销的理由).

    `unpaid`: it was issued, and the bank paid none of it.
    """
    source, found = law["withdrawal_two_officers"].citation, []
    if handled.status is WithdrawalStatus.ISSUED and not unpaid:
        message = "这件用款已签发，银行已付或尚未答复，不能撤销；付了一部分的，可以了结余款"
        found.append(Refusal("not-revocable", message, source))
    elif handled.status not in (*HOLDING, WithdrawalStatus.ISSUED):
        message = f"这件用款{STATUS_LABELS[handled.status]}，只有已核准而银行未付的可以撤销"
        found.append(Refusal("not-revocable", message, source))
    if handled.entered_by == handled.officer_id:
        found.append(Refusal("same-officer", "用款由您录入，须由另一人员撤销", source))
    return found
