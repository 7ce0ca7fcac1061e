"""Books, accounts and their balances: now, at an instant, on a day, line by line (账套、科目与余额)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ledger.money import ZERO, Yuan
from ledger.terms import Side
from ledger.wire import Transaction, ask

_COLUMNS = "a.id, a.book_id, a.code, a.key, a.side, a.floor"


@dataclass(frozen=True, slots=True)
class Book:
    """A set of books (账套)."""

    id: int
    code: str
    title: str


@dataclass(frozen=True, slots=True)
class Account:
    """A chart code and what it is kept for; `floor` None means it may go below zero (科目)."""

    id: int
    book_id: int
    code: str
    key: str
    side: Side
    floor: Yuan | None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One posting as the account's statement shows it (明细账一行)."""

    version: int
    entry_id: int
    reference: str
    movement: str
    memo: str
    effective_on: date
    booked_at: datetime
    side: Side
    amount: Yuan
    balance: Yuan
    counter_id: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a statement and the key of the next (一页)."""

    items: list[StatementLine]
    next: int | None


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One account in the trial balance, its balance on the side it stands (试算平衡表一行)."""

    code: str
    key: str
    debit: Yuan
    credit: Yuan
    balance: Yuan


def open_book(session: Transaction, code: str, title: str) -> Book:
    """The book of this code, opened when it is new (开立账套)."""
    [(book_id,)] = ask(session, "SELECT ledger.open_book(%s, %s)", (code, title))
    [row] = ask(session, "SELECT id, code, title FROM ledger.book WHERE id = %s", (book_id,))
    return Book(*row)


def open_account(
    session: Transaction, book_id: int, code: str, *, key: str = "", side: Side, floor: Yuan | None = ZERO
) -> Account:
    """The account of this book, code and key, opened when it is new (开立科目)."""
    fen = None if floor is None else floor.fen
    [(account_id,)] = ask(
        session, "SELECT ledger.open_account(%s, %s, %s, %s, %s)", (book_id, code, key, side.value, fen)
    )
    return Account(account_id, book_id, code, key, side, floor)


_OPEN_MANY = """
SELECT ledger.open_account(%s, k.code, k.key, k.side, k.floor)
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[]) AS k (code, key, side, floor)
"""


def open_accounts(
    session: Transaction, book_id: int, wanted: Sequence[tuple[str, str, Side, Yuan | None]]
) -> list[Account]:
    """Accounts by code, key, side and floor, opened where they are new, in one round trip (批量开立科目)."""
    floors = [None if floor is None else floor.fen for *_, floor in wanted]
    columns = [[one[at] for one in wanted] for at in (0, 1)]
    asked = (book_id, *columns, [side.value for _, _, side, _ in wanted], floors)
    ids = ask(session, _OPEN_MANY, asked)
    return [Account(id_, book_id, *one) for (id_,), one in zip(ids, wanted, strict=True)]


def find_account(session: Transaction, book_id: int, code: str, *, key: str = "") -> Account | None:
    """The account of this book, code and key, if it was opened (查科目)."""
    found = ask(
        session,
        f"SELECT {_COLUMNS} FROM ledger.account a WHERE (a.book_id, a.code, a.key) = (%s, %s, %s)",
        (book_id, code, key),
    )
    return _account(found[0]) if found else None


def lock_accounts(session: Transaction, accounts: Iterable[Account]) -> dict[int, Yuan]:
    """Lock in id order until the transaction ends; the balances as they stand under the lock (锁定科目)."""
    ids = [account.id for account in accounts]
    locked = ask(session, "SELECT account_id, balance FROM ledger.lock_balances(%s::bigint[])", (ids,))
    return {account_id: Yuan.from_fen(fen) for account_id, fen in locked}


def balance(session: Transaction, account: Account) -> Yuan:
    """The balance now, as far as this transaction sees (余额)."""
    [(fen,)] = ask(session, "SELECT balance FROM ledger.balance WHERE account_id = %s", (account.id,))
    return Yuan.from_fen(fen)


