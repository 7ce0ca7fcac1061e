"""A superuser with every trigger off edits, deletes, inserts, cuts: the verifier finds each (篡改必被发现)."""

import time
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from ledger import checks
from ledger.accounts import find_account, open_account, open_book
from ledger.journal import post, reverse
from ledger.money import Yuan
from ledger.movements import Movement, Transfer
from ledger.seals import seal
from ledger.terms import Side
from tests.conftest import housed

PAY = Movement("T1", "测试收款", frozenset({("1101", "2111")}))
DAY = date(2026, 11, 20)
LAST_OUT = """
DELETE FROM ledger.transfer WHERE entry_id = 6; DELETE FROM ledger.journal_entry WHERE id = 6;
UPDATE ledger.balance SET balance = balance - 600, version = version - 1 WHERE account_id IN (1, 2);
"""
TAMPERING = {
    "改一笔金额（两边同改）": "UPDATE ledger.transfer SET amount = 1 WHERE entry_id = 2",
    "改摘要": "UPDATE ledger.journal_entry SET memo = 'x' WHERE id = 3",
    "改记账时间": "UPDATE ledger.journal_entry SET booked_at = booked_at + interval '1 s' WHERE id = 3",
    "改科目名": "UPDATE ledger.account SET key = 'other' WHERE id = 1",
    "删整张凭证": "DELETE FROM ledger.transfer WHERE entry_id = 3; DELETE FROM ledger.journal_entry WHERE id = 3",
    "中间插入": (
        "INSERT INTO ledger.journal_entry"
        " (id, book_id, movement, reference, effective_on, debits, credits, amounts, xid)"
        " OVERRIDING SYSTEM VALUE SELECT 900, 1, 'T', 'planted', effective_on, debits, credits, amounts, xid"
        " FROM ledger.journal_entry WHERE id = 3"
    ),
    "改余额": "UPDATE ledger.balance SET balance = balance + 1 WHERE account_id = 1",
    "截去末尾并抹平余额": LAST_OUT,
    "截去末尾并删末块封存": LAST_OUT + "DELETE FROM ledger.seal WHERE no = (SELECT max(no) FROM ledger.seal)",
    "改封存": "UPDATE ledger.seal SET hash = sha256('x') WHERE no = 1",
}


@pytest.fixture(scope="module")
def sealed(cluster: Any, blank_settings: Any) -> Any:
    """Six entries in two sealed blocks, once for all tests."""
    with housed(cluster, blank_settings) as house:
        with house.database.begin() as session:
            book = open_book(session, "one", "一")
            bank = open_account(session, book.id, "1101", side=Side.DEBIT)
            funds = open_account(session, book.id, "2111", side=Side.CREDIT)
        for number in range(1, 7):
            with house.database.begin() as session:
                lines = [Transfer(bank, funds, Yuan(number))]
                post(session, PAY, lines, reference=f"r{number}", effective_on=DAY)
            if number in (4, 6):
                seal_all(house, number)
        house.database.dispose()
        yield house


@pytest.fixture
def books(cluster: Any, blank_settings: Any, sealed: Any) -> Any:
    """This test's own copy of them."""
    with housed(cluster, blank_settings, sealed.name) as house:
        yield house


@pytest.fixture
def reversed_books(books: Any) -> Any:
    """One more entry of two lines, and its mirror."""
    with books.database.begin() as session:
        bank, funds = (find_account(session, 1, code) for code in ("1101", "2111"))
        lines = [Transfer(bank, funds, Yuan(1)), Transfer(bank, funds, Yuan(2))]
        entry = post(session, PAY, lines, reference="two-lines", effective_on=DAY)
        reverse(session, entry.id, reference="mirror", effective_on=DAY, memo="冲正")
    return books


def seal_all(house: Any, entries: int) -> None:
    """Seal until nothing is left: what other transactions of the server may still precede waits a moment."""
    for _ in range(200):
        with house.database.begin() as session:
            seal(session)
            if session.scalar(text("SELECT sum(entries) FROM ledger.seal")) == entries:
                return
        time.sleep(0.05)
    raise AssertionError("未能全部封存")


def verify(house: Any, head: Path) -> list[str]:
    """Names of the checks that do not hold."""
    with psycopg.connect(house.url("verifier")) as connection:
        return [finding.check for finding in checks.run(connection, head) if not finding.ok]


def test_an_honest_book_passes_every_check(books: Any, tmp_path: Path) -> None:
    """没有动过手脚的账，各项核验全部通过；再核一次也是。"""
    assert verify(books, tmp_path / "head") == []
    assert verify(books, tmp_path / "head") == []


def test_a_mirror_of_several_lines_is_a_mirror(reversed_books: Any, tmp_path: Path) -> None:
    """多行凭证的冲正逐行为镜像，核验通过。"""
    assert verify(reversed_books, tmp_path / "head") == []


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found(books: Any, tmp_path: Path, name: str) -> None:
    """绕过一切约束改账，核验必有一项不符。"""
    head = tmp_path / "head"
    assert verify(books, head) == []
    with books.connect("superuser", autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(TAMPERING[name])

    assert verify(books, head) != []
