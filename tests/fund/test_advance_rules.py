"""首期交存的去处：合户的入户，超出、重复、误缴的应退，认不出的待认领；归还代缴款只收一次，只收代缴之数。"""

from dataclasses import replace
from datetime import date

import pytest

from config.regulations import law_on
from escrow.advances.repayment_rules import Claim, repayment_refusals
from escrow.advances.rules import Aside, Fate, HouseFacts, PayerKind, line_faults, verdict
from escrow.contracts.rules import ContractStatus
from ledger.money import ZERO, Yuan

LAW = law_on(date(2026, 11, 21), "maintenance_fund", "141130")
UNIT = "141130001001GB00001F00010001"
DUE = Yuan("9216.00")
SOLD = HouseFacts(due=DUE, contract=ContractStatus.DRAFTED)


def judged(house=SOLD, amount=DUE, payer=PayerKind.DEVELOPER, **told):
    return verdict(UNIT, amount, payer, house, LAW, **told)


def test_an_advance_that_fits_is_the_houses_and_the_buyer_owes_it():
    """建设单位代缴足额：全数入户，购房人欠建设单位同样的数。"""
    found = judged()
    assert (found.booked, found.apart, found.fate, found.is_advance) == (DUE, ZERO, Fate.BOOKED, True)


def test_an_owners_own_deposit_leaves_nobody_owing():
    """业主自己交存：入户，谁也不欠谁。"""
    found = judged(payer=PayerKind.OWNER)
    assert (found.booked, found.is_advance) == (DUE, False)


def test_a_developer_pays_for_its_own_unsold_house():
    """首次登记后未售的房屋由建设单位自己交存，不对购房人形成债权。"""
    found = judged(replace(SOLD, contract=None, is_developers=True))
    assert (found.booked, found.is_advance) == (DUE, False)
    again = judged(replace(SOLD, contract=ContractStatus.CANCELLED, is_developers=True))
    assert (again.booked, again.is_advance) == (DUE, False)


@pytest.mark.parametrize("payer", PayerKind)
def test_a_short_payment_waits_until_it_is_whole(payer):
    """不足额：一分也不入户，另列待认领，说明应缴、尚差、本次；差一分也是不足额。"""
    for amount in ("9000.00", "9215.99"):
        found = judged(amount=Yuan(amount), payer=payer)
        assert (found.booked, found.apart, found.aside) == (ZERO, Yuan(amount), Aside.UNCLAIMED)
        assert found.why.code == "short-paid"
        assert amount in found.why.message and "9216.00" in found.why.message
        asked = payer is PayerKind.DEVELOPER
        assert found.why.citation == LAW["due_at_filing" if asked else "deposit_fits_house"].citation


def test_what_a_house_still_lacks_is_paid_to_the_fen():
    """更正面积之后补缴的：补足到分，不多不少。"""
    house = replace(SOLD, standing=Yuan("9000.00"))
    assert judged(house, Yuan("216.00")).fate is Fate.BOOKED
    over = judged(house, Yuan("216.01"))
    assert (over.booked, over.apart, over.aside) == (Yuan("216.00"), Yuan("0.01"), Aside.OVERPAID)
    assert (over.fate, over.why.code) == (Fate.PARTLY_BOOKED, "over-due")


@pytest.mark.parametrize(
    ("house", "payer", "code"),
    [
        pytest.param(replace(SOLD, standing=DUE), PayerKind.DEVELOPER, "already-paid", id="代缴两次"),
        pytest.param(replace(SOLD, standing=DUE), PayerKind.OWNER, "already-paid", id="业主交两次"),
        pytest.param(
            replace(SOLD, standing=DUE, owed=DUE), PayerKind.OWNER, "already-advanced", id="代缴后业主误缴"
        ),
        pytest.param(
            replace(SOLD, contract=ContractStatus.CANCELLED), PayerKind.DEVELOPER, "contract-cancelled",
            id="合同已注销",
        ),
        pytest.param(replace(SOLD, due=ZERO), PayerKind.OWNER, "nothing-due", id="非住宅"),
        pytest.param(replace(SOLD, is_closed=True), PayerKind.OWNER, "house-closed", id="分户已销"),
    ],
)  # fmt: skip
def test_what_does_not_fit_its_house_is_to_be_returned(house, payer, code):
    """重复、误缴、合同已注销、不应交存、分户已销：一分不入户，列应退，说明理由与依据。"""
    found = judged(house, payer=payer)
    assert (found.booked, found.apart, found.aside, found.why.code) == (ZERO, DUE, Aside.OVERPAID, code)
    assert found.why.citation and UNIT in found.why.message


