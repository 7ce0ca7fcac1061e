"""业主归还代缴款：专户资金不动，只冲备查；超过代缴、再收一次、合同已注销的不准；两名人员经办。"""

import pytest

from config.clock import bureau_day
from escrow.advances.repaying import reject
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.errors import NotFound
from tests.estate import new_number, sold
from tests.fund.advancing import (
    DUE,
    OWNER,
    confirmed,
    entered,
    held,
    paid,
    refused,
    repaid,
    unpaid,
)
from tests.sale import row, together

scene_of = unpaid(units=3)


@pytest.fixture
def code(estate, fund):
    sold(estate)
    paid(fund, (estate.unit_codes[0], DUE))
    return estate.unit_codes[0]


def test_the_claim_closes_and_no_money_of_the_fund_moves(estate, fund, code):
    """归还登记之后，购房人不再欠款；专户存款、分户余额分文未动。"""
    before = {place: amount for place, amount in held(fund).items() if place[0][0] != "9"}
    answer = repaid(fund, code)
    assert (answer["advanced"], answer["repaid"], answer["owed"]) == (DUE, DUE, "0.00")
    assert held(fund) == before
    assert fund.stands(fund.houses[code]) == (DUE, "0.00", "0.00")
    assert fund.disagreements() == []


def test_it_may_be_repaid_in_parts_never_too_much_never_twice(estate, fund, code):
    """分次归还；多一分、还清后再收、同一凭据再用，都不准。"""
    assert repaid(fund, code, "6000.00", "收据1")["owed"] == "912.00"
    assert refused(repaid, fund, code, "912.01") == ["over-advanced"]
    assert refused(repaid, fund, code, "912.00", "收据1") == ["evidence-used"]
    assert repaid(fund, code, "912.00")["owed"] == "0.00"
    assert refused(repaid, fund, code, "0.01") == ["already-repaid"]


def test_what_was_not_advanced_or_has_no_contract_is_not_collected(estate, fund, code):
    """业主自己交的、没有合同的、没有分户账的，开发企业无可收取。"""
    own, nobody = estate.unit_codes[1:]
    sold(estate)
    paid(fund, (own, DUE), payer=OWNER)
    paid(fund, (nobody, DUE))
    assert refused(repaid, fund, own) == ["not-advanced"]
    assert refused(repaid, fund, nobody) == ["no-contract"]
    with pytest.raises(NotFound):
        repaid(fund, code[:-4] + "9999")


def test_nothing_is_repaid_for_a_cancelled_contract(estate, fund, code):
    """合同注销之后不再登记归还；另一买受人的新合同也不欠前一份合同的代缴款。"""
    asked = CancellationAsked(new_number("ZX"), bureau_day(), "退房")
    estate.do(lambda session: cancel(session, estate.sold[0], asked))
    assert refused(repaid, fund, code) == ["contract-cancelled"]
    estate.sold.clear()
    sold(estate)
    assert refused(repaid, fund, code) == ["not-advanced"]
    paid(fund, (code, DUE))
    assert repaid(fund, code)["owed"] == "0.00"


def test_two_officers_record_a_repayment_on_its_paper(estate, fund, code, people):
    """一人录入、另一人确认；录入人不能自己确认；确认之前仍欠，另一件不得同时录入；凭据文件只用一次。"""
    number = entered(fund, code, people.clerk, "6000.00")
    assert fund.stands(fund.houses[code])[2] == DUE
    assert refused(entered, fund, code, people.cashier, "912.00") == ["repayment-waiting"]
    assert refused(confirmed, fund, number, people.clerk) == ["same-officer"]
    confirmed(fund, number, people.reviewer)
    assert fund.stands(fund.houses[code])[2] == "912.00"
    assert refused(confirmed, fund, number, people.reviewer) == ["already-decided"]
    kept = row(estate, "SELECT law, entered_by, decided_by FROM advance_repayment")
    assert (kept.entered_by, kept.decided_by) == (people.clerk, people.reviewer)
    assert "第三部分“一是”" in kept.law["provisions"]["repaid_once"]["citation"]


def test_a_repayment_that_does_not_convince_goes_back(estate, fund, code, people):
    """复核退回须写理由；退回之后仍欠，可以另行录入。"""
    number = entered(fund, code, people.clerk)
    estate.do(lambda session: reject(session, number, "收据无签章", officer_id=people.reviewer))
    assert fund.stands(fund.houses[code])[2] == DUE
    confirmed(fund, entered(fund, code, people.clerk), people.reviewer)
    assert fund.stands(fund.houses[code])[2] == "0.00"


def test_what_was_entered_is_judged_again_when_it_is_confirmed(estate, fund, code, people):
    """录入之后网签系统已报来归还的，确认时不准：不会记成两次。"""
    number = entered(fund, code, people.clerk)
    found = together([lambda: repaid(fund, code), lambda: confirmed(fund, number, people.reviewer)])
    said = [one for one in found if isinstance(one, list)]
    assert said in ([["repayment-waiting"]], [["already-repaid"]], [["already-repaid", "repayment-waiting"]])
    assert fund.stands(fund.houses[code])[2] == "0.00"
    kept = row(estate, "SELECT sum(amount) AS n FROM advance_repayment WHERE status = 'confirmed'")
    assert kept.n == 691200
