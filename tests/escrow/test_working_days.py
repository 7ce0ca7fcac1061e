"""工作日依当年放假通知，调休上班的周末也算；没有录入的年份绝不推算，点名拒绝，并提前报警。"""

import re
from datetime import date, timedelta

import chinese_calendar
import psycopg
import pytest

from config.clock import bureau_day
from config.regulations import law_on
from escrow.errors import Invalid, Refused
from escrow.rehearsal.announcing import make_up_years
from escrow.workdays.actions import Notice, calendar, confirm, enter, reject
from escrow.workdays.rules import WorkingYearUnknown as Unknown
from escrow.workdays.rules import Year, day_faults, read_days
from tests.days import CALENDAR
from tests.desk import hire, sit_down

LAW = law_on(bureau_day(), "presale_funds", "141130")
FIXED = read_days("2099-01-01、2099-05-01，2099-10-01至2099-10-03")
NOTICE = Notice(2099, "国办发明电〔2098〕1号", "ab" * 32, Year(FIXED, read_days("2099-10-10")))
FORM = {
    "year": "2099", "notice_no": NOTICE.notice_no, "file_hash": NOTICE.file_hash,
    "holidays": "2099-01-01、2099-05-01 2099-10-01至2099-10-03", "working_weekends": "2099-10-10",
}  # fmt: skip


def test_the_seed_is_what_the_notices_said():
    """随系统提供的 2004 至 2026 年，与 chinesecalendar 所载通知逐日一致。"""
    day, last = date(2004, 1, 1), date(2026, 12, 31)
    while day <= last:
        assert CALENDAR.is_working_day(day) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "works"),
    [("2026-11-20", True), ("2026-11-21", False), ("2026-10-01", False), ("2026-10-10", True)],
)
def test_a_working_day_is_one_by_the_notice(day, works):
    """法定节假日不是工作日，调休的周六是。"""
    assert CALENDAR.is_working_day(date.fromisoformat(day)) is works


@pytest.mark.parametrize(
    ("day", "days", "due"),
    [
        ("2026-11-20", 0, "2026-11-20"),
        ("2026-11-20", 1, "2026-11-23"),
        ("2026-09-30", 1, "2026-10-08"),  # 国庆长假之后
        ("2026-10-09", 1, "2026-10-10"),  # 调休周六
        ("2026-09-30", 3, "2026-10-10"),
        ("2026-12-30", 1, "2026-12-31"),
    ],
)
def test_working_days_are_counted_past_holidays(day, days, due):
    """期限按工作日数：跨长假顺延，调休日计入，当日不计；逾期自次日起。"""
    begun, end = date.fromisoformat(day), date.fromisoformat(due)
    assert CALENDAR.working_days_after(begun, days) == end
    assert not CALENDAR.overdue(begun, days, end)
    if end < date(2026, 12, 31):
        assert CALENDAR.overdue(begun, days, end + timedelta(days=1))


def test_an_unknown_year_is_never_guessed():
    """期限落在没有录入的年份，点名那一年并说明怎么办；不须那一年的照算。"""
    with pytest.raises(Unknown, match=r"2027 年的放假通知尚未录入.*另一人员确认"):
        CALENDAR.working_days_after(date(2026, 12, 31), 1)
    assert CALENDAR.working_days_after(date(2027, 6, 1), 0) == date(2027, 6, 1)
    assert CALENDAR.missing(date(2026, 10, 31), 2) == []
    assert CALENDAR.missing(date(2026, 11, 1), 2) == [2027]
    assert CALENDAR.missing(date(2027, 3, 1), 2) == [2027]


def test_what_cannot_be_a_years_days_is_refused_by_field():
    """别的年份、缺法定节日、平日调休、既放又上，逐项指出；日子读不懂也指出哪一个。"""
    assert day_faults(2099, NOTICE.days) == {}
    assert "2098" in day_faults(2099, Year(FIXED | {date(2098, 12, 31)}, frozenset()))["holidays"]
    assert "2099-05-01" in day_faults(2099, Year(FIXED - {date(2099, 5, 1)}, frozenset()))["holidays"]
    monday = frozenset({date(2099, 10, 12)})
    assert "不是周末" in day_faults(2099, Year(FIXED, monday))["working_weekends"]
    both = frozenset({date(2099, 10, 3)})
    assert "既放假又上班" in day_faults(2099, Year(FIXED, both))["working_weekends"]
    for said in ("2099-13-01", "五一", "2099-05-03至2099-05-01", "2099-01-01至2099-12-31"):
        with pytest.raises(ValueError, match=r"不是日子|起止"):
            read_days(said)


@pytest.fixture
def people(app, house):
    return [hire(house.database, house.settings, name, role) for name, role in PEOPLE]


PEOPLE = (("clerk", "register"), ("reviewer", "reviewer"), ("second", "reviewer"))


def ids(house):
    with house.connect() as connection:
        return dict(connection.execute("SELECT username, id FROM officer").fetchall())


