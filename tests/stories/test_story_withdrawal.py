"""A contractor is paid: from the application to the bank's answer, and until supervision ends (用款全程)."""

from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from escrow import chart
from escrow.instructions.results import Result, record
from escrow.instructions.rules import Outcome
from escrow.release.actions import Applied
from escrow.release.actions import enter as enter_release
from escrow.withdrawals.deciding import revoke
from escrow.withdrawals.rules import Channel
from ledger.money import Yuan
from tests.desk import bearer
from tests.estate import file_hash, new_number
from tests.noding import reached
from tests.releasing import approved, codes, refused_by
from tests.sale import row
from tests.withdrawing import BUILDER_ACCOUNT, WAGES_ACCOUNT, funded, people_of, site_of


@pytest.fixture
def people(house):
    return people_of(house)


@pytest.fixture
def bank(app, house):
    """开户行的接口：报送一件指令的结果。"""
    token, client = bearer(house.database, "bank-abc", "bank", bank_code="ABC"), app.test_client()

    def answer(number, outcome, amount, account=BUILDER_ACCOUNT, serial=""):
        body = {
            "outcome": outcome, "bank_serial": serial or new_number("F"), "amount": amount,
            "payee_account": account, "value_date": bureau_day().isoformat(),
        }  # fmt: skip
        return client.post(f"/api/v1/instructions/{number}/results", json=body, headers=token)

    def read(number):
        return client.get(f"/api/v1/instructions/{number}", headers=token).json

    return SimpleNamespace(answer=answer, read=read)


def stage(house, people, mode):
    """一百万元：留存制六十万元重点、四十万元一般；支用制六十万元重点已到节点三十六万元。"""
    site = funded(site_of(house, people, mode=mode))
    if mode == "draw_down":
        reached(site.estate, (people.clerk, people.reviewer), "主体结构验收")
        return site, Channel.KEY
    return site, Channel.GENERAL


def money(site):
    """存款、重点、一般、在途、重点已拨。"""
    held = site.estate.held()
    transit = sum((Yuan(one) for one in site.under(chart.PAYMENT_IN_TRANSIT)), Yuan(0))
    return (
        held["1101", ""], site.building(chart.KEY_FUNDS), site.building(chart.GENERAL_FUNDS), str(transit),
        site.building(chart.KEY_PAID),
    )  # fmt: skip


START = ("1000000.00", "600000.00", "400000.00", "0.00", "0.00")
SENT = {
    "floor": ("1000000.00", "600000.00", "250000.00", "150000.00", "0.00"),
    "draw_down": ("1000000.00", "450000.00", "400000.00", "150000.00", "150000.00"),
}
PAID = {
    "floor": ("850000.00", "600000.00", "250000.00", "0.00", "0.00"),
    "draw_down": ("850000.00", "450000.00", "400000.00", "0.00", "150000.00"),
}


