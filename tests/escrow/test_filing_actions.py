"""A filing over the real books: what is judged again, and who waits for whom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine

from config.clock import BUREAU, bureau_day
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.filing.rules import Decision
from tests.estate import build, new_number, officers
from tests.sale import DOWN, EARNEST, Passed, Sale, codes, row, sell, together, usual_plan
from tests.sale import passed as passes


def scene_of(house, app):
    """One project under supervision, nothing sold yet (尚未销售的项目)."""
    return SimpleNamespace(estate=build(house, officers(house, "clerk", "reviewer")))


@pytest.fixture
def sale(estate) -> Sale:
    """A contract whose earnest money and down payment are due."""
    return sell(estate)


@pytest.fixture
def passed(sale) -> Passed:
    """A contract with a living PASS."""
    return passes(sale)


# --- the filing (备案) ---


def test_a_living_pass_files_the_contract(passed):
    """凭有效通过备案，合同转为已备案。"""
    filed = passed.sale.file(passed.check_no)

    assert (filed["status"], filed["check_no"]) == ("filed", passed.check_no)
    status = row(
        passed.sale.estate, "SELECT status FROM contract WHERE contract_no = :no", no=filed["contract_no"]
    )
    assert status.status == "filed"
    assert codes(passed.sale.check()) == ["unit-already-filed"]


def test_a_pass_is_used_once(passed):
    """同一通过不能备案两次。"""
    passed.sale.file(passed.check_no)

    assert passed.sale.refused(passed.check_no) == ["check-used", "unit-already-filed"]


def test_a_pass_of_another_contract_files_nothing(estate, passed):
    """甲合同的通过，乙合同不能用，哪怕乙的钱也到了。"""
    other = sell(estate, unit=1)
    other.pay_due()

    assert other.refused(passed.check_no) == ["check-other-contract"]
    assert other.refused("HD0") == ["check-unknown"]


def test_a_failed_check_files_nothing(sale):
    """未通过的核对，即使钱随后到账，也不能凭它备案。"""
    failed = sale.check()
    sale.pay_due()

    assert sale.refused(failed.check_no) == ["check-not-passed"]


def test_a_pass_dies_with_a_new_version(passed):
    """通过之后合同改了，要重新核对。"""
    plan = usual_plan(bureau_day())
    passed.sale.redraft(payments=(*plan[:2], replace(plan[2], due_on=bureau_day() + timedelta(days=60))))

    assert passed.sale.refused(passed.check_no) == ["check-outdated"]


def test_a_pass_dies_with_its_receipt(passed):
    """通过之后钱被冲走，不能备案；重新存入也要重新核对。"""
    passed.sale.reverse(passed.receipts[0])
    assert passed.sale.refused(passed.check_no) == ["receipt-reversed", "deposit-short"]

    passed.sale.pay(0, EARNEST)
    assert passed.sale.refused(passed.check_no) == ["receipt-reversed"]
    assert passed.sale.file(passed.sale.check().check_no)["status"] == "filed"


def test_a_pass_dies_with_the_account(estate, passed):
    """通过之后账户被暂停，不能备案。"""
    with estate.house.connect("owner") as connection:
        connection.execute("UPDATE supervised_account SET status = 'suspended'")

    assert passed.sale.refused(passed.check_no) == ["account-not-active"]


def test_the_filing_day_is_today(passed):
    """备案日写昨天、明天都不行。"""
    for days in (-1, 1):
        assert passed.sale.refused(passed.check_no, filed_on=bureau_day() + timedelta(days=days)) == [
            "filed-on-not-today"
        ]


def test_a_filing_number_serves_one_contract(estate, passed):
    """备案号不能用于两份合同。"""
    number = new_number("BA")
    passed.sale.file(passed.check_no, filing_no=number)
    other = sell(estate, unit=1)
    other.pay_due()

    assert other.refused(other.check().check_no, filing_no=number) == ["filing-no-taken"]


def test_a_pass_dies_at_the_end_of_the_bureau_day(house, estate):
    """北京时间深夜的通过只到当日终了；过了零点，换一天也不能用。"""
    with time_machine.travel(datetime(2026, 11, 21, 23, 50, tzinfo=BUREAU), tick=False):
        sale = sell(estate)
        sale.pay_due()
        late = sale.check()
    assert late.body["valid_until"] == "2026-11-21T23:59:59+08:00"

    with time_machine.travel(datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC), tick=False):
        assert sale.check().decision is Decision.PASS
    with time_machine.travel(datetime(2026, 11, 22, 0, 0, tzinfo=BUREAU), tick=False):
        assert sale.refused(late.check_no) == ["check-expired"]


def test_what_was_due_tomorrow_is_due_once_tomorrow_comes(house, estate):
    """首付明日到期：今日只要定金，明日就要首付。"""
    day = bureau_day()
    earnest, down, loan = usual_plan(day)
    sale = sell(estate, plan=(earnest, replace(down, due_on=day + timedelta(days=1)), loan))
    sale.pay(0, EARNEST)
    today = sale.check()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1), tick=False):
        tomorrow = sale.check()

    assert (today.decision, today.body["required"]) == (Decision.PASS, str(EARNEST))
    assert (tomorrow.decision, tomorrow.body["required"]) == (Decision.FAIL, str(EARNEST + DOWN))


# --- races (并发) ---


@pytest.mark.parametrize("attempt", range(5))
def test_a_filing_and_a_reversal_never_both_win_unseen(passed, attempt):
    """备案与冲正同时到：先备案的，合同转为有风险；先冲正的，备案被拒。没有第三种结果。"""
    filed, _ = together(
        [lambda: passed.sale.file(passed.check_no), lambda: passed.sale.reverse(passed.receipts[0])]
    )
    status = row(
        passed.sale.estate, "SELECT status FROM contract WHERE contract_no = :no", no=passed.sale.contract_no
    ).status

    if isinstance(filed, dict):
        assert status == "at-risk"
    else:
        assert filed == ["receipt-reversed", "deposit-short"]
        assert status == "drafted"


@pytest.mark.parametrize("attempt", range(3))
def test_twenty_filings_at_once_file_one_contract_once(passed, attempt):
    """二十路同时凭同一通过备案，只成一份。"""
    found = together([lambda: passed.sale.file(passed.check_no)] * 20)

    assert sum(isinstance(one, dict) for one in found) == 1
    assert row(passed.sale.estate, "SELECT count(*) AS n FROM contract_filing").n == 1


def test_one_receipt_never_supports_two_contracts(estate):
    """二十个客户端争用同一笔钱：同一流水往两份合同的通知书上报，又同时核对两份合同，至多一份得以通过。"""
    for _ in range(10):
        first, second = sell(estate, unit=0), sell(estate, unit=1)
        serial = new_number("B")
        plan = (first, second) * 5
        calls = [lambda one=one, serial=serial: one.pay(1, DOWN, serial) for one in plan]
        calls += [lambda one=one: one.check().body for one in plan]
        found = together(calls)
        receipts = {
            receipt["receipt_no"] for sale in (first, second) for receipt in sale.check().body["receipts"]
        }

        assert len(receipts) == 1
        supported = row(
            estate, "SELECT count(DISTINCT contract_id) AS n FROM receipt_allocation s"
            " JOIN receipt r ON r.id = s.receipt_id WHERE r.bank_serial = :serial", serial=serial,
        )  # fmt: skip
        assert supported.n == 1
        assert sum(isinstance(one, dict) for one in found) >= 1
        for sale in (first, second):
            estate.do(lambda session, no=sale.contract_no: cancel(session, no, away()))


def away():
    return CancellationAsked(new_number("E"), bureau_day(), "测试清场")
