"""What is due is ordered of the bank, part by part (签发退款通知书). Lock, look, judge, write."""

from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.settings import Settings
from escrow import chart
from escrow.access import audit
from escrow.access.sealing import unseal
from escrow.contracts.rules import Source
from escrow.deposits.models import Receipt
from escrow.errors import Refused
from escrow.instructions.actions import Order, Payee, issue
from escrow.instructions.models import Instruction
from escrow.instructions.rules import InstructionKind, InstructionStatus
from escrow.refunds.deciding import mark_issued
from escrow.refunds.facts import Place, lines, locked
from escrow.refunds.models import Refund, RefundOrder, RefundPart, RefundRedirect
from escrow.refunds.redirect_rules import RedirectStatus
from escrow.refunds.rules import IssueFacts, RefundStatus, issue_refusals
from escrow.supervision.books import account_of
from escrow.supervision.takeovers import taken_over
from ledger.accounts import Account
from ledger.movements import Transfer

# The bank did not pay these: the money is payable again and may be ordered anew (可再签发).
UNPAID = frozenset({InstructionStatus.FAILED, InstructionStatus.RETURNED, InstructionStatus.CANCELLED})


def issue_refund(session: Session, refund_no: str, told: Settings, *, officer_id: int) -> list[str]:
    """Order every part that is due and has no living order (签发); the numbers of the orders.

    A part the bank refused or returned is ordered again, to the payee then approved.
    Raises NotFound or Refused with every reason.
    """
    refund, place = locked(session, refund_no)
    parts = open_parts(session, refund)
    payees = payees_of(session, refund, parts)
    ready = [part for part in parts if part.id in payees]
    if reasons := issue_refusals(issue_facts(refund, place, len(parts), len(ready)), place.law):
        raise Refused(reasons)
    numbers = [
        _order(session, refund, place, (part, payees[part.id]), told, officer_id=officer_id) for part in ready
    ]
    if refund.status is RefundStatus.DUE:
        mark_issued(session, refund)
    audit.record(
        session, "refund.issued", refund_no, contract_no=place.contract_no, orders=numbers,
    )  # fmt: skip
    return numbers


def issue_facts(refund: Refund, place: Place, open_: int, ready: int) -> IssueFacts:
    """What an issue is judged by (签发事实)."""
    return IssueFacts(
        refund.status, place.account_status, refund.ready_on, bureau_day(), ready, open_ - ready
    )  # fmt: skip


def payees_of(
    session: Session, refund: Refund, parts: list[RefundPart]
) -> dict[int, RefundPart | RefundRedirect]:
    """To whom each part goes today: as entered, or as last redirected; absent while that waits (收款人)."""
    last = {one.part_id: one for one in redirects(session, refund.id)}
    found: dict[int, RefundPart | RefundRedirect] = {}
    for part in parts:
        redirect = last.get(part.id)
        if redirect is None:
            found[part.id] = part
        elif redirect.ready_on is not None and redirect.ready_on <= bureau_day():
            found[part.id] = redirect
    return found


def redirects(session: Session, refund_id: int) -> list[RefundRedirect]:
    """Every change of payee of a refund that was not sent back, oldest first (改退)."""
    query = (
        select(RefundRedirect)
        .join(RefundPart, RefundPart.id == RefundRedirect.part_id)
        .where(RefundPart.refund_id == refund_id, RefundRedirect.status != RedirectStatus.REJECTED)
        .order_by(RefundRedirect.id)
    )
    return list(session.scalars(query))


def open_parts(session: Session, refund: Refund) -> list[RefundPart]:
    """The parts that no living order pays (待签发的明细)."""
    ordered = {row.part_id for row in orders(session, refund.id) if row.Instruction.status not in UNPAID}
    return [part for part in lines(session, refund.id) if part.id not in ordered]


def orders(session: Session, refund_id: int) -> list[Row[Any]]:
    """Every order of a refund with its state, oldest first (退款指令)."""
    query = (
        select(RefundOrder.part_id, Instruction)
        .join(Instruction, Instruction.id == RefundOrder.instruction_id)
        .join(RefundPart, RefundPart.id == RefundOrder.part_id)
        .where(RefundPart.refund_id == refund_id)
        .order_by(RefundOrder.instruction_id)
    )
    return list(session.execute(query))


def _order(
    session: Session, refund: Refund, place: Place, paid: tuple[RefundPart, RefundPart | RefundRedirect],
    told: Settings, *, officer_id: int,
) -> str:  # fmt: skip
    part, payee = paid
    key = chart.refund_key(refund.building_id, refund.id)
    due = account_of(session, place.book_id, chart.REFUND_PAYABLE, key=key)

    def transfers(in_transit: Account) -> list[Transfer]:
        return [Transfer(due, in_transit, part.amount)]

    issued = issue(
        session,
        Order(
            kind=InstructionKind.REFUND, account_id=place.account_id, building_id=refund.building_id,
            amount=part.amount, payee=_payee(payee, told), purpose=_purpose(session, refund, place, part),
            movement=chart.INSTRUCT_REFUND, transfers=transfers, source_code=chart.REFUND_PAYABLE,
            source_key=key,
        ),
        told, officer_id=officer_id,
    )  # fmt: skip
    session.execute(insert(RefundOrder).values(instruction_id=issued.id, part_id=part.id))
    return issued.instruction_no


def _payee(said: RefundPart | RefundRedirect, told: Settings) -> Payee:
    """Unsealed for the bank alone; a lender's name is a company's, everybody else is a person (收款人)."""
    lender = isinstance(said, RefundPart) and said.source is not Source.OWN and said.to_original
    return Payee(
        name=unseal(said.payee_name_sealed, told), account_no=unseal(said.payee_account_sealed, told),
        bank_name=said.payee_bank, is_person=not lender,
    )  # fmt: skip


def _purpose(session: Session, refund: Refund, place: Place, part: RefundPart) -> str:
    receipt_no = session.scalar(select(Receipt.receipt_no).where(Receipt.id == part.receipt_id))
    order_no = taken_over(session, refund.account_id)
    under = f"，接管决定 {order_no}" if order_no else ""
    return f"合同 {place.contract_no} 注销退款，原入账 {receipt_no}（{refund.refund_no}）{under}"