@pytest.mark.parametrize("mode", ["floor", "draw_down"])
def test_from_the_application_to_paid_failed_and_returned(house, people, bank, mode):
    """两种额度方式：录入、核准、签发、银行已付；另一件未付、再签、已付后退汇、再签：每一步账上分文不差。"""
    site, channel = stage(house, people, mode)
    assert money(site) == START
    number = site.approved("150000.00", channel=channel)
    held = ["150000.00"] if mode == "floor" else []
    assert money(site) == START and site.under(chart.WITHDRAWAL_HOLD) == held
    (order,) = site.issue(number).numbers
    assert money(site) == SENT[mode]
    assert bank.read(order)["payee_account"] == BUILDER_ACCOUNT
    first = bank.answer(order, "paid", "150000.00", serial="F-1")
    again = bank.answer(order, "paid", "150000.00", serial="F-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert money(site) == PAID[mode]

    second = site.approved("100000.00", channel=channel)
    (order,) = site.issue(second).numbers
    assert bank.answer(order, "failed", "100000.00").json["status"] == "failed"
    assert money(site) == PAID[mode]
    (order,) = site.issue(second).numbers
    assert bank.answer(order, "paid", "100000.00").status_code == 201
    assert bank.answer(order, "returned", "100000.00").json["status"] == "returned"
    assert money(site) == PAID[mode]
    (order,) = site.issue(second).numbers
    assert bank.answer(order, "paid", "100000.00").status_code == 201
    assert money(site)[0] == "750000.00" and money(site)[3] == "0.00"
    assert row(site.estate, "SELECT count(*) AS n FROM withdrawal_order").n == 4


def test_wages_go_to_the_wage_account_from_both_kinds_of_money(house, people, bank):
    """农民工工资：一般资金不足，两级复核后动用重点资金；退汇之后按额度重新划分。"""
    site = funded(site_of(house, people))
    number = site.approved(site.wage("500000.00"), channel=Channel.WAGES)
    (order,) = site.issue(number).numbers
    assert money(site) == ("1000000.00", "500000.00", "0.00", "500000.00", "0.00")
    assert bank.read(order)["payee_account"] == WAGES_ACCOUNT
    assert bank.answer(order, "paid", "500000.00", WAGES_ACCOUNT).status_code == 201
    assert bank.answer(order, "returned", "500000.00", WAGES_ACCOUNT).status_code == 201
    assert money(site) == START


def test_a_bank_that_says_something_else_stops_every_withdrawal(house, people, bank):
    """银行报的金额与指令不符：停户，已核准的用款签不出，数据库也不许。"""
    site = funded(site_of(house, people))
    first, second = site.approved("1000.00"), site.approved("2000.00")
    (order,) = site.issue(first).numbers
    assert bank.answer(order, "paid", "999.99").status_code == 409
    with pytest.raises(Exception, match="已暂停"):
        site.issue(second)
    with pytest.raises(Exception, match="已暂停"):
        site.enter("1.00")


def test_supervision_does_not_end_over_an_open_withdrawal(house, people):
    """待复核、待签发、资金不足、在途的用款，各以其名挡住解除监管；了结之后方可。"""
    site = funded(site_of(house, people))
    estate = site.estate
    estate.register()
    release = estate.applied(people.clerk)
    waiting = site.enter("1000.00")
    assert codes(estate, release, people.third) == ["withdrawal-pending"]
    site.approve(waiting)
    assert codes(estate, release, people.third) == ["open-withdrawal-hold", "withdrawal-pending"]
    building = chart.building_key(estate.buildings["1"])
    estate.take(chart.GENERAL_FUNDS, "399500.00", debit_key=building)
    assert site.issue(waiting).uncovered
    assert codes(estate, release, people.third) == ["open-withdrawal-hold", "withdrawal-uncovered"]
    with pytest.raises(psycopg.errors.CheckViolation) as caught, house.connect("owner") as connection:
        connection.execute(
            "UPDATE release_application SET status = 'approved', decided_by = %s, decided_at = now(),"
            " law = '{}', findings = '[]', amount = 0", (people.third,),
        )  # fmt: skip
    assert refused_by(caught) == "release_after_withdrawals"
    estate.do(lambda s: revoke(s, waiting, officer_id=people.reviewer, reason="资金不足"))
    (order,) = site.issue(site.approved("500.00")).numbers
    assert codes(estate, release, people.third) == ["open-payment-in-transit"]
    settle(site, order, "500.00")
    approved(estate, release, people.third)


def test_a_building_is_released_beside_another_that_still_pays(house, people):
    """一号楼有在办用款，二号楼照样逐幢解除；解除一号楼、解除全部都被它挡住。"""
    site = funded(site_of(house, people))
    estate = site.estate
    estate.register()
    site.enter("1000.00")

    def asked(*buildings):
        number = new_number("SQ")
        paper = Applied(estate.account_no, number, bureau_day(), file_hash(number), buildings)
        return estate.do(lambda session: enter_release(session, paper, officer_id=people.clerk))

    approved(estate, asked("2"), people.third)
    assert codes(estate, asked("1"), people.third) == ["withdrawal-pending"]


def settle(site, order, amount):
    """The bank pays it."""
    said = Result(order, Outcome.PAID, new_number("F"), Yuan(amount), BUILDER_ACCOUNT, bureau_day())
    told = site.estate.house.settings
    site.estate.do(lambda session: record(session, said, "ABC", told))
