"""夜班：到期而没人办的报警、办妥即解除；到期的保函自行失效；只清理早已了结的；跑了什么一页看清。"""

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from celery.schedules import crontab

from config.clock import bureau_day, now
from escrow.access.rules import Role
from escrow.errors import NotFound
from escrow.night import actions
from escrow.night.rules import ALARM_LABELS, AlarmKind, is_late, overdue_since
from escrow.night.shift import PartlyFailed, each
from escrow.rehearsal.banking import CREDENTIALS
from escrow.supervision import guarantees
from escrow.supervision.guarantees import Offered
from escrow.supervision.measures import months_after
from escrow.tasks import BEAT, SHIFT
from escrow.workdays.rules import Calendar
from ledger.money import Yuan
from tests.conftest import applied
from tests.days import CALENDAR
from tests.desk import hire, sit_down
from tests.dusk import YESTERDAY, copied, prepared
from tests.estate import Estate, build, file_hash, officers
from tests.stating import Day, Told, held, teller
from tests.withdrawing import force

TODAY = bureau_day()
AT = now()


@pytest.fixture(scope="module")
def first_evening(cluster: Any, blank_settings: Any, tmp_path_factory: Any) -> Any:
    """一个傍晚，备好一次：每项任务都有事要办；各测试各用副本。"""
    with prepared(cluster, blank_settings, tmp_path_factory.mktemp("dusk")) as (house, _):
        yield house


@pytest.fixture
def dusk(first_evening: Any, tmp_path: Any) -> Any:
    """本例的傍晚，数据目录自备。"""
    with copied(first_evening) as house:
        (tmp_path / CREDENTIALS).write_text("{}")
        house.settings = replace(house.settings, data_dir=tmp_path)
        yield house


@pytest.fixture
def evening(built: Any, dusk: Any) -> Any:
    """傍晚的应用。"""
    with applied(built, dusk) as app:
        yield app


def ring(app: Any, name: str) -> int:
    handled: int = app.extensions["celery"].tasks[BEAT[name]["task"]]()
    return handled


def alarms(house: Any) -> dict[str, int]:
    query = "SELECT kind, count(*) FROM alarm WHERE cleared_at IS NULL GROUP BY 1"
    with house.connect("app") as connection:
        return dict(connection.execute(query).fetchall())


# --- rules ---


def test_a_task_is_late_after_two_beats_and_a_minute() -> None:
    """隔两拍再加一分钟没有再响，才算误点；从没响过的也算。"""
    every = timedelta(seconds=20)
    assert is_late(None, every, AT)
    assert not is_late(AT - timedelta(seconds=100), every, AT)
    assert is_late(AT - timedelta(seconds=101), every, AT)


def test_overdue_counts_working_days_and_never_guesses() -> None:
    """五个工作日：周末的款，下周五还不逾期，周六逾期；没有录入的年份不推算。"""
    friday = date(2026, 11, 20)
    assert overdue_since(5, friday + timedelta(days=7), CALENDAR) == friday - timedelta(days=1)
    assert overdue_since(5, friday + timedelta(days=8), CALENDAR) == friday + timedelta(days=2)
    assert overdue_since(5, friday, Calendar({})) is None


def test_every_task_has_a_bell_that_falls_silent() -> None:
    """每一拍都有名目、有间隔，响过没人听见的自行作废，积压不起来；该补的一分钟内补上。"""
    assert {name for name, ring in SHIFT.items() if not ring.label} == set()
    assert all(entry["options"]["expires"] <= 600 for entry in BEAT.values())
    assert isinstance(BEAT["look-for-risks"]["schedule"], crontab)
    swept = (
        "bring-events", "read-statements", "match-statements", "match-differences", "close-days",
        "seal-books", "ask-about-orders",
    )  # fmt: skip
    assert all(BEAT[name]["schedule"] <= 60 for name in swept)


def test_the_worker_outlives_its_broker(app: Any) -> None:
    """消息队列断多久，工作进程就等多久；别的线程不动它的连接（动了会抢走应答，从此不再干活而看不出来）。"""
    told = app.extensions["celery"].conf
    assert told.broker_connection_max_retries is None
    assert told.worker_enable_prefetch_count_reduction is False


def test_one_bad_row_keeps_no_other_waiting() -> None:
    """一件出错，其余照办；不予办理的不算出错；最后说明几件办结、几件出错。"""
    seen = []

    def handle(row: int) -> bool | None:
        seen.append(row)
        if row == 1:
            raise ZeroDivisionError("1/0")
        if row == 2:
            raise NotFound("没有")
        return False if row == 3 else None

    with pytest.raises(PartlyFailed, match="办结 2 件，1 件出错：ZeroDivisionError") as failed:
        each(range(5), lambda row: handle(row) if row else None)
    assert seen == [1, 2, 3, 4] and failed.value.handled == 2


