"""A refund is reviewed, approved, sent back or revoked by others than who entered it (退款核准). 锁、查、判、记."""

from typing import Any

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow import chart
from escrow.access import audit
from escrow.errors import Refusal, Refused
from escrow.refunds.facts import LAW_KEYS, Place, cover_of, facts_of, locked, parts_of
from escrow.refunds.models import Refund
from escrow.refunds.rules import (
    STEPS,
    Handled,
    RefundStatus,
    approval_refusals,
    cover_refusals,
    decider_refusals,
    next_level,
    ready_on,
    revoker_refusals,
)
from escrow.supervision.books import account_of
from escrow.supervision.funds import position
from escrow.supervision.levels import out_of
from escrow.supervision.takeovers import taken_over
from escrow.workdays.actions import calendar
from ledger.journal import Entry, post
from ledger.money import ZERO
from ledger.movements import Transfer


def approve(session: Session, refund_no: str, *, officer_id: int) -> RefundStatus:
    """Another officer approves (核准退款): P15 holds the amount, P16 makes it due where the money stands.

    For another payee, and under a takeover, the first favourable decision is only the first level.
    What is not covered yet stays approved, waits before every withdrawal of the building, and falls due
    by `fall_due`.
    Raises NotFound or Refused with every reason.
    """
    refund, place = locked(session, refund_no)
    handled = handled_by(session, refund, officer_id)
    reasons = decider_refusals(handled, place.law)
    facts = facts_of(session, place, parts_of(session, refund), but=refund.id)
    if refund.status in (RefundStatus.ENTERED, RefundStatus.REVIEWED):
        reasons += approval_refusals(facts, place.law)
    if reasons:
        raise Refused(reasons)
    to = next_level(handled)
    if to is RefundStatus.REVIEWED:
        _step(session, refund, to, reviewed_by=officer_id, reviewed_at=func.clock_timestamp())
        audit.record(session, "refund.reviewed", refund_no, contract_no=place.contract_no)
        return to
    entry = _note(session, refund, place, to, given_up=False)
    _step(
        session, refund, to, decided_by=officer_id, decided_at=func.clock_timestamp(),
        hold_entry_id=entry.id, law=place.law.stored(LAW_KEYS),
        ready_on=ready_on(bureau_day(), calendar(session), other_payee=refund.other_payee, law=place.law),
    )  # fmt: skip
    audit.record(
        session, "refund.approved", refund_no, contract_no=place.contract_no, amount=refund.amount,
        entry_no=entry.entry_no,
    )  # fmt: skip
    if cover_refusals(cover_of(session, place, refund.amount), place.law):
        return to
    return _fall_due(session, refund, place)


def fall_due(session: Session, refund_no: str) -> RefundStatus:
    """Money has come in for an approved refund that waited (转应退): P16. Raises NotFound or Refused."""
    refund, place = locked(session, refund_no)
    law, reasons = place.law, list[Refusal]()
    if refund.status is not RefundStatus.APPROVED:
        message = "只有已核准、资金未到位的退款可以转应退"
        reasons.append(Refusal("refund-not-approved", message, law["refund_two_officers"].citation))
    facts = facts_of(session, place, parts_of(session, refund), but=refund.id)
    reasons += approval_refusals(facts, law)
    if refund.status is RefundStatus.APPROVED:
        reasons += cover_refusals(cover_of(session, place, refund.amount), law)
    if reasons:
        raise Refused(reasons)
    return _fall_due(session, refund, place)


def reject(session: Session, refund_no: str, *, officer_id: int, reason: str) -> None:
    """Another officer sends the application back (退回退款申请). Raises NotFound or Refused."""
    refund, place = locked(session, refund_no)
    if reasons := decider_refusals(handled_by(session, refund, officer_id), place.law):
        raise Refused(reasons)
    _step(
        session, refund, RefundStatus.REJECTED, decided_by=officer_id, decided_at=func.clock_timestamp(),
        reason=reason,
    )  # fmt: skip
    audit.record(session, "refund.rejected", refund_no, contract_no=place.contract_no, reason=reason)


