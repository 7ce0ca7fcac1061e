"""A refund from its entry to what it moves in the book (退款办理)."""

import itertools
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from config.clock import bureau_day
from escrow import chart
from escrow.deposits.reversals import Reversal, take_back
from escrow.errors import Invalid, NotFound
from escrow.refunds import deciding
from escrow.refunds.actions import AskedPart, Proof, enter
from escrow.refunds.deciding import approve, fall_due, reject, revoke
from escrow.refunds.issuing import issue_refund
from escrow.refunds.rules import RefundStatus
from escrow.supervision import takeovers
from escrow.workdays.actions import calendar
from ledger.money import Yuan
from tests.estate import file_hash, new_number
from tests.refunding import SISTER, Dropped, all_gone, dropped, estate_of, people_of, refused
from tests.sale import row, sell, together

scene_of = all_gone


def building(estate, code):
    return estate.held().get((code, chart.building_key(estate.buildings["1"])), "0.00")


def under(estate, code):
    """Everything under a heading."""
    return [amount for (found, _), amount in estate.held().items() if found == code]


def held(gone):
    """Key, general, paid in, held for refunds, payable."""
    estate = gone.estate
    return [building(estate, chart.KEY_FUNDS), building(estate, chart.GENERAL_FUNDS)] + [
        next(iter(under(estate, code)), "0.00")
        for code in (chart.PAID_IN_BY_CONTRACT, chart.REFUND_HOLD, chart.REFUND_PAYABLE)
    ]


def test_entering_moves_no_money_and_approval_makes_it_due_general_funds_first(gone, people):
    """录入不动账；核准后先用一般监管资金，再用重点监管资金，合同已缴随之减少，占用不留。"""
    assert held(gone) == ["400000.00", "600000.00", "1000000.00", "0.00", "0.00"]
    refund_no = gone.entered(people.cashier)
    assert held(gone) == ["400000.00", "600000.00", "1000000.00", "0.00", "0.00"]
    assert gone.approved(refund_no, people.reviewer) is RefundStatus.DUE
    assert held(gone) == ["400000.00", "300000.00", "700000.00", "0.00", "300000.00"]
    loan = gone.entered(people.cashier, AskedPart(gone.receipts[2], Yuan("650000.00")))
    assert gone.approved(loan, people.reviewer) is RefundStatus.DUE
    assert held(gone)[:3] == ["50000.00", "0.00", "50000.00"]


@pytest.mark.parametrize("filed", [True, False])
def test_a_contract_is_refunded_whether_it_was_filed_or_not(empty_house, filed):
    """备案前、备案后注销的合同都可以退款；全部退清后合同已缴为零。"""
    people = people_of(empty_house)
    gone = dropped(estate_of(empty_house, people), filed=filed)
    parts = [AskedPart(no, Yuan(amount)) for no, amount in
             zip(gone.receipts, ("50000.00", "300000.00", "650000.00"), strict=True)]  # fmt: skip
    assert gone.approved(gone.entered(people.cashier, *parts), people.reviewer) is RefundStatus.DUE
    assert held(gone) == ["0.00", "0.00", "0.00", "0.00", "1000000.00"]


def test_the_payer_is_who_paid_the_receipt(gone, people):
    """自付部分退回买受人付款账户，贷款部分退回放款机构，只存密文与掩码。"""
    parts = [AskedPart(no, Yuan("1.00")) for no in gone.receipts]
    gone.entered(people.cashier, *parts)
    query = ("SELECT array_agg(p.source ORDER BY p.id) AS sources,"
             " array_agg(p.payee_account_masked ORDER BY p.id) AS accounts,"
             " bool_and(p.payee_account_sealed = r.payer_account_sealed) AS same"
             " FROM refund_part p JOIN receipt r ON r.id = p.receipt_id")  # fmt: skip
    found = row(gone.estate, query)
    assert found.sources == ["own", "own", "loan"]
    assert [one[-4:] for one in found.accounts] == ["4567", "4567", "0004"] and found.same


def test_a_living_contract_is_not_refunded(estate, people):
    """合同尚未注销，不能退款。"""
    sale = sell(estate)
    receipt = sale.pay_due()[1]["receipt_no"]
    asked = Dropped(sale, ["", receipt]).asked()
    told = estate.house.settings
    unit = lambda session: enter(session, asked, told, officer_id=people.cashier)  # noqa: E731
    assert refused(estate, unit) == ["contract-not-cancelled"]


def test_never_more_than_was_paid_and_not_refunded(gone, people):
    """退款不超过合同已缴未退，逐笔不超过其入账；两条理由一并告知。"""
    told = gone.estate.house.settings
    asked = gone.asked(AskedPart(gone.receipts[1], Yuan("300000.01")))
    unit = lambda session: enter(session, asked, told, officer_id=people.cashier)  # noqa: E731
    assert refused(gone.estate, unit) == ["refund-over-receipt"]
    asked = gone.asked(AskedPart(gone.receipts[1], Yuan("1000000.01")))
    assert refused(gone.estate, unit) == ["refund-over-paid", "refund-over-receipt"]
    gone.approved(gone.entered(people.cashier), people.reviewer)
    asked = gone.asked(AskedPart(gone.receipts[1], Yuan("0.01")))
    assert refused(gone.estate, unit) == ["refund-over-receipt"]