# --- alarms ---


def test_what_is_due_is_warned_of_and_cleared_when_it_is_done(evening: Any, dusk: Any) -> None:
    """指令不明、审核逾期、保函到期、待认领逾期各报一次；办妥即解除，记录还在；报过的不再报。"""
    ring(evening, "ask-about-orders")
    assert ring(evening, "watch-deadlines") >= 3
    assert ring(evening, "watch-ages") == 1
    expected = {"order-unknown": 1, "review-late": 1, "guarantee-ending": 1, "receipt-late": 1}
    assert {kind: n for kind, n in alarms(dusk).items() if kind != "year-missing"} == expected
    assert ring(evening, "watch-deadlines") == ring(evening, "watch-ages") == 0
    for role in Role:  # and the front page leads nobody to a closed door
        seat = sit_down(evening, hire(dusk.database, dusk.settings, f"{role}-home", role))
        links = set(re.findall(r'<a [^>]*href="(/[^"#]*)"', seat.get("/").text))
        assert [link for link in links if seat.get(link).status_code == 403] == []

    assert ring(evening, "lapse-guarantees") == 1
    assert ring(evening, "watch-deadlines") == 1
    assert "guarantee-ending" not in alarms(dusk)
    query = "SELECT count(*) FROM alarm WHERE kind = 'guarantee-ending' AND cleared_at >= raised_at"
    with dusk.connect("app") as connection:
        assert connection.execute(query).fetchone() == (1,)


def test_a_payment_nobody_ordered_is_an_alarm_until_the_account_is_reopened(app: Any, house: Any) -> None:
    """银行擅自付款：停付的同时报警，指到办理的页面；两人恢复之后自行解除。"""
    estate = build(house, officers(house, "aa", "bb"))
    bank = teller(app)
    bank(Day(estate.account_no, (Told("OUT", 100, "debit"),), opening=100))
    ring(bank.app, "match-statements")
    query = "SELECT said, place FROM alarm WHERE cleared_at IS NULL AND kind = 'account-stopped'"
    with house.connect("app") as connection:
        ((said, place),) = connection.execute(query).fetchall()
    assert estate.account_no in said and place.endswith(estate.account_no)
    reopened = "asked_by = 1, reason = '查清', reopened_by = 2, reopened_at = now()"
    force(house, f"UPDATE account_suspension SET {reopened}")
    ring(bank.app, "match-statements")
    assert "account-stopped" not in alarms(house)


def test_every_alarm_leads_to_the_page_where_it_is_seen_to(evening: Any, dusk: Any) -> None:
    """报警清单每一条都指向办理的页面；首页列出件数；可看已解除的。"""
    force(dusk, "UPDATE supervised_account SET opened_at = now() - interval '30 days'")
    force(dusk, "UPDATE statement_difference SET opened_at = now() - interval '30 days'")
    force(dusk, "UPDATE delivery SET status = 'dead', tries = 12, token = 12 WHERE id = 1")
    force(dusk, "DELETE FROM working_year WHERE year > 2026")
    force(dusk, "INSERT INTO account_suspension (account_id, cause) VALUES (1, '银行自行付出')")
    for name in ("ask-about-orders", "watch-deadlines", "watch-ages", "watch-statements", "match-statements"):
        ring(evening, name)
    freeze = (
        "INSERT INTO court_hold (hold_no, account_id, court, amount, is_whole, held_from, held_until, status)"
        f" VALUES ('DJ1', 1, '吕梁中院', 1, false, '{TODAY - timedelta(days=300)}', '{YESTERDAY}', 'in-force')"
    )
    force(dusk, freeze)
    ring(evening, "watch-deadlines")
    found = set(alarms(dusk))
    assert found | {"year-missing"} == {kind.value for kind in AlarmKind}
    seat = sit_down(evening, hire(dusk.database, dusk.settings, "shen", "reviewer"))
    home, listed = seat.get("/").text, seat.get("/night/alarms").text
    for kind in found:
        assert ALARM_LABELS[AlarmKind(kind)] in home
        assert "未解除" in seat.get(f"/night/alarms?kind={kind}").text
    with dusk.connect("app") as connection:
        places = [place for (place,) in connection.execute("SELECT place FROM alarm").fetchall()]
    for place in places:
        assert place in listed.replace("&amp;", "&")
        assert seat.get(place).status_code == 200, place
    for odd in ("?kind=x", "?before=x", "?over=1", "?over=1&before=1", "?kind=order-unknown&before=99999"):
        assert seat.get(f"/night/alarms{odd}").status_code == 200


