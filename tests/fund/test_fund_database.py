"""分户账、楼幢、小区、专户：每发生一笔，各级合计都相符；绕过程序直接写库也一样。"""

import threading
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from escrow.errors import Refused
from escrow.maintenance import chart
from escrow.maintenance.actions import AskedAccount, enter_account, open_fund, reject_fund
from escrow.maintenance.chart import HEADINGS, HOUSE_CODES, Nature, house_key
from ledger.movements import Movement
from tests.fund.fund_estate import FundEstate, build_fund


def scene_of(house, app):
    """A fund account with its houses (有房屋的专户)."""
    return SimpleNamespace(estate=build_fund(house))


def refused_by(call):
    """The constraint that said no (拒绝的约束名)."""
    with pytest.raises((IntegrityError, psycopg.errors.CheckViolation)) as refused:
        call()
    error = getattr(refused.value, "orig", refused.value)
    return error.diag.constraint_name


def bank(amount, house_id, code="400101"):
    return ((chart.BANK_COMMODITY, ""), (code, house_key(house_id)), amount)


def test_every_movement_goes_between_headings_of_the_chart():
    """科目表自洽：每条去向两端都在科目表内，备查与资金不相混，分户科目不设下限。"""
    movements = [one for one in vars(chart).values() if isinstance(one, Movement)]
    assert len(movements) > 30
    for one in movements:
        for debit, credit in one.routes:
            assert {debit, credit} <= HEADINGS.keys(), one
            assert (debit[0] == "9") == (credit[0] == "9"), (one.code, debit, credit)
    assert all(HEADINGS[code].floor is None for code in HOUSE_CODES)


def test_a_payment_shows_at_every_level(empty_house):
    """一户交存，分户、楼幢、小区、专户同时增加，代缴的另记待归还。"""
    estate = build_fund(empty_house, buildings=2, units=3)
    one, other = estate.ids[0], estate.ids[4]
    estate.advance(one, "6912.00")
    assert estate.stands(one) == ("6912.00", "0.00", "6912.00")
    assert estate.disagreements() == []
    estate.deposit(other, "0.01")
    assert estate.stands(other) == ("0.01", "0.00", "0.00")
    assert estate.disagreements() == []
    with empty_house.connect("reader") as connection:
        found = connection.execute("SELECT balance FROM building_balance ORDER BY 1").fetchall()
        assert found == [(1,), (691200,)]
        [row] = connection.execute(
            "SELECT buildings, houses, in_houses, undivided, balance, owed FROM community_balance").fetchall()
        assert row == (2, 6, 691201, 0, 691201, 691200)
        found = connection.execute("SELECT balance, at_bank FROM fund_balance").fetchall()
        assert found == [(691201, 691201)]


def test_a_house_never_goes_below_zero_nor_below_what_is_held(estate):
    """分户余额不得透支，也不得低于已占用的数；差一分也不行。"""
    one, key = estate.ids[0], house_key(estate.ids[0])
    estate.deposit(one, "100.00")
    hold = ((chart.USE_CONTRA, "trial"), (chart.USE_HOLD, key))
    assert refused_by(lambda: estate.move(chart.HOLD_USE, (*hold, "100.01"))) == "ck_house_balance_held"
    estate.move(chart.HOLD_USE, (*hold, "60.00"))
    estate.without_papers()
    spend = ((chart.WORKS, key), (chart.BANK_COMMODITY, ""))
    assert refused_by(lambda: estate.move(chart.PAY_USE, (*spend, "40.01"))) == "ck_house_balance_held"
    freed = (hold[1], hold[0], "60.00")
    estate.deposit(estate.ids[1], "100.00")
    pay = lambda: estate.move(chart.PAY_USE, (*spend, "100.01"), freed)  # noqa: E731
    assert refused_by(pay) == "ck_house_balance_balance"
    estate.move(chart.PAY_USE, (*spend, "60.00"), freed)
    assert estate.stands(one) == ("40.00", "0.00", "0.00")
    assert estate.disagreements() == []


def test_one_house_cannot_spend_what_another_has(estate):
    """小区有钱不等于本户有钱：本户没有余额，动用一分也不行。"""
    estate.deposit(estate.ids[0], "100.00")
    estate.without_papers()
    spend = ((chart.WORKS, house_key(estate.ids[1])), (chart.BANK_COMMODITY, ""), "0.01")
    assert refused_by(lambda: estate.move(chart.PAY_USE, spend)) == "ck_house_balance_balance"


