"""What is known of a court's documents before another is entered (司法文书已知的事实)."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config.regulations import Law
from escrow.errors import NotFound, Refusal
from escrow.supervision.measure_models import CourtAct, CourtHold
from escrow.supervision.measures import ActKind, OrderStatus
from escrow.supervision.papers import wait_turn

# A transaction of the bank is one thing only: a deposit, a reversal, an answer, or what a court took.
_SERIAL_USED = text("""
SELECT EXISTS (SELECT FROM receipt WHERE bank_code = :bank AND bank_serial = :serial)
    OR EXISTS (SELECT FROM receipt_reversal WHERE bank_code = :bank AND bank_serial = :serial)
    OR EXISTS (SELECT FROM instruction_result WHERE bank_code = :bank AND bank_serial = :serial)
    OR EXISTS (SELECT FROM court_act WHERE bank_serial = :serial AND status <> 'rejected')
""")


def serial_used(session: Session, bank_code: str, bank_serial: str) -> bool:
    """Whether the bank's transaction is already something else here (流水号已用)."""
    wait_turn(session, f"court-serial:{bank_serial}")
    return bool(session.scalar(_SERIAL_USED, {"bank": bank_code, "serial": bank_serial}))


def act_named(session: Session, act_id: int) -> tuple[str, ActKind]:
    """The hold a document is about, and what it orders (文书所属冻结与事项). Raises NotFound."""
    query = select(CourtHold.hold_no, CourtAct.kind).join(CourtAct, CourtAct.hold_id == CourtHold.id)
    row = session.execute(query.where(CourtAct.id == act_id)).one_or_none()
    if row is None:
        raise NotFound("没有这件司法文书")
    return row.hold_no, row.kind


def waiting_refusals(session: Session, hold: CourtHold, law: Law) -> list[Refusal]:
    """One lift or deduction at a time waits for its second officer (待确认的文书)."""
    query = select(CourtAct.document_no).where(
        CourtAct.hold_id == hold.id, CourtAct.status == OrderStatus.ENTERED
    )
    number = session.scalar(query)
    if number is None:
        return []
    message = f"这件冻结已录入文书 {number}，等待另一人员确认或退回"
    return [Refusal("act-waiting", message, law["hold_two_officers"].citation)]
