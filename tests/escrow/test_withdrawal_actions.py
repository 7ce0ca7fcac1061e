"""用款：一人录入、另一人核准并占用额度，签发时再核限额，付不出就是“资金不足”，绝不成负数。"""

from dataclasses import replace

import pytest

from config.clock import bureau_day
from escrow import chart
from escrow.errors import Invalid
from escrow.withdrawals.actions import enter
from escrow.withdrawals.deciding import reject, revoke
from escrow.withdrawals.payee_rules import Purpose
from escrow.withdrawals.rules import Channel, WithdrawalStatus
from tests.estate import file_hash
from tests.noding import reached
from tests.refunding import refused
from tests.sale import row
from tests.withdrawing import at_work, funded, site_of

scene_of = at_work


def status(site, number):
    return row(site.estate, "SELECT status FROM withdrawal WHERE withdrawal_no = :n", n=number).status


def codes(site, *lines, **changed):
    asked = site.asked(*lines, **changed)
    return refused(site.estate, lambda session: enter(session, asked, officer_id=site.people.cashier))


def test_entering_moves_no_money_approval_holds_it_and_issuing_moves_it(site, people):
    """录入不动账；核准占用额度；签发注销占用，款项转入拨付在途，一笔一指令。"""
    number = site.enter("100000.00", "50000.00")
    assert site.under(chart.WITHDRAWAL_HOLD) == []
    assert site.approve(number) is WithdrawalStatus.APPROVED
    assert site.under(chart.WITHDRAWAL_HOLD) == ["150000.00"]
    assert site.building(chart.GENERAL_FUNDS) == "400000.00"
    numbers = site.issue(number).numbers
    assert len(numbers) == 2
    assert site.under(chart.WITHDRAWAL_HOLD) == []
    assert site.under(chart.PAYMENT_IN_TRANSIT) == ["100000.00", "50000.00"]
    assert site.building(chart.GENERAL_FUNDS) == "250000.00"
    assert status(site, number) == "issued"


def test_to_the_fen_within_what_is_payable(site):
    """可拨四十万元：恰好可以，多一分不行；占用之后剩余可拨随之减少。"""
    assert codes(site, "400000.01") == ["over-payable"]
    site.approved("399999.99")
    assert codes(site, "0.02") == ["over-payable"]
    site.approved("0.01")


def test_every_reason_is_given_at_once(site):
    """用途不符、超出额度、超过进度、申请书是用过的文件，一并告知，各有依据。"""
    wrong = site.line("500000.00", purpose=Purpose.WAGES)
    assert codes(site, wrong) == ["wages-to-wage-account", "over-payable"]
    slow = site.line("100000.00", progress="0.0010")
    assert codes(site, slow) == ["over-progress"]
    paper = site.asked("1.00")
    site.estate.do(lambda session: enter(session, paper, officer_id=site.people.cashier))
    assert codes(site, "400000.01", file_hash=paper.file_hash) == ["over-payable", "file-reused"]


def test_no_more_on_a_contract_than_its_price(house, people):
    """同一施工合同累计用款不超过合同价，在办的也算。"""
    site = funded(site_of(house, people, price="100000.00"))
    site.enter("60000.00")
    assert codes(site, "40000.01") == ["over-contract"]
    site.enter("40000.00")


def test_an_invoice_pays_once(site, people):
    """一张发票只用一次：号码相同或文件相同都拒，并说出先用它的用款；退回后可再用。"""
    line = site.line("1000.00")
    number = site.enter(line)
    other = replace(line, invoice_hash=file_hash("另一份扫描"))
    said = site.asked(other)
    with pytest.raises(Exception, match=number):
        site.estate.do(lambda session: enter(session, said, officer_id=people.cashier))
    assert codes(site, replace(line, invoice_no="FP-别的号")) == ["invoice-reused"]
    site.estate.do(lambda session: reject(session, number, officer_id=people.reviewer, reason="重报"))
    site.enter(line)


