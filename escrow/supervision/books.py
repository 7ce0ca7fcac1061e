"""The book of one supervised account: one set of accounts, opened when supervision takes effect (监管账套)."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from escrow import chart
from ledger.accounts import Account, open_account, open_accounts, open_book

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


def accounts_of(
    session: Session, book_id: int, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Account]:
    """Many accounts by heading and key, opened where they are new, in one round trip (批量取科目账户)."""
    named = [(code, key, chart.HEADINGS[code]) for code, key in sorted(set(wanted))]
    found = open_accounts(session, book_id, [(code, key, one.side, one.floor) for code, key, one in named])
    return {(one.code, one.key): one for one in found}


def opened_account(id_: int, book_id: int, code: str, key: str) -> Account:
    """An account whose id was read with something else, as the chart opens it (已开立的科目账户)."""
    heading = chart.HEADINGS[code]
    return Account(id_, book_id, code, key, heading.side, heading.floor)
