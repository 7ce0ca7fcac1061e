"""查账不翻遍全部凭证：几千张凭证里查一个数，只摸几行。"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from ledger.accounts import balance, balance_at, balance_on, balances, find_account, statement, trial_balance
from ledger.journal import Draft, post_many
from ledger.money import Yuan
from ledger.movements import Transfer
from ledger.wire import Transaction
from tests.conftest import House
from tests.ledger.conftest import ANY, DAY, Books, open_books

ENTRIES = 4000
READS: dict[str, Callable[[Transaction, Books], object]] = {
    "余额": lambda session, books: balance(session, books.cash),
    "时点余额": lambda session, books: balance_at(session, books.cash, datetime.now(UTC) - timedelta(days=1)),
    "起息日余额": lambda session, books: balance_on(session, books.cash, DAY - timedelta(days=7)),
    "明细账第一页": lambda session, books: statement(session, books.cash, limit=20),
    "明细账后面一页": lambda session, books: statement(session, books.key, before=ENTRIES // 2, limit=20),
    "试算平衡表": lambda session, books: trial_balance(session, books.book.id),
    "过去一天的试算平衡表": lambda session, books: trial_balance(
        session, books.book.id, on=date(2026, 5, 20)
    ),
    "各科目余额": lambda session, books: balances(session, books.book.id),
    "查科目": lambda session, books: find_account(session, books.book.id, "1101"),
}


@pytest.fixture
def full(house: House) -> Iterator[tuple[psycopg.Connection[tuple[object, ...]], Books]]:
    """A book with thousands of entries on one pair of accounts, over thirty days."""
    with house.database.begin() as session:
        books = open_books(session)
        for start in range(0, ENTRIES, 1000):
            post_many(session, [
                Draft(ANY, [Transfer(books.cash, books.key, Yuan(1))], f"n{n}", DAY - timedelta(days=n % 30))
                for n in range(start, start + 1000)
            ])  # fmt: skip
    with house.connect("superuser", autocommit=True) as keeper:
        keeper.execute("VACUUM ANALYZE")
    with house.connect("reader") as reader:
        yield reader, books


def touched(reader: psycopg.Connection[tuple[object, ...]]) -> tuple[int, int]:
    """Sequential scans of the long tables in this transaction, and rows fetched from them by index."""
    found = reader.execute("""
        SELECT sum(seq_scan)::integer, sum(idx_tup_fetch)::integer FROM pg_stat_xact_user_tables
         WHERE schemaname = 'ledger'
           AND relname IN ('journal_entry', 'transfer', 'balance_day')""").fetchone()
    reader.rollback()
    assert found is not None
    return int(str(found[0])), int(str(found[1]))


def test_no_reading_scans_the_journal(full: tuple[psycopg.Connection[tuple[object, ...]], Books]) -> None:
    """每一种查法都走索引，触到的凭证与分录不过一页之数；翻遍的查法则看得出来。"""
    reader, books = full
    for name, read in READS.items():
        read(reader, books)
        scans, rows = touched(reader)
        assert scans == 0 and rows < 150, name
    reader.execute("SELECT sum(amount) FROM ledger.transfer")
    assert touched(reader)[0] == 1
