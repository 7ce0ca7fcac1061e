"""逐幢解除监管：先竣工的一幢先解除、先划付，其余照常收款备案；最后一幢解除时账户待划付。"""

from typing import Any

import pytest

from config.clock import bureau_day
from tests.desk import hire, sit_down
from tests.estate import file_hash, new_number
from tests.stories.test_story_payout import PAYEE
from tests.stories.test_story_release import Bureau, bureau_of


@pytest.fixture
def bureau(app: Any, house: Any, client: Any) -> Bureau:
    return bureau_of(app, house, client, buildings=2, units=2)


def applied(bureau: Bureau, *buildings: str) -> str:
    number = new_number("SQ")
    body: dict[str, Any] = {
        "application_no": number, "applied_on": bureau_day().isoformat(), "file_hash": file_hash(number),
        "buildings": list(buildings),
    }  # fmt: skip
    made = bureau.clerk.post(f"/releases/accounts/{bureau.town.estate.account_no}/applications", body)
    assert made.status_code == 303, made.text
    return str(made.location)


def test_one_building_is_released_and_the_other_goes_on(bureau: Bureau, app: Any, house: Any) -> None:
    """一号楼备案、登记、解除、付给开发企业；二号楼的合同仍可缴款、备案；平台看到的项目仍在监管。"""
    cashier = sit_down(app, hire(house.database, house.settings, "cashier", "cashier"))
    bureau.filed()
    page = applied(bureau, "1")
    bureau.refused(page, "first-registration-missing")
    bureau.told("1")
    assert bureau.approve(page).status_code == 303
    assert bureau.status() == ("active", "active")
    assert "账户照常收款" in bureau.approver.get(page).text
    building = f"/projects/{bureau.town.estate.project_no}/buildings/"
    assert "没有应留存额" in bureau.approver.get(f"{building}1").text
    assert "没有应留存额" not in bureau.approver.get(f"{building}2").text
    assert "1 幢，其余楼幢继续监管" in bureau.approver.get(page).text
    assert "其余楼幢继续监管" in bureau.approver.get(f"{page}/decision").text
    assert bureau.receiving(PAYEE["account_no"]).status_code == 303
    assert cashier.post(f"{page}/payout").status_code == 303
    [order] = bureau.town.call("bank", "GET", "/instructions?status=issued").json["items"]
    assert order["amount"] == "350000.00"

    contract = bureau.town.draft(unit=2)
    bureau.town.pay("350000.00", contract["notices"][0]["notice_no"])
    assert bureau.town.file(contract, bureau.town.check(contract)["check_no"]).status_code == 201
    last = applied(bureau)
    bureau.told("2")
    bureau.refused(last, "open-payment-in-transit")
    result = {
        "outcome": "paid", "bank_serial": "H1", "amount": "350000.00",
        "payee_account": PAYEE["account_no"], "value_date": bureau_day().isoformat(),
    }  # fmt: skip
    path = f"/instructions/{order['instruction_no']}/results"
    assert bureau.town.call("bank", "POST", path, result).status_code == 201
    assert bureau.approve(last).status_code == 303
    assert bureau.status() == ("released", "releasing")
    assert "1 幢" in bureau.approver.get(f"/releases/accounts/{bureau.town.estate.account_no}").text
