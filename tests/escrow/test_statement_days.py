"""日结：对账单相符、账实一致，逐日结账；根签名后发出；结过的日子不再记账，迟到的事记入未结之日。"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from config.clock import bureau_day
from config.regulations import law_on
from escrow.errors import Refused
from escrow.statements.closing import close
from escrow.statements.day_rules import DayFacts, day_refusals
from escrow.statements.rules import StatementStatus
from escrow.supervision.freshness import missing_statement
from escrow.workdays.rules import Calendar, Year
from tests.conftest import settle
from tests.days import CALENDAR
from tests.desk import hire, sit_down
from tests.estate import Estate, standing
from tests.stating import Day, Told, held, teller

TODAY = bureau_day()
YESTERDAY = TODAY - timedelta(days=1)
LAW = law_on(TODAY, "presale_funds", "141130")
GOOD = DayFacts(
    YESTERDAY, TODAY, StatementStatus.MATCHED, is_closed=False, open_differences=0, earlier_open=None,
    closing=10000, ledger=10500, transit=500,
)  # fmt: skip


scene_of = standing()


@pytest.fixture
def bank(app: Any) -> Any:
    return teller(app)


def codes(**changed: Any) -> list[str]:
    found = day_refusals(replace(GOOD, **changed), LAW)
    assert all(one.citation for one in found)
    return [one.code for one in found]


def test_when_a_day_may_be_closed() -> None:
    """账簿等于银行期末加未达即可；差一分、未到次日、未相符、有差异、前日未结，各有理由。"""
    assert codes() == []
    assert codes(ledger=10501) == ["balance-identity"]
    assert codes(day=TODAY) == ["day-not-over"]
    assert codes(status=None) == ["statement-missing"]
    assert codes(is_closed=True) == ["day-closed-already"]
    assert codes(status=StatementStatus.DIFFERENCES, open_differences=1, earlier_open=YESTERDAY) == [
        "statement-not-matched", "difference-open", "earlier-day-open",
    ]  # fmt: skip


FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)


def at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC) - timedelta(hours=8)


def test_when_the_banks_word_is_too_old() -> None:
    """上一工作日的对账单次日九时前报到；其后开户的不欠；周末不算。"""
    old, thursday = at(date(2026, 1, 5), 10), FRIDAY - timedelta(days=1)
    assert missing_statement(old, None, LAW, at(MONDAY, 9), lambda: CALENDAR) == FRIDAY
    assert missing_statement(old, FRIDAY, LAW, at(MONDAY, 9), lambda: CALENDAR) is None
    assert missing_statement(old, thursday, LAW, at(MONDAY, 9), lambda: CALENDAR) == FRIDAY
    assert missing_statement(old, thursday, LAW, at(FRIDAY + timedelta(days=1), 8), lambda: CALENDAR) is None
    assert missing_statement(at(FRIDAY, 10), None, LAW, at(MONDAY, 9), lambda: CALENDAR) is None
    assert missing_statement(at(thursday, 10), None, LAW, at(MONDAY, 9), lambda: CALENDAR) == FRIDAY


def test_late_over_a_holiday_it_stays_late() -> None:
    """节前最后一天的对账单次日九时未到即为逾期，整个长假连夜里也是；不因过了零点又算作未逾期。"""
    days = frozenset(date(2026, 10, day) for day in range(1, 8))
    known = Calendar({2026: Year(days, frozenset({date(2026, 9, 27), date(2026, 10, 10)}))})
    opened, last = at(date(2026, 1, 5), 10), date(2026, 9, 30)
    told = {
        (day, hour): missing_statement(opened, date(2026, 9, 29), LAW, at(day, hour), lambda: known)
        for day in (date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 7), date(2026, 10, 8))
        for hour in (0, 8, 9, 23)
    }
    early = [when for when, late in told.items() if late is None]
    assert early == [(date(2026, 10, 1), 0), (date(2026, 10, 1), 8)]
    assert set(told.values()) == {None, last}
    assert missing_statement(opened, last, LAW, at(date(2026, 10, 9), 8), lambda: known) is None
    assert missing_statement(opened, last, LAW, at(date(2026, 10, 9), 9), lambda: known) == date(2026, 10, 8)


def test_a_matched_day_is_closed_and_its_root_leaves_signed(bank: Any, estate: Estate) -> None:
    """昨日相符：日结，根经签名写入报告并发给开户行；当日再记账被拒，迟到的入账记入今天，起息日照旧。"""
    bank(Day(estate.account_no, (Told("B1", 10000, value_date=YESTERDAY),), day=YESTERDAY))
    seat = sit_down(bank.app, hire(estate.house.database, estate.house.settings, "shen", "reviewer"))
    [(number,)] = held(estate, "SELECT statement_no FROM statement")
    assert "账实相符，日结" in seat.get(f"/statements/{number}").text
    settle(estate.house.database)
    assert seat.post(f"/statements/{number}/closing").status_code == 303
    page = seat.get(f"/statements/{number}").text
    [(root, signature, closing, ledger)] = held(
        estate, "SELECT root, signature, closing, ledger FROM account_day"
    )
    assert root in page and (closing, ledger) == (10000, 10000)
    key = ECKey.import_key(estate.house.settings.signing_key_pem)
    assert root.encode() in jws.deserialize_compact(signature, key).payload
    [(data, audience)] = held(estate, "SELECT data, audience FROM outbox_event WHERE type = 'day.closed'")
    assert (data["root"], data["signature"], audience) == (root, signature, ["bank:ABC"])
    assert "已经日结" in seat.post(f"/statements/{number}/closing").text

    late = bank.call("POST", "/deposits", {
        "bank_serial": "L1", "account_no": estate.account_no, "amount": "5.00", "notice_no": None,
        "value_date": YESTERDAY.isoformat(), "booked_at": f"{YESTERDAY}T10:12:03+08:00",
        "payer_name": "王秀英", "payer_account": "1", "channel": "pos", "memo": None,
    })  # fmt: skip
    assert late.status_code == 201, late.text
    query = (
        "SELECT r.value_date, e.effective_on FROM receipt r"
        " JOIN ledger.journal_entry e ON e.id = r.entry_id WHERE r.bank_serial = 'L1'"
    )
    assert held(estate, query) == [(YESTERDAY, TODAY)]
    back = bank.call("POST", f"/deposits/{late.json['receipt_no']}/reversals", {
        "bank_serial": "L2", "amount": "5.00", "value_date": YESTERDAY.isoformat(), "reason": "误记",
    })  # fmt: skip
    assert back.status_code == 201, back.text


def test_a_day_that_differs_stays_open(bank: Any, estate: Estate) -> None:
    """有差异的日子结不了，后面的日子也结不了；数据库同样不收。"""
    bank(Day(estate.account_no, (Told("B1", 10000), Told("OUT", 1, "debit")), day=YESTERDAY))
    with pytest.raises(Refused) as refused, bank.app.app_context():
        close(estate.house.database, estate.account_id, YESTERDAY)
    assert [one.code for one in refused.value.refusals] == [
        "statement-not-matched", "difference-open", "balance-identity",
    ]  # fmt: skip
    with estate.house.connect("owner") as connection, pytest.raises(psycopg.Error, match="not matched"):
        connection.execute(
            "INSERT INTO account_day (account_id, business_date, statement_id, closing, transit, ledger,"
            " seal_no, root, signature) SELECT account_id, business_date, id, closing, 0, closing, 1,"
            " repeat('0', 64), 'x' FROM statement"
        )


def test_days_close_one_after_the_other_by_themselves(bank: Any, estate: Estate) -> None:
    """夜间逐日自动日结；当天不结；报告写下后不可改。"""
    before = YESTERDAY - timedelta(days=1)
    bank(Day(estate.account_no, (Told("B1", 10000, value_date=before),), day=before))
    bank(Day(estate.account_no, opening=10000, day=YESTERDAY))
    bank(Day(estate.account_no, opening=10000, day=TODAY))
    with bank.app.app_context():
        from escrow.tasks import close_days

        for _ in range(3):
            close_days()
    assert held(estate, "SELECT business_date FROM account_day ORDER BY 1") == [(before,), (YESTERDAY,)]
    for attack in ("UPDATE account_day SET root = repeat('0', 64)", "DELETE FROM account_day"):
        with estate.house.connect("owner") as connection, pytest.raises(psycopg.Error):
            connection.execute(attack)


def test_a_check_waits_for_the_banks_statement(house: Any) -> None:
    """开户已久而上一工作日的对账单未到：核对不予通过，理由 statement-stale；报到即可。"""
    from tests.stating import told_by_demo_bank

    stale, after = told_by_demo_bank(house)
    assert (stale, after) == (["statement-stale"], [])