def test_the_enterer_never_decides_and_the_approver_never_issues(site, people):
    """录入人不能核准、退回、撤销；核准人不能签发。"""
    number = site.enter("1000.00")
    cashier, reviewer = people.cashier, people.reviewer
    assert refused(site.estate, lambda s: site_approve(s, number, cashier)) == ["same-officer"]
    gone = refused(site.estate, lambda s: reject(s, number, officer_id=cashier, reason="x"))
    assert gone == ["same-officer"]
    site.approve(number)
    assert refused(site.estate, lambda s: site_issue(site, s, number, reviewer)) == ["same-officer"]
    gone = refused(site.estate, lambda s: revoke(s, number, officer_id=cashier, reason="x"))
    assert gone == ["same-officer"]
    site.estate.do(lambda s: revoke(s, number, officer_id=reviewer, reason="施工单位撤回"))
    assert site.under(chart.WITHDRAWAL_HOLD) == [] and status(site, number) == "revoked"


def site_approve(session, number, who):
    from escrow.withdrawals.deciding import approve

    return approve(session, number, officer_id=who)


def site_issue(site, session, number, who):
    from escrow.withdrawals.issuing import issue_withdrawal

    return issue_withdrawal(session, number, site.estate.house.settings, officer_id=who)


def test_large_payments_take_three_officers(house, people):
    """达到五百万元须两级复核：一级之后仍未占用，同一人不能作二级。"""
    site = funded(site_of(house, people), general="9000000.00")
    number = site.enter("5000000.00")
    assert site.approve(number) is WithdrawalStatus.REVIEWED
    assert site.under(chart.WITHDRAWAL_HOLD) == []
    assert refused(site.estate, lambda s: site_approve(s, number, people.reviewer)) == ["same-officer"]
    assert site.approve(number, people.second) is WithdrawalStatus.APPROVED
    assert site.under(chart.WITHDRAWAL_HOLD) == ["5000000.00"]


def test_splitting_takes_three_officers_at_the_second_part(house, people):
    """拆分（L17）：每笔 0.99 倍限额，第一笔一级，第二笔起须两级复核。"""
    site = funded(site_of(house, people), general="30000000.00")
    first = site.enter("4950000.00")
    assert site.approve(first) is WithdrawalStatus.APPROVED
    for _ in range(3):
        number = site.enter("4950000.00", who=people.issuer)
        assert site.approve(number) is WithdrawalStatus.REVIEWED
        levels = site.approve(number, people.second)
        assert levels is WithdrawalStatus.APPROVED


def test_what_is_not_covered_any_more_is_uncovered_not_negative(site, people):
    """核准之后款项被冲走：签发不成，转为“资金不足”，账上不出负数；补足后可签发。"""
    number = site.approved("300000.00")
    building = chart.building_key(site.estate.buildings["1"])
    site.estate.take(chart.GENERAL_FUNDS, "200000.00", debit_key=building)
    done = site.issue(number)
    assert [one.code for one in done.uncovered] == ["over-payable"]
    assert status(site, number) == "uncovered"
    assert site.building(chart.GENERAL_FUNDS) == "200000.00"
    assert refused(site.estate, lambda s: site_issue(site, s, number, people.issuer)) == ["over-payable"]
    site.estate.put("1", "100000.00", chart.GENERAL_FUNDS)
    assert len(site.issue(number).numbers) == 1 and status(site, number) == "issued"


def test_wages_may_touch_key_funds_by_two_levels(site, people):
    """农民工工资先用一般资金，不足时动用重点资金，须两级复核；其他用途不行。"""
    assert codes(site, site.line("400000.01", purpose=Purpose.OTHER)) == ["over-payable"]
    number = site.enter(site.wage("300000.00"), site.wage("200000.00"), channel=Channel.WAGES)
    assert site.approve(number) is WithdrawalStatus.REVIEWED
    assert site.approve(number, people.second) is WithdrawalStatus.APPROVED
    assert site.under(chart.WITHDRAWAL_HOLD) == ["400000.00"]
    site.issue(number)
    assert site.building(chart.KEY_FUNDS) == "500000.00"
    assert site.building(chart.GENERAL_FUNDS) == "0.00"
    assert site.under(chart.KEY_PAID) == []


