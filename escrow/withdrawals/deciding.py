"""An application is reviewed, approved, sent back or given up by others than who entered it (用款核准)."""

from typing import Any

from sqlalchemy import func, text, update
from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow import chart
from escrow.access import audit
from escrow.errors import Refusal, Refused
from escrow.supervision.books import account_of
from escrow.withdrawals.deciding_rules import (
    Handled,
    decider_refusals,
    next_level,
    revoker_refusals,
    second_level,
)
from escrow.withdrawals.facts import (
    LAW_KEYS,
    Place,
    asked_of,
    facts_of,
    level_facts,
    lines_of,
    locked,
)
from escrow.withdrawals.models import Withdrawal
from escrow.withdrawals.rules import STEPS, WAITING, WithdrawalFacts, WithdrawalStatus, refusals
from ledger.accounts import balance
from ledger.journal import Entry, post
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer

_LIVING = text("""
SELECT EXISTS (SELECT FROM withdrawal_line l JOIN withdrawal_order o ON o.line_id = l.id
                 JOIN instruction i ON i.id = o.instruction_id
                WHERE l.withdrawal_id = :id AND i.status NOT IN ('failed', 'returned', 'cancelled'))
""")


def approve(session: Session, withdrawal_no: str, *, officer_id: int) -> WithdrawalStatus:
    """Another officer approves (核准用款): P9 holds what general funds it takes, within the limits now.

    Where a second level is due, the first favourable decision is only the first level.
    Raises NotFound or Refused with every reason.
    """
    withdrawal, place = locked(session, withdrawal_no)
    facts = judged(session, withdrawal, place)
    reasons = decider_refusals(handled(withdrawal, officer_id), place.law)
    if withdrawal.status in WAITING:
        reasons += refusals(facts, place.law)
    if reasons:
        raise Refused(reasons)
    second = levels(session, withdrawal, place, facts)
    to = next_level(withdrawal.status, second=bool(second))
    overdue = bureau_day() > withdrawal.review_by
    if to is WithdrawalStatus.REVIEWED:
        step(session, withdrawal, to, reviewed_by=officer_id, reviewed_at=func.clock_timestamp())
        why = [one.code for one in second]
        audit.record(session, "withdrawal.reviewed", withdrawal_no, why=why, overdue=overdue)
        return to
    split = facts.split
    entry = _hold(session, withdrawal, place, split.general)
    step(
        session, withdrawal, to, decided_by=officer_id, decided_at=func.clock_timestamp(),
        held=split.general, key_amount=split.key_funds, hold_entry_id=entry.id if entry else None,
        levels=[{"code": one.code, "message": one.message, "citation": one.citation} for one in second],
        takeover_no=level_facts(session, place, withdrawal, ZERO).takeover_no,
        law=place.law.stored(LAW_KEYS),
    )  # fmt: skip
    audit.record(
        session, "withdrawal.approved", withdrawal_no, account_no=place.account.account_no,
        amount=withdrawal.amount, from_general=split.general, from_key=split.key_funds, overdue=overdue,
        court_order_no=withdrawal.court_order_no, entry_no=entry.entry_no if entry else None,
    )  # fmt: skip
    return to


def reject(session: Session, withdrawal_no: str, *, officer_id: int, reason: str) -> None:
    """Another officer sends the application back (退回用款申请). Raises NotFound or Refused."""
    withdrawal, place = locked(session, withdrawal_no)
    if reasons := decider_refusals(handled(withdrawal, officer_id), place.law):
        raise Refused(reasons)
    step(
        session, withdrawal, WithdrawalStatus.REJECTED, decided_by=officer_id,
        decided_at=func.clock_timestamp(), reason=reason,
    )  # fmt: skip
    audit.record(session, "withdrawal.rejected", withdrawal_no, reason=reason)


def revoke(session: Session, withdrawal_no: str, *, officer_id: int, reason: str) -> None:
    """What is approved and not paid is given up again, its hold with it (撤销核准). Raises Refused."""
    withdrawal, place = locked(session, withdrawal_no)
    unpaid = not session.scalar(_LIVING, {"id": withdrawal.id})
    if reasons := revoker_refusals(handled(withdrawal, officer_id), place.law, unpaid=unpaid):
        raise Refused(reasons)
    entry = _give_up(session, withdrawal, place)
    step(
        session, withdrawal, WithdrawalStatus.REVOKED, revoked_by=officer_id,
        revoke_entry_id=entry.id if entry else None, reason=reason,
    )  # fmt: skip
    audit.record(session, "withdrawal.revoked", withdrawal_no, reason=reason)


def judged(
    session: Session, withdrawal: Withdrawal, place: Place, *, locked: bool = True
) -> WithdrawalFacts:
    """What an application is judged by at this moment (此刻的用款事实)."""
    asked = asked_of(session, withdrawal, lines_of(session, withdrawal.id))
    return facts_of(session, place, asked, locked=locked)


def levels(session: Session, withdrawal: Withdrawal, place: Place, facts: WithdrawalFacts) -> list[Refusal]:
    """Why a second level has to look at it, empty where none has (须二级复核的理由)."""
    found = level_facts(session, place, withdrawal, facts.split.key_funds)
    return second_level(found, place.law)


def handled(withdrawal: Withdrawal, officer_id: int) -> Handled:
    """Who had a hand in it, and who asks (办理情况)."""
    return Handled(
        withdrawal.status, withdrawal.entered_by, withdrawal.reviewed_by, withdrawal.decided_by, officer_id,
        withdrawal.court_order_by,
    )  # fmt: skip


def hold_of(session: Session, withdrawal: Withdrawal, place: Place) -> tuple[Any, Any]:
    """The memo accounts of its hold: what is held, and the contra (占用科目)."""
    key = chart.withdrawal_key(withdrawal.building_id, withdrawal.id)
    hold = account_of(session, place.account.book_id, chart.WITHDRAWAL_HOLD, key=key)
    return hold, account_of(session, place.account.book_id, chart.MEMO_CONTRA)


def _hold(session: Session, withdrawal: Withdrawal, place: Place, amount: Yuan) -> Entry | None:
    if amount == ZERO:
        return None
    hold, contra = hold_of(session, withdrawal, place)
    return _post(session, withdrawal, Transfer(contra, hold, amount), WithdrawalStatus.APPROVED)


def _give_up(session: Session, withdrawal: Withdrawal, place: Place) -> Entry | None:
    hold, contra = hold_of(session, withdrawal, place)
    held = balance(session, hold)
    if held == ZERO:
        return None
    return _post(session, withdrawal, Transfer(hold, contra, held), WithdrawalStatus.REVOKED)


def _post(session: Session, withdrawal: Withdrawal, transfer: Transfer, to: WithdrawalStatus) -> Entry:
    return post(
        session, chart.HOLD_WITHDRAWAL, [transfer], reference=f"withdrawal:{withdrawal.withdrawal_no}:{to}",
        effective_on=bureau_day(), memo=f"用款 {withdrawal.withdrawal_no}",
    )  # fmt: skip


def step(session: Session, withdrawal: Withdrawal, to: WithdrawalStatus, **values: Any) -> None:
    """One step of the table, written at once and seen by whoever holds the row (状态迁移)."""
    if (withdrawal.status, to) not in STEPS:
        raise ValueError(f"{withdrawal.status} to {to}")
    statement = update(Withdrawal).where(Withdrawal.id == withdrawal.id).values(status=to, **values)
    session.execute(statement.execution_options(synchronize_session=False))
    session.expire(withdrawal)
