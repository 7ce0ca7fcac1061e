"""记账：几个完整的例子，以及每一种拒绝。"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from ledger import errors
from ledger.accounts import (
    Account,
    balance,
    balance_at,
    balance_on,
    balances,
    find_account,
    lock_accounts,
    open_account,
    statement,
    trial_balance,
)
from ledger.journal import Draft, close_day, entry_no, post, post_many, reverse
from ledger.money import ZERO, Yuan
from ledger.movements import Movement, Transfer
from ledger.terms import Side
from ledger.wire import Transaction, ask
from tests.conftest import House
from tests.ledger.conftest import ANY, CASH, DAY, KEY, Books, deposit, open_books, place_hold, settle
from tests.libpq import round_trips


@pytest.fixture
def books(session: Session) -> Books:
    """A set of books nobody else posts to."""
    return open_books(session)


def balances_of(session: Transaction, books: Books) -> list[str]:
    return [str(balance(session, account)) for account in books.accounts]


def test_a_deposit_stands_on_both_sides(session: Session, books: Books) -> None:
    """入账一笔：存款与重点资金同增，两个日期都在凭证上。"""
    before = datetime.now(UTC) - timedelta(seconds=1)
    entry = deposit(session, books, Yuan("350000.00"), "deposit:1")
    assert balances_of(session, books) == ["350000.00", "350000.00", "0.00", "0.00", "0.00"]
    assert entry.effective_on == DAY and before < entry.booked_at < before + timedelta(minutes=1)
    assert entry.entry_no == entry_no(entry.id)


def test_one_entry_of_many_transfers(session: Session, books: Books) -> None:
    """多借多贷记在一张凭证里：待认领款分拆，逐行留有记后余额。"""
    deposit(session, books, Yuan(100), "deposit:1")
    entry = post(
        session, ANY,
        [Transfer(books.key, books.owed, Yuan(60)), Transfer(books.owed, books.key, Yuan("0.01")),
         Transfer(books.contra, books.hold, Yuan(5))],
        reference="split", effective_on=DAY, memo="分拆", group="G1",
    )  # fmt: skip
    assert balances_of(session, books) == ["100.00", "40.01", "59.99", "5.00", "5.00"]
    seen = [(line.side, str(line.amount), str(line.balance), line.entry_id) for line in
            statement(session, books.owed).items]  # fmt: skip
    assert seen == [(Side.DEBIT, "0.01", "59.99", entry.id), (Side.CREDIT, "60.00", "60.00", entry.id)]


def test_a_hold_is_settled_once(session: Session, books: Books) -> None:
    """占用先记后了结，只能了结一次，也不能了结后再冲正。"""
    hold = place_hold(session, books, Yuan(30), "hold")
    assert str(balance(session, books.hold)) == "30.00"
    settle(session, books, hold, Yuan(30), "settle")
    assert balance(session, books.hold) == ZERO
    with pytest.raises(errors.AlreadySettled), session.begin_nested():
        settle(session, books, hold, Yuan(30), "settle again")
    with pytest.raises(errors.AlreadySettled):
        reverse(session, hold.id, reference="undo", effective_on=DAY, memo="")


def test_a_reversal_is_the_mirror_and_comes_once(session: Session, books: Books) -> None:
    """冲正把每一行倒过来，余额回到记账之前；第二次不行，冲正的冲正也不行。"""
    deposit(session, books, Yuan(10), "deposit:1")
    entry = post(
        session, ANY, [Transfer(books.cash, books.owed, Yuan(70)), Transfer(books.owed, books.key, Yuan(70))],
        reference="claimed", effective_on=DAY,
    )  # fmt: skip
    undone = reverse(session, entry.id, reference="undo", effective_on=DAY, memo="银行冲正")
    assert balances_of(session, books) == ["10.00", "10.00", "0.00", "0.00", "0.00"]
    lines = ask(session, "SELECT debit_account_id, credit_account_id, amount FROM ledger.transfer"
                         " WHERE entry_id = %s ORDER BY line", (undone.id,))  # fmt: skip
    assert lines == [(books.key.id, books.owed.id, 7000), (books.owed.id, books.cash.id, 7000)]
    with pytest.raises(errors.AlreadyReversed), session.begin_nested():
        reverse(session, entry.id, reference="undo again", effective_on=DAY, memo="")
    with pytest.raises(errors.NotAMirror), session.begin_nested():
        reverse(session, undone.id, reference="undo the undoing", effective_on=DAY, memo="")
    with pytest.raises(errors.UnknownEntry):
        reverse(session, 10**9, reference="undo nothing", effective_on=DAY, memo="")


def test_a_batch_is_all_or_nothing(session: Session, books: Books) -> None:
    """成批记账一张不成，全批不成；都成则次序即凭证次序。"""
    good = [Draft(ANY, [Transfer(books.cash, books.key, Yuan(n))], f"b{n}", DAY) for n in range(1, 9)]
    bad = Draft(ANY, [Transfer(books.key, books.cash, Yuan(1000))], "bad", DAY)
    with pytest.raises(errors.AccountBelowFloor), session.begin_nested() as point:
        post_many(session, [*good, bad])
    assert not point.is_active and balance(session, books.cash) == ZERO
    posted = post_many(session, good)
    assert [entry.id for entry in posted] == sorted(entry.id for entry in posted)
    assert balance(session, books.cash) == Yuan(36)
    assert post_many(session, []) == []


ALTERNATIVES: list[tuple[str, type[errors.LedgerError], dict[str, Any]]] = [
    ("余额不足", errors.AccountBelowFloor, {"pair": ("key", "cash"), "amount": Yuan("100.01")}),
    ("来源号重复", errors.ReferenceReused, {"reference": "deposit:1"}),
    ("去向不允许", errors.MovementNotAllowed, {"pair": ("hold", "cash")}),
    ("已日结", errors.DayClosed, {"effective_on": date(2026, 1, 5)}),
    ("金额为零", errors.InvalidPosting, {"amount": ZERO}),
    ("金额为负", errors.InvalidPosting, {"amount": Yuan(-1)}),
    ("金额超限", errors.InvalidPosting, {"amount": Yuan.from_fen(10**13 + 1)}),
    ("金额溢出", errors.InvalidPosting, {"amount": Yuan.from_fen(2**63 - 1)}),
    ("来源号为空", errors.InvalidPosting, {"reference": ""}),
    ("占用不存在", errors.UnknownEntry, {"settles": 10**9}),
]


@pytest.mark.parametrize("kind", ["session", "connection", "psycopg"])
@pytest.mark.parametrize(
    ("refusal", "changed"), [row[1:] for row in ALTERNATIVES], ids=[row[0] for row in ALTERNATIVES]
)
def test_every_refusal_has_its_name(
    house: House, kind: str, refusal: type[errors.LedgerError], changed: dict[str, Any]
) -> None:
    """无论经哪种连接记账，数据库的每一种拒绝都译成账簿自己的说法，且不留痕迹。"""
    with house.database.begin() as session:
        books = open_books(session)
        deposit(session, books, Yuan(100), "deposit:1")
        close_day(session, books.book.id, date(2026, 1, 5))
    asked = {"pair": ("cash", "key"), "amount": Yuan(1), "reference": "new", "effective_on": DAY} | changed
    debit, credit = (getattr(books, name) for name in asked.pop("pair"))
    transfers = [Transfer(debit, credit, asked.pop("amount"))]
    with pytest.raises(refusal) as refused:
        if kind == "psycopg":
            with house.connect() as plain:
                post(plain, ANY, transfers, **asked)
        else:
            with house.database.begin() as session:
                post(session if kind == "session" else session.connection(), ANY, transfers, **asked)
    assert refused.value.code and refused.value.label
    with house.connect() as plain:
        assert ask(plain, "SELECT count(*) FROM ledger.journal_entry") == [(1,)]


def test_two_books_never_meet(session: Session, books: Books) -> None:
    """借贷双方须在同一账套；凭空的科目也不行；没有分录更不行。"""
    other = open_books(session, "escrow:2")
    with pytest.raises(errors.WrongBook), session.begin_nested():
        post(session, ANY, [Transfer(books.cash, other.key, Yuan(1))], reference="x", effective_on=DAY)
    ghost = Account(10**9, books.book.id, KEY, "", Side.CREDIT, ZERO)
    with pytest.raises(errors.UnknownAccount), session.begin_nested():
        post(session, ANY, [Transfer(books.cash, ghost, Yuan(1))], reference="x", effective_on=DAY)
    with pytest.raises(errors.InvalidPosting), session.begin_nested():
        post(session, ANY, [], reference="x", effective_on=DAY)
    same = Movement("T2", "自转", frozenset({(CASH, CASH)}))
    with pytest.raises(errors.InvalidPosting):
        post(session, same, [Transfer(books.cash, books.cash, Yuan(1))], reference="x", effective_on=DAY)


def test_an_account_is_opened_once_and_as_it_was(session: Session, books: Books) -> None:
    """开户可重来，得到同一科目；换个方向或下限重开则拒绝。"""
    again = open_account(session, books.book.id, CASH, side=Side.DEBIT)
    assert again == books.cash == find_account(session, books.book.id, CASH)
    assert find_account(session, books.book.id, CASH, key="building:1") is None
    with pytest.raises(errors.OpenedOtherwise), session.begin_nested():
        open_account(session, books.book.id, CASH, side=Side.CREDIT)
    with pytest.raises(errors.OpenedOtherwise):
        open_account(session, books.book.id, CASH, side=Side.DEBIT, floor=None)


def test_posting_is_one_round_trip(house: House, tmp_path: Path) -> None:
    """记一张凭证只与数据库往来一次，一批也只一次。"""
    with house.connect() as plain:
        books = open_books(plain)

        def one(reference: str) -> None:
            deposit(plain, books, Yuan(1), reference)

        def many(reference: str) -> None:
            transfer = Transfer(books.cash, books.key, Yuan(1))
            post_many(plain, [Draft(ANY, [transfer], f"{reference}:{n}", DAY) for n in range(50)])

        # Told once, each is prepared on this connection.
        one("first"), many("second")
        assert round_trips(plain, tmp_path / "trace", lambda: one("third")) == 1
        assert round_trips(plain, tmp_path / "trace", lambda: many("fourth")) == 1


def test_back_dating_moves_every_later_day(session: Session, books: Books) -> None:
    """倒起息的一笔，使当日及其后各日的余额都变，之前的不变。"""
    for day, amount in ((1, 100), (10, 10), (20, 1)):
        deposit(session, books, Yuan(amount), f"d{day}", date(2026, 6, day))
    deposit(session, books, Yuan(5000), "late", date(2026, 6, 10) - timedelta(days=5))
    post(
        session,
        ANY,
        [Transfer(books.key, books.cash, Yuan(200))],
        reference="early",
        effective_on=date(2026, 5, 1),
    )
    on = {day: str(balance_on(session, books.cash, day)) for day in
          (date(2026, 4, 30), date(2026, 5, 1), date(2026, 5, 31), date(2026, 6, 1), date(2026, 6, 5),
           date(2026, 6, 10), date(2026, 6, 19), date(2026, 6, 20), date(2030, 1, 1))}  # fmt: skip
    assert list(on.values()) == ["0.00", "-200.00", "-200.00", "-100.00", "4900.00", "4910.00", "4910.00",
                                 "4911.00",
                                 "4911.00"]  # fmt: skip
    trial = {line.code: line for line in trial_balance(session, books.book.id, on=date(2026, 5, 2))}
    assert (str(trial[CASH].credit), str(trial[KEY].debit), str(trial[CASH].balance)) == (
        "200.00",
        "200.00",
        "-200.00",
    )


def test_the_balance_at_an_instant_is_what_was_known_then(house: House) -> None:
    """某一时点的余额，是当时已记账的余额，与起息日无关。"""
    with house.database.begin() as session:
        books = open_books(session)
    seen: list[tuple[datetime, Yuan]] = []
    for n in range(1, 12):
        with house.database.begin() as session:
            entry = deposit(session, books, Yuan(n), f"d{n}", DAY - timedelta(days=n))
            seen.append((entry.booked_at, balance(session, books.key)))
    with house.database.read() as session:
        for instant, known in seen:
            assert balance_at(session, books.key, instant) == known
            assert balance_at(session, books.key, instant - timedelta(microseconds=1)) == known - Yuan(
                seen.index((instant, known)) + 1
            )
        assert balance_at(session, books.key, seen[0][0] - timedelta(days=1)) == ZERO
        assert balance_at(session, books.hold, seen[0][0]) == ZERO
        with pytest.raises(ValueError, match="时区"):
            balance_at(session, books.key, datetime(2026, 6, 1))  # noqa: DTZ001


def test_a_statement_is_read_page_by_page(session: Session, books: Books) -> None:
    """明细账由新到旧逐页翻完，不重不漏，每行余额承上启下。"""
    for n in range(1, 8):
        deposit(session, books, Yuan(n), f"d{n}")
    post(session, ANY, [Transfer(books.key, books.cash, Yuan(3))], reference="out", effective_on=DAY)
    lines, key = [], None
    while True:
        page = statement(session, books.cash, before=key, limit=3)
        lines += page.items
        if (key := page.next) is None:
            break
    assert [line.version for line in lines] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert [str(line.balance) for line in lines] == [
        "25.00",
        "28.00",
        "21.00",
        "15.00",
        "10.00",
        "6.00",
        "3.00",
        "1.00",
    ]
    assert (
        lines[0].reference == "out" and lines[0].side == Side.CREDIT and lines[0].counter_id == books.key.id
    )


def test_locks_bring_the_balances(session: Session, books: Books) -> None:
    """锁定科目即得锁后的余额；整本账一次查得。"""
    deposit(session, books, Yuan(9), "d")
    assert lock_accounts(session, [books.key, books.cash]) == {books.key.id: Yuan(9), books.cash.id: Yuan(9)}
    assert balances(session, books.book.id, [CASH, KEY]) == [(books.cash, Yuan(9)), (books.key, Yuan(9))]
    assert len(balances(session, books.book.id)) == 5


moves = st.lists(
    st.tuples(
        st.sampled_from(
            [("cash", "key"), ("cash", "owed"), ("key", "owed"), ("owed", "key"), ("contra", "hold")]
        ),
        st.integers(min_value=1, max_value=500),
        st.integers(min_value=0, max_value=4),
        st.integers(min_value=1, max_value=3),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves)
def test_a_batch_and_one_by_one_are_the_same(
    session: Session, drawn: list[tuple[tuple[str, str], int, int, int]]
) -> None:
    """同样的凭证，逐张记、三两张一记、整批一记，结果逐行相同；要拒绝也一同拒绝。"""
    outcomes = []
    for size in (1, 2, 3, len(drawn)):
        with session.begin_nested() as point:
            books = open_books(session, "twin")
            drafts = [
                Draft(ANY, [Transfer(*(getattr(books, name) for name in pair), Yuan.from_fen(fen))] * lines,
                      f"r{n}", DAY - timedelta(days=back))
                for n, (pair, fen, back, lines) in enumerate(drawn)
            ]  # fmt: skip
            try:
                for start in range(0, len(drafts), size):
                    post_many(session, drafts[start : start + size])
                outcomes.append(_written(session, books))
            except errors.AccountBelowFloor:
                outcomes.append([])
            point.rollback()
    assert all(outcome == outcomes[0] for outcome in outcomes)


def _written(session: Session, books: Books) -> list[list[tuple[Any, ...]]]:
    """Transfers, balances and openings by code and reference, since ids differ."""
    queries = (
        "SELECT e.reference, t.line, d.code, c.code, t.amount, t.debit_version, t.debit_balance,"
        " t.credit_version,"
        " t.credit_balance FROM ledger.transfer t JOIN ledger.journal_entry e ON e.id = t.entry_id"
        " JOIN ledger.account d ON d.id = t.debit_account_id"
        " JOIN ledger.account c ON c.id = t.credit_account_id"
        " WHERE e.book_id = %s ORDER BY e.id, t.line",
        "SELECT a.code, b.balance, b.version, b.last_on, d.day, d.opening FROM ledger.account a"
        " JOIN ledger.balance b ON b.account_id = a.id LEFT JOIN ledger.balance_day d ON d.account_id = a.id"
        " WHERE a.book_id = %s ORDER BY a.code, d.day",
    )
    return [ask(session, query, (books.book.id,)) for query in queries]


def test_a_connection_lost_midway_is_told_and_not_used_again(house):
    """记账途中连接断开：调用方得到可识别的数据库错误，整体重做即成，连接池不再用断了的连接。"""
    tried = []

    def unit(session):
        tried.append(ask(session, "SELECT pg_backend_pid()")[0][0])
        if len(tried) == 1:
            with house.connect("superuser", autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (tried[0],))
        return ask(session, "SELECT pg_backend_pid()")[0][0]

    assert house.database.transact(unit) == tried[1] != tried[0]
