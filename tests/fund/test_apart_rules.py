"""另列款的处理：归入的每一户都须合户，退还的对象由规定而定，不由经办人选。"""

from dataclasses import replace
from datetime import date

from config.regulations import law_on
from escrow.advances.apart_rules import (
    ApartFacts,
    Payee,
    Share,
    claim_refusals,
    payee_of,
    return_refusals,
)
from escrow.advances.repayment_rules import decider_refusals
from escrow.advances.rules import Aside, HouseFacts, PayerKind
from ledger.money import ZERO, Yuan

LAW = law_on(date(2026, 11, 21), "maintenance_fund", "141130")
DUE = Yuan("9216.00")
APART = ApartFacts("WX1-1", Aside.PREPAID, remainder=Yuan("20000.00"))
HOUSE = HouseFacts(due=DUE)


def codes(found):
    assert all(refusal.citation for refusal in found)
    return [refusal.code for refusal in found]


def claimed(*shares, facts=APART, payer=PayerKind.DEVELOPER):
    return codes(claim_refusals(facts, shares, payer, LAW))


def test_a_lump_sum_is_spread_to_houses_that_take_it():
    """单位预交分到各户：每户不超应缴、合计不超余额即可；可以分几次。"""
    assert claimed(Share("甲", DUE, HOUSE), Share("乙", DUE, HOUSE)) == []
    assert claimed(*[Share(one, DUE, HOUSE) for one in "甲乙丙"]) == ["over-remainder"]


def test_every_house_that_does_not_fit_is_named():
    """哪一户超出、哪一户没有、哪一户已缴足，一一说明。"""
    paid = replace(HOUSE, standing=DUE)
    one_too_many = Share("甲", DUE + Yuan("1.00"), HOUSE)
    found = claimed(one_too_many, Share("乙", DUE, paid), Share("丙", Yuan("1.00"), None))
    assert found == ["over-due", "already-paid", "house-not-built"]


def test_what_is_to_be_returned_is_not_claimed_again():
    """应退多缴款只能退还；另有处理等待确认的，不能再录。"""
    over = replace(APART, aside=Aside.OVERPAID)
    assert claimed(Share("甲", DUE, HOUSE), facts=over) == ["only-returned"]
    assert claimed(Share("甲", DUE, HOUSE), facts=replace(APART, waiting=3)) == ["decision-waiting"]


def test_the_rule_says_to_whom_it_goes_back():
    """业主误缴而代缴尚未归还：退建设单位，视为已归还；已归还的、建设单位多缴的，退原付款人。"""
    assert payee_of(PayerKind.OWNER, DUE, LAW) is Payee.DEVELOPER
    assert payee_of(PayerKind.OWNER, ZERO, LAW) is Payee.PAYER
    assert payee_of(PayerKind.DEVELOPER, DUE, LAW) is Payee.PAYER


def test_a_return_goes_to_whom_the_rule_says_and_closes_no_more_than_is_owed():
    """退错人、超过购房人所欠、超过余额，都不准。"""

    def returned(payee, amount, owed=DUE, by_rule=Payee.DEVELOPER):
        return codes(return_refusals(APART, amount, payee=payee, by_rule=by_rule, owed=owed, law=LAW))

    assert returned(Payee.DEVELOPER, DUE) == []
    assert returned(Payee.PAYER, DUE) == ["other-payee"]
    assert returned(Payee.DEVELOPER, DUE + Yuan("0.01")) == ["over-claim"]
    assert returned(Payee.PAYER, Yuan("20000.01"), ZERO, Payee.PAYER) == ["over-remainder"]


def test_another_officer_decides_once():
    """录入人不能自己确认；办结的不能再办。"""
    assert codes(decider_refusals(False, entered_by=1, officer_id=1, law=LAW)) == ["same-officer"]
    assert codes(decider_refusals(True, entered_by=1, officer_id=2, law=LAW)) == ["already-decided"]
    assert decider_refusals(False, entered_by=1, officer_id=2, law=LAW) == []
