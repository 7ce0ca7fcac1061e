"""收益分配：逐户按日加权余额（或面积），分到每一分钱，任何时候重算都一样；月结、年结，试算平衡。"""

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from config.clock import bureau_day
from config.regulations import law_on
from escrow.errors import Refused
from escrow.fund_income import actions, periods, sharing
from escrow.fund_income.models import FundIncome, FundPeriod, IncomeRun
from escrow.fund_income.rules import (
    Basis,
    CloseFacts,
    IncomeKind,
    RunStatus,
    close_refusals,
    month_end,
    shares,
)
from escrow.houses.actions import Paper, enter_lost
from escrow.maintenance import chart
from escrow.maintenance.chart import Nature
from escrow.maintenance.models import FundAccount
from ledger.money import ZERO, Yuan
from tests.conftest import Stage, housed
from tests.fund.fund_estate import FundEstate, build_fund

LAW = law_on(date(2026, 11, 21), "maintenance_fund", "141130")


# --- 纯规则 ---


def test_a_left_over_fen_goes_to_the_smallest_unit_code():
    """一百元分三户，余下一分归单元代码最小的那户。"""
    assert shares(10000, [("C", 1), ("A", 1), ("B", 1)]) == [3333, 3334, 3333]


def test_the_largest_remainder_comes_first():
    """小数部分大的先得，相同的按单元代码。"""
    assert shares(10, [("A", 1), ("B", 5), ("C", 3)]) == [1, 6, 3]
    assert shares(1, [("B", 1), ("A", 1)]) == [0, 1]


def test_nothing_is_shared_by_nothing():
    """没有余额可据以分配的，不分配。"""
    with pytest.raises(ValueError, match="没有可据以分配"):
        shares(100, [("A", 0), ("B", 0)])


@settings(max_examples=200, deadline=None)
@given(
    total=st.integers(1, 10**12),
    weights=st.lists(st.integers(0, 10**14), min_size=1, max_size=40).filter(any),
)
def test_shares_add_up_whatever_the_order(total: int, weights: list[int]):
    """各户合计到分；换个次序算，每户所得不变；每户与精确值相差不到一分。"""
    named = [(f"U{at:03}", weight) for at, weight in enumerate(weights)]
    found = shares(total, named)
    assert sum(found) == total
    backwards = shares(total, named[::-1])[::-1]
    assert backwards == found
    whole = sum(weights)
    assert all(abs(got * whole - total * weight) < whole for got, weight in zip(found, weights, strict=True))


def test_months_close_in_their_order():
    """月份依次结转，未完的月份不结转。"""
    facts = CloseFacts(date(2026, 3, 5), date(2026, 11, 21), date(2026, 3, 9), None)
    assert close_refusals(facts, LAW) == []
    late = CloseFacts(date(2026, 4, 1), date(2026, 11, 21), date(2026, 3, 9), None)
    assert [one.code for one in close_refusals(late, LAW)] == ["month-skipped"]
    early = CloseFacts(date(2026, 3, 1), date(2026, 11, 21), date(2026, 3, 9), date(2026, 3, 31))
    assert [one.code for one in close_refusals(early, LAW)] == ["month-closed"]
    now = CloseFacts(date(2026, 11, 1), date(2026, 11, 21), date(2026, 11, 2), None)
    assert [one.code for one in close_refusals(now, LAW)] == ["month-not-over"]
    assert month_end(date(2024, 2, 10)) == date(2024, 2, 29)


# --- 真实账簿 ---


def scene_of(house, app):
    estate = build_fund(house)
    estate.opened(date(bureau_day().year - 1, 1, 5))
    return SimpleNamespace(fund=estate)


def slip(estate: FundEstate, kind: IncomeKind, amount: str, on: date, **more) -> actions.Slip:
    serial = more.pop("serial", f"L{kind.value}{on}{amount}")
    return actions.Slip(
        estate.fund_id, kind, more.pop("nature", Nature.COMMODITY), Yuan(amount), serial, on,
        f"银行回单 {serial}", "ab" * 32, **more,
    )  # fmt: skip


def booked(estate: FundEstate, kind: IncomeKind, amount: str, on: date, **more) -> int:
    """一人录入，另一人确认。"""
    asked = slip(estate, kind, amount, on, **more)
    entered = estate.do(lambda session: actions.enter(session, asked, officer_id=estate.officers[0]))
    estate.do(lambda session: actions.book(
        session, entered, officer_id=estate.officers[1], fund_id=estate.fund_id
    ))
    return entered