def test_a_year_nobody_entered_silences_no_alarm_that_stands(house: Any) -> None:
    """日历缺年时算不出逾期：已有的报警照旧，不解除也不新报。"""
    estate = build(house, officers(house, "liuli", "wangyi"))
    force(house, "INSERT INTO alarm (kind, subject, said, place) VALUES ('receipt-late', 'X', 'x', '/x')")
    force(house, "DELETE FROM working_year WHERE year = extract(year FROM now())")
    kinds = (AlarmKind.RECEIPT_LATE, AlarmKind.DIFFERENCE_LATE, AlarmKind.STATEMENT_STALE)
    assert estate.do(lambda session: actions.look(session, kinds, "141130")) == 0
    assert alarms(house) == {"receipt-late": 1}


def test_an_alarm_stands_as_it_was_raised(house: Any) -> None:
    """报警写下后只能解除一次，不能改、不能删，换谁写库都一样。"""
    force(house, "INSERT INTO alarm (kind, subject, said, place) VALUES ('receipt-late', 'X', 'x', '/x')")
    for attack in (
        "UPDATE alarm SET said = 'y'", "DELETE FROM alarm", "TRUNCATE alarm",
        "UPDATE alarm SET cleared_at = now(), subject = 'Y'",
        "INSERT INTO alarm (kind, subject, said, place) VALUES ('receipt-late', 'X', 'x', '/x')",
    ):
        with house.connect("owner") as connection, pytest.raises(psycopg.Error):
            connection.execute(attack)
    with house.connect("app", autocommit=True) as connection:
        connection.execute("UPDATE alarm SET cleared_at = now()")
        with pytest.raises(psycopg.Error, match="stands as it was raised"):
            connection.execute("UPDATE alarm SET cleared_at = NULL")


# --- guarantees ---


def test_a_guarantee_lapses_by_its_date_and_the_quota_is_whole(house: Any) -> None:
    """保函有效期一过，不等人录入即失效：额度恢复、一般资金转回重点；未到期的不动；旁人提前写失效不行。"""
    estate: Estate = build(house, officers(house, "liuli", "wangyi"), quotas={"1": "1000.00"})
    estate.put("1", "1000.00")
    clerk, reviewer = officers(house, "clerk", "reviewer")
    home, until = estate.account_no, months_after(TODAY, 1)
    offered = Offered(estate.account_no, "1", "BH-1", "某银行", Yuan("300.00"), until, file_hash(1))
    one = estate.do(lambda session: guarantees.enter(session, offered, officer_id=clerk))
    estate.do(lambda session: guarantees.decide(session, home, one, officer_id=reviewer))
    key = f"building:{estate.buildings['1']}"
    assert estate.held()["2112", key] == "300.00"
    assert estate.do(guarantees.expired) == [] and not estate.do(lambda s: guarantees.lapse(s, home, one))
    with house.connect("app") as connection, pytest.raises(psycopg.Error):
        connection.execute("UPDATE guarantee SET status = 'lapsed', left_amount = 0, ended_at = now()")

    force(house, f"UPDATE guarantee SET valid_until = '{YESTERDAY}'")
    assert estate.do(guarantees.expired) == [(home, one)]
    assert estate.do(lambda session: guarantees.lapse(session, home, one))
    assert not estate.do(lambda session: guarantees.lapse(session, home, one))
    assert ("2112", key) not in estate.held() and estate.held()["2111", key] == "1000.00"
    assert held(estate, "SELECT status, left_amount FROM guarantee") == [("lapsed", 0)]


# --- purge ---


def test_only_what_is_long_over_is_purged(evening: Any, dusk: Any) -> None:
    """清理：三个月前结束的会话、过期令牌、旧的失败登录、两年前的核对应答、旧运行记录；别的一行不少。"""
    assert ring(evening, "purge") == 6
    with dusk.connect("app") as connection:
        query = "SELECT key FROM answered_request WHERE key LIKE '%:a:%' ORDER BY 1"
        assert connection.execute(query).fetchall() == [("deposit-check:a:2",), ("serial:a:1",)]
        assert connection.execute("SELECT count(*) FROM officer_session").fetchone() == (1,)


