"""A deposit of a cancelled contract that goes back is ordered, booked and done (注销后首期交存的退还)."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config.settings import Settings
from escrow.access.sealing import unseal
from escrow.errors import NotFound, Refusal, Refused
from escrow.fund_orders.ended_models import EndedDeposit
from escrow.fund_orders.ended_rules import Bearer, EndStatus
from escrow.fund_orders.ending import LAW_KEYS, held
from escrow.fund_orders.handlers import Posting
from escrow.fund_orders.issuing import Issued, Order, issue, lock_fund
from escrow.fund_orders.models import FundOrder
from escrow.fund_orders.return_accounts import Named, named
from escrow.fund_orders.rules import FundOrderKind
from escrow.instructions.actions import Payee
from escrow.instructions.rules import InstructionStatus
from escrow.maintenance import chart
from escrow.maintenance.books import accounts_of
from ledger.accounts import Account
from ledger.movements import Transfer

_FUND = text("""
SELECT r.fund_account_id FROM ended_deposit k JOIN house_deposit d ON d.id = k.deposit_id
  JOIN fund_receipt r ON r.id = d.receipt_id WHERE k.id = :id
""")


def source_of(ended_id: int) -> str:
    """What an order names as paid by it (所付款项)."""
    return f"ended:{ended_id}"


def issue_back(session: Session, ended_id: int, settings: Settings, *, officer_id: int) -> Issued:
    """The bank is ordered to send it back (签发退款). Raises NotFound or Refused."""
    fund_id = session.scalar(_FUND, {"id": ended_id})
    if fund_id is None:
        raise NotFound("没有这件处置")
    fund = lock_fund(session, fund_id)
    one, ended = held(session, ended_id)
    if one.status is not EndStatus.RETURN_DUE:
        source = ended.law["fund_order_once"].citation
        raise Refused([Refusal("not-due", "这件处置不是应退待付的款，不能签发", source)])
    name, account = one.payee_name_sealed or b"", one.payee_account_sealed or b""
    other = named(session, source_of(one.id)) or Named(account, one.payee_bank or "")
    return issue(session, Order(
        kind=FundOrderKind.RETURN, fund_account_id=fund.id, nature=ended.nature, amount=one.amount,
        payee=Payee(
            unseal(name, settings), unseal(other.sealed, settings), other.bank,
            is_person=one.payee is not Bearer.DEVELOPER, sealed=(name, other.sealed),
        ),
        purpose=f"合同 {ended.row.contract_no} 注销，退还首期维修资金", source=source_of(one.id),
        decided_by=one.decided_by or 0, law=ended.law.stored(LAW_KEYS),
    ), settings, officer_id=officer_id)  # fmt: skip


def paid(session: Session, order: FundOrder, bank: Account) -> Posting:
    """It has left: off the house, and held no more (付出)."""
    deposit, hold, use = _places(session, order, bank)
    return Posting(chart.REFUND, [Transfer(deposit, bank, order.amount), Transfer(hold, use, order.amount)])


def returned(session: Session, order: FundOrder, bank: Account) -> Posting:
    """It came back: on the house, held for its return (退汇)."""
    deposit, hold, use = _places(session, order, bank)
    transfers = [Transfer(bank, deposit, order.amount), Transfer(use, hold, order.amount)]
    return Posting(chart.REFUND_BACK, transfers)


def follow(session: Session, order: FundOrder) -> None:
    """Done when its money has left, due again when it came back (随指令结果)."""
    moved = {
        InstructionStatus.PAID: EndStatus.RETURNED, InstructionStatus.RETURNED: EndStatus.RETURN_DUE,
    }.get(order.status)  # fmt: skip
    if moved is not None:
        query = select(EndedDeposit).where(EndedDeposit.id == _number(order)).with_for_update()
        session.scalars(query.execution_options(populate_existing=True)).one().status = moved
        session.flush()


_HOUSE = text("""
SELECT d.house_id FROM ended_deposit k JOIN deposit_place d ON d.deposit_id = k.deposit_id WHERE k.id = :id
""")


def _number(order: FundOrder) -> int:
    return int(order.source.partition(":")[2])


def _places(session: Session, order: FundOrder, bank: Account) -> tuple[Account, Account, Account]:
    number = _number(order)
    key = chart.house_key(session.execute(_HOUSE, {"id": number}).scalar_one())
    deposit, hold = (chart.DEPOSITS[order.nature], key), (chart.USE_HOLD, key)
    use = (chart.USE_CONTRA, chart.return_key(number))
    found = accounts_of(session, bank.book_id, [deposit, hold, use])
    return found[deposit], found[hold], found[use]
