"""Two small sets of books to post to and to attack (试验账套)."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pytest

from config.settings import Settings
from ledger.accounts import Account, Book, open_account, open_book
from ledger.journal import Entry, close_day, post, reverse
from ledger.money import ZERO, Yuan
from ledger.movements import Movement, Transfer
from ledger.terms import Side
from ledger.wire import Transaction
from tests.cluster import Cluster
from tests.conftest import House, settings_for

DAY = date(2026, 6, 1)
CLOSED = date(2026, 1, 5)
CASH, KEY, OWED, CONTRA, HOLD = "1101", "2111", "2101", "8199", "8301"
ROUTES = frozenset({(CASH, KEY), (KEY, CASH), (CASH, OWED), (OWED, KEY), (KEY, OWED), (CONTRA, HOLD), (HOLD,
CONTRA)})
ANY = Movement("T1", "试验", ROUTES)


@dataclass(frozen=True, slots=True)
class Books:
    """One book and its accounts: cash, key funds and owed with a floor of zero, contra without (一套账)."""

    book: Book
    cash: Account
    key: Account
    owed: Account
    contra: Account
    hold: Account

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All of them."""
        return self.cash, self.key, self.owed, self.contra, self.hold


def open_books(session: Transaction, code: str = "escrow:1") -> Books:
    """A fresh set of books."""
    book = open_book(session, code, f"试验账套 {code}")

    def opened(chart: str, side: Side, floor: Yuan | None = ZERO) -> Account:
        return open_account(session, book.id, chart, side=side, floor=floor)

    return Books(
        book, opened(CASH, Side.DEBIT), opened(KEY, Side.CREDIT), opened(OWED, Side.CREDIT),
        opened(CONTRA, Side.DEBIT, None), opened(HOLD, Side.CREDIT),
    )  # fmt: skip


def deposit(session: Transaction, books: Books, amount: Yuan, reference: str, on: date = DAY) -> Entry:
    """Cash in, key funds owed."""
    transfers = [Transfer(books.cash, books.key, amount)]
    return post(session, ANY, transfers, reference=reference, effective_on=on)


def place_hold(session: Transaction, books: Books, amount: Yuan, reference: str, on: date = DAY) -> Entry:
    """A hold is a posting to a memo account."""
    transfers = [Transfer(books.contra, books.hold, amount)]
    return post(session, ANY, transfers, reference=reference, effective_on=on)


def settle(session: Transaction, books: Books, hold: Entry, amount: Yuan, reference: str) -> Entry:
    """The hold is returned, once."""
    transfers = [Transfer(books.hold, books.contra, amount)]
    return post(session, ANY, transfers, reference=reference, effective_on=DAY, settles=hold.id)


@dataclass(frozen=True, slots=True)
class Ground:
    """Committed books to attack; every attack is undone (靶场)."""

    house: House
    ids: dict[str, int]


@pytest.fixture(scope="session")
def ground(cluster: Cluster, blank_settings: Settings) -> Iterator[Ground]:
    """A deposit, a reversed one, a hold open and a hold settled, a closed day; and a second book."""
    name = f"ground_{secrets.token_hex(6)}"
    cluster.clone(name)
    house = House(name, cluster, settings_for(cluster, name, blank_settings))
    with house.database.begin() as session:
        books, other = open_books(session), open_books(session, "escrow:2")
        entry = deposit(session, books, Yuan(1000), "deposit:1")
        undone = deposit(session, books, Yuan(50), "deposit:2")
        reversal = reverse(session, undone.id, reference="undo:2", effective_on=DAY, memo="错账")
        held = place_hold(session, books, Yuan(30), "hold:1")
        settled = place_hold(session, books, Yuan(20), "hold:2")
        settle(session, books, settled, Yuan(20), "settle:2")
        deposit(session, other, Yuan(7), "deposit:1")
        close_day(session, books.book.id, CLOSED)
    ids = {account: getattr(books, account).id for account in ("cash", "key", "owed", "contra", "hold")}
    ids |= {"book": books.book.id, "other_book": other.book.id, "other_cash": other.cash.id,
    "other_key": other.key.id}
    ids |= {"entry": entry.id, "undone": undone.id, "reversal": reversal.id, "held": held.id,
    "settled": settled.id}
    yield Ground(house, ids)
    house.database.dispose()
    cluster.drop(name)