def test_no_money_leaves_without_a_paper(estate):
    """专户出账须有凭据：没有凭据的，事务结束时拒绝。"""
    estate.deposit(estate.ids[0], "100.00")
    back = ((chart.DEPOSITS[Nature.COMMODITY], house_key(estate.ids[0])), (chart.BANK_COMMODITY, ""), "1.00")
    assert refused_by(lambda: estate.move(chart.REFUND, back)) == "fund_outflow_explained"
    estate.move(chart.MOVE_SUBACCOUNT, ((chart.BANK_BONDS, ""), (chart.BANK_COMMODITY, ""), "50.00"))
    assert estate.disagreements() == []


def test_a_book_knows_only_its_own_houses_and_their_nature(house):
    """别的专户的房屋、不存在的房屋、性质不符的科目，账户都开不出来。"""
    mine = build_fund(house, natures=[Nature.COMMODITY, Nature.PUBLIC])
    other = build_fund(house)
    private, public = mine.ids[:2]
    for code, key in (
        ("400101", house_key(other.ids[0])), ("400101", "house:999999"), ("400101", "house:01"),
        ("400101", ""), ("400101", house_key(public)), ("3002", house_key(private)),
        ("9101", f"community:{mine.community_id}"), ("3002", f"community:{mine.community_id}"),
        ("3001", f"community:{mine.community_id}:public"), ("3001", f"community:{other.community_id}"),
    ):  # fmt: skip
        movement = Movement("T", "试记", frozenset({(chart.BANK_COMMODITY, code)}))
        line = ((chart.BANK_COMMODITY, ""), (code, key), "1.00")
        assert refused_by(lambda at=movement, one=line: mine.move(at, one)) == "fund_dimension", (code, key)
    mine.deposit(public, "5.00")
    mine.move(
        Movement("T", "试记", frozenset({(chart.BANK_PUBLIC, "3002")})),
        ((chart.BANK_PUBLIC, ""), ("3002", chart.community_key(mine.community_id, Nature.PUBLIC)), "2.00"),
    )
    assert mine.stands(public) == ("5.00", "0.00", "0.00")
    assert mine.disagreements() == []


def test_balances_move_only_with_the_books(house, estate):
    """分户余额由账簿带动：应用改不了，表主改了也查得出来，且指明是哪一户。"""
    estate.deposit(estate.ids[0], "10.00")
    with house.connect("app") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE house_balance SET balance = 0")
    with house.connect("owner") as connection:
        connection.execute("UPDATE house_balance SET balance = 999 WHERE house_id = %s", (estate.ids[0],))
    found = estate.disagreements()
    assert {rule for rule, _ in found} == {"house", "building", "community"}
    assert estate.codes[0] in found[0][1]


def test_what_stands_of_a_house_is_fixed(house, estate):
    """建账后，编码、面积、性质、所在楼幢直接写库也改不动；有余额的不得销户；首期应缴只定一次。"""
    one = estate.ids[0]
    estate.deposit(one, "0.01")
    with house.connect("owner", autocommit=True) as connection:
        for change, name in (
            ("area = area + 1", "house_steps"), ("nature = 'public'", "house_steps"),
            ("unit_code = reverse(unit_code)", "house_steps"), ("community_building_id = 2", "house_steps"),
            ("status = 'closed'", "house_empty"),
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.CheckViolation) as refused:
                connection.execute(f"UPDATE house SET {change} WHERE id = {one}")
            assert refused.value.diag.constraint_name == name, change
        whole = "first_due_on = now(), first_due_standard = '72.00', first_due_citation = '依据'"
        with house.connect("superuser", autocommit=True) as past_the_guards:
            past_the_guards.execute("SET session_replication_role = replica")
            with pytest.raises(psycopg.errors.CheckViolation):
                past_the_guards.execute("UPDATE house SET first_due = 691200 WHERE id = %s", (one,))
            past_the_guards.execute(f"UPDATE house SET first_due = 691200, {whole} WHERE id = %s", (one,))
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE house SET first_due = 691201 WHERE id = %s", (one,))
        for name in ("house", "community", "community_building", "fund_account", "house_balance"):
            with pytest.raises(psycopg.Error):
                connection.execute(f"DELETE FROM {name}")


