"""What an order pays is booked by the room that asked for it: one handler for each kind (指令的记账)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from escrow.fund_orders.models import FundOrder
from escrow.fund_orders.rules import FundOrderKind
from ledger.accounts import Account
from ledger.movements import Movement, Transfer


@dataclass(frozen=True, slots=True)
class Posting:
    """What goes where: out of the bank's account, or back into it, exactly the order's amount (分录)."""

    movement: Movement
    transfers: Sequence[Transfer]


Books = Callable[[Session, FundOrder, Account], Posting]


def _nothing(session: Session, order: FundOrder) -> None:
    """Nobody follows."""


@dataclass(frozen=True, slots=True)
class Handler:
    """How one kind of order is booked, and what follows it (一类指令的办法).

    `paid` and `returned` are told the fund's bank account and post nothing themselves. `follow` is called
    after the order has moved and its entry is posted, whatever its new status.
    """

    paid: Books
    returned: Books
    follow: Callable[[Session, FundOrder], None] = _nothing


HANDLERS: dict[FundOrderKind, Handler] = {}
