"""What was decided to be returned of a sum set apart is ordered, booked and done (另列款的退还)."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from config.settings import Settings
from escrow.access.sealing import unseal
from escrow.advances.apart_facts import held
from escrow.advances.apart_rules import DecisionKind, DecisionStatus
from escrow.advances.apart_rules import Payee as Whom
from escrow.advances.models import ApartDecision
from escrow.advances.rules import PayerKind
from escrow.errors import Refusal, Refused
from escrow.fund_orders.handlers import Posting
from escrow.fund_orders.issuing import SUBJECT, Issued, Order, issue, lock_fund
from escrow.fund_orders.models import FundOrder
from escrow.fund_orders.return_accounts import Named, named
from escrow.fund_orders.rules import FundOrderKind
from escrow.instructions.actions import Payee
from escrow.instructions.rules import InstructionStatus
from escrow.maintenance import chart
from escrow.maintenance.books import account_of
from ledger.accounts import Account
from ledger.movements import Transfer

LAW_KEYS = ("fund_two_officers", "fund_order_once", "deposit_fits_house", "owner_paid_after_advance")

_FUND = text("""
SELECT r.fund_account_id FROM apart_decision k JOIN apart_money a ON a.id = k.apart_id
  JOIN fund_receipt r ON r.id = a.receipt_id WHERE k.id = :id
""")


def source_of(decision_id: int) -> str:
    """What an order names as paid by it (所付款项)."""
    return f"apart:{decision_id}"


def issue_return(session: Session, decision_id: int, settings: Settings, *, officer_id: int) -> Issued:
    """The bank is ordered to send back what two have decided (签发退款). Raises NotFound or Refused."""
    fund = lock_fund(session, session.scalar(_FUND, {"id": decision_id}) or 0)
    decision, place = held(session, decision_id)
    law = law_on(bureau_day(), SUBJECT, fund.region)
    if decision.kind is not DecisionKind.RETURN or decision.status is not DecisionStatus.RETURN_DUE:
        message = "这件处理不是应退待付的款，不能签发"
        raise Refused([Refusal("not-due", message, law["fund_order_once"].citation)])
    name, account = decision.payee_name_sealed or b"", decision.payee_account_sealed or b""
    other = named(session, source_of(decision.id)) or Named(account, decision.payee_bank or "")
    is_person = decision.payee is not Whom.DEVELOPER and place.row.payer_kind == PayerKind.OWNER
    return issue(session, Order(
        kind=FundOrderKind.RETURN, fund_account_id=fund.id, nature=place.source.nature,
        amount=decision.amount, source=source_of(decision.id), decided_by=decision.decided_by or 0,
        payee=Payee(
            unseal(name, settings), unseal(other.sealed, settings), other.bank,
            is_person=is_person, sealed=(name, other.sealed),
        ),
        purpose=f"退还维修资金，入账 {place.row.receipt_no}", law=law.stored(LAW_KEYS),
    ), settings, officer_id=officer_id)  # fmt: skip


def paid(session: Session, order: FundOrder, bank: Account) -> Posting:
    """What was due to be returned has left (应退款付出)."""
    due = _due(session, order, bank)
    return Posting(chart.MISPAID_RETURNED, [Transfer(due, bank, order.amount)])


def returned(session: Session, order: FundOrder, bank: Account) -> Posting:
    """It came back and is due again (退汇)."""
    due = _due(session, order, bank)
    return Posting(chart.MISPAID_BACK, [Transfer(bank, due, order.amount)])


def follow(session: Session, order: FundOrder) -> None:
    """The decision is done when its money has left, and due again when it came back (随指令结果)."""
    moved = {
        InstructionStatus.PAID: DecisionStatus.RETURNED,
        InstructionStatus.RETURNED: DecisionStatus.RETURN_DUE,
    }.get(order.status)
    if moved is not None:
        query = select(ApartDecision).where(ApartDecision.id == _decision(order)).with_for_update()
        session.scalars(query.execution_options(populate_existing=True)).one().status = moved
        session.flush()


def _decision(order: FundOrder) -> int:
    return int(order.source.partition(":")[2])


def _due(session: Session, order: FundOrder, bank: Account) -> Account:
    return account_of(session, bank.book_id, chart.OVERPAID, key=chart.return_key(_decision(order)))