def test_a_year_takes_two_officers_and_a_correction_replaces_it(house, people):
    """一人录入、另一人确认才生效；更正替换旧的，旧的留着；待确认时不能再录；退回的不生效。"""
    who, begin = ids(house), house.database.begin
    with begin() as session:
        first = enter(session, NOTICE, LAW, officer_id=who["clerk"])
    with begin() as session, pytest.raises(Unknown):
        calendar(session).working_days_after(date(2099, 3, 2), 1)
    with begin() as session, pytest.raises(Refused, match="已有一份待确认"):
        enter(session, NOTICE, LAW, officer_id=who["second"])
    with begin() as session, pytest.raises(Refused, match="由您录入"):
        confirm(session, first, LAW, officer_id=who["clerk"])
    with begin() as session:
        calendar(session)
        confirm(session, first, LAW, officer_id=who["reviewer"])
        assert calendar(session).is_working_day(date(2099, 10, 10))
    with begin() as session, pytest.raises(Refused, match="现行"):
        confirm(session, first, LAW, officer_id=who["second"])
    with begin() as session, pytest.raises(Invalid):
        enter(session, Notice(2098, "x", "ab" * 32, NOTICE.days), LAW, officer_id=who["clerk"])

    shorter = Notice(2099, "更正", "cd" * 32, Year(FIXED, frozenset()))
    for decide, works in ((reject, True), (confirm, False)):
        with begin() as session:
            row_id = enter(session, shorter, LAW, officer_id=who["clerk"])
        with begin() as session:
            told = {"reason": "文号不对"} if decide is reject else {}
            decide(session, row_id, LAW, officer_id=who["reviewer"], **told)
        with begin() as session:
            assert calendar(session).is_working_day(date(2099, 10, 10)) is works
    with house.connect() as connection:
        found = connection.execute("SELECT status FROM working_year WHERE year = 2099 ORDER BY id").fetchall()
    assert found == [("superseded",), ("rejected",), ("in-force",)]


ATTACKS = {
    "直接写成现行": "INSERT INTO working_year (year, status, notice_no) VALUES (2098, 'in-force', 'x')",
    "无人录入": "INSERT INTO working_year (year, status, notice_no) VALUES (2098, 'entered', 'x')",
    "别的年份的日子": "INSERT INTO working_year (year, status, notice_no, file_hash, entered_by, holidays)"
    " SELECT 2098, 'entered', 'x', 'h', 1, holidays FROM working_year WHERE year = 2026",
    "改已生效的日子": "UPDATE working_year SET holidays = '{}' WHERE year = 2026",
    "撤去一年": "UPDATE working_year SET status = 'superseded' WHERE year = 2026",
    "删除": "DELETE FROM working_year WHERE year = 2026",
    "清空": "TRUNCATE working_year",
}


@pytest.mark.parametrize("statement", ATTACKS.values(), ids=list(ATTACKS))
def test_the_table_refuses_what_the_program_would_not_do(house, statement):
    """绕过程序直接写库，数据库一样拒绝，属主也不例外。"""
    with pytest.raises(psycopg.Error), house.connect("owner") as connection:
        connection.execute(statement)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_only_the_demo_makes_a_year_up_and_says_so(house, people):
    """演示跑到没有通知的年份时自拟一份，写明并非通知；已知的年份不动。"""
    assert make_up_years(house.database, "141130") == []
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        forget = "UPDATE working_year SET status = 'superseded' WHERE year = %s"
        connection.execute(forget, [bureau_day().year])
    assert make_up_years(house.database, "141130") == [bureau_day().year]
    with house.connect() as connection:
        query = "SELECT notice_no FROM working_year WHERE year = %s AND status = 'in-force'"
        assert connection.execute(query, [bureau_day().year]).fetchall() == [("演示用，并非放假通知",)]


def test_the_pages_show_a_year_as_a_calendar_and_warn_of_a_missing_one(app, house, people):
    """录入页逐项指出差错；月历标出放假与调休；另一人确认后生效；缺当年时首页与健康指标报警。"""
    clerk, reviewer = sit_down(app, people[0]), sit_down(app, people[1])
    assert "不在 2099 年" in clerk.post("/working-days", {**FORM, "holidays": "2098-01-01"}).text
    shown = clerk.post("/working-days", FORM)
    assert shown.status_code == 303
    path = shown.headers["Location"]
    page = clerk.get(path).text
    assert '<td class="holiday">1<b>休</b></td>' in page and '<td class="exchanged">10<b>班</b></td>' in page
    assert clerk.post(f"{path}/confirm").status_code == 403
    assert reviewer.post(f"{path}/confirm", {"totp": reviewer.who.code()}).status_code == 303
    assert "现行" in reviewer.get(path).text and "所据规定" in reviewer.get(path).text

    this_year = f"{bureau_day().year} 年"
    assert f"{this_year}的放假通知" not in clerk.get("/").text.replace("、", " ")
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        forget = "UPDATE working_year SET status = 'superseded' WHERE year = %s"
        connection.execute(forget, [bureau_day().year])
    assert "放假通知尚未录入" in clerk.get("/").text
    assert f"{this_year}的放假通知尚未录入" in clerk.get("/readyz").get_json()["warnings"]
    figures = clerk.get("/metrics").text
    [told] = re.findall(r'escrow_working_years_missing{region="[0-9]+"} ([0-9.]+)', figures)
    assert float(told) >= 1