@pytest.mark.parametrize(
    ("house", "known", "code"),
    [
        pytest.param(None, False, "unit-unknown", id="没有这户"),
        pytest.param(None, True, "house-not-built", id="未建分户账"),
        pytest.param(replace(SOLD, same_fund=False), True, "other-fund", id="别的专户"),
        pytest.param(replace(SOLD, due=None), True, "due-unknown", id="依价款计收而无合同"),
    ],
)
def test_money_for_a_house_we_cannot_place_waits_to_be_claimed(house, known, code):
    """认不出的、未建账的、别的专户的：钱在账上，待认领。"""
    found = judged(house, known=known)
    assert (found.booked, found.aside, found.why.code) == (ZERO, Aside.UNCLAIMED, code)
    assert found.fate is Fate.UNCLAIMED


def test_no_fen_is_lost_whatever_the_house():
    """不论何种情形，入户与另列之和恒等于所缴。"""
    standings = [ZERO, Yuan("0.01"), DUE - Yuan("0.01"), DUE, DUE + Yuan("1.00")]
    for standing in standings:
        for amount in (Yuan("0.01"), Yuan("216.00"), DUE, DUE + Yuan("0.01")):
            for payer in PayerKind:
                found = judged(replace(SOLD, standing=standing), amount, payer)
                assert found.booked + found.apart == amount
                assert found.booked <= max(DUE - standing, ZERO)


def test_a_message_that_contradicts_itself_is_not_taken():
    """各户合计不等于金额、同一房屋列两次：退回报文；不报房屋的不在此列。"""
    other = UNIT[:-1] + "2"
    half = Yuan("4608.00")
    assert line_faults(DUE, [(UNIT, half), (other, half)]) == {}
    assert line_faults(DUE, []) == {}
    assert "不符" in line_faults(DUE, [(UNIT, half)])["units"]
    assert "两次" in line_faults(DUE, [(UNIT, half), (UNIT, half)])["units"]


OWING = Claim(UNIT, advanced=DUE, contract=ContractStatus.FILED)


def codes(claim, amount=DUE):
    found = repayment_refusals(claim, amount, LAW)
    assert all(refusal.citation for refusal in found)
    return [refusal.code for refusal in found]


def test_a_buyer_repays_what_was_advanced_once():
    """全额归还、分次归还都可以；多一分、再收一次都不行。"""
    assert codes(OWING) == []
    assert codes(OWING, Yuan("9000.00")) == []
    part = replace(OWING, repaid=Yuan("9000.00"))
    assert codes(part, Yuan("216.00")) == []
    assert codes(part, Yuan("216.01")) == ["over-advanced"]
    assert codes(OWING, DUE + Yuan("0.01")) == ["over-advanced"]
    assert codes(replace(OWING, repaid=DUE), Yuan("0.01")) == ["already-repaid"]


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        pytest.param(replace(OWING, contract=ContractStatus.CANCELLED), "contract-cancelled", id="合同已注销"),
        pytest.param(replace(OWING, contract=None), "no-contract", id="没有合同"),
        pytest.param(replace(OWING, advanced=ZERO), "not-advanced", id="没有代缴"),
    ],
)
def test_what_was_not_advanced_for_a_living_contract_is_not_collected(claim, code):
    """合同已注销、没有合同、没有代缴的，开发企业不得收取。"""
    assert codes(claim) == [code]
