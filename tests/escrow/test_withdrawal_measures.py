"""用款遇上司法冻结、保函、接管、停户、冲正：该付的付得出，其余一律指名拒绝。"""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from config.clock import bureau_day
from escrow import chart
from escrow.instructions.actions import ask_cancel, cancel
from escrow.supervision import court_holds, guarantees, takeovers
from escrow.supervision.court_holds import Document, Freeze
from escrow.supervision.guarantees import Offered
from escrow.supervision.measures import OrderStatus
from escrow.withdrawals.actions import enter
from escrow.withdrawals.court_orders import CourtOrder, attach
from escrow.withdrawals.deciding import approve, revoke
from escrow.withdrawals.issuing import issue_withdrawal
from escrow.withdrawals.payee_rules import Purpose
from escrow.withdrawals.rules import Channel, WithdrawalStatus
from ledger.money import Yuan
from tests.desk import hire, sit_down
from tests.estate import amended, file_hash, new_number
from tests.noding import reached
from tests.refunding import refused
from tests.sale import row, sell
from tests.withdrawing import at_work, funded, site_of

TODAY = bureau_day()


scene_of = at_work


def frozen(site, amount="300000.00"):
    """The court freezes; the hold's number."""
    number = new_number("（2026）晋11执")
    order = Freeze(
        site.estate.account_no, "吕梁市中级人民法院", Yuan(amount), TODAY, TODAY + timedelta(days=300),
        Document(number, TODAY, file_hash(number)),
    )  # fmt: skip
    return site.estate.do(lambda s: court_holds.freeze(s, order, officer_id=site.people.clerk))


def entering(site, *lines, **changed):
    asked = site.asked(*lines, **changed)
    return refused(site.estate, lambda s: enter(s, asked, officer_id=site.people.cashier))


def approving(site, number):
    return refused(site.estate, lambda s: approve(s, number, officer_id=site.people.reviewer))


def issuing(site, number, who=0):
    told, officer_id = site.estate.house.settings, who or site.people.issuer
    return refused(site.estate, lambda s: issue_withdrawal(s, number, told, officer_id=officer_id))


def attaching(site, number, who):
    order = CourtOrder(new_number("交住建函"), file_hash(new_number("决定")))
    return site.estate.do(lambda s: attach(s, number, order, officer_id=who))


def status(site, number):
    return row(site.estate, "SELECT status FROM withdrawal WHERE withdrawal_no = :n", n=number).status


def test_an_approved_construction_payment_passes_a_later_hold_with_the_order(site, people):
    """核准之后被冻结：指名冻结、不能签发；经手人不能附决定，另一人附上之后照付，附决定的人不签发。"""
    number = site.approved("200000.00")
    hold = frozen(site)
    done = site.issue(number)
    assert [one.code for one in done.uncovered] == ["court-hold"] and hold in done.uncovered[0].message
    assert status(site, number) == "uncovered"
    for who in (people.cashier, people.reviewer):
        assert refused(site.estate, lambda _, who=who: attaching(site, number, who)) == ["same-officer"]
    attaching(site, number, people.second)
    again = refused(site.estate, lambda _: attaching(site, number, people.third))
    assert again == ["not-attachable"]
    assert issuing(site, number, people.second) == ["same-officer"]
    assert len(site.issue(number).numbers) == 1
    assert site.building(chart.GENERAL_FUNDS) == "200000.00"
    purpose = row(site.estate, "SELECT purpose FROM instruction").purpose
    assert "凭 交住建函" in purpose


def test_a_frozen_account_is_not_called_short_of_money(app, house, site, people):
    """核准之后被冻结而付不出的用款，清单与页面写明账户冻结、待附决定，不写资金不足。"""
    number = site.approved("200000.00")
    frozen(site)
    assert site.issue(number).uncovered
    desk = sit_down(app, hire(house.database, house.settings, "shen", "cashier"))
    for page in ("/withdrawals", f"/withdrawals/{number}"):
        shown = desk.get(page).text.split("<table")[-1 if page == "/withdrawals" else 0]
        assert "已核准，账户冻结，待附决定" in shown and "资金不足" not in shown
    assert "账户冻结，附本局决定方可支付" in desk.get(f"/withdrawals/{number}").text


def test_nothing_but_construction_passes_a_hold(site, people):
    """冻结期间：非工程用途不能附决定；没有决定的新用款指名拒绝；冻结之外的部分仍可付。"""
    number = site.approved(site.line("150000.00", purpose=Purpose.OTHER))
    before = refused(site.estate, lambda _: attaching(site, number, people.second))
    assert before == ["no-court-hold", "court-construction-only"]
    frozen(site)
    assert [one.code for one in site.issue(number).uncovered] == ["court-hold"]
    gone = refused(site.estate, lambda _: attaching(site, number, people.second))
    assert gone == ["court-construction-only"]
    assert entering(site, "1.00") == ["court-hold"]
    other = site.line("1.00", purpose=Purpose.OTHER)
    paper = {"court_order_no": "交住建函〔2026〕1号", "court_order_hash": file_hash("决定一")}
    assert entering(site, other, **paper) == ["court-construction-only", "court-hold"]
    site.estate.do(lambda s: revoke(s, number, officer_id=people.reviewer, reason="冻结"))
    site.approved("100000.00")
    assert entering(site, "0.01") == ["court-hold"]
    construction = site.enter("100000.00", **paper)
    assert site.approve(construction) is WithdrawalStatus.REVIEWED
    assert site.approve(construction, people.second) is WithdrawalStatus.APPROVED
    assert len(site.issue(construction).numbers) == 1


