"""The book of one fund account, its accounts opened when they are first needed (维修资金账套)."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from escrow.maintenance import chart
from ledger.accounts import Account, open_account, open_accounts, open_book

# Opened with the book, so that its sums are there from the first day (开户即设的科目).
FIRST = (*chart.BANK.values(), chart.UNCLAIMED, chart.PREPAID, chart.OVERPAID, chart.CLAIM_CONTRA)


def open_set(session: Session, *, account_no: str, account_name: str) -> int:
    """Open the book of a fund account and its first accounts (开立账套); its id."""
    book = open_book(session, chart.book_code(account_no), account_name)
    accounts_of(session, book.id, [(code, "") for code in FIRST])
    return book.id


def account_of(session: Session, book_id: int, code: str, *, key: str = "") -> Account:
    """The account under a heading of the fund's chart, opened when it is first needed (取科目账户)."""
    heading = chart.HEADINGS[code]
    return open_account(session, book_id, code, key=key, side=heading.side, floor=heading.floor)


def accounts_of(
    session: Session, book_id: int, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Account]:
    """Many accounts by heading and key, opened where they are new, in one round trip (批量取科目账户)."""
    named = [(code, key, chart.HEADINGS[code]) for code, key in sorted(set(wanted))]
    found = open_accounts(session, book_id, [(code, key, one.side, one.floor) for code, key, one in named])
    return {(one.code, one.key): one for one in found}