def close_through(estate: FundEstate, until: date) -> None:
    """从开户月起逐月结转。"""
    with estate.begin() as session:
        month = session.get_one(FundAccount, estate.fund_id).opened_on
    while month_end(month) <= until:
        with estate.begin() as session:
            periods.close_month(session, estate.fund_id, month, officer_id=estate.officers[1])
        month = month_end(month) + timedelta(days=1)


def year() -> tuple[date, date]:
    last = bureau_day().year - 1
    return date(last, 1, 1), date(last, 12, 31)


def proposal(estate: FundEstate, **more) -> sharing.Proposal:
    start, end = year()
    return sharing.Proposal(
        estate.fund_id, more.pop("nature", Nature.COMMODITY), start, end,
        more.pop("basis", Basis.DAYS), **more,
    )


def house_balances(estate: FundEstate) -> dict[int, int]:
    with estate.begin() as session:
        return dict(list(session.execute(text("SELECT house_id, balance FROM house_balance"))))


def agrees(estate: FundEstate) -> None:
    with estate.begin() as session:
        assert session.execute(text("SELECT * FROM fund_disagreements()")).all() == []


def shared(estate: FundEstate, run_no: str) -> None:
    sharing.carry_out(estate.house.database, run_no)


@pytest.fixture(scope="module")
def earned(struck):
    """三户先后交存，专户全年得息一百元，逐月结转完毕；备好一次。"""
    fund = struck.fund
    last = bureau_day().year - 1
    one, two, three = fund.ids[:3]
    fund.deposit(one, "1000.00", on=date(last, 1, 10))
    fund.deposit(two, "1000.00", on=date(last, 7, 1))
    fund.deposit(three, "500.00", on=date(last, 12, 31))
    booked(fund, IncomeKind.INTEREST, "100.00", date(last, 12, 21))
    close_through(fund, date(last, 12, 31))
    fund.house.database.dispose()
    return Stage(fund.house, None, fund)


@pytest.fixture
def with_income(cluster, blank_settings, earned) -> Iterator[FundEstate]:
    with housed(cluster, blank_settings, earned.house.name) as house:
        yield earned.copied(house, None)


def run_of(estate: FundEstate, asked: sharing.Proposal) -> str:
    run_no = estate.do(lambda session: sharing.propose(session, asked, officer_id=estate.officers[0]))
    shared(estate, run_no)
    return run_no


def approved(estate: FundEstate, run_no: str) -> None:
    estate.do(lambda session: sharing.approve(session, run_no, officer_id=estate.officers[1]))


def test_interest_is_shared_by_days_and_balance(with_income: FundEstate):
    """每户天数乘余额即权重；账上每户恰得规则所定之数，各级合计仍相符。"""
    fund, last = with_income, bureau_day().year - 1
    before = house_balances(fund)
    run_no = run_of(fund, proposal(fund))
    assert house_balances(fund) == before
    approved(fund, run_no)
    shared(fund, run_no)
    after = house_balances(fund)
    gained = {one: after[one] - before[one] for one in after}
    days = {
        fund.ids[0]: 100000 * ((date(last, 12, 31) - date(last, 1, 10)).days + 1),
        fund.ids[1]: 100000 * ((date(last, 12, 31) - date(last, 7, 1)).days + 1),
        fund.ids[2]: 50000,
    }
    named = [(code, days.get(one, 0)) for code, one in fund.houses.items()]
    assert [gained[one] for one in fund.ids] == shares(10000, named)
    assert sum(gained.values()) == 10000
    agrees(fund)
    with fund.begin() as session:
        assert session.scalar(select(IncomeRun.status).where(IncomeRun.run_no == run_no)) is RunStatus.DONE


