"""What the bank did not pay of an application is given up; what it paid stays (余款了结). 锁、查、判、记."""

from sqlalchemy.orm import Session

from escrow.access import audit
from escrow.errors import Refusal, Refused
from escrow.instructions.rules import OPEN, InstructionStatus
from escrow.withdrawals.deciding import handled, step
from escrow.withdrawals.deciding_rules import Remainder, closer_refusals
from escrow.withdrawals.facts import Place, lines_of, locked
from escrow.withdrawals.issuing import orders
from escrow.withdrawals.models import Withdrawal
from escrow.withdrawals.rules import WithdrawalStatus
from ledger.money import ZERO, Yuan


def close_rest(session: Session, withdrawal_no: str, *, officer_id: int, reason: str) -> Yuan:
    """Another officer gives up what the bank did not pay, saying why (了结); how much that is.

    The money is back on its building since the bank's answer; contract, invoices and rolling sums count only
    what was paid. Raises NotFound or Refused with every reason.
    """
    withdrawal, place = locked(session, withdrawal_no)
    left = remainder(session, withdrawal)
    if reasons := closer_refusals(handled(withdrawal, officer_id), left, place.law):
        raise Refused(reasons)
    step(session, withdrawal, WithdrawalStatus.CLOSED, revoked_by=officer_id, reason=reason)
    audit.record(
        session, "withdrawal.closed", withdrawal_no, account_no=place.account.account_no, reason=reason,
        paid=left.paid, given_up=left.unpaid,
    )  # fmt: skip
    return left.unpaid


def remainder(session: Session, withdrawal: Withdrawal) -> Remainder:
    """How much of it the bank paid, has not answered, did not pay (各笔结果)."""
    found = {row.line_id: row.Instruction.status for row in orders(session, withdrawal.id)}
    paid = waiting = unpaid = ZERO
    for line in lines_of(session, withdrawal.id):
        status = found.get(line.id)
        if status is InstructionStatus.PAID:
            paid += line.amount
        elif status in OPEN:
            waiting += line.amount
        else:
            unpaid += line.amount
    return Remainder(paid, waiting, unpaid)


def closing_faults(
    session: Session, withdrawal: Withdrawal, place: Place, officer_id: int
) -> list[Refusal]:  # fmt: skip
    """Why this officer could not give up its rest: for the page, beforehand (页面提示)."""
    return closer_refusals(handled(withdrawal, officer_id), remainder(session, withdrawal), place.law)
