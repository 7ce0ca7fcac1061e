"""What is due for a lost house is ordered from the fund's bank, and booked when it is paid (灭失返还的付款)."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from config.settings import Settings
from escrow.access.sealing import unseal
from escrow.errors import NotFound, Refusal, Refused
from escrow.fund_orders.handlers import Handler, Posting
from escrow.fund_orders.issuing import Issued, Order, issue, lock_fund
from escrow.fund_orders.models import FundOrder
from escrow.fund_orders.rules import FundOrderKind
from escrow.houses.actions import LAW
from escrow.houses.change_models import HouseChange
from escrow.houses.change_rules import ChangeKind, ChangeStatus
from escrow.instructions.actions import Payee
from escrow.maintenance import chart
from escrow.maintenance.books import account_of
from escrow.maintenance.chart import Nature
from ledger.accounts import Account
from ledger.money import ZERO
from ledger.movements import Transfer

PARTS = {"owner": "业主", "seller": "售房单位"}
LAW_KEYS = ("loss_returned", "fund_two_officers", "fund_order_once")
_PLACE = text("""
SELECT k.id, k.fund_account_id, h.nature, h.unit_code FROM house_change k JOIN house h ON h.id = k.house_id
 WHERE k.id = :id AND h.unit_code = :unit_code
""")


def source_of(change_id: int, part: str) -> str:
    """What an order names as paid by it (所付款项)."""
    return f"loss:{change_id}:{part}"


def issue_loss(
    session: Session, unit_code: str, change_id: int, part: str, told: Settings, *, officer_id: int
) -> Issued:
    """The bank is ordered to pay one part (签发返还). Raises NotFound or Refused."""
    place = session.execute(_PLACE, {"id": change_id, "unit_code": unit_code}).one_or_none()
    if place is None or part not in PARTS:
        raise NotFound("本户没有这件事项")
    fund = lock_fund(session, place.fund_account_id)
    law = law_on(bureau_day(), LAW, fund.region)
    row = session.get_one(HouseChange, change_id)
    seller = row.seller_amount or ZERO
    amount = seller if part == "seller" else (row.amount or ZERO) - seller
    if row.kind is not ChangeKind.LOST or row.status is not ChangeStatus.CONFIRMED or amount == ZERO:
        raise Refused([Refusal("not-due", "这件灭失返还没有应付的款", law["loss_returned"].citation)])
    sealed = (row.payee_name_sealed, row.payee_account_sealed)
    if part == "seller":
        sealed = (row.seller_name_sealed, row.seller_account_sealed)
    name, account = sealed[0] or b"", sealed[1] or b""
    bank = (row.seller_bank if part == "seller" else row.payee_bank) or ""
    return issue(session, Order(
        kind=FundOrderKind.LOSS, fund_account_id=fund.id, nature=Nature(place.nature), amount=amount,
        payee=Payee(
            unseal(name, told), unseal(account, told), bank, is_person=part == "owner", sealed=(name, account)
        ),
        purpose=f"房屋灭失返还维修资金（{PARTS[part]}），{row.document_no}", source=source_of(change_id, part),
        decided_by=row.decided_by or 0, law=law.stored(LAW_KEYS),
    ), told, officer_id=officer_id)  # fmt: skip


def _paid(session: Session, order: FundOrder, bank: Account) -> Posting:
    """What was due has left (M15b)."""
    return Posting(chart.LOSS_PAID, [Transfer(_due(session, order, bank), bank, order.amount)])


def _returned(session: Session, order: FundOrder, bank: Account) -> Posting:
    """It came back and is due again (退汇)."""
    return Posting(chart.LOSS_PAID_BACK, [Transfer(bank, _due(session, order, bank), order.amount)])


def _due(session: Session, order: FundOrder, bank: Account) -> Account:
    _, change_id, part = order.source.split(":")
    key = chart.loss_key(int(change_id), part)
    return account_of(session, bank.book_id, chart.LOSS_PAYABLE[Nature(order.nature)], key=key)


LOSSES = Handler(paid=_paid, returned=_returned)