def balance_at(session: Transaction, account: Account, instant: datetime) -> Yuan:
    """The balance after the last entry booked at or before an instant (时点余额)."""
    if instant.tzinfo is None:
        raise ValueError("时点须带时区")
    [(fen,)] = ask(session, "SELECT ledger.balance_at(%s, %s)", (account.id, instant))
    return Yuan.from_fen(fen)


# A day ends with what the account's next day opens with; after its last day, with what it holds now.
_ON = """coalesce((SELECT d.opening FROM ledger.balance_day d
                     WHERE d.account_id = b.account_id AND d.day > %s ORDER BY d.day LIMIT 1), b.balance)"""


def balance_on(session: Transaction, account: Account, day: date) -> Yuan:
    """The balance by value date at the end of a day (起息日余额)."""
    [(fen,)] = ask(session, f"SELECT {_ON} FROM ledger.balance b WHERE b.account_id = %s", (day, account.id))
    return Yuan.from_fen(fen)


# Newest first from both indexes; neither side is read further than one page.
_STATEMENT = """
SELECT p.version, e.id, e.reference, e.movement, e.memo, e.effective_on, e.booked_at,
       p.side, p.amount, p.balance, p.counter_id
  FROM ledger.posting p JOIN ledger.journal_entry e ON e.id = p.entry_id
 WHERE p.account_id = %s AND p.version < %s
 ORDER BY p.version DESC LIMIT %s
"""
_BEYOND = 2**63 - 1


def statement(session: Transaction, account: Account, *, before: int | None = None, limit: int = 50) -> Page:
    """The account's postings, newest first, older than the key `before` (明细账)."""
    asked = (account.id, _BEYOND if before is None else before, limit + 1)
    lines = [_line(row) for row in ask(session, _STATEMENT, asked)]
    more = len(lines) > limit
    return Page(lines[:limit], lines[limit - 1].version if more else None)


def balances(
    session: Transaction, book_id: int, codes: Sequence[str] | None = None
) -> list[tuple[Account, Yuan]]:
    """Every account of a book, or of some chart codes, with its balance (各科目余额)."""
    rows = ask(
        session,
        f"SELECT {_COLUMNS}, b.balance FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id"
        " WHERE a.book_id = %s AND (%s::text[] IS NULL OR a.code = ANY (%s::text[])) ORDER BY a.code, a.key",
        (book_id, *[None if codes is None else list(codes)] * 2),
    )
    return [(_account(row[:6]), Yuan.from_fen(row[6])) for row in rows]


_TRIAL = """
SELECT a.code, a.key, a.side, {balance}
  FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
 WHERE a.book_id = %s ORDER BY a.code, a.key
"""


def trial_balance(session: Transaction, book_id: int, *, on: date | None = None) -> list[TrialLine]:
    """Every account's balance, now or by value date at the end of a day (试算平衡表)."""
    asked = (book_id,) if on is None else (on, book_id)
    rows = ask(session, _TRIAL.format(balance="b.balance" if on is None else _ON), asked)
    return [_trial_line(*row) for row in rows]


def _account(row: Sequence[Any]) -> Account:
    account_id, book_id, code, key, side, floor = row
    return Account(
        account_id, book_id, code, key, Side(side), None if floor is None else Yuan.from_fen(floor)
    )


def _line(row: Sequence[Any]) -> StatementLine:
    version, entry_id, reference, movement, memo, effective_on, booked_at, side, amount, after, counter = row
    return StatementLine(
        version, entry_id, reference, movement, memo, effective_on, booked_at,
        Side(side), Yuan.from_fen(amount), Yuan.from_fen(after), counter,
    )  # fmt: skip


def _trial_line(code: str, key: str, side: str, fen: int) -> TrialLine:
    """A balance below zero stands on the other side."""
    on_debit = (side == Side.DEBIT) == (fen >= 0)
    size = Yuan.from_fen(abs(fen))
    return TrialLine(code, key, size if on_debit else ZERO, ZERO if on_debit else size, Yuan.from_fen(fen))