def test_who_enters_does_not_approve(gone, people):
    """录入人不能核准、退回或撤销；已决定的不再决定。"""
    refund_no = gone.entered(people.cashier)
    said = refused(gone.estate, lambda s: approve(s, refund_no, officer_id=people.cashier))
    assert said == ["same-officer"]
    assert refused(
        gone.estate, lambda s: reject(s, refund_no, officer_id=people.cashier, reason="退")
    ) == ["same-officer"]  # fmt: skip
    gone.approved(refund_no, people.reviewer)
    assert "already-decided" in refused(
        gone.estate, lambda s: approve(s, refund_no, officer_id=people.second)
    )  # fmt: skip
    with pytest.raises(NotFound):
        gone.approved("TK-none", people.reviewer)


def test_another_payee_takes_two_levels(gone, people):
    """改退他人须两级复核，三人各不相同；一级复核不动账。"""
    refund_no = gone.elsewhere(people.cashier)
    assert gone.approved(refund_no, people.reviewer) is RefundStatus.REVIEWED
    assert held(gone)[3:] == ["0.00", "0.00"]
    for officer_id in (people.cashier, people.reviewer):
        unit = lambda s, who=officer_id: approve(s, refund_no, officer_id=who)  # noqa: E731
        assert refused(gone.estate, unit) == ["same-officer"]
    assert gone.approved(refund_no, people.second) is RefundStatus.DUE
    ready = row(gone.estate, "SELECT ready_on FROM refund WHERE refund_no = :no", no=refund_no).ready_on
    with gone.estate.house.database.read() as session:
        assert ready > bureau_day() and calendar(session).is_working_day(ready)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"proof": None}, "proof"),
        ({"file_hash": file_hash("证明")}, "proof"),
        ({"parts": (), "proof": None}, "parts"),
        ({"parts": (AskedPart("RZ-none", Yuan("1.00"), SISTER),)}, "parts"),
    ],
)
def test_another_payee_without_its_paper_is_no_application(gone, people, changed, field):
    """改退他人没有证明、两份文件相同、没有明细、入账不属于此合同，都不受理。"""
    part = AskedPart(gone.receipts[1], Yuan("1.00"), SISTER)
    said = {"proof": Proof("ZM", file_hash("证明")), "parts": (part,)} | changed
    asked = gone.asked(**said)
    with pytest.raises(Invalid) as caught:
        gone.estate.do(lambda s: enter(s, asked, gone.estate.house.settings, officer_id=people.cashier))
    assert list(caught.value.errors) == [field]


def test_a_paper_serves_once(gone, people):
    """同一份材料不能用于两件退款；金额也超出的，两条理由一并告知。"""
    asked = gone.asked(AskedPart(gone.receipts[0], Yuan("1.00")), file_hash=file_hash("同一份"))
    told = gone.estate.house.settings
    gone.estate.do(lambda s: enter(s, asked, told, officer_id=people.cashier))
    again = replace(asked, application_no=new_number("TS"))
    unit = lambda s: enter(s, again, told, officer_id=people.cashier)  # noqa: E731
    assert refused(gone.estate, unit) == ["file-reused"]
    more = replace(again, parts=(AskedPart(gone.receipts[0], Yuan("50000.01")),))
    unit = lambda s: enter(s, more, told, officer_id=people.cashier)  # noqa: E731
    assert refused(gone.estate, unit) == ["refund-over-receipt", "file-reused"]


def test_what_is_not_covered_waits_and_falls_due_when_money_comes(gone, people):
    """楼幢资金不足的退款核准后排队，占用不失；不足时转应退被拒，资金到位即转。"""
    estate = gone.estate
    spend(estate, "2112", "600000.00")
    spend(estate, "2111", "200000.00")
    refund_no = gone.entered(people.cashier)
    assert gone.approved(refund_no, people.reviewer) is RefundStatus.APPROVED
    assert held(gone)[2:] == ["1000000.00", "300000.00", "0.00"]
    assert refused(estate, lambda s: fall_due(s, refund_no)) == ["refund-uncovered"]
    estate.put("1", "100000.00")
    assert estate.do(lambda s: fall_due(s, refund_no)) is RefundStatus.DUE
    assert held(gone) == ["0.00", "0.00", "700000.00", "0.00", "300000.00"]
    assert "refund-not-approved" in refused(estate, lambda s: fall_due(s, refund_no))


def spend(estate, code, amount):
    """Money leaves a building, as a payment would."""
    key = chart.building_key(estate.buildings["1"])
    estate.take(code, amount, debit_key=key)


def test_a_court_hold_stands_before_a_refund(gone, people):
    """司法冻结的部分不能用于退款，退款排队等待。"""
    gone.estate.move(chart.MEMO_CONTRA, chart.JUDICIAL_HOLD, "800000.00", key="hold:0")
    assert gone.approved(gone.entered(people.cashier), people.reviewer) is RefundStatus.APPROVED


