# ruff: noqa: F811
"""注销合同的交存在哪一户、作哪份合同：串户更正过的自应入的那一户退；先缴后签的随其后的合同处置。"""

import psycopg
import pytest

from escrow.houses.actions import Paper, enter_misplaced
from escrow.houses.deciding import confirm as confirm_change
from escrow.maintenance.reading import unit_seen
from tests.estate import file_hash, new_number
from tests.fund.advancing import DUE, OWNER, paid, refused, repaid
from tests.fund.ordering import answers
from tests.fund.test_ended_deposits import (  # noqa: F401 - fixtures
    ENTER,
    back,
    decided,
    entered,
    gone,
    scene_of,
    shares,
    stays,
)
from tests.fund.test_fund_orders import attack
from tests.releasing import refused_by
from tests.sale import codes, sell

# --- 串户更正之后合同注销 ---


def correction(fund, people, receipt_no, wrong, right):
    """One officer enters that it is another house's (录入串户更正)."""
    number = new_number("更")
    paper = Paper(number, file_hash(number), "见附件")
    return fund.do(lambda s: enter_misplaced(s, wrong, paper, receipt_no, right, officer_id=people.clerk))


def moved(fund, people, receipt_no, wrong, right):
    """Another confirms it (确认)."""
    made = correction(fund, people, receipt_no, wrong, right)
    fund.do(lambda s: confirm_change(s, wrong, made, officer_id=people.reviewer))


def test_what_was_moved_to_the_right_house_is_returned_out_of_it(estate, fund, people):
    """代缴款错入甲户，更正到乙户：甲户合同注销，其交存已不在甲户；乙户合同注销，谁负担退谁，自乙户付出。"""
    wrong, right = sell(estate), sell(estate, 1)
    one, other = wrong.drafted.unit_code, right.drafted.unit_code
    moved(fund, people, paid(fund, (one, DUE))["receipt_no"], one, other)
    paid(fund, (one, DUE))
    repaid(fund, other, "912.00")
    gone(estate, wrong)
    assert shares(fund, wrong) == {"2-developer": DUE}
    assert refused(entered, fund, wrong, "1-developer", people.clerk) == ["moved-away"]
    said = {"amount": 691200, "payee": "developer", "status": "entered"}
    with pytest.raises(psycopg.errors.CheckViolation) as found:
        attack(fund.house, (f"{ENTER} WHERE d.id = 1 AND c.contract_no = '{wrong.contract_no}'", said))
    assert refused_by(found) == "ended_deposit_whole"
    gone(estate, right)
    assert shares(fund, right) == {"1-buyer": "912.00", "1-developer": "6000.00"}
    for share, amount in (("1-buyer", "912.00"), ("1-developer", "6000.00")):
        number = decided(fund, right, share, people)
        order = back(fund, number, people.cashier)
        answers(fund, order, "paid", amount=amount)
        answers(fund, order, "returned", amount=amount)
        answers(fund, back(fund, number, people.cashier), "paid", amount=amount)
    assert fund.stands(fund.houses[other]) == ("0.00", "0.00", "0.00")
    assert fund.stands(fund.houses[one]) == (DUE, "0.00", DUE)
    with fund.house.database.read() as session:
        assert str(unit_seen(session, other).paid) == "0.00"
    assert fund.disagreements() == []


def test_what_is_being_returned_is_not_moved(estate, fund, people):
    """更正录入之后合同注销、退还已录入：更正不再确认，说明理由，款留原处。"""
    wrong, right = sell(estate), sell(estate, 1)
    one, other = wrong.drafted.unit_code, right.drafted.unit_code
    receipt_no = paid(fund, (one, DUE))["receipt_no"]
    made = correction(fund, people, receipt_no, one, other)
    gone(estate, wrong)
    entered(fund, wrong, "1-developer", people.clerk)
    assert refused(fund.do, lambda s: confirm_change(s, one, made, officer_id=people.reviewer)) == [
        "no-such-deposit"
    ]
    assert fund.stands(fund.houses[one]) == (DUE, "0.00", DUE)


# --- 先缴后签 ---


def test_an_advance_paid_before_any_contract_is_settled_with_the_one_that_followed(estate, fund, people):
    """签约之前代缴的，算在其后第一份合同名下：合同注销即按谁负担退谁，债权了结；下一购房人从头缴、从头欠。"""
    code = fund.codes[0]
    paid(fund, (code, DUE))
    first = sell(estate)
    assert first.drafted.unit_code == code and fund.stands(fund.houses[code]) == (DUE, "0.00", DUE)
    repaid(fund, code, "2000.00")
    gone(estate, first)
    assert shares(fund, first) == {"1-buyer": "2000.00", "1-developer": "4912.00"}
    second = sell(estate)
    second.pay_due()
    assert codes(second.check()) == ["maintenance-unpaid"]
    for share, amount in (("1-buyer", "2000.00"), ("1-developer", "4912.00")):
        answers(fund, back(fund, decided(fund, first, share, people), people.cashier), "paid", amount=amount)
    assert fund.stands(fund.houses[code]) == ("0.00", "0.00", "0.00")
    paid(fund, (code, DUE))
    assert second.check().decision == "pass" and fund.stands(fund.houses[code]) == (DUE, "0.00", DUE)
    assert fund.disagreements() == []


def test_an_advance_paid_before_any_contract_may_stay_for_the_next_buyer(estate, fund, people, stays):
    """本地规定留给下一购房人的：先缴后签的一笔也留得下，原购房人归还过的对下一人重新记起。"""
    code = fund.codes[0]
    paid(fund, (code, DUE))
    first = sell(estate)
    repaid(fund, code, "2000.00")
    gone(estate, first)
    decided(fund, first, "1-stay", people)
    second = sell(estate)
    second.pay_due()
    assert second.check().decision == "pass" and fund.stands(fund.houses[code]) == (DUE, "0.00", DUE)
    assert repaid(fund, code, DUE)["owed"] == "0.00" and fund.disagreements() == []


def test_an_advance_paid_ahead_waits_for_the_contract_that_is_filed(estate, fund, people):
    """先代缴、后签约，草拟合同未备案即注销：代缴款不退不动，下一份合同可凭以备案；备案后注销的才退。"""
    code = fund.codes[0]
    paid(fund, (code, DUE))
    first = sell(estate)
    gone(estate, first)
    assert shares(fund, first) == {} and fund.stands(fund.houses[code]) == (DUE, "0.00", DUE)
    second = sell(estate)
    second.pay_due()
    second.file(second.check().check_no)
    gone(estate, second)
    assert shares(fund, second) == {"1-developer": DUE} and fund.disagreements() == []


def test_what_an_owner_paid_ahead_goes_back_with_the_draft_given_up(estate, fund, people):
    """业主先自缴、后签约，草拟合同未备案即注销：退原付款人，不作下一位购房人的；下一份合同须另行缴足。"""
    code = fund.codes[0]
    paid(fund, (code, DUE), payer=OWNER)
    first = sell(estate)
    gone(estate, first)
    assert shares(fund, first) == {"1-payer": DUE}
    second = sell(estate)
    second.pay_due()
    assert codes(second.check()) == ["maintenance-unpaid"]
    answers(fund, back(fund, decided(fund, first, "1-payer", people), people.cashier), "paid", amount=DUE)
    paid(fund, (code, DUE))
    assert codes(second.check()) == [] and fund.stands(fund.houses[code]) == (DUE, "0.00", DUE)
    assert fund.disagreements() == []
