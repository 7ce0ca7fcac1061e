"""一笔代缴款的来回：代缴、备案、归还、退房注销、两人决定、第三人签发、银行先说不明后说已付、再卖再缴。"""

import pytest

from tests.estate import build
from tests.fund.advancing import DUE, founded, held, paid, people_of, repaid
from tests.fund.ordering import answers
from tests.fund.test_ended_deposits import back, decided, gone
from tests.sale import codes, sell


@pytest.fixture
def people(house):
    return people_of(house)


@pytest.fixture
def estate(house, people):
    return build(house, [people.clerk, people.reviewer], buildings=1, units=2, advanced=False)


def test_an_advance_goes_there_and_back_and_the_unit_is_sold_again(estate, people):
    """每一步之后各级余额相符、占用不超余额；原购房人、建设单位各得其所；下一份合同只凭新缴的款备案。"""
    fund, first = founded(estate, people), sell(estate)
    code = first.drafted.unit_code
    house_id = fund.houses[code]

    def agrees(*stands):
        assert fund.stands(house_id) == stands and fund.disagreements() == []

    paid(fund, (code, DUE))
    first.pay_due()
    assert first.file(first.check().check_no)["status"] == "filed"
    agrees(DUE, "0.00", DUE)
    repaid(fund, code, "912.00")
    agrees(DUE, "0.00", "6000.00")
    gone(estate, first)
    buyer, developer = (decided(fund, first, share, people) for share in ("1-buyer", "1-developer"))
    agrees(DUE, DUE, "0.00")
    one, two = (back(fund, number, people.cashier) for number in (buyer, developer))
    answers(fund, one, "unknown", amount="912.00")
    answers(fund, two, "paid", amount="6000.00")
    agrees("912.00", "912.00", "0.00")
    second = sell(estate)
    second.pay_due()
    assert codes(second.check()) == ["maintenance-unpaid"]
    answers(fund, one, "paid", amount="912.00")
    agrees("0.00", "0.00", "0.00")
    assert held(fund) == {}
    assert codes(second.check()) == ["maintenance-unpaid"]
    paid(fund, (code, DUE))
    assert second.file(second.check().check_no)["status"] == "filed"
    agrees(DUE, "0.00", DUE)
    assert repaid(fund, code)["owed"] == "0.00"
    agrees(DUE, "0.00", "0.00")
