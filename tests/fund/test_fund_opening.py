"""维修资金期初导入：两人办理，整件成立或整件不成立，与银行余额证明分文不差，数据库自己守着。"""

from datetime import timedelta
from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from escrow.errors import Invalid, Refused
from escrow.fund_income import periods, sharing
from escrow.fund_income.rules import Basis, shares
from escrow.fund_opening.actions import approve, reject
from escrow.fund_opening.loading import carry_out
from escrow.maintenance import chart
from escrow.maintenance.chart import Nature
from escrow.maintenance.reading import unit_seen
from ledger.money import Yuan
from tests.fund.fund_estate import build_fund, empty_fund
from tests.fund.opening_files import as_xlsx, booked, entered, handed, home, status, stored, total

PUBLIC = {"房屋性质": "已售公有住房"}


def scene_of(house, app):
    """A fund account with nothing under it yet (空专户)."""
    return SimpleNamespace(fund=empty_fund(house))


def rows_of():
    """三户商品住宅，一户公房，一户从未交存。"""
    return [
        home(0), home(1), {**home(46), **PUBLIC}, {**home(47), "首期交存额": "0.00", "余额": "0.00"}, home(2),
    ]  # fmt: skip


def codes(refused):
    return [one.code for one in refused.value.refusals]


def counts(fund):
    with fund.house.connect("reader") as connection:
        return connection.execute(
            "SELECT (SELECT count(*) FROM house), (SELECT count(*) FROM community),"
            " (SELECT count(*) FROM ledger.journal_entry), (SELECT count(*) FROM owner_change)"
        ).fetchone()


def test_a_file_is_booked_whole_and_every_level_agrees(fund):
    """两人办完：逐户余额、首期、业主、待分配收益入账，一个小区一张凭证，各级相符。"""
    rows = rows_of()
    number = booked(fund, handed(fund, rows, aside="123.45", as_of=bureau_day() - timedelta(days=30)))
    assert status(fund, number) == ("booked", [])
    assert counts(fund) == (5, 2, 3, 5)
    assert fund.disagreements() == []
    with fund.house.connect("reader") as connection:
        found = connection.execute(
            "SELECT h.unit_code, b.balance, h.first_due, h.first_due_on, h.nature FROM house h"
            " JOIN house_balance b ON b.house_id = h.id ORDER BY h.id"
        ).fetchall()
        bank = dict(connection.execute(
            "SELECT a.code, b.balance FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id"
            " WHERE a.key = '' AND a.code IN ('100101', '100102', '310101')"
        ).fetchall())  # fmt: skip
        days = connection.execute("SELECT DISTINCT effective_on FROM ledger.journal_entry").fetchall()
    assert [(one[0], one[1]) for one in found] == [
        (row["不动产单元代码"], Yuan(row["余额"]).fen) for row in rows
    ]
    assert [one[2] for one in found] == [691200, 691200, 691200, None, 691200]
    assert bank == {
        "100101": (Yuan(total(rows)) + Yuan("123.45")).fen, "310101": 12345,
        "100102": Yuan(total(rows, "已售公有住房")).fen,
    }  # fmt: skip
    assert days == [(bureau_day() - timedelta(days=30),)]


def test_a_house_that_was_opened_owes_nothing_more(fund):
    """导入的首期交存额即已缴足；从未交存的，按付款日的标准仍应缴。"""
    rows = rows_of()
    number = booked(fund, handed(fund, rows))
    with fund.house.database.read() as session:
        seen = unit_seen(session, rows[0]["不动产单元代码"])
        never = unit_seen(session, rows[3]["不动产单元代码"])
    assert (str(seen.due.amount), str(seen.paid), str(seen.outstanding)) == ("6912.00", "6912.00", "0.00")
    assert number in seen.due.citation and "本局设定" in seen.due.citation
    assert (str(never.paid), str(never.outstanding)) == ("0.00", "6912.00")


def test_owners_are_sealed(fund):
    """业主姓名与证件号码加密保存，页面只见脱敏；同一证件号可以检索。"""
    booked(fund, handed(fund, rows_of()))
    with fund.house.connect("reader") as connection:
        found = connection.execute(
            "SELECT name_masked, id_no_masked, position(%s::bytea in name_sealed), length(id_no_index)"
            " FROM house_owner ORDER BY id", ("王秀英".encode(),),
        ).fetchall()  # fmt: skip
    assert found[0] == ("王**", "110105********002X", 0, 32)
    assert ("张**", None, 0, None) in found


