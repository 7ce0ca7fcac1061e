"""Isolation specs: two transactions over one receipt, every order of their steps, one waiting where it must.

Each session works, then commits; a step that waits for the other's lock is left waiting, as PostgreSQL's own
isolation tester does, and the order goes on.
"""

import itertools
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from config.clock import bureau_day
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.deposits.actions import Deposit, receive
from escrow.deposits.reversals import Reversal, take_back
from escrow.deposits.rules import Channel
from escrow.doors import answered
from escrow.errors import EscrowError, KeyReused, Refused
from escrow.filing.actions import Filing, check, file
from ledger.money import Yuan
from tests.estate import Estate, build, counter, new_number, officers, pay, sold, standing
from tests.sale import BANK, DOWN, EARNEST, passed, row, sell

ORDERS = sorted(set(itertools.permutations("aabb")))
# Long enough for a step that does not wait, far shorter than a lock's own limit.
PATIENCE = 0.2
EXPECTED = (EscrowError, DBAPIError)


@dataclass
class Side:
    """One session: a transaction that does its work, then commits (一方)."""

    estate: Estate
    work: Any
    result: Any = None

    def __post_init__(self) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.steps = iter((self._do, self._commit))
        self.last: Future[None] | None = None

    def step(self) -> None:
        """Do the next step, after this side's own last one; wait for it no longer than patience."""
        self.last = self.thread.submit(next(self.steps))
        wait([self.last], PATIENCE)

    def finish(self) -> Any:
        """The outcome: what the work said, or why it was refused."""
        if self.last:
            self.last.result()
        self.thread.shutdown()
        if isinstance(self.result, Exception) and not isinstance(self.result, EXPECTED):
            raise self.result
        return self.result

    def _do(self) -> None:
        self.context = counter(self.estate.house).app_context()
        self.context.push()
        self.block = self.estate.house.database.begin()
        self.session = self.block.__enter__()
        try:
            self.result = self.work(self.session)
        except Exception as error:
            self._leave(error)

    def _commit(self) -> None:
        if not isinstance(self.result, Exception):
            self._leave(None)

    def _leave(self, error: Exception | None) -> None:
        try:
            self.block.__exit__(type(error) if error else None, error, None)
        except Exception as found:
            error = found
        self.result = error or self.result
        self.context.pop()


def play(estate, order, first, second):
    """Run both sides in one order of steps; both outcomes (按次序演一遍)."""
    sides = {"a": Side(estate, first), "b": Side(estate, second)}
    for name in order:
        sides[name].step()
    return sides["a"].finish(), sides["b"].finish()


scene_of = standing()


every_order = pytest.mark.parametrize("order", ORDERS, ids="".join)


@every_order
def test_one_serial_reported_for_two_contracts(estate, order):
    """同一流水同时报到两份合同：无论谁先谁后，钱只属于一份，另一方被拒。"""
    sales = [sell(estate, unit) for unit in range(2)]
    serial = new_number("B")

    def booked(sale):
        report = Deposit(
            serial, estate.account_no, DOWN, bureau_day(), row_now(estate), "王秀英", "6217000010001234567",
            Channel.POS, sale.notices[1],
        )  # fmt: skip
        return lambda session: answered(
            session,
            f"serial:{BANK}:{serial}",
            report.facts,
            lambda: receive(session, report, BANK, estate.house.settings),
            kept=True,
        )

    outcomes = play(estate, order, *(booked(sale) for sale in sales))

    assert sorted(isinstance(outcome, KeyReused) for outcome in outcomes) == [False, True]
    assert row(estate, "SELECT count(*) AS n FROM receipt").n == 1
    assert row(estate, "SELECT count(*) AS n FROM receipt_allocation").n == 1


def row_now(estate):
    return row(estate, "SELECT clock_timestamp() AS at").at


@every_order
def test_a_receipt_taken_back_while_its_contract_is_filed(estate, order):
    """冲正与备案交错：备案在先则合同转为有风险，冲正在先则备案被拒。"""
    one = passed(sell(estate))
    filing = Filing(one.sale.contract_no, new_number("BA"), one.check_no, bureau_day())

    filed, _ = play(
        estate,
        order,
        lambda session: file(session, filing),
        lambda session: take_back(session, back(one), BANK),
    )

    status = row(estate, "SELECT status FROM contract").status
    assert (isinstance(filed, dict), status) in {(True, "at-risk"), (False, "drafted")}
    assert isinstance(filed, dict | Refused)


