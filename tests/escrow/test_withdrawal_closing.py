"""用款一部分付出、一部分银行没付：余款由一名未录入的人员写理由了结，付出的不变，没付的放开。"""

from decimal import Decimal

import pytest

from config.clock import bureau_day
from escrow import chart
from escrow.instructions.results import Result, record
from escrow.instructions.rules import Outcome
from escrow.withdrawals.closing import close_rest
from escrow.withdrawals.deciding import revoke
from escrow.withdrawals.rules import Channel
from ledger.money import Yuan
from tests.estate import new_number
from tests.noding import reached
from tests.refunding import refused
from tests.sale import row
from tests.withdrawing import BUILDER_ACCOUNT, at_work, funded, site_of

CLOSE = "UPDATE withdrawal SET status = 'closed', revoked_by = {who}, reason = '付不出去'"


scene_of = at_work


def said(site, number, outcome, amount, serial=None):
    """The bank answers an order (银行答复)."""
    told = site.estate.house.settings
    result = Result(
        number, outcome, serial or new_number("F"), Yuan(amount), BUILDER_ACCOUNT, bureau_day(), "账户不符"
    )
    return site.estate.do(lambda session: record(session, result, "ABC", told))


def half_paid(site, first="100000.00", second="50000.00", **changed):
    """The first line paid, the second refused by the bank; number and orders (一付一未付)."""
    number = site.approved(first, second, **changed)
    orders = site.issue(number).numbers
    said(site, orders[0], Outcome.PAID, first)
    said(site, orders[1], Outcome.FAILED, second)
    return number, orders


def closed(site, number, who, reason="施工单位账户已注销"):
    return site.estate.do(lambda session: close_rest(session, number, officer_id=who, reason=reason))


def codes(site, number, who):
    return refused(
        site.estate, lambda session: close_rest(session, number, officer_id=who, reason="x")
    )  # fmt: skip


def state(site, number):
    query = "SELECT status, reason, revoked_by FROM withdrawal WHERE withdrawal_no = :n"
    return tuple(row(site.estate, query, n=number))


def test_the_rest_is_given_up_and_what_was_paid_stays(site, people):
    """已付十万元不变，未付五万元回到楼幢一般监管资金，没有占用留下；了结人与理由可查。"""
    number, _ = half_paid(site)
    before = site.estate.held()
    assert closed(site, number, people.third) == Yuan("50000.00")
    assert site.estate.held() == before
    assert site.building(chart.GENERAL_FUNDS) == "300000.00" and site.under(chart.WITHDRAWAL_HOLD) == []
    assert state(site, number) == ("closed", "施工单位账户已注销", people.third)
    assert refused(site.estate, lambda s: issued(site, s, number)) == ["not-approved"]
    assert codes(site, number, people.third) == ["not-closable"]


def issued(site, session, number):
    from escrow.withdrawals.issuing import issue_withdrawal

    return issue_withdrawal(session, number, site.estate.house.settings, officer_id=site.people.issuer)


def test_key_amounts_return_with_what_was_not_paid(house, people):
    """支用制：未付部分的重点已拨额随银行答复退回，了结之后节点额度可以再用。"""
    site = site_of(house, people, mode="draw_down")
    site.estate.put("1", "600000.00")
    reached(site.estate, (people.clerk, people.reviewer), "主体结构验收")
    number, _ = half_paid(site, "200000.00", "160000.00", channel=Channel.KEY)
    assert site.building(chart.KEY_PAID) == "200000.00"
    assert closed(site, number, people.third) == Yuan("160000.00")
    again = site.approved("160000.00", channel=Channel.KEY)
    site.issue(again)
    assert site.building(chart.KEY_PAID) == "360000.00"


def test_one_officer_who_did_not_enter_it_gives_it_up_and_only_when_the_bank_has_answered(site, people):
    """录入人不能了结；还有一笔没答复的不能；一笔都没付的是撤销，不是了结；全部付清的无可了结。"""
    number = site.approved("100000.00", "50000.00")
    assert codes(site, number, people.third) == ["not-closable"]
    orders = site.issue(number).numbers
    assert codes(site, number, people.third) == ["orders-waiting"]
    said(site, orders[0], Outcome.FAILED, "100000.00")
    said(site, orders[1], Outcome.UNKNOWN, "50000.00")
    assert codes(site, number, people.third) == ["orders-waiting"]
    said(site, orders[1], Outcome.FAILED, "50000.00")
    assert codes(site, number, people.third) == ["nothing-paid"]
    site.estate.do(lambda session: revoke(session, number, officer_id=people.third, reason="不付了"))
    other, _ = half_paid(site)
    assert codes(site, other, people.cashier) == ["same-officer"]
    whole = site.approved("1000.00")
    said(site, site.issue(whole).numbers[0], Outcome.PAID, "1000.00")
    assert codes(site, whole, people.third) == ["nothing-left"]