def test_the_same_file_is_refused_twice(fund):
    """同一文件不得导入两次：待批准时不行，入账之后也不行；退回之后可以。"""
    asked = handed(fund, rows_of())
    opening_id, number = entered(fund, asked)
    with pytest.raises(Refused) as refused:
        stored(fund, asked)
    assert codes(refused) == ["file-loaded"]
    fund.do(lambda session: reject(session, number, "证明有误", officer_id=fund.officers[1]))
    again = handed(fund, rows_of())
    number = booked(fund, again)
    assert status(fund, number)[0] == "booked"
    with pytest.raises(Refused) as refused:
        stored(fund, again)
    assert codes(refused) == ["file-loaded", "file-reused"]
    assert not carry_out(fund.house.database, fund.house.settings, opening_id)


def test_the_one_who_uploads_does_not_approve(fund):
    """上传人不得批准；定了的不再决定。"""
    opening_id, number = entered(fund, handed(fund, rows_of()))
    with pytest.raises(Refused) as refused:
        fund.do(lambda session: approve(session, number, officer_id=fund.officers[0]))
    assert codes(refused) == ["same-officer"]
    fund.do(lambda session: approve(session, number, officer_id=fund.officers[1]))
    with pytest.raises(Refused) as refused:
        fund.do(lambda session: reject(session, number, "迟了", officer_id=fund.officers[1]))
    assert codes(refused) == ["already-decided"]
    with pytest.raises(psycopg.errors.CheckViolation), fund.house.connect() as connection:
        connection.execute(
            "UPDATE fund_opening SET decided_by = entered_by WHERE id = %s", (opening_id,)
        )


def test_nothing_is_left_of_a_faulty_file(fund):
    """有一处错误，一户也不导入；错误逐行逐列写明，不只第一处。"""
    rows = [*rows_of()]
    rows += [{**home(3), "余额": "-1.00"}, {**home(0), "房号": "999"}, {**home(5), "建筑面积": "九十六"}]
    _, number = entered(fund, handed(fund, rows_of(), as_xlsx(rows, numbers=False)))
    found = status(fund, number)
    assert found[0] == "faulty"
    assert [(row, column) for row, column, _ in found[1]] == [(7, "余额"), (9, "建筑面积")]
    assert counts(fund) == (0, 0, 0, 0)


def test_sums_must_be_what_the_bank_says(fund):
    """按性质与银行余额证明分文不差：商品住宅多一分、公房少一分，各说各的。"""
    rows = rows_of()
    bank = {
        Nature.COMMODITY: Yuan(total(rows)) - Yuan("0.01"),
        Nature.PUBLIC: Yuan(total(rows, "已售公有住房")) + Yuan("0.01"),
    }
    _, number = entered(fund, handed(fund, rows, bank=bank))
    said = [message for _, _, message in status(fund, number)[1]]
    assert len(said) == 2 and "相差 0.01 元" in said[0] and "相差 -0.01 元" in said[1]


def test_what_changed_meanwhile_is_seen_when_it_is_booked(fund):
    """待批准期间，同一户由另一件先入了账：批准后加锁重新核对，入账未成，什么也不留下。"""
    first, number = entered(fund, handed(fund, rows_of()))
    booked(fund, handed(fund, [{**home(0), "余额": "1.00"}]))
    before = counts(fund)
    fund.do(lambda session: approve(session, number, officer_id=fund.officers[1]))
    assert carry_out(fund.house.database, fund.house.settings, first)
    found = status(fund, number)
    assert found[0] == "failed" and found[1] == [[2, "不动产单元代码", "这套房屋已有分户账"]]
    assert counts(fund) == before


def test_a_second_file_joins_a_community_brought_before(fund):
    """同一小区可以分几件导入；结构与先前不一致的不收。"""
    booked(fund, handed(fund, [home(0)]))
    booked(fund, handed(fund, [home(1)]))
    assert counts(fund)[:2] == (2, 1)
    _, number = entered(fund, handed(fund, [{**home(2), "结构": "高层"}]))
    assert status(fund, number)[1] == [[2, "结构", "与同幢其他各户的结构不一致"]]


def test_houses_of_the_register_do_not_come_by_file(house):
    """楼盘表里的房屋依楼盘表建账，已建账的不再导入，依楼盘表建账的小区不由期初导入。"""
    fund = build_fund(house)
    rows = [{**home(0), "不动产单元代码": fund.codes[0], "小区": "安居苑"}]
    _, number = entered(fund, handed(fund, rows))
    assert [(one[1], one[2][:11]) for one in status(fund, number)[1]] == [
        ("不动产单元代码", "这套房屋已有分户账"), ("小区", "这个小区依楼盘表建账，"),
    ]  # fmt: skip