@pytest.fixture(scope="module")
def full(first_evening: Any) -> Any:
    """另一个副本，各样不可清理的都有；被拒的语句在此一一试过。"""
    with copied(first_evening) as house:
        hire(house.database, house.settings, "shen", "reviewer")
        force(house, "INSERT INTO api_token SELECT decode(repeat('2', 64), 'hex'), id, scopes, now(),"
                     " now() + interval '1 hour' FROM api_client LIMIT 1")  # fmt: skip
        yield house


@pytest.mark.parametrize("attack", [
    "DELETE FROM answered_request WHERE key = 'serial:a:1'",
    "DELETE FROM answered_request WHERE key = 'deposit-check:a:2'",
    "DELETE FROM officer_session WHERE ended_at > now() - interval '80 days'",
    "DELETE FROM api_token WHERE expires_at > now()",
    "DELETE FROM audit_event", "DELETE FROM outbox_event", "DELETE FROM receipt",
    "DELETE FROM deposit_check", "DELETE FROM ledger.journal_entry", "DELETE FROM statement_file",
])  # fmt: skip
def test_nothing_else_can_be_purged(full: Any, attack: str) -> None:
    """钱的应答、未到期的会话与令牌、入账、凭证、审计、对账单：应用和属主都删不掉。"""
    for role in ("app", "owner"):
        with full.connect(role) as connection, pytest.raises(psycopg.Error):
            done = connection.execute(attack)
            assert done.rowcount > 0, "没有可攻击的行"
            connection.commit()


# --- pages ---


def test_an_officer_sees_what_ran_and_what_is_due(evening: Any, dusk: Any) -> None:
    """夜班页：每项任务的名目、间隔、最近一次、结果、下一次、待办；没有跑的说没有跑；出错的留下原因。"""
    who = hire(dusk.database, dusk.settings, "shen", "reviewer")
    seat = sit_down(evening, who)
    silent = seat.get("/night").text
    assert "后台任务没有在运行" in silent and "后台任务没有在运行" in seat.get("/").text
    for ring_ in SHIFT.values():
        assert ring_.label in silent
    assert "还没有运行过" in silent and "1 件，最早" in silent

    for name in SHIFT:
        ring(evening, name)
    page = seat.get("/night").text
    assert "后台任务没有在运行" not in page and "还没有运行过" not in page
    assert "办结 6 件" in page and "没有要办的" in page
    told = seat.get("/night/runs?task=purge").text
    assert "清理过期会话" in told and "办结 6 件" in told
    for odd in ("?task=x", "?before=x", "?before=1", "?task=seal-books&before=5"):
        assert seat.get(f"/night/runs{odd}").status_code == 200


def test_a_task_that_fails_says_so_on_the_page(app: Any, house: Any, monkeypatch: Any) -> None:
    """出错的任务：页上写明出错、连续几次、原因的种类；不写出报文里的值；好了即归零。"""
    from escrow.statements import closing

    def fails(_: Any) -> Any:
        raise RuntimeError("张三 6217000010001234567")

    task = app.extensions["celery"].tasks["escrow.tasks.close_days"]
    seat = sit_down(app, hire(house.database, house.settings, "shen", "auditor"))
    with monkeypatch.context() as patched:
        patched.setattr(closing, "ready", fails)
        for _ in range(2):
            with pytest.raises(RuntimeError):
                task()
    page = seat.get("/night").text
    assert "连续 2 次" in page and "RuntimeError，详见日志" in page and "6217000010001234567" not in page
    task()
    assert "连续" not in seat.get("/night").text
    assert seat.get("/night/runs?task=close-days").text.count("出错") == 2


def test_the_night_is_nobody_elses_business(app: Any, house: Any) -> None:
    """没有登录的看不到夜班；各岗位都能看；报警清单管钥匙的人看不到。"""
    assert app.test_client().get("/night").status_code == 303
    seat = sit_down(app, hire(house.database, house.settings, "anquan", "admin"))
    assert seat.get("/night").status_code == 200 and seat.get("/night/runs").status_code == 200
    assert seat.get("/night/alarms").status_code == 403


def test_runs_are_paged_by_key(app: Any, house: Any) -> None:
    """运行记录逐页往前翻，一条不重、一条不漏。"""
    rows = "SELECT 'escrow.tasks.purge', 'N' || n, 1, 'done', 1 FROM generate_series(1, 120) n"
    force(house, f"INSERT INTO task_run (task, subject, took_ms, outcome, handled) {rows}")
    seat = sit_down(app, hire(house.database, house.settings, "shen", "reviewer"))
    seen, path = [], "/night/runs?task=purge"
    while path:
        page = seat.get(path).text
        seen += re.findall(r"（N(\d+)）", page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert seen == [str(n) for n in range(120, 0, -1)]
