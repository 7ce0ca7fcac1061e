"""A project moves to another supervised account: by two, with all its money, or not at all (账户变更)."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from config.clock import bureau_day
from escrow import chart
from escrow.changes.actions import reject
from escrow.contracts.actions import draft
from escrow.contracts.reading import notice_seen
from escrow.instructions.actions import ask_cancel, cancel
from escrow.instructions.rules import Outcome
from escrow.supervision.actions import Proposal, propose
from escrow.supervision.court_holds import Document, Freeze, freeze
from escrow.withdrawals.payee_rules import PayeeKind
from escrow.withdrawals.payees import AskedPayee, enter_payee
from ledger.money import Yuan
from tests import withdrawing
from tests.changing import (
    NEW_BANK,
    answered,
    approved,
    asked,
    codes,
    deposited,
    entered,
    estate_of,
    moved,
    order_of,
    people_of,
    state,
)
from tests.estate import file_hash, new_number
from tests.sale import row, sell


def scene_of(house, app):
    """A project whose first building keeps a quota (有监管额度的项目)."""
    people = people_of(house)
    return SimpleNamespace(people=people, estate=estate_of(house, people))


def ordered(estate, people):
    """Approved: the balance is on its way."""
    number = entered(estate, people.clerk)
    approved(estate, number, people.reviewer)
    return number


def test_the_whole_balance_moves_and_the_new_account_goes_on(estate, people):
    """批准即停旧户、签发整户划转；银行付讫，旧户销户清零，新户按原额度、原合同缴存启用。"""
    sale = sell(estate)
    sale.pay_due()
    before = estate.held()
    number = ordered(estate, people)
    assert state(estate, number) == ("ordered", "suspended", None, "suspended", True)
    assert estate.held()["1102", ""] == "350000.00" and estate.held()["1101", ""] == "350000.00"
    answered(estate, number, Outcome.PAID)
    assert state(estate, number) == ("done", "closed", "active", "active", False)
    new = moved(estate, number)
    assert estate.held() == {} and new.held() == before
    group = row(
        estate,
        "SELECT count(DISTINCT e.book_id) AS books, array_agg(DISTINCT e.movement) AS movements"
        "  FROM ledger.journal_entry e JOIN instruction i ON i.instruction_no = e.event_group"
        "  JOIN account_change c ON c.instruction_id = i.id WHERE c.change_no = :number",
        number=number,
    )
    assert group.books == 2 and set(group.movements) == {"P21", "P11"}


def test_the_old_account_takes_nothing_while_the_money_is_on_its_way(estate, people):
    """划转在途：旧户不收款、不冲正、不冻结、不受理新协议，各以“变更中”为由。"""
    sale = sell(estate)
    receipt = sale.pay_due()[1]
    number = ordered(estate, people)
    assert codes(lambda: deposited(estate, sale.notices[2], "10.00")) == ["account-changing"]
    assert codes(lambda: deposited(estate, None, "10.00")) == ["account-changing"]
    assert codes(lambda: sale.reverse(receipt)) == ["account-changing"]
    paper = Document("（2026）执1号", bureau_day(), file_hash("freeze"))
    court = Freeze(estate.account_no, "交口县法院", None, bureau_day(), bureau_day() + timedelta(30), paper)
    held = lambda session: freeze(session, court, officer_id=people.clerk)  # noqa: E731 - said once
    assert codes(lambda: estate.do(held)) == ["account-changing"]
    assert codes(lambda: approved(estate, number, people.third)) == ["account-changing"]
    proposal = Proposal(
        new_number("XY"), "ABC", estate.account_no, "测试置业预售资金监管专户", bureau_day(),
        {"quota_mode": "floor", "quotas": [{"building_no": "1", "amount": "1.00"}], "nodes": [],
         "release": [], "excess_use": "", "review_days": 5},
    )  # fmt: skip
    wanted = lambda session: propose(session, estate.project_no, proposal)  # noqa: E731 - said once
    assert "account-changing" in codes(lambda: estate.do(wanted))


@pytest.mark.parametrize("outcome", ["failed", "cancelled", "returned-early"])
def test_what_the_bank_does_not_pay_leaves_the_old_account_in_use(estate, people, outcome):
    """银行未付、两人撤销、先报退汇：余额未动，旧户照常收款，可以重新申请。"""
    sale = sell(estate)
    sale.pay_due()
    before = estate.held()
    number = ordered(estate, people)
    order = order_of(estate, number).instruction_no
    if outcome == "failed":
        answered(estate, number, Outcome.FAILED)
    elif outcome == "cancelled":
        estate.do(lambda session: ask_cancel(session, order, "误签", officer_id=people.clerk))
        estate.do(lambda session: cancel(session, order, officer_id=people.reviewer))
    else:
        answered(estate, number, Outcome.RETURNED)
        answered(estate, number, Outcome.PAID)
    status = "returned" if outcome == "returned-early" else "failed"
    assert state(estate, number) == (status, "active", None, "active", True)
    assert estate.held() == before
    assert deposited(estate, sale.notices[2], "650000.00")["status"] == "confirmed"
    answered_again = ordered(estate, people)
    answered(estate, answered_again, Outcome.PAID)
    assert state(estate, answered_again)[:3] == ("done", "closed", "active")


def test_money_the_bank_sends_back_brings_the_old_account_back(estate, people):
    """付讫后退汇，新户尚无一笔业务：两套账原样转回，旧户恢复，新户销户；新户再进款，归旧户待划转。"""
    sell(estate).pay_due()
    before = estate.held()
    number = ordered(estate, people)
    answered(estate, number, Outcome.PAID)
    new = moved(estate, number)
    answered(estate, number, Outcome.RETURNED)
    assert state(estate, number) == ("returned", "active", "closed", "active", True)
    assert estate.held() == before and new.held() == {}
    assert deposited(new, None, "1.00", NEW_BANK)["status"] == "unmatched"
    assert new.held() == {("1101", ""): "1.00", ("2203", ""): "1.00"}
    assert deposited(estate, None, "1.00")["status"] == "unmatched"


def test_an_empty_account_moves_at_once(estate, people):
    """账户没有余额的，没有可划转的，批准即启用新户；额度随之转入。"""
    number = entered(estate, people.clerk)
    assert approved(estate, number, people.reviewer) is None
    assert state(estate, number) == ("done", "closed", "active", "active", False)
    key = chart.building_key(estate.buildings["1"])
    assert moved(estate, number).held()["8201", key] == "400000.00"


def test_open_notices_are_void_and_come_back_by_the_ordinary_door(house, estate, people):
    """未缴的通知书随换户作废；网签系统原样再报合同，重新签发新号，新号在新账户缴款并配到合同。"""
    sale = sell(estate)
    sale.pay_due()
    number = ordered(estate, people)
    answered(estate, number, Outcome.PAID)
    new = moved(estate, number)
    with house.database.read() as session:
        assert notice_seen(session, sale.notices[2], NEW_BANK)["status"] == "void"
        assert notice_seen(session, sale.notices[2], "ABC") is None
    assert deposited(new, sale.notices[2], "1.00", NEW_BANK)["status"] == "unmatched"
    answer, is_new = estate.do(lambda session: draft(session, sale.drafted, house.settings))
    assert not is_new
    kept, fresh = answer["notices"][:2], answer["notices"][2]
    assert [one["notice_no"] for one in kept] == sale.notices[:2]
    assert fresh["notice_no"] not in sale.notices and fresh["amount"] == "650000.00"
    again, _ = estate.do(lambda session: draft(session, sale.drafted, house.settings))
    assert again == answer
    with house.database.read() as session:
        assert notice_seen(session, fresh["notice_no"], NEW_BANK)["account_no"] == new.account_no
    assert deposited(new, fresh["notice_no"], "650000.00", NEW_BANK)["status"] == "confirmed"
    assert sale.check().decision == "pass"


def test_a_part_paid_notice_keeps_its_number(house, estate, people):
    """已缴一部分的通知书仍有效，余款在新账户缴；缴到旧户的不自行归合同，待认领。"""
    sale = sell(estate)
    sale.pay(1, Yuan("100000.00"))
    number = ordered(estate, people)
    answered(estate, number, Outcome.PAID)
    new = moved(estate, number)
    assert deposited(estate, sale.notices[1], "1.00")["status"] == "unmatched"
    assert deposited(new, sale.notices[1], "200000.00", NEW_BANK)["status"] == "confirmed"
    answer, _ = estate.do(lambda session: draft(session, sale.drafted, house.settings))
    assert [one["notice_no"] for one in answer["notices"]][1] == sale.notices[1]


def test_one_person_alone_cannot_do_it(estate, people):
    """录入人不能批准，也不能退回；退回须写理由，退回后可另行录入。"""
    number = entered(estate, people.clerk)
    assert codes(lambda: approved(estate, number, people.clerk)) == ["same-officer"]
    alone = lambda session: reject(session, number, officer_id=people.clerk, reason="不妥")  # noqa: E731
    assert codes(lambda: estate.do(alone)) == ["same-officer"]
    estate.do(lambda session: reject(session, number, officer_id=people.reviewer, reason="材料不全"))
    assert codes(lambda: approved(estate, number, people.reviewer)) == ["already-decided"]
    assert entered(estate, people.clerk)


@pytest.mark.parametrize(
    "code", ["1301", "2101", "2102", "2202", "2301", "2401", "2501", "2901", "8301", "8302", "8303"]
)
def test_each_open_heading_stands_in_the_way_by_name(house, people, code):
    """每一个未结清的科目各自点名：待认领、在途、冻结、占用、利息、长款……"""
    estate = estate_of(house, people)
    number = entered(estate, people.clerk)
    estate.open_item(code)
    found = codes(lambda: approved(estate, number, people.reviewer))
    assert len(found) == 1 and found[0].startswith("open-")


def named(estate):
    return asked(account_no=estate.account_no)


def test_the_new_account_is_nobodys(house, estate, people):
    """新账号不得是现账户、别的项目的监管账户、曾用的监管账户；一个账户同时只有一件变更。"""
    other = estate_of(house, people)
    assert codes(lambda: entered(estate, people.clerk, named(estate))) == ["account-same"]
    assert codes(lambda: entered(estate, people.clerk, named(other))) == ["account-taken"]
    number = entered(estate, people.clerk)
    assert codes(lambda: entered(estate, people.clerk)) == ["change-live"]
    approved(estate, number, people.reviewer)
    again = moved(estate, number)
    assert codes(lambda: entered(again, people.clerk, named(estate))) == ["account-taken"]
    assert codes(lambda: entered(estate, people.clerk)) == ["account-changed"]


def test_what_waits_in_other_rooms_is_named(estate, people):
    """等待受理的协议版本、未答的指令之类在办事项，录入时即逐件点名。"""
    proposal = Proposal(
        new_number("XY"), "ABC", estate.account_no, "测试置业预售资金监管专户", bureau_day(),
        {"quota_mode": "floor", "quotas": [{"building_no": "1", "amount": "1.00"}], "nodes": [],
         "release": [], "excess_use": "", "review_days": 5},
    )  # fmt: skip
    estate.do(lambda session: propose(session, estate.project_no, proposal))
    assert codes(lambda: entered(estate, people.clerk)) == ["agreement-pending"]


def test_the_list_of_payees_goes_with_the_project(empty_house):
    """白名单随项目走：变更之后，原来登记的施工合同与收款人照样从新账户付款，也可再列新的收款人。"""
    staff = withdrawing.people_of(empty_house)
    site = withdrawing.funded(withdrawing.site_of(empty_house, staff))
    number = entered(site.estate, staff.clerk)
    approved(site.estate, number, staff.reviewer)
    answered(site.estate, number, Outcome.PAID)
    site.estate = moved(site.estate, number)
    site.issue(site.approved("1000.00"))
    assert site.under(chart.PAYMENT_IN_TRANSIT) == ["1000.00"]
    another = AskedPayee(
        site.contract_id, PayeeKind.CONTRACTOR, withdrawing.BUILDER, "6222021410001112223",
        "工商银行交口支行", file_hash(new_number("KH")),
    )  # fmt: skip
    assert site.estate.do(lambda session: enter_payee(session, another, officer_id=staff.cashier))
