"""A buyer withdraws: the filing is revoked, the money goes back, and only then may supervision end (退房退款)."""

from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from escrow import chart
from escrow.instructions.actions import Order, Payee, issue
from escrow.instructions.results import Result, record
from escrow.instructions.rules import InstructionKind, Outcome
from escrow.refunds.actions import AskedPart
from escrow.refunds.deciding import fall_due
from escrow.refunds.issuing import issue_refund
from escrow.refunds.rules import RefundStatus
from escrow.supervision.books import account_of
from ledger.money import Yuan
from ledger.movements import Transfer
from tests.estate import new_number
from tests.fund.advancing import advanced_again
from tests.refunding import LENDER, dropped, estate_of, people_of, refused
from tests.releasing import approved, codes, refused_by
from tests.sale import BANK, sell
from tests.withdrawing import listed

BUYER = "6217000010001234567"


def scene_of(house, app):
    """A project whose first building keeps a quota (有监管额度的项目)."""
    people = people_of(house)
    return SimpleNamespace(people=people, estate=estate_of(house, people))


def bare_order(estate, amount="10.00"):
    """An order to pay the builder from general funds with no application behind it."""
    key = chart.building_key(estate.buildings["1"])

    def unit(session):
        general = account_of(session, estate.book_id, chart.GENERAL_FUNDS, key=key)
        order = Order(
            InstructionKind.WITHDRAWAL, estate.account_id, Yuan(amount), Payee("交口建工", "1" * 12, "工行"),
            "进度款", chart.INSTRUCT_PAYMENT, lambda to: [Transfer(general, to, Yuan(amount))],
            chart.GENERAL_FUNDS, key, building_id=estate.buildings["1"],
        )  # fmt: skip
        return issue(session, order, estate.house.settings, officer_id=1)

    try:
        return estate.do(unit)
    except Exception as error:
        raise getattr(error, "orig", error) from None


@pytest.mark.parametrize("filed", [True, False])
def test_supervision_ends_only_after_every_yuan_went_back(estate, people, filed):
    """从注销到解除监管：未退、已核准待退、应退、在途，每一步都挡住解除；银行付讫之后方可。"""
    gone = dropped(estate, filed=filed)
    estate.register()
    release = estate.applied(people.clerk)
    told = estate.house.settings
    assert codes(estate, release, people.third) == ["refund-outstanding"]

    estate.move(chart.MEMO_CONTRA, chart.JUDICIAL_HOLD, "1000000.00", key="hold:0")
    parts = [AskedPart(number, Yuan(amount)) for number, amount in
             zip(gone.receipts, ("50000.00", "300000.00", "650000.00"), strict=True)]  # fmt: skip
    refund_no = gone.entered(people.cashier, *parts)
    assert gone.approved(refund_no, people.reviewer) is RefundStatus.APPROVED
    assert codes(estate, release, people.third) == [
        "open-refund-hold", "open-judicial-hold", "refund-outstanding",
    ]  # fmt: skip

    estate.move(chart.JUDICIAL_HOLD, chart.MEMO_CONTRA, "1000000.00", debit_key="hold:0")
    estate.do(lambda session: fall_due(session, refund_no))
    assert codes(estate, release, people.third) == ["open-refund-payable"]

    orders = estate.do(lambda s: issue_refund(s, refund_no, told, officer_id=people.cashier))
    assert codes(estate, release, people.third) == ["open-refund-in-transit"]
    accounts = (BUYER, BUYER, LENDER[1])
    for number, part, account in zip(orders, parts, accounts, strict=True):
        said = Result(number, Outcome.PAID, new_number("F"), part.amount, account, bureau_day())
        estate.do(lambda session, said=said: record(session, said, BANK, told))
    assert approved(estate, release, people.third) == Yuan("0.00")
    assert estate.held() == {
        (code, key): amount
        for (code, key), amount in estate.held().items()
        if code in ("8199", "8201", "8203")
    }  # fmt: skip


def test_a_waiting_refund_comes_before_a_withdrawal(estate, people):
    """退款核准而资金不足，本幢拨付通知书一律不能签发，数据库也不许；他幢不受影响，退款转应退之后恢复。"""
    gone = dropped(estate)
    people.issuer = people.third
    site = listed(estate, people)
    site.issue(site.approved("10.00"))
    waiting = site.approved("10.00")
    estate.move(chart.MEMO_CONTRA, chart.JUDICIAL_HOLD, "1000000.00", key="hold:0")
    refund_no = gone.entered(people.cashier)
    gone.approved(refund_no, people.reviewer)
    assert "refund-first" in [one.code for one in site.issue(waiting).uncovered]
    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        bare_order(estate)
    assert refused_by(caught) == "refund_before_withdrawal"
    assert refused(estate, lambda session: fall_due(session, refund_no)) == ["refund-uncovered"]
    estate.move(chart.JUDICIAL_HOLD, chart.MEMO_CONTRA, "1000000.00", debit_key="hold:0")
    estate.do(lambda session: fall_due(session, refund_no))
    assert site.issue(waiting).numbers


def test_the_home_is_sold_again_while_the_first_buyer_waits(estate, people):
    """注销之后房屋即可另售，重新代缴维修资金；新合同的款项与旧合同的退款互不相干。"""
    gone = dropped(estate)
    again = sell(estate, 0)
    advanced_again(estate.house, again.drafted.unit_code)
    again.pay_due()
    again.file(again.check().check_no)
    assert gone.approved(gone.entered(people.cashier), people.reviewer) is RefundStatus.DUE
    keys = {key: amount for (code, key), amount in estate.held().items() if code == "8101"}
    assert sorted(keys.values()) == ["350000.00", "700000.00"]


@pytest.mark.parametrize("mode", ["floor", "draw_down"])
def test_a_refund_keeps_key_funds_at_their_level(house, people, mode):
    """两种额度方式下，退款先用一般资金，不足再用重点资金，重点资金始终等于应留存额。"""
    estate = estate_of(house, people, quota="800000.00", mode=mode)
    gone = dropped(estate)
    key = chart.building_key(estate.buildings["1"])
    assert estate.held()[(chart.KEY_FUNDS, key)] == "800000.00"
    gone.approved(gone.entered(people.cashier), people.reviewer)
    assert estate.held()[(chart.KEY_FUNDS, key)] == "700000.00"
    assert (chart.GENERAL_FUNDS, key) not in estate.held()