def test_a_fund_account_is_opened_by_two(house, estate):
    """专户一人录入、另一人确认；本人不得确认；同账号、同地同行不得再设；退回后可重新录入。"""
    maker, checker = estate.officers
    asked = AskedAccount("6222990099999999", "另一专户", "CCB", "141130", "专户〔2026〕9号")

    def codes(call):
        with pytest.raises(Refused) as refused:
            estate.do(call)
        return [one.code for one in refused.value.refusals]

    again = AskedAccount(estate.account_no, "重复", "ICBC", "141130", "号")
    assert codes(lambda s: enter_account(s, again, officer_id=maker)) == ["fund-account-known"]
    first = estate.do(lambda s: enter_account(s, asked, officer_id=maker))
    there = AskedAccount("6222990088888888", "同行", "CCB", "141130", "号")
    assert codes(lambda s: enter_account(s, there, officer_id=maker)) == ["fund-account-there"]
    assert codes(lambda s: open_fund(s, first, officer_id=maker)) == ["same-officer"]
    estate.do(lambda s: reject_fund(s, first, "户名不符", officer_id=checker))
    assert codes(lambda s: open_fund(s, first, officer_id=checker)) == ["already-decided"]
    second = estate.do(lambda s: enter_account(s, asked, officer_id=maker))
    estate.do(lambda s: open_fund(s, second, officer_id=checker))
    with house.connect("owner") as connection, pytest.raises(psycopg.errors.CheckViolation) as refused:
        connection.execute(
            "INSERT INTO fund_account (account_no, account_name, bank_code, region, document_no, status,"
            " entered_by) VALUES ('1', 'x', 'X', '141130', 'x', 'entered', %s) RETURNING id", (maker,))
        connection.execute(
            "UPDATE fund_account SET status = 'rejected', reason = 'x', decided_by = entered_by,"
            " decided_at = now() WHERE account_no = '1'")
    assert refused.value.diag.constraint_name == "ck_fund_account_two_officers"


def test_fund_estate_is_shared(house):
    """试验账的批量交存与逐笔交存结果一样。"""
    estate: FundEstate = build_fund(house, buildings=1, units=4)
    estate.deposits(dict.fromkeys(estate.ids, "100.00"))
    assert {estate.stands(one) for one in estate.ids} == {("100.00", "0.00", "0.00")}
    assert estate.disagreements() == []


def test_two_at_once_cannot_spend_a_house_twice(estate):
    """同一户余额一百元，两笔各用六十元的支出同时记账：只成一笔，另一笔被拒，余额不为负。"""
    one = estate.ids[0]
    estate.deposits({one: "100.00", estate.ids[1]: "100.00"})
    estate.without_papers()
    gate, said = threading.Barrier(2), []

    def spend(code):
        line = ((code, house_key(one)), (chart.BANK_COMMODITY, ""), "60.00")
        gate.wait(10)
        try:
            estate.move(chart.PAY_USE, line)
            said.append("done")
        except IntegrityError as refused:
            said.append(refused.orig.diag.constraint_name)

    threads = [threading.Thread(target=spend, args=(code,)) for code in (chart.WORKS, chart.SURVEYS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(said) == ["ck_house_balance_balance", "done"]
    assert estate.stands(one) == ("40.00", "0.00", "0.00")
    assert estate.disagreements() == []


def test_a_batch_that_breaks_one_house_books_nothing(estate):
    """一批凭证里有一户透支，整批都不记；别的户不受影响。"""
    one, other = estate.ids[:2]
    estate.deposits({one: "10.00", other: "10.00"})
    estate.without_papers()
    lines = [((chart.WORKS, house_key(at)), (chart.BANK_COMMODITY, ""), amount) for at, amount in
             ((one, "9.99"), (other, "10.01"))]  # fmt: skip
    assert refused_by(lambda: estate.move(chart.PAY_USE, *lines)) == "ck_house_balance_balance"
    assert estate.stands(one) == estate.stands(other) == ("10.00", "0.00", "0.00")
    assert estate.disagreements() == []