def test_a_hold_is_not_passed_beyond_the_money(site):
    """附了决定也不能超过本幢资金：两条理由分得清。"""
    frozen(site)
    paper = {"court_order_no": "交住建函〔2026〕1号", "court_order_hash": file_hash("决定一")}
    assert entering(site, "400000.01", **paper) == ["over-payable"]
    assert entering(site, "400000.01") == ["over-payable"]
    assert entering(site, "400000.00") == ["court-hold"]


def test_wages_touch_key_funds_under_a_hold_only_with_the_order(site):
    """冻结期间工资动用重点资金也须附决定。"""
    frozen(site, "0.01")
    assert entering(site, site.wage("450000.00"), channel=Channel.WAGES) == ["court-hold"]


def guaranteed(site, amount):
    """A guarantee in force for building 1."""
    home = site.estate.account_no
    number = new_number("BH")
    offered = Offered(
        site.estate.account_no, "1", number, "中国建设银行吕梁分行", Yuan(amount),
        TODAY + timedelta(days=300), file_hash(number),
    )  # fmt: skip
    made = site.estate.do(lambda s: guarantees.enter(s, offered, officer_id=site.people.clerk))
    site.estate.do(lambda s: guarantees.decide(s, home, made, officer_id=site.people.reviewer))
    return made


def lapse(site, made):
    home = site.estate.account_no
    clerk, reviewer = site.people.clerk, site.people.reviewer
    to = OrderStatus.LAPSED
    site.estate.do(lambda s: guarantees.ask_end(s, home, made, to, "出具行被调出名录", officer_id=clerk))
    site.estate.do(lambda s: guarantees.end(s, home, made, officer_id=reviewer))


def test_guarantees_shrink_with_every_key_payment(house, people):
    """支用制：保函十八万元，付出重点资金十万元，保函随即减为余额的三成。"""
    site = site_of(house, people, mode="draw_down")
    site.estate.put("1", "600000.00")
    guaranteed(site, "180000.00")
    reached(site.estate, (people.clerk, people.reviewer), "主体结构验收")
    number = site.approved("60000.00", "40000.00", channel=Channel.KEY)
    assert site.building(chart.GUARANTEE) == "180000.00"
    site.issue(number)
    assert site.building(chart.KEY_PAID) == "100000.00"
    assert site.building(chart.GUARANTEE) == "150000.00"
    left = row(site.estate, "SELECT left_amount FROM guarantee").left_amount
    assert left == 15000000
    query = "SELECT detail FROM audit_event WHERE action = 'guarantee.shrunk' ORDER BY id DESC LIMIT 1"
    said = row(site.estate, query).detail["reason"]
    assert "递减 12000.00 元，尚有效 150000.00 元" in said and "ZL" in said
    assert site.building(chart.KEY_FUNDS) == "350000.00"


def test_guarantees_shrink_with_a_lower_quota(site, people):
    """补充协议调低额度：保函随即减为新额度的三成，重点资金至少为新额度的七成；留下办理经过。"""
    made = guaranteed(site, "180000.00")
    both = [people.clerk, people.reviewer]
    amended(site.estate, both, quotas=[{"building_no": "1", "amount": "700000.00"}])
    assert site.building(chart.GUARANTEE) == "180000.00"
    amended(site.estate, both, quotas=[{"building_no": "1", "amount": "400000.00"}])
    assert site.building(chart.GUARANTEE) == "120000.00"
    assert site.building(chart.KEY_FUNDS) == "280000.00"
    assert row(site.estate, "SELECT left_amount FROM guarantee WHERE id = :id", id=made)[0] == 12000000
    query = "SELECT detail FROM audit_event WHERE action = 'guarantee.shrunk'"
    assert "随额度调低" in row(site.estate, query).detail["reason"]


def test_a_lower_quota_never_leaves_too_much_guarantee(site, people, monkeypatch):
    """程序忘了递减，额度调低也生效不了：数据库不许保函超过新额度的三成，什么也没有变。"""
    guaranteed(site, "180000.00")
    monkeypatch.setattr("escrow.supervision.quotas.shrink", lambda *said, **more: None)
    both, quotas = [people.clerk, people.reviewer], [{"building_no": "1", "amount": "599999.00"}]
    with pytest.raises(IntegrityError, match="above their share of its quota"):
        amended(site.estate, both, quotas=quotas)
    assert (site.building("8201"), site.building(chart.GUARANTEE)) == ("600000.00", "180000.00")


