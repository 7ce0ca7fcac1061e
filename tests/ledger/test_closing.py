"""日结与记账同时来：谁先谁后都行，唯独不能在结过的日子里多出一笔。"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from typing import Any

import psycopg
import pytest

from ledger import errors
from ledger.accounts import open_account
from ledger.journal import close_day, post
from ledger.money import Yuan
from ledger.movements import Transfer
from ledger.terms import Side
from tests.conftest import House
from tests.ledger.conftest import ANY, CASH, DAY, KEY, Books, deposit, open_books
from tests.ledger.test_checks import failing

Connection = psycopg.Connection[Any]


def waiting(house: House, connection: Connection, work: Callable[[], object]) -> Future[object]:
    """Start work on another thread and return once PostgreSQL says that its connection waits for a lock."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    with house.connect("superuser", autocommit=True) as watcher:
        deadline = time.monotonic() + 10
        while watcher.execute(
            "SELECT cardinality(pg_blocking_pids(%s))", [connection.info.backend_pid]
        ).fetchone() == (0,):
            assert time.monotonic() < deadline and not future.done(), "nothing waits"
            time.sleep(0.01)
    return future


@pytest.fixture
def books(house: House) -> Books:
    """Committed books, as two sessions see them."""
    with house.database.begin() as session:
        return open_books(session)


def test_a_close_waits_for_postings_under_way(house: House, books: Books) -> None:
    """记账未提交时，日结等着；记账提交后才结，那一笔在结前。"""
    with house.connect() as poster, house.connect() as closer:
        deposit(poster, books, Yuan(1), "before")
        closed = waiting(house, closer, lambda: close_day(closer, books.book.id, DAY))
        poster.commit()
        closed.result(10)
        closer.commit()
        with pytest.raises(errors.DayClosed):
            deposit(poster, books, Yuan(1), "after")
    assert failing(house) == []


@pytest.mark.parametrize("level", list(psycopg.IsolationLevel))
def test_a_posting_that_waited_for_a_close_is_refused(
    house: House, books: Books, level: psycopg.IsolationLevel
) -> None:
    """日结未提交时，记账等着；日结一提交，这一笔就被拒绝，不论隔离级别。"""
    with house.connect() as poster, house.connect() as closer:
        poster.isolation_level = level
        poster.execute("SELECT count(*) FROM ledger.day_close")
        close_day(closer, books.book.id, DAY)
        posted = waiting(house, poster, lambda: deposit(poster, books, Yuan(1), "late"))
        closer.commit()
        with pytest.raises((errors.DayClosed, psycopg.errors.SerializationFailure)):
            posted.result(10)
        poster.rollback()
        deposit(poster, books, Yuan(1), "next day", date(2026, 6, 2))
    assert failing(house) == []


def _opened_and_posted(connection: Connection, books: Books, reference: str) -> None:
    """Accounts that did not exist a moment ago, and a posting between them."""
    fresh = [
        open_account(connection, books.book.id, chart, key=reference, side=side)
        for chart, side in ((CASH, Side.DEBIT), (KEY, Side.CREDIT))
    ]
    post(connection, ANY, [Transfer(*fresh, Yuan(1))], reference=reference, effective_on=DAY)


def test_accounts_opened_meanwhile_do_not_slip_past_a_close(house: House, books: Books) -> None:
    """日结时才开的新科目，也不能绕过日结：要么日结等它，要么它见到日结。"""
    with house.connect() as opener, house.connect() as closer:
        _opened_and_posted(opener, books, "before")
        closed = waiting(house, closer, lambda: close_day(closer, books.book.id, DAY))
        opener.commit()
        closed.result(10)
        refused = waiting(house, opener, lambda: _opened_and_posted(opener, books, "after"))
        closer.commit()
        with pytest.raises(errors.DayClosed):
            refused.result(10)
    assert failing(house) == []


def test_without_its_locks_a_close_is_slipped_past(house: House, books: Books) -> None:
    """反证：日结若不等在途的记账，结过的日子里就会多出一笔。"""
    with house.connect("owner") as owner:
        owner.execute("""
            CREATE OR REPLACE FUNCTION ledger.close_accounts() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN RETURN NULL; END'
        """)
    with house.connect() as poster, house.connect() as closer:
        deposit(poster, books, Yuan(1), "under way")
        close_day(closer, books.book.id, DAY)
        closer.commit()
        deposit(poster, books, Yuan(1), "slipped past")
    assert failing(house) == ["days-follow"]