def test_carrying_out_twice_or_at_once_changes_nothing(with_income: FundEstate):
    """再办一次什么也不变，四人同时办也不重复。"""
    fund = with_income
    run_no = run_of(fund, proposal(fund))
    approved(fund, run_no)
    crowd = [threading.Thread(target=shared, args=(fund, run_no)) for _ in range(4)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    settled = house_balances(fund)
    shared(fund, run_no)
    assert house_balances(fund) == settled
    agrees(fund)
    with pytest.raises(Refused) as refused:
        run_of(fund, proposal(fund))
    assert {one.code for one in refused.value.refusals} == {"days-shared", "nothing-to-share"}


def test_a_house_is_not_lost_while_income_is_being_shared_to_it(with_income: FundEstate):
    """收益已测算、未入户的：不办灭失返还，说明理由；直接销户，数据库也不准；分配退回之后照办。"""
    fund, code, empty = with_income, with_income.codes[3], with_income.ids[3]
    run_no = run_of(fund, proposal(fund, basis=Basis.AREA))
    told, who = fund.house.settings, fund.officers[0]

    def lose() -> int:
        said = Paper("灭失〔2026〕1号", "cd" * 32, "征收拆除")
        return fund.do(lambda s: enter_lost(s, code, said, ZERO, None, None, told, officer_id=who))

    with pytest.raises(Refused) as refused:
        lose()
    assert [one.code for one in refused.value.refusals] == ["share-waits"]
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="not booked yet"),
        fund.house.connect() as connection,
    ):
        connection.execute("UPDATE house SET status = 'closed' WHERE id = %s", (empty,))
    fund.do(lambda s: sharing.reject(s, run_no, "重新测算", officer_id=fund.officers[1]))
    assert lose()


def test_interest_may_be_shared_by_area(with_income: FundEstate):
    """按面积分配，逐户与规则相同。"""
    fund = with_income
    before = house_balances(fund)
    run_no = run_of(fund, proposal(fund, basis=Basis.AREA))
    approved(fund, run_no)
    shared(fund, run_no)
    with fund.begin() as session:
        areas = dict(list(session.execute(text("SELECT id, area FROM house WHERE nature = 'commodity'"))))
    after = house_balances(fund)
    named = [(code, int(areas[one] * Decimal(100))) for code, one in fund.houses.items() if one in areas]
    ids = [one for one in fund.ids if one in areas]
    assert [after[one] - before[one] for one in ids] == shares(10000, named)


def test_who_proposed_does_not_approve(with_income: FundEstate):
    """本人提出的本人不得批准，直接改库也不行。"""
    fund = with_income
    run_no = run_of(fund, proposal(fund))
    with pytest.raises(Refused) as refused:
        fund.do(lambda session: sharing.approve(session, run_no, officer_id=fund.officers[0]))
    assert [one.code for one in refused.value.refusals] == ["same-officer"]
    with fund.house.connect("app") as connection, pytest.raises(Exception, match="two_officers"):
        connection.execute(
            "UPDATE income_run SET status = 'approved', decided_by = proposed_by, decided_at = now()"
            " WHERE run_no = %s", (run_no,),
        )  # fmt: skip


def test_no_income_reaches_a_house_without_an_approved_run(with_income: FundEstate):
    """直接记账也不行：数据库问这张凭证属于哪一次分配。"""
    fund = with_income
    with pytest.raises(DBAPIError) as refused:
        fund.move(
            chart.SHARE_INCOME, (("310101", ""), ("3001", chart.house_key(fund.ids[0])), "100.00")
        )
    assert refused.value.orig.diag.constraint_name == "fund_entry_by_step"


def test_an_open_month_is_not_shared(fund: FundEstate):
    """月末未结转，先不分配。"""
    last = bureau_day().year - 1
    fund.deposit(fund.ids[0], "1000.00", on=date(last, 1, 10))
    booked(fund, IncomeKind.INTEREST, "10.00", date(last, 6, 21))
    with pytest.raises(Refused) as refused:
        run_of(fund, proposal(fund))
    assert {one.code for one in refused.value.refusals} == {"month-open", "nothing-to-share"}


def test_what_nobody_weighs_in_is_refused_when_it_is_proposed(fund: FundEstate):
    """期间内没有一户有余额：提出时就说明理由，不留一件永远在测算的分配；期末才到账的按日也有份。"""
    first, last = year()
    booked(fund, IncomeKind.OTHER, "10.00", date(last.year, 6, 21))
    close_through(fund, date(last.year, 11, 30))

    def asked(end: date) -> sharing.Proposal:
        return sharing.Proposal(fund.fund_id, Nature.COMMODITY, first, end, Basis.DAYS)

    with pytest.raises(Refused) as refused:
        run_of(fund, asked(date(last.year, 11, 30)))
    assert [one.code for one in refused.value.refusals] == ["nobody-weighs"]
    fund.deposit(fund.ids[0], "0.01", on=last)
    with fund.begin() as session:
        periods.close_month(session, fund.fund_id, last, officer_id=fund.officers[1])
    with pytest.raises(Refused) as refused:
        run_of(fund, asked(date(last.year, 11, 30)))
    assert [one.code for one in refused.value.refusals] == ["nobody-weighs"]
    assert run_of(fund, asked(last))