def test_a_key_payment_is_not_issued_once_the_agreement_keeps_a_floor(house, people):
    """支用制下核准的重点资金用款，签发前协议改为留存制：指名拒绝，不出错；可以撤销核准。"""
    site = site_of(house, people, mode="draw_down")
    site.estate.put("1", "600000.00")
    reached(site.estate, (people.clerk, people.reviewer), "主体结构验收")
    number = site.approved("50000.00", channel=Channel.KEY)
    amended(site.estate, [people.clerk, people.reviewer], quota_mode="floor")
    assert issuing(site, number) == ["key-not-drawn"]
    assert (status(site, number), site.building(chart.KEY_FUNDS)) == ("approved", "240000.00")
    site.estate.do(lambda s: revoke(s, number, officer_id=people.second, reason="改为留存制"))
    assert len(site.issue(site.approved("50000.00")).numbers) == 1


def test_key_payments_leave_the_cash_share_whole(house, people):
    """有保函在，付后现金不得低于额度余额的七成，须先补足。"""
    site = site_of(house, people, mode="draw_down")
    site.estate.put("1", "420000.00")
    guaranteed(site, "180000.00")
    reached(site.estate, (people.clerk, people.reviewer), "主体结构验收")
    assert entering(site, "1.00", channel=Channel.KEY) == ["guarantee-cash-short"]


def test_a_lapsed_guarantee_stops_payments_until_the_money_is_back(site, people):
    """保函失效：额度恢复，录入、核准、签发都停，指名保函；资金补足之后恢复。"""
    made = guaranteed(site, "180000.00")
    waiting, approved = site.enter("1000.00"), site.approved("2000.00")
    first = site.approved("500000.00")
    site.issue(first)
    lapse(site, made)
    assert entering(site, "1.00") == ["guarantee-lapsed", "over-payable"]
    assert "guarantee-lapsed" in approving(site, waiting)
    assert issuing(site, approved) == ["guarantee-lapsed"]
    assert status(site, approved) == "approved"
    site.estate.put("1", "100000.00")
    site.estate.put("1", "3000.00", chart.GENERAL_FUNDS)
    assert len(site.issue(approved).numbers) == 1
    site.approve(waiting)


def test_a_takeover_makes_every_payment_two_level(site, people):
    """接管之后：接管前一级核准的不能签发，指名接管决定；新的每笔两级复核，多小都是。"""
    number = site.approved("1000.00")
    order = takeovers.Order(site.estate.account_no, "交住建发〔2026〕9号", "停工三个月", file_hash("接管"))
    made = site.estate.do(lambda s: takeovers.enter(s, order, officer_id=people.clerk))
    site.estate.do(lambda s: takeovers.decide(s, site.estate.account_no, made, officer_id=people.reviewer))
    assert issuing(site, number) == ["takeover"]
    site.estate.do(lambda s: revoke(s, number, officer_id=people.reviewer, reason="接管"))
    small = site.enter("0.01")
    assert site.approve(small) is WithdrawalStatus.REVIEWED
    assert refused(site.estate, lambda s: approve(s, small, officer_id=people.reviewer)) == ["same-officer"]
    assert site.approve(small, people.second) is WithdrawalStatus.APPROVED
    assert len(site.issue(small).numbers) == 1
    assert "接管决定 交住建发〔2026〕9号" in row(site.estate, "SELECT purpose FROM instruction").purpose


def test_a_suspended_account_pays_nothing(site, house):
    """账户暂停：录入、核准、签发一律指名拒绝，已核准的原样等着。"""
    waiting, approved = site.enter("1000.00"), site.approved("2000.00")
    with house.connect("owner") as connection:
        connection.execute("UPDATE supervised_account SET status = 'suspended'")
    assert entering(site, "1.00") == ["account-not-active"]
    assert approving(site, waiting) == ["account-not-active"]
    assert issuing(site, approved) == ["account-not-active"]
    assert status(site, approved) == "approved"


def test_a_filing_at_risk_stops_its_building(house, people):
    """备案之后款项被冲正：本幢停付，指名合同；他幢照付。"""
    site = site_of(house, people, advanced=True)
    sale = sell(site.estate)
    receipts = sale.pay_due()
    sale.file(sale.check().check_no)
    funded(site, "250000.00")
    number = site.approved("1000.00")
    sale.reverse(receipts[1])
    assert entering(site, "1.00") == ["filing-at-risk"]
    assert issuing(site, number) == ["filing-at-risk"]


def test_what_the_bank_paid_none_of_may_be_given_up(site, people):
    """签发之后银行一笔未付：可以撤销了结，发票可另用；有一笔已付或未答的不能撤销。"""
    line = site.line("100000.00")
    number = site.approved(line)
    order = site.issue(number).numbers[0]

    def give_up():
        site.estate.do(lambda s: revoke(s, number, officer_id=people.reviewer, reason="施工单位账号停用"))

    assert refused(site.estate, lambda _: give_up()) == ["not-revocable"]
    site.estate.do(lambda s: ask_cancel(s, order, "账号停用", officer_id=people.issuer))
    site.estate.do(lambda s: cancel(s, order, officer_id=people.reviewer))
    give_up()
    assert status(site, number) == "revoked"
    assert site.building(chart.GENERAL_FUNDS) == "400000.00"
    site.approved(line)
