"""What PostgreSQL itself refuses, as the application and as the owner, in plain SQL (数据库层面的攻击)."""

from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.accounts import open_account, open_book
from ledger.journal import close_day, post, reverse
from ledger.money import Yuan
from ledger.movements import Movement, Transfer
from ledger.seals import seal
from ledger.terms import Side

PAY = Movement("T1", "测试收款", frozenset({("1101", "2111")}))
BACK = Movement("T2", "测试付款", frozenset({("2111", "1101")}))
DAY = date(2026, 11, 20)
ENTRY = (
    "INSERT INTO ledger.journal_entry (book_id, movement, reference, effective_on, debits, credits, amounts"
)
ATTACKS = {
    "没有分录的凭证": f"{ENTRY}) VALUES (1, 'T', 'empty', '2026-11-20', '{{}}', '{{}}', '{{}}')",
    "金额为零": f"{ENTRY}) VALUES (1, 'T', 'zero', '2026-11-20', '{{1}}', '{{2}}', '{{0}}')",
    "金额为负": f"{ENTRY}) VALUES (1, 'T', 'minus', '2026-11-20', '{{1}}', '{{2}}', '{{-1}}')",
    "借贷同户": f"{ENTRY}) VALUES (1, 'T', 'same', '2026-11-20', '{{1}}', '{{1}}', '{{1}}')",
    "借贷列数不等": f"{ENTRY}) VALUES (1, 'T', 'lopsided', '2026-11-20', '{{1}}', '{{2,3}}', '{{1}}')",
    "跨账套": f"{ENTRY}) VALUES (1, 'T', 'cross', '2026-11-20', '{{1}}', '{{4}}', '{{1}}')",
    "透支": f"{ENTRY}) VALUES (1, 'T', 'overdraw', '2026-11-20', '{{2}}', '{{1}}', '{{10001}}')",
    "自报记账时间": f"{ENTRY}, booked_at) VALUES (1, 'T', 'then', '2026-11-20', '{{1}}', '{{2}}', '{{1}}', '2020-01-01')",
    "自报事务号": f"{ENTRY}, xid) VALUES (1, 'T', 'xid', '2026-11-20', '{{1}}', '{{2}}', '{{1}}', '3')",
    "已用过的来源号": f"{ENTRY}) VALUES (1, 'T', 'first', '2026-11-20', '{{1}}', '{{2}}', '{{1}}')",
    "记入已日结日": f"{ENTRY}) VALUES (1, 'T', 'closed', '2026-11-01', '{{1}}', '{{2}}', '{{1}}')",
    "冲正并非镜像": f"{ENTRY}, reverses_id) VALUES (1, 'T', 'crooked', '2026-11-20', '{{2}}', '{{1}}', '{{99}}', 1)",
    "二次冲正": f"{ENTRY}, reverses_id) VALUES (1, 'T', 'twice', '2026-11-20', '{{2}}', '{{1}}', '{{500}}', 2)",
    "补插分录": (
        "INSERT INTO ledger.transfer (entry_id, line, debit_account_id, credit_account_id, amount, debit_version,"
        " debit_balance, credit_version, credit_balance) VALUES (1, 2, 1, 2, 1, 9, 1, 9, 1)"
    ),
    "改凭证": "UPDATE ledger.journal_entry SET memo = 'x'",
    "改记账时间": "UPDATE ledger.journal_entry SET booked_at = now()",
    "改分录金额": "UPDATE ledger.transfer SET amount = amount + 1",
    "删凭证": "DELETE FROM ledger.journal_entry",
    "删分录": "DELETE FROM ledger.transfer",
    "清空凭证": "TRUNCATE ledger.journal_entry CASCADE",
    "清空分录": "TRUNCATE ledger.transfer",
    "直接改余额": "UPDATE ledger.balance SET balance = balance + 1",
    "直接改版本": "UPDATE ledger.balance SET version = version + 1",
    "删余额": "DELETE FROM ledger.balance",
    "改起息日余额": "UPDATE ledger.balance_day SET day = day + 1",
    "添起息日余额": "INSERT INTO ledger.balance_day VALUES (1, '2026-11-21', 5)",
    "放开透支": "UPDATE ledger.account SET floor = NULL",
    "放开余额行的透支": "UPDATE ledger.balance SET floor = NULL",
    "删科目": "DELETE FROM ledger.account",
    "删日结": "DELETE FROM ledger.day_close",
    "改封存": "UPDATE ledger.seal SET hash = sha256('')",
    "清空封存": "TRUNCATE ledger.seal",
}
# Each guard and an attack that only it stops: without it the attack goes through, so the guard is needed.
GUARDS = {
    "ALTER TABLE ledger.journal_entry DROP CONSTRAINT ck_journal_entry_transfers": "没有分录的凭证",
    "ALTER TABLE ledger.balance DROP CONSTRAINT ck_balance_floor;"
    " CREATE OR REPLACE FUNCTION ledger.check_floors(ids bigint[]) RETURNS void LANGUAGE sql AS ''": "透支",
    "DROP TRIGGER never_told ON ledger.journal_entry": "自报记账时间",
    "ALTER TABLE ledger.journal_entry DROP CONSTRAINT uq_journal_entry_book_id_reference": "已用过的来源号",
    "DROP TRIGGER by_posting_only ON ledger.transfer": "补插分录",
    "DROP TRIGGER written_once ON ledger.journal_entry": "改凭证",
    "DROP TRIGGER written_once ON ledger.transfer": "改分录金额",
    "DROP TRIGGER by_posting_only ON ledger.balance": "直接改版本",
    "DROP TRIGGER by_posting_only ON ledger.balance_day": "改起息日余额",
    "DROP TRIGGER written_once ON ledger.account": "放开透支",
    "DROP TRIGGER written_once ON ledger.day_close": "删日结",
    "DROP TRIGGER written_once ON ledger.seal": "改封存",
}