def test_what_waits_may_be_revoked_and_asked_for_again(gone, people):
    """排队中的退款可由另一人撤销，占用注销，款项可以重新申请；已转应退的不能撤销。"""
    estate = gone.estate
    estate.move(chart.MEMO_CONTRA, chart.JUDICIAL_HOLD, "1000000.00", key="hold:0")
    refund_no = gone.entered(people.cashier)
    gone.approved(refund_no, people.reviewer)
    told = {"officer_id": people.cashier, "reason": "买受人另案解决"}
    assert refused(estate, lambda s: revoke(s, refund_no, **told)) == ["same-officer"]
    told["officer_id"] = people.second
    estate.do(lambda s: revoke(s, refund_no, **told))
    assert held(gone)[2:4] == ["1000000.00", "0.00"]
    assert refused(estate, lambda s: revoke(s, refund_no, **told)) == ["not-revocable"]
    gone.entered(people.cashier)


def test_a_receipt_reversed_meanwhile_stops_the_approval(gone, people):
    """录入之后入账被银行冲正，核准时即被拒；冲正已退的入账也被拒。"""
    estate, refund_no = gone.estate, gone.entered(people.cashier)
    back = Reversal(gone.receipts[1], new_number("R"), Yuan("300000.00"), bureau_day(), "误记")
    estate.do(lambda s: take_back(s, back, "ABC"))
    unit = lambda s: approve(s, refund_no, officer_id=people.reviewer)  # noqa: E731
    assert refused(estate, unit) == ["receipt-reversed"]


def test_a_suspended_account_pays_nothing_back(gone, people):
    """账户暂停期间不能核准退款。"""
    with gone.estate.house.connect("owner") as connection:
        connection.execute("UPDATE supervised_account SET status = 'suspended'")
    refund_no = gone.entered(people.cashier)
    unit = lambda s: approve(s, refund_no, officer_id=people.reviewer)  # noqa: E731
    assert refused(gone.estate, unit) == ["account-not-active"]


def test_two_refunds_of_one_contract_never_take_more_than_it_paid(gone, people):
    """同一合同的退款同时录入、同时核准，合计不超过已缴。"""
    told = gone.estate.house.settings

    def one(_):
        asked = gone.asked(AskedPart(gone.receipts[1], Yuan("200000.00")))
        return lambda: gone.estate.do(lambda s: enter(s, asked, told, officer_id=people.cashier))

    numbers = [one for one in together([one(at) for at in range(6)]) if isinstance(one, str)]
    assert len(numbers) == 1
    approvals = [lambda who=who: gone.approved(numbers[0], who) for who in
                 itertools.islice(itertools.cycle([people.reviewer, people.second]), 6)]  # fmt: skip
    assert [one for one in together(approvals) if isinstance(one, RefundStatus)] == [RefundStatus.DUE]
    assert held(gone)[2:] == ["800000.00", "0.00", "200000.00"]


def test_a_receipt_that_goes_back_is_not_reversed_as_well(gone, people):
    """已核准退款的入账，银行不能再冲正：同一笔钱不付两次。"""
    gone.approved(gone.entered(people.cashier), people.reviewer)
    back = Reversal(gone.receipts[1], new_number("R"), Yuan("300000.00"), bureau_day(), "误记")
    assert refused(gone.estate, lambda s: take_back(s, back, "ABC")) == ["receipt-refunded"]
    other = Reversal(gone.receipts[0], new_number("R"), Yuan("50000.00"), bureau_day(), "误记")
    gone.estate.do(lambda s: take_back(s, other, "ABC"))
    assert held(gone)[2] == "650000.00"


def test_under_a_takeover_every_refund_is_seen_twice(gone, people, monkeypatch):
    """接管期间的退款须两级复核，原路退回的也一样；程序忘了接管，数据库不准；付款指令写明接管决定。"""
    estate, home = gone.estate, gone.estate.account_no
    order = takeovers.Order(home, "交住建发〔2026〕9号", "停工三个月", file_hash("接管"))
    made = estate.do(lambda s: takeovers.enter(s, order, officer_id=people.clerk))
    estate.do(lambda s: takeovers.decide(s, home, made, officer_id=people.reviewer))
    refund_no = gone.entered(people.cashier)
    with monkeypatch.context() as forgetful:
        forgetful.setattr(deciding, "taken_over", lambda *_: None)
        with pytest.raises(IntegrityError) as found:
            gone.approved(refund_no, people.reviewer)
        assert found.value.orig.diag.constraint_name == "refund_levels"
    assert gone.approved(refund_no, people.reviewer) is RefundStatus.REVIEWED
    again = refused(estate, lambda s: approve(s, refund_no, officer_id=people.reviewer))
    assert again == ["same-officer"]
    assert gone.approved(refund_no, people.second) is RefundStatus.DUE
    told = estate.house.settings
    estate.do(lambda s: issue_refund(s, refund_no, told, officer_id=people.cashier))
    assert row(estate, "SELECT purpose FROM instruction").purpose.endswith("接管决定 交住建发〔2026〕9号")
