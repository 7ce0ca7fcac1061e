"""A court freezes after the approval: the bureau's order lets a construction payment pass (补附准予支付的决定)."""

from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.orm import Session

from escrow.access import audit
from escrow.errors import Refusal, Refused
from escrow.supervision.papers import refuse_used_paper
from escrow.withdrawals.deciding import handled
from escrow.withdrawals.deciding_rules import attacher_refusals
from escrow.withdrawals.facts import Place, holds_on, lines_of, locked
from escrow.withdrawals.models import Withdrawal
from escrow.withdrawals.payee_rules import FOR_CONSTRUCTION, PURPOSE_LABELS


@dataclass(frozen=True, slots=True)
class CourtOrder:
    """The bureau's order, a copy of which went to the court (准予支付工程用款的决定)."""

    order_no: str
    file_hash: str


def attach(session: Session, withdrawal_no: str, order: CourtOrder, *, officer_id: int) -> None:
    """Somebody who had no hand in it attaches the order, once (补附决定). Raises NotFound or Refused."""
    withdrawal, place = locked(session, withdrawal_no)
    if reasons := attach_refusals(session, withdrawal, place, officer_id):
        raise Refused(reasons)
    refuse_used_paper(session, order.file_hash, place.law)
    statement = update(Withdrawal).where(Withdrawal.id == withdrawal.id)
    said = {
        "court_order_no": order.order_no, "court_order_hash": order.file_hash, "court_order_by": officer_id
    }  # fmt: skip
    session.execute(statement.values(said).execution_options(synchronize_session=False))
    session.expire(withdrawal)
    audit.record(
        session, "withdrawal.court-order", withdrawal_no, order_no=order.order_no, file_hash=order.file_hash
    )


def attach_refusals(
    session: Session, withdrawal: Withdrawal, place: Place, officer_id: int
) -> list[Refusal]:  # fmt: skip
    """Why this officer cannot attach an order now (不能补附的理由)."""
    others = [
        PURPOSE_LABELS[line.purpose]
        for line in lines_of(session, withdrawal.id)
        if line.purpose not in FOR_CONSTRUCTION
    ]
    return attacher_refusals(
        handled(withdrawal, officer_id), others, holds=holds_on(session, place.account.id),
        attached=withdrawal.court_order_no is not None, law=place.law,
    )  # fmt: skip
