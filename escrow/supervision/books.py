"""The book of one supervised account: one set of accounts, opened when supervision takes effect (监管账套)."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from escrow import chart
from ledger.accounts import Account, open_account, open_book
from ledger.wire import ask

# Opened with the book, so that the first deposit finds them (开户即设的科目).
FIRST = (chart.DEPOSITS_AT_BANK, chart.UNMATCHED, chart.MEMO_CONTRA)


def open_set(session: Session, *, account_no: str, account_name: str, building_ids: Iterable[int]) -> int:
    """Open the book of an account and its first accounts (开立账套); its id."""
    book = open_book(session, chart.book_code(account_no), account_name)
    for code in FIRST:
        account_of(session, book.id, code)
    for building_id in building_ids:
        account_of(session, book.id, chart.KEY_FUNDS, key=chart.building_key(building_id))
    return book.id


def account_of(session: Session, book_id: int, code: str, *, key: str = "") -> Account:
    """The account under a heading of the chart, opened when it is first needed (取科目账户)."""
    heading = chart.HEADINGS[code]
    return open_account(session, book_id, code, key=key, side=heading.side, floor=heading.floor)


_OPEN_MANY = """
SELECT k.code, k.key, ledger.open_account(%s, k.code, k.key, k.side, k.floor)
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[]) AS k (code, key, side, floor)
"""


def accounts_of(
    session: Session, book_id: int, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Account]:
    """Many accounts by heading and key, opened where they are new, in one round trip (批量取科目账户)."""
    named = sorted(set(wanted))
    headings = [chart.HEADINGS[code] for code, _ in named]
    rows = ask(session, _OPEN_MANY, (
        book_id, [code for code, _ in named], [key for _, key in named],
        [one.side.value for one in headings],
        [None if one.floor is None else one.floor.fen for one in headings],
    ))  # fmt: skip
    return {(code, key): opened_account(id_, book_id, code, key) for code, key, id_ in rows}


def opened_account(id_: int, book_id: int, code: str, key: str) -> Account:
    """An account whose id was read with something else, as the chart opens it (已开立的科目账户)."""
    heading = chart.HEADINGS[code]
    return Account(id_, book_id, code, key, heading.side, heading.floor)