def back(one):
    return Reversal(one.receipts[0]["receipt_no"], new_number("R"), EARNEST, bureau_day(), "柜员误记")


@every_order
def test_a_receipt_taken_back_while_its_contract_is_checked(estate, order):
    """冲正与核对交错：不论答复如何，冲正之后的备案都被拒；写不下的通过要求重来。"""
    one = passed(sell(estate))
    asked = one.sale.asked()

    answer, _ = play(
        estate, order, lambda session: check(session, asked, "filing"),
        lambda session: take_back(session, back(one), BANK),
    )  # fmt: skip

    if isinstance(answer, DBAPIError):
        assert answer.orig.sqlstate == "40001"
        answer = one.sale.check(asked)
    assert "deposit-short" in one.sale.refused(answer.check_no)


@every_order
def test_two_filings_on_one_pass(estate, order):
    """两方同时凭同一通过备案：只成一份。"""
    one = passed(sell(estate))
    filing = Filing(one.sale.contract_no, new_number("BA"), one.check_no, bureau_day())

    outcomes = play(
        estate, order, lambda session: file(session, filing),
        lambda session: file(session, replace(filing, filing_no=new_number("BA"))),
    )  # fmt: skip

    assert sorted(isinstance(outcome, Refused) for outcome in outcomes) == [False, True]


@every_order
def test_a_draft_dropped_while_it_is_filed(estate, order):
    """注销与备案交错：注销必成，合同终归注销；备案在前即随之撤销，在后即被拒。"""
    one = passed(sell(estate))
    filing = Filing(one.sale.contract_no, new_number("BA"), one.check_no, bureau_day())
    asked = CancellationAsked(new_number("E"), bureau_day(), "退房")

    recorded, ended = play(
        estate, order, lambda session: file(session, filing),
        lambda session: cancel(session, one.sale.contract_no, asked),
    )  # fmt: skip

    assert not isinstance(ended, Refused)
    assert row(estate, "SELECT status FROM contract").status == "cancelled"
    filings = row(estate, "SELECT count(*) AS n FROM contract_filing").n
    assert filings == (0 if isinstance(recorded, Refused) else 1)


@every_order
def test_the_same_credit_reported_twice(estate, order):
    """同一通知同时送达两次：只记一笔，两次答复相同。"""
    sale = sell(estate)
    report = Deposit(
        new_number("B"), estate.account_no, EARNEST, bureau_day(), row_now(estate),
        "王秀英", "6217000010001234567", Channel.POS, sale.notices[0],
    )  # fmt: skip

    def booked(session):
        return answered(
            session,
            f"serial:{BANK}:{report.bank_serial}",
            report.facts,
            lambda: receive(session, report, BANK, estate.house.settings),
            kept=True,
        )

    (first, _), (second, _) = play(estate, order, booked, booked)

    assert first == second
    assert row(estate, "SELECT count(*) AS n FROM receipt").n == 1


def test_deposits_and_reversals_that_meet_never_wait_for_each_other(house):
    """同一楼幢入账与冲正同时到：都先锁银行存款，数据库没有判过一次死锁，账面分文不差。"""
    estate = build(house, officers(house, "clerk", "reviewer"), quotas={"1": "400000.00"}, advanced=False)
    _, [first] = sold(estate, amount="9000000.00")
    _, [second] = sold(estate, amount="9000000.00")
    taken = [pay(estate, first, "100.00") for _ in range(24)]

    def back(receipt):
        asked = Reversal(receipt["receipt_no"], new_number("R"), Yuan("100.00"), bureau_day(), "柜员误记")
        return estate.do(lambda session: take_back(session, asked, "ABC"))

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(step) for one in taken for step in (
            lambda one=one: back(one), lambda: pay(estate, second, "100.00"))]  # fmt: skip
        for one in done:
            one.result()
    house.database.dispose()
    with house.connect("superuser") as connection:
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert connection.execute(query).fetchone() == (0,)
    assert estate.held()["1101", ""] == "2400.00"