# --- 收益入账与结转 ---


def test_a_slip_is_booked_once_by_two(fund: FundEstate):
    """同一银行流水只入一次账，录入人不得自己确认。"""
    day = date(bureau_day().year - 1, 6, 21)
    booked(fund, IncomeKind.INTEREST, "12.34", day, serial="S1")
    with pytest.raises(Refused) as refused:
        booked(fund, IncomeKind.INTEREST, "12.34", day, serial="S1")
    assert [one.code for one in refused.value.refusals] == ["serial-used"]
    entered = fund.do(
        lambda session: actions.enter(
            session, slip(fund, IncomeKind.INTEREST, "1.00", day), officer_id=fund.officers[0]
        )
    )
    with pytest.raises(Refused) as refused:
        fund.do(lambda session: actions.book(
            session, entered, officer_id=fund.officers[0], fund_id=fund.fund_id
        ))
    assert [one.code for one in refused.value.refusals] == ["same-officer"]


def test_bonds_are_bought_and_redeemed(fund: FundEstate):
    """国债买入、兑付：不超过存款与持有，利息进国债利息收入。"""
    last = bureau_day().year - 1
    fund.deposit(fund.ids[0], "5000.00", on=date(last, 1, 10))
    with pytest.raises(Refused) as refused:
        booked(fund, IncomeKind.BUY, "3000.00", date(last, 2, 1))
    assert [one.code for one in refused.value.refusals] == ["not-covered"]
    booked(fund, IncomeKind.TO_BONDS, "3000.00", date(last, 2, 1))
    booked(fund, IncomeKind.BUY, "3000.00", date(last, 2, 2))
    booked(fund, IncomeKind.REDEEM, "3000.00", date(last, 11, 2), interest=Yuan("66.00"))
    agrees(fund)
    with fund.begin() as session:
        found = periods.trial(session, session.get_one(FundAccount, fund.fund_id), date(last, 12, 31))
    stood = {one["code"]: (one["debit"], one["credit"]) for one in found}
    assert stood["110101"] == (0, 0) or stood["110101"] == (0, 0)
    assert stood["100103"] == (306600, 0)
    assert stood["410201"] == (0, 6600)


def test_a_year_closes_and_houses_stand(with_income: FundEstate):
    """结转前后借贷各自相等；年末收入支出科目归零，分户余额一分不变。"""
    fund = with_income
    with fund.begin() as session:
        months = list(session.scalars(select(FundPeriod).order_by(FundPeriod.month)))
    assert len(months) == 12
    for one in months:
        for side in (one.before, one.after):
            assert sum(line["debit"] for line in side) == sum(line["credit"] for line in side)
    after = {line["code"]: line["credit"] - line["debit"] for line in months[-1].after}
    assert after["400101"] == 0 and after["410101"] == 0
    assert after["3001"] == 250000 and after["310101"] == 10000
    assert house_balances(fund)[fund.ids[0]] == 100000
    agrees(fund)


def test_what_comes_late_counts_in_the_open_month(with_income: FundEstate):
    """已结转的月份不再记账，迟到的事记在次月，保留原起息日。"""
    fund, last = with_income, bureau_day().year - 1
    late = booked(fund, IncomeKind.INTEREST, "1.00", date(last, 11, 30))
    with fund.begin() as session:
        row = session.get_one(FundIncome, late)
        query = text("SELECT effective_on FROM ledger.journal_entry WHERE id = :id")
        on = session.scalar(query, {"id": row.entry_id})
        assert row.value_date == date(last, 11, 30)
    assert on == date(last + 1, 1, 1)


def test_closing_entries_come_by_closing_alone(fund: FundEstate):
    """结转只有一条路：直接记结转凭证被拒。"""
    last = bureau_day().year - 1
    booked(fund, IncomeKind.INTEREST, "10.00", date(last, 6, 21))
    with pytest.raises(DBAPIError) as refused:
        fund.move(chart.CLOSE, (("410101", ""), ("310101", ""), "10.00"))
    assert refused.value.orig.diag.constraint_name == "fund_entry_by_step"
