"""维修资金接口：银行报送入账、网签系统报送归还；重复报送同一答复，别家银行查无此户。"""

import pytest

from config.clock import bureau_day
from tests.builders import County
from tests.estate import build, new_number, sold
from tests.fund.advancing import BANK, DUE, founded, held, people_of


@pytest.fixture
def county(house, app):
    return County(house, app)


@pytest.fixture
def place(house):
    people = people_of(house)
    estate = build(house, [people.clerk, people.reviewer], buildings=1, units=2, advanced=False)
    sold(estate)
    return estate, founded(estate, people)


def body(fund, *units, **changed):
    total = "6912.00" if len(units) == 1 else "13824.00"
    return {
        "bank_serial": new_number("W"), "account_no": fund.account_no, "amount": total,
        "value_date": bureau_day().isoformat(), "payer_kind": "developer", "payer_name": "测试置业有限公司",
        "units": [{"unit_code": code, "amount": DUE} for code in units],
    } | changed  # fmt: skip


def test_a_bank_reports_a_batch_and_gets_the_same_answer_again(county, place):
    """201 入账；同一流水同样内容 200、逐字相同；内容不同 409；什么也不会记两次。"""
    estate, fund = place
    said = body(fund, *estate.unit_codes)
    first = county.post(f"bank-{BANK}", "/maintenance/deposits", said)
    assert (first.status_code, first.json["status"]) == (201, "confirmed")
    again = county.post(f"bank-{BANK}", "/maintenance/deposits", said)
    assert (again.status_code, again.text) == (200, first.text)
    other = county.post(f"bank-{BANK}", "/maintenance/deposits", said | {"payer_kind": "owner"})
    assert (other.status_code, other.json["code"]) == (409, "key-reused")
    assert held(fund)["100101", ""] == "13824.00"


def test_only_the_accounts_own_bank_reports_on_it(county, place):
    """别家银行 404；没有银行授权 403；自相矛盾 422，指明字段；多余字段也不收。"""
    estate, fund = place
    door, said = "/maintenance/deposits", body(place[1], estate.unit_codes[0])
    assert county.post("bank-ICBC", door, said).status_code == 404
    assert county.post("filing", door, said).status_code == 403
    wrong = county.post(f"bank-{BANK}", door, said | {"amount": "6912.01"})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "units")
    twice = said | {"amount": "13824.00", "units": said["units"] * 2}
    assert county.post(f"bank-{BANK}", door, twice).status_code == 422
    assert county.post(f"bank-{BANK}", door, said | {"unit": []}).status_code == 422
    assert county.post(f"bank-{BANK}", door, said | {"payer_kind": "buyer"}).status_code == 422
    assert held(fund) == {}


def test_money_that_names_no_unit_is_unmatched(county, place):
    """不报房屋（缺省或空）：201，全额待处理。"""
    _, fund = place
    said = body(fund, amount="50000.00")
    del said["units"]
    answer = county.post(f"bank-{BANK}", "/maintenance/deposits", said)
    assert (answer.status_code, answer.json["status"]) == (201, "unmatched")
    assert answer.json["unmatched"] == "50000.00"


def test_the_filing_system_reports_a_repayment_once(county, place):
    """归还：201；重复 200 逐字相同；同一事件号内容不同 409；再收一次 409，附依据；没有这户 404。"""
    estate, fund = place
    code = estate.unit_codes[0]
    county.post(f"bank-{BANK}", "/maintenance/deposits", body(fund, code))
    door = "/maintenance/repayments"
    said = {
        "event_id": new_number("GH"), "unit_code": code, "amount": DUE,
        "repaid_on": bureau_day().isoformat(), "evidence_no": "收据0102",
    }  # fmt: skip
    first = county.post("filing", door, said)
    assert (first.status_code, first.json["owed"]) == (201, "0.00")
    again = county.post("filing", door, said)
    assert (again.status_code, again.text) == (200, first.text)
    assert county.post("filing", door, said | {"amount": "1.00"}).json["code"] == "key-reused"
    more = county.post("filing", door, said | {"event_id": new_number("GH"), "evidence_no": "收据0103"})
    assert more.status_code == 409
    [why] = more.json["refusals"]
    assert why["code"] == "already-repaid" and "一是" in why["citation"]
    unknown = said | {"event_id": new_number("GH"), "unit_code": code[:-4] + "9999"}
    assert county.post("filing", door, unknown).status_code == 404
    assert county.post(f"bank-{BANK}", door, said).status_code == 403
    tomorrow = said | {"event_id": new_number("GH"), "repaid_on": "2100-01-01"}
    assert county.post("filing", door, tomorrow).status_code == 422