def test_a_partly_paid_one_is_not_revoked_and_says_what_to_do(site, people):
    """已付一部分的不能撤销核准，提示可了结余款。"""
    number, _ = half_paid(site)
    unable = refused(site.estate, lambda s: revoke(s, number, officer_id=people.third, reason="x"))
    assert unable == ["not-revocable"]


def test_contract_and_invoice_are_free_again_only_for_what_was_not_paid(house, people):
    """了结之后：合同价、进度只算已付的；未付的发票可在新申请里再用，已付的不行。"""
    site = funded(site_of(house, people, price="160000.00"))
    lines = [site.line("100000.00"), site.line("50000.00")]
    number = site.approved(*lines)
    orders = site.issue(number).numbers
    said(site, orders[0], Outcome.PAID, "100000.00")
    said(site, orders[1], Outcome.FAILED, "50000.00")
    assert "over-contract" in refused(site.estate, lambda s: entered(site, s, site.line("60000.00")))
    closed(site, number, people.third)
    assert refused(site.estate, lambda s: entered(site, s, lines[0])) == ["invoice-reused", "over-contract"]
    assert refused(site.estate, lambda s: entered(site, s, site.line("60000.01"))) == ["over-contract"]
    assert site.enter(lines[1])


def entered(site, session, line):
    from escrow.withdrawals.actions import enter

    return enter(session, site.asked(line), officer_id=site.people.cashier)


def test_rolling_sums_leave_out_what_was_given_up(house, people):
    """拆分判断的三十日累计，只算付出与在办的，了结的不算。"""
    site = funded(site_of(house, people), general="9000000.00")
    number, _ = half_paid(site, "1000000.00", "3900000.00")
    assert needs_second(site, "200000.00")
    closed(site, number, people.third)
    assert not needs_second(site, "200000.00")


def needs_second(site, amount):
    number = site.enter(amount, who=site.people.second)
    found = site.approve(number)
    site.estate.do(lambda s: reject_or_revoke(s, number, site.people.third))
    return found.value == "reviewed"


def reject_or_revoke(session, number, who):
    from escrow.withdrawals.deciding import reject
    from escrow.withdrawals.models import Withdrawal

    found = session.query(Withdrawal).filter_by(withdrawal_no=number).one()
    undo = reject if found.status.value == "reviewed" else revoke
    undo(session, number, officer_id=who, reason="试算")


def test_a_late_return_of_what_was_paid_frees_that_line_too(site, people):
    """了结之后银行又退汇：钱回到楼幢，这一笔不再计入合同与发票，可另行申请；什么都不少。"""
    number, orders = half_paid(site)
    closed(site, number, people.third)
    said(site, orders[0], Outcome.RETURNED, "100000.00")
    assert site.building(chart.GENERAL_FUNDS) == "400000.00"
    assert state(site, number)[0] == "closed"
    paid = row(
        site.estate, "SELECT invoice_no, invoice_hash FROM withdrawal_line ORDER BY id LIMIT 1"
    )
    again = site.line(
        "100000.00", invoice_no=paid.invoice_no, invoice_hash=paid.invoice_hash, progress=Decimal("1")
    )
    assert site.enter(again)


@pytest.mark.parametrize("role", ["app", "owner"])
def test_it_is_not_closed_by_hand_while_anything_is_open(house, site, people, role):
    """纯 SQL：没签发的、银行没答复的、一笔没付的、全付清的，都不能了结；录入人、没有理由也不行。"""
    number = site.approved("100000.00", "50000.00")
    by_hand(house, role, "withdrawal_steps", CLOSE.format(who=people.third))
    orders = site.issue(number).numbers
    by_hand(house, role, "withdrawal_closed_in_part", CLOSE.format(who=people.third))
    said(site, orders[0], Outcome.PAID, "100000.00")
    by_hand(house, role, "withdrawal_closed_in_part", CLOSE.format(who=people.third))
    said(site, orders[1], Outcome.FAILED, "50000.00")
    by_hand(house, role, "ck_withdrawal_another_revokes", CLOSE.format(who=people.cashier))
    by_hand(house, role, "ck_withdrawal_with_reason", CLOSE.format(who=people.third) + ", reason = NULL")
    closed(site, number, people.third)
    by_hand(house, role, "withdrawal_steps", "UPDATE withdrawal SET status = 'issued'")


def by_hand(house, role, constraint, statement):
    import psycopg

    from tests.releasing import refused_by

    statement = statement.replace("reason = '付不出去', reason = NULL", "reason = NULL")
    with pytest.raises(psycopg.Error) as caught, house.connect(role) as connection:
        connection.execute(statement)
    assert refused_by(caught) == constraint, caught.value