@pytest.fixture
def books(house: Any) -> Any:
    """Two books; in the first one entry, another reversed, one day closed, everything sealed."""
    with house.database.begin() as session:
        first, second = open_book(session, "one", "一"), open_book(session, "two", "二")
        bank = open_account(session, first.id, "1101", side=Side.DEBIT)
        funds = open_account(session, first.id, "2111", side=Side.CREDIT)
        open_account(session, second.id, "1101", side=Side.DEBIT)
        open_account(session, second.id, "2111", side=Side.CREDIT)
        post(session, PAY, [Transfer(bank, funds, Yuan("100.00"))], reference="first", effective_on=DAY)
        post(session, PAY, [Transfer(bank, funds, Yuan("5.00"))], reference="second", effective_on=DAY)
        reverse(session, 2, reference="undo", effective_on=DAY, memo="冲正")
        close_day(session, first.id, date(2026, 11, 10))
    with house.database.begin() as session:
        seal(session)
    return house


def attack(house: Any, role: str, statement: str) -> None:
    with house.connect(role) as connection:
        connection.execute(statement)


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize("name", ATTACKS)
def test_the_database_refuses(books: Any, role: str, name: str) -> None:
    """无论以应用角色还是属主身份连接，数据库都拒绝这一手，且账上分文不动。"""
    with pytest.raises(psycopg.Error):
        attack(books, role, ATTACKS[name])

    with books.connect("reader") as connection:
        standing = connection.execute(
            "SELECT (SELECT count(*) FROM ledger.journal_entry), (SELECT sum(balance) FROM ledger.balance)"
        ).fetchone()
    assert standing == (3, 20000)


@pytest.mark.parametrize("guard", GUARDS)
def test_each_guard_is_needed(books: Any, guard: str) -> None:
    """去掉这道约束，同一手便会得逞：约束不是摆设。"""
    attack(books, "owner", guard)

    attack(books, "owner", ATTACKS[GUARDS[guard]])


def test_the_owner_is_no_superuser(books: Any) -> None:
    """属主不是超级用户，不能关掉触发器后改账。"""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attack(books, "owner", "SET session_replication_role = replica")


def test_the_readers_cannot_write(books: Any) -> None:
    """只读与核验角色不能记账。"""
    for role in ("reader", "verifier"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            attack(books, role, "SELECT ledger.open_book('x', 'x')")