def revoke(session: Session, refund_no: str, *, officer_id: int, reason: str) -> None:
    """What is approved and not yet due is given up again, its hold with it (撤销核准). Raises Refused."""
    refund, place = locked(session, refund_no)
    if reasons := revoker_refusals(handled_by(session, refund, officer_id), place.law):
        raise Refused(reasons)
    entry = _note(session, refund, place, RefundStatus.REVOKED, given_up=True)
    _step(
        session, refund, RefundStatus.REVOKED, revoked_by=officer_id, revoke_entry_id=entry.id, reason=reason
    )
    audit.record(
        session, "refund.revoked", refund_no, contract_no=place.contract_no, reason=reason,
        entry_no=entry.entry_no,
    )  # fmt: skip


def mark_issued(session: Session, refund: Refund) -> None:
    """Every part has its order now (已签发)."""
    _step(session, refund, RefundStatus.ISSUED)


def handled_by(session: Session, refund: Refund, officer_id: int) -> Handled:
    """Where it stands and who asks, under the takeover in force if there is one (办理情况)."""
    return Handled(
        refund.status, refund.other_payee, refund.entered_by, refund.reviewed_by, officer_id,
        taken_over(session, refund.account_id),
    )  # fmt: skip


def _note(session: Session, refund: Refund, place: Place, to: RefundStatus, *, given_up: bool) -> Entry:
    """P15, or its mirror: the hold on the building's money (退款占用)."""
    contra = account_of(session, place.book_id, chart.MEMO_CONTRA)
    hold = account_of(session, place.book_id, chart.REFUND_HOLD, key=_key(refund))
    transfer = Transfer(hold, contra, refund.amount) if given_up else Transfer(contra, hold, refund.amount)
    return post(
        session, _movement(refund.status, to), [transfer], reference=f"refund:{refund.refund_no}:{to.value}",
        effective_on=bureau_day(), memo=f"合同 {place.contract_no} 退款 {refund.refund_no}",
    )  # fmt: skip


def _fall_due(session: Session, refund: Refund, place: Place) -> RefundStatus:
    """P16: general funds first, then key funds; the hold and what was paid in go down with it."""
    funds = position(session, place.book_id, place.building_id, locked=True)
    split, building = out_of(funds, refund.amount), chart.building_key(place.building_id)
    due = account_of(session, place.book_id, chart.REFUND_PAYABLE, key=_key(refund))
    contra = account_of(session, place.book_id, chart.MEMO_CONTRA)
    ways = [
        (chart.GENERAL_FUNDS, building, due, split.general),
        (chart.KEY_FUNDS, building, due, split.key_funds),
        (chart.REFUND_HOLD, _key(refund), contra, refund.amount),
        (chart.PAID_IN_BY_CONTRACT, chart.contract_key(place.contract_id), contra, refund.amount),
    ]
    entry = post(
        session, _movement(RefundStatus.APPROVED, RefundStatus.DUE),
        [
            Transfer(account_of(session, place.book_id, code, key=key), to, amount)
            for code, key, to, amount in ways
            if amount > ZERO
        ],
        reference=f"refund:{refund.refund_no}:due", effective_on=bureau_day(),
        memo=f"合同 {place.contract_no} 退款 {refund.refund_no}",
    )  # fmt: skip
    _step(session, refund, RefundStatus.DUE, due_entry_id=entry.id)
    audit.record(
        session, "refund.due", refund.refund_no, contract_no=place.contract_no, amount=refund.amount,
        from_general=split.general, from_key=split.key_funds, entry_no=entry.entry_no,
    )  # fmt: skip
    return RefundStatus.DUE


def _key(refund: Refund) -> str:
    return chart.refund_key(refund.building_id, refund.id)


def _movement(before: RefundStatus, to: RefundStatus) -> Any:
    movement = STEPS[before, to]
    if movement is None:
        raise RuntimeError(f"{before} to {to} moves no money")
    return movement


def _step(session: Session, refund: Refund, to: RefundStatus, **values: Any) -> None:
    """One step of the table, written at once and seen by whoever holds the row (状态迁移)."""
    if (refund.status, to) not in STEPS:
        raise ValueError(f"{refund.status} to {to}")
    statement = update(Refund).where(Refund.id == refund.id).values(status=to, **values)
    session.execute(statement.execution_options(synchronize_session=False))
    session.expire(refund)
