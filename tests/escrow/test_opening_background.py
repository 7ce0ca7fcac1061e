"""A large opening is booked behind the request: watched, whole, begun again where it was cut off (后台入账)."""

import threading
import time
from types import SimpleNamespace
from unittest.mock import patch

import psycopg
import pytest

from escrow.errors import Busy
from escrow.opening import actions
from escrow.opening.carrying import carry_out, waiting
from escrow.opening.rules import OpeningStatus
from ledger.money import Yuan
from tests.desk import hire, sit_down
from tests.estate import pay, sold
from tests.opening import approved, asked, booked, estate_of, home, people_of, rows_of, uploaded
from tests.releasing import refused_by
from tests.sale import row

HALF = """
SELECT (SELECT count(*) FROM contract) + (SELECT count(*) FROM receipt)
       + (SELECT count(*) FROM ledger.journal_entry WHERE movement = 'P26') AS n
"""
CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
"""
STANDS = "SELECT status, reason FROM account_opening ORDER BY id DESC LIMIT 1"


def scene_of(house, app):
    """An opening approved and not yet booked, however small it is (已批准、待入账的期初)."""
    people = people_of(house)
    estate = estate_of(house, people)
    number = uploaded(estate, asked(estate, rows_of(estate)), people.cashier)
    with patch.object(actions, "AT_ONCE", 0):
        assert approved(estate, number, people.reviewer) is OpeningStatus.APPROVED
    return SimpleNamespace(people=people, waits=(estate, number))


@pytest.fixture
def waits(scene, monkeypatch):
    monkeypatch.setattr(actions, "AT_ONCE", 0)
    return scene.waits


def carried(house, number):
    return carry_out(house.database, house.settings, number)


def test_approved_then_booked_once(house, waits):
    """批准后等候入账，什么也还没有；后台一次入账；再敲一次钟什么也不做。"""
    estate, number = waits
    assert row(estate, HALF).n == 0
    with house.database.read() as session:
        assert waiting(session) == [number]
    assert carried(house, number) and not carried(house, number)
    assert row(estate, STANDS).status == "booked" and estate.held()["1101", ""] == "1612345.67"
    with house.database.read() as session:
        assert waiting(session) == []


def test_a_connection_cut_half_way_leaves_nothing_and_it_begins_anew(house, people):
    """入账到一半，数据库连接被掐断：已记的不留一笔，从头再来一次，每户每笔恰好一次。"""
    estate = estate_of(house, people, units=150, quotas={"1": "40000000.00"})
    rows = [home(estate, at, {}) for at in range(len(estate.unit_codes))]
    what = asked(estate, rows, bank_balance=Yuan("105000000.00"), unmatched=Yuan("0.00"))
    number = uploaded(estate, what, people.cashier)
    assert approved(estate, number, people.reviewer) is OpeningStatus.APPROVED
    worker = threading.Thread(target=carried, args=(house, number))
    worker.start()
    with house.connect("superuser") as watcher:
        watcher.autocommit = True
        until = time.monotonic() + 30
        while time.monotonic() < until:
            found = watcher.execute("SELECT done, total FROM opening_progress").fetchone()
            if found and 0 < found[0] < found[1]:
                break
        cut = watcher.execute(CUT).fetchone()
    worker.join()
    assert cut[0] and row(estate, "SELECT turns FROM opening_progress").turns == 2
    assert row(estate, STANDS).status == "booked" and row(estate, HALF).n == 900
    assert estate.held()["1101", ""] == "105000000.00"


def test_two_workers_do_not_book_it_twice(house, waits):
    """另一处正在入账的，不插手。"""
    _, number = waits
    with house.connect() as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"opening:{number}",))
        with pytest.raises(Busy):
            carried(house, number)
    assert carried(house, number)


def test_what_came_in_between_sends_it_back_saying_why(house, people, waits, monkeypatch):
    """批准之后、入账之前账户有了入账：不入，退回并写明理由；可以另行上传。"""
    estate, number = waits
    sold(estate)
    pay(estate, None, "1.00")
    assert carried(house, number)
    stands = row(estate, STANDS)
    assert stands.status == "rejected" and "账户已有入账或合同" in stands.reason
    assert row(estate, "SELECT count(*) AS n FROM opening_contract").n == 0


def test_nobody_decides_it_again(house, people, waits):
    """批准之后不能再批、再退；纯 SQL 改余额、换批准人、退回待决定，都不行。"""
    estate, number = waits
    with pytest.raises(actions.Refused):
        booked(estate, number, people.reviewer)
    for change in ("units = 9", "bank_balance = 1", "decided_by = entered_by", "status = 'entered'"):
        with pytest.raises(psycopg.Error) as caught, house.connect("owner") as connection:
            connection.execute(f"UPDATE account_opening SET {change}")
        assert refused_by(caught) == "decided_once"


def test_the_page_shows_how_far_it_is(app, house, waits):
    """页面写明正在入账、办了多少，每两秒自己刷新；入账之后不再刷新。"""
    _, number = waits
    desk = sit_down(app, hire(house.database, house.settings, "auditor", "auditor"))
    page = desk.get(f"/openings/{number}")
    assert page.headers["Refresh"] == "2" and "已批准，等候后台入账" in page.text
    assert desk.get("/openings").text.count("正在入账") == 1
    app.extensions["celery"].tasks["escrow.tasks.book_openings"]()
    page = desk.get(f"/openings/{number}")
    assert "Refresh" not in page.headers and "已入账" in page.text
