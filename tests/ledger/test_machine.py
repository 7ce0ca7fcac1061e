"""账簿的状态机：随机记账、冲正、了结、日结、封存，旁边放一个最朴素的模型，每一步都对账。"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger import errors
from ledger.accounts import Account, balance_on, balances, statement, trial_balance
from ledger.journal import Draft, close_day, post_many, reverse
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer
from ledger.seals import seal
from ledger.terms import Side
from tests.conftest import House
from tests.ledger.conftest import ANY, ROUTES, Books, open_books
from tests.ledger.test_checks import failing

FIRST = date(2026, 6, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(6)]
Line = tuple[str, str, int]

lines = st.lists(
    st.tuples(st.sampled_from(sorted(ROUTES)), st.integers(min_value=1, max_value=60)).map(
        lambda d: (*d[0], d[1])
    ),
    min_size=1,
    max_size=3,
)
entries = st.tuples(lines, st.sampled_from(DAYS))


@dataclass
class Model:
    """What the books should say, kept the slow way: every posting in a list (模型)."""

    posted: list[tuple[str, int, date]] = field(default_factory=list)
    booked: list[tuple[list[Line], date]] = field(default_factory=list)
    resolved: set[int] = field(default_factory=set)
    unreversible: set[int] = field(default_factory=set)
    closed: date = date.min

    def stands(self, code: str, sign: int, until: date = date.max) -> int:
        """The balance of one account, from nothing but its postings."""
        return sign * sum(fen for posted, fen, day in self.posted if posted == code and day <= until)

    def would_refuse(self, drawn: list[tuple[list[Line], date]], accounts: dict[str, Account]) -> set[type]:
        """Every reason to refuse these entries, transfer by transfer."""
        reasons: set[type] = set()
        now = {code: self.stands(code, _sign(account)) for code, account in accounts.items()}
        for moved, day in drawn:
            if day <= self.closed:
                reasons.add(errors.DayClosed)
            for debit, credit, fen in moved:
                for code, delta in ((debit, fen), (credit, -fen)):
                    now[code] += delta * _sign(accounts[code])
                    if accounts[code].floor is not None and now[code] < 0:
                        reasons.add(errors.AccountBelowFloor)
        return reasons

    def book(self, moved: list[Line], day: date) -> int:
        """Write an entry down; its place in the list is its name."""
        self.booked.append((moved, day))
        for debit, credit, fen in moved:
            self.posted += [(debit, fen, day), (credit, -fen, day)]
        return len(self.booked) - 1


def _sign(account: Account) -> int:
    return 1 if account.side == Side.DEBIT else -1


class Ledger(RuleBasedStateMachine):
    """Posts to one fresh book for each run; commits after every step."""

    runs = 0

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__()
        self.connection = connection
        self.model = Model()
        self.ids: list[int] = []

    @initialize()
    def open(self) -> None:
        """A book nobody used before."""
        type(self).runs += 1
        self.books: Books = open_books(self.connection, f"machine:{type(self).runs}")
        self.accounts = {account.code: account for account in self.books.accounts}
        self.connection.commit()

    def attempt(self, drawn: list[tuple[list[Line], date]], **more: Any) -> bool:
        """Post as one batch; accepted exactly when the model has nothing against it."""
        reasons = self.model.would_refuse(drawn, self.accounts) | more.pop("reasons", set())
        drafts = [
            Draft(ANY,
                  [Transfer(self.accounts[d], self.accounts[c], Yuan.from_fen(fen)) for d, c, fen in moved],
                  more.get("reference") or f"r{len(self.ids)}:{n}", day, settles=more.get("settles"))
            for n, (moved, day) in enumerate(drawn)
        ]  # fmt: skip
        try:
            posted = post_many(self.connection, drafts)
        except errors.LedgerError as refused:
            self.connection.rollback()
            assert type(refused) in reasons, (refused, reasons)
            return False
        self.connection.commit()
        assert not reasons
        for entry, (moved, day) in zip(posted, drawn, strict=True):
            self.ids.append(entry.id)
            self.model.book(moved, day)
        return True

    @rule(entry=entries)
    def post_one(self, entry: tuple[list[Line], date]) -> None:
        self.attempt([entry])

    @rule(batch=st.lists(entries, min_size=2, max_size=8))
    def post_several(self, batch: list[tuple[list[Line], date]]) -> None:
        self.attempt(batch)

    @rule(fen=st.integers(min_value=1, max_value=500), day=st.sampled_from(DAYS))
    def deposit(self, fen: int, day: date) -> None:
        self.attempt([([("1101", "2111", fen)], day)])

    @precondition(lambda self: self.ids)
    @rule(entry=entries)
    def reuse_a_reference(self, entry: tuple[list[Line], date]) -> None:
        [(taken,)] = self.connection.execute(
            "SELECT reference FROM ledger.journal_entry WHERE id = %s", [self.ids[0]]
        ).fetchall()
        self.attempt([entry], reference=taken, reasons={errors.ReferenceReused})

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), day=st.sampled_from(DAYS))
    def reverse_one(self, data: st.DataObject, day: date) -> None:
        which = data.draw(st.integers(min_value=0, max_value=len(self.ids) - 1))
        mirror = [(credit, debit, fen) for debit, credit, fen in reversed(self.model.booked[which][0])]
        reasons = self.model.would_refuse([(mirror, day)], self.accounts)
        if which in self.model.resolved:
            reasons |= {errors.AlreadyReversed, errors.AlreadySettled}
        if which in self.model.unreversible:
            reasons.add(errors.NotAMirror)
        try:
            reference = f"u{len(self.ids)}:{day}"
            undone = reverse(self.connection, self.ids[which], reference=reference, effective_on=day, memo="")
        except errors.LedgerError as refused:
            self.connection.rollback()
            assert type(refused) in reasons, (refused, reasons)
            return
        self.connection.commit()
        assert not reasons
        self.model.resolved.add(which)
        self.ids.append(undone.id)
        self.model.unreversible.add(self.model.book(mirror, day))

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), day=st.sampled_from(DAYS))
    def settle_one(self, data: st.DataObject, day: date) -> None:
        which = data.draw(st.integers(min_value=0, max_value=len(self.ids) - 1))
        reasons: set[type] = set()
        if which in self.model.resolved:
            reasons |= {errors.AlreadySettled, errors.AlreadyReversed}
        if which in self.model.unreversible:
            reasons.add(errors.WrongBook)
        if self.attempt([([("1101", "2101", 1)], day)], settles=self.ids[which], reasons=reasons):
            self.model.resolved.add(which)

    @rule(day=st.sampled_from(DAYS[:3]))
    def close(self, day: date) -> None:
        try:
            close_day(self.connection, self.books.book.id, day)
        except errors.LedgerError as refused:
            self.connection.rollback()
            assert day <= self.model.closed and isinstance(refused, errors.DayClosed | errors.DayOutOfOrder)
            return
        self.connection.commit()
        assert day > self.model.closed
        self.model.closed = day

    @rule()
    def seal_all(self) -> None:
        seal(self.connection)
        self.connection.commit()

    @invariant()
    def balances_are_the_model_s(self) -> None:
        if not hasattr(self, "accounts"):
            return
        stood = balances(self.connection, self.books.book.id)
        for account, now in stood:
            assert now.fen == self.model.stands(account.code, _sign(account))
            assert account.floor is None or now >= account.floor
        assert sum(_sign(account) * now.fen for account, now in stood) == 0

    @invariant()
    def days_are_the_model_s(self) -> None:
        if not hasattr(self, "accounts"):
            return
        for day in (DAYS[0] - timedelta(days=1), *DAYS):
            trial = trial_balance(self.connection, self.books.book.id, on=day)
            for line in trial:
                assert line.balance.fen == self.model.stands(line.code, _sign(self.accounts[line.code]), day)
            assert sum((line.debit for line in trial), ZERO) == sum((line.credit for line in trial), ZERO)
        cash = self.books.cash
        assert balance_on(self.connection, cash, DAYS[2]).fen == self.model.stands(cash.code, 1, DAYS[2])

    @invariant()
    def statements_add_up(self) -> None:
        if not hasattr(self, "accounts"):
            return
        moved: dict[str, int] = defaultdict(int)
        for code, _, _ in self.model.posted:
            moved[code] += 1
        for code, account in self.accounts.items():
            page = statement(self.connection, account, limit=500)
            assert [line.version for line in page.items] == list(range(moved[code], 0, -1))
        self.connection.commit()


def test_the_books_are_the_model_whatever_is_done_to_them(house: House) -> None:
    """随机的业务一步步做下去，余额、起息日余额、明细账始终与模型一致，最后核验通过。"""
    with house.connect() as connection:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            lambda: Ledger(connection),
            settings=settings(
                max_examples=25,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    assert Ledger.runs >= 25
    assert failing(house) == []
