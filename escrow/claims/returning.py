"""What is owed to a payer is ordered of the bank (签发退回付款人). Lock, look, judge, write."""

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from config.settings import Settings
from escrow import chart
from escrow.access import audit
from escrow.claims.facts import Place, held, payer
from escrow.claims.models import ReceiptClaim, ReceiptReturnOrder
from escrow.claims.rules import order_refusals
from escrow.errors import Refused
from escrow.instructions.actions import Order, Payee, issue
from escrow.instructions.models import Instruction
from escrow.instructions.rules import ORIGINAL_BANK, InstructionKind, InstructionStatus
from escrow.supervision.books import account_of
from ledger.accounts import Account
from ledger.movements import Transfer

# The bank did not pay these: the money is owed again and may be ordered anew (可再签发).
UNPAID = frozenset({InstructionStatus.FAILED, InstructionStatus.RETURNED, InstructionStatus.CANCELLED})


def issue_return(session: Session, claim_id: int, told: Settings, *, officer_id: int) -> str:
    """Order the bank to send it back to the account it came from (签发); the order's number.

    Raises NotFound or Refused with every reason.
    """
    one, place = held(session, claim_id)
    ordered = any(order.status not in UNPAID for order in orders(session, [one.id]))
    if reasons := order_refusals(one.kind, one.status, ordered=ordered, law=place.law):
        raise Refused(reasons)
    issued = issue(session, _order(session, one, place, told), told, officer_id=officer_id)
    session.execute(insert(ReceiptReturnOrder).values(instruction_id=issued.id, claim_id=one.id))
    audit.record(
        session, "claim.return-issued", place.receipt.receipt_no, claim=one.id, amount=one.amount,
        order=issued.instruction_no,
    )  # fmt: skip
    return issued.instruction_no


def orders(session: Session, claim_ids: list[int]) -> list[Instruction]:
    """The orders of these returns, oldest first (退回指令)."""
    query = (
        select(Instruction)
        .join(ReceiptReturnOrder, ReceiptReturnOrder.instruction_id == Instruction.id)
        .where(ReceiptReturnOrder.claim_id.in_(claim_ids))
        .order_by(Instruction.id)
    )
    return list(session.scalars(query))


def _order(session: Session, one: ReceiptClaim, place: Place, told: Settings) -> Order:
    key = chart.return_key(one.id)
    owed = account_of(session, place.account.book_id, chart.RETURN_TO_PAYER, key=key)
    name, account_no = payer(place.receipt, told)

    def transfers(in_transit: Account) -> list[Transfer]:
        return [Transfer(owed, in_transit, one.amount)]

    return Order(
        kind=InstructionKind.RETURN, account_id=place.account.id, amount=one.amount,
        # Who paid may be a person: shown by its first character only.
        payee=Payee(name=name, account_no=account_no, bank_name=ORIGINAL_BANK, is_person=True),
        purpose=f"不明入账 {place.receipt.receipt_no} 退回付款人，依据 {one.document_no}",
        movement=chart.INSTRUCT_RETURN, transfers=transfers, source_code=chart.RETURN_TO_PAYER,
        source_key=key,
    )  # fmt: skip