def test_other_holds_come_before_wages_from_key_funds(site):
    """本幢已有占用的，工资不得越过它动用重点资金。"""
    site.approved("100000.00")
    wages = site.wage("450000.00")
    assert codes(site, wages, channel=Channel.WAGES) == ["over-payable", "holds-first"]
    assert codes(site, site.line("1.00"), channel=Channel.WAGES) == ["wages-only"]


def test_draw_down_pays_key_funds_by_nodes(house, people):
    """支用制：按已到节点支用重点资金，累计不超过节点比例；在办的核准也算在内；非工程用途不行。"""
    site = site_of(house, people, mode="draw_down")
    site.estate.put("1", "600000.00")
    assert codes(site, "0.01", channel=Channel.KEY) == ["over-node"]
    reached(site.estate, (people.clerk, people.reviewer), "主体结构验收")
    other = site.line("1.00", purpose=Purpose.OTHER)
    assert codes(site, other, channel=Channel.KEY) == ["key-for-construction"]
    number = site.approved("200000.00", channel=Channel.KEY)
    assert codes(site, "160000.01", channel=Channel.KEY) == ["over-node"]
    site.issue(number)
    assert site.building(chart.KEY_FUNDS) == "400000.00"
    assert site.under(chart.KEY_PAID) == ["200000.00"]
    site.approved("160000.00", channel=Channel.KEY)


def test_the_five_is_citation_stands_by_key_funds(house, people):
    """动用重点监管资金支付非工程用途，以晋房屋登记清零办发〔2023〕3号“五是”拒绝。"""
    site = site_of(house, people, mode="draw_down")
    asked = site.asked(site.line("1.00", purpose=Purpose.OTHER), channel=Channel.KEY)
    with pytest.raises(Exception) as found:
        site.estate.do(lambda session: enter(session, asked, officer_id=people.cashier))
    said = {one.code: one.citation for one in found.value.refusals}
    assert said["key-for-construction"] == "晋房屋登记清零办发〔2023〕3号 第三部分“五是”"


def test_floor_mode_has_no_key_channel(site):
    """留存制不直接支用重点资金。"""
    assert codes(site, "1.00", channel=Channel.KEY) == ["key-not-drawn"]


def test_what_the_bank_did_not_pay_is_ordered_again(site):
    """银行未付，款项回到楼幢；可以再签，此时重新核限额。"""
    number = site.approved("100000.00")
    first = site.issue(number).numbers[0]
    again = refused(site.estate, lambda s: site_issue(site, s, number, site.people.issuer))
    assert again == ["already-issued"]
    from escrow.instructions.actions import ask_cancel, cancel

    site.estate.do(lambda s: ask_cancel(s, first, "账号停用", officer_id=site.people.issuer))
    site.estate.do(lambda s: cancel(s, first, officer_id=site.people.reviewer))
    assert site.building(chart.GENERAL_FUNDS) == "400000.00"
    again = site.issue(number).numbers
    assert len(again) == 1 and again[0] != first
    assert site.building(chart.GENERAL_FUNDS) == "300000.00"


def test_faults_of_the_form_name_their_field(site, people):
    """楼幢、日期、明细填错，各指明栏目。"""
    asked = site.asked("1.00", building_no="99")
    with pytest.raises(Invalid) as found:
        site.estate.do(lambda session: enter(session, asked, officer_id=people.cashier))
    assert set(found.value.errors) == {"building_no"}
    latest = row(site.estate, "SELECT max(review_by) AS d FROM withdrawal").d
    assert latest is None or bureau_day() <= latest