def test_a_day_to_come_and_a_day_that_is_closed_are_refused(fund):
    """余额日期不能晚于今天；已结转的日子不再记账。"""
    with pytest.raises(Invalid):
        stored(fund, handed(fund, rows_of(), as_of=bureau_day() + timedelta(days=1)))
    with fund.house.connect("owner") as connection:
        closed = (fund.book_id, bureau_day() - timedelta(days=3))
        connection.execute("SELECT ledger.close_day(%s, %s)", closed)
    with pytest.raises(Refused) as refused:
        stored(fund, handed(fund, rows_of(), as_of=bureau_day() - timedelta(days=3)))
    assert codes(refused) == ["day-closed"]


def test_no_opening_entry_and_no_old_house_without_a_file(fund):
    """数据库：没有正在入账的期初，就没有期初凭证；没有楼盘表也没有期初的房屋建不了账。"""
    booked(fund, handed(fund, [home(0)]))
    with fund.house.connect("reader") as connection:
        house_id, place = connection.execute("SELECT id, community_building_id FROM house").fetchone()
    with pytest.raises(Exception, match="no opening of its book"):
        fund.move(chart.OPENING, (("100101", ""), ("3001", chart.house_key(house_id)), "1.00"))
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="of no register and of no opening"),
        fund.house.connect() as connection,
    ):
        connection.execute(
            "INSERT INTO house"
            " (community_building_id, unit_code, room_no, area, use, nature, status, built_by)"
            " VALUES (%s, %s, '1', 1, 'residential', 'commodity', 'built', %s)",
            (place, home(9)["不动产单元代码"], fund.officers[0]),
        )
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for attack in (
        "UPDATE fund_opening SET bank_commodity = 1", "UPDATE fund_opening SET status = 'entered'",
        "DELETE FROM fund_opening", "UPDATE house_opening SET balance = 0", "DELETE FROM house_owner",
        "UPDATE owner_change SET from_day = '2020-01-01'",
    ):  # fmt: skip
        with pytest.raises(psycopg.Error), fund.house.connect() as connection:
            connection.execute(attack)


def test_what_is_booked_is_what_the_file_counts(fund):
    """数据库：把文件标成已入账而账上没有，提交不了。"""
    _, number = entered(fund, handed(fund, rows_of()))
    fund.do(lambda session: approve(session, number, officer_id=fund.officers[1]))
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="the book says"),
        fund.house.connect() as connection,
    ):
        connection.execute(
            "UPDATE fund_opening SET status = 'booked', booked_in = pg_current_xact_id()::text::bigint,"
            " booked_at = now() WHERE opening_no = %s", (number,),
        )  # fmt: skip
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_interest_is_earned_from_the_opening_day(fund):
    """按日加权：余额日期不同的两户，各自从余额日期起算天数，所得恰为规则所定之数。"""
    last = bureau_day().replace(day=1) - timedelta(days=1)
    first, eleventh = last.replace(day=1), last.replace(day=11)
    with fund.house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE fund_account SET opened_on = %s", (first,))
    rows = [{**home(0), "余额": "1000.00"}, {**home(1), "余额": "1000.00"}]
    booked(fund, handed(fund, rows[:1], as_of=first, aside="100.00"))
    booked(fund, handed(fund, rows[1:], as_of=eleventh))
    maker, checker = fund.officers
    fund.do(lambda s: periods.close_month(s, fund.fund_id, first, officer_id=checker))
    asked = sharing.Proposal(fund.fund_id, Nature.COMMODITY, first, last, Basis.DAYS)
    run_no = fund.do(lambda s: sharing.propose(s, asked, officer_id=maker))
    sharing.carry_out(fund.house.database, run_no)
    fund.do(lambda s: sharing.approve(s, run_no, officer_id=checker))
    sharing.carry_out(fund.house.database, run_no)
    weights = [(row["不动产单元代码"], 100000 * days) for row, days in zip(
        rows, (last.day, last.day - 10), strict=True)]  # fmt: skip
    with fund.house.connect("reader") as connection:
        found = connection.execute("SELECT balance FROM house_balance ORDER BY house_id").fetchall()
    assert [one[0] - 100000 for one in found] == shares(10000, weights)
    assert fund.disagreements() == []
