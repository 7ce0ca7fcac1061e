"""Every return goes by the kind `fund-return`; what exactly is returned its source says (退还的分派)."""

from types import ModuleType

from sqlalchemy.orm import Session

from escrow.fund_orders import aparts, ended
from escrow.fund_orders.handlers import Handler, Posting
from escrow.fund_orders.models import FundOrder
from ledger.accounts import Account

_BY_SOURCE: dict[str, ModuleType] = {"apart": aparts, "ended": ended}


def _of(order: FundOrder) -> ModuleType:
    return _BY_SOURCE[order.source.partition(":")[0]]


def _paid(session: Session, order: FundOrder, bank: Account) -> Posting:
    posting: Posting = _of(order).paid(session, order, bank)
    return posting


def _returned(session: Session, order: FundOrder, bank: Account) -> Posting:
    posting: Posting = _of(order).returned(session, order, bank)
    return posting


def _follow(session: Session, order: FundOrder) -> None:
    _of(order).follow(session, order)


RETURNS = Handler(_paid, _returned, _follow)
