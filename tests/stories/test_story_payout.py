"""解除监管之后：签发划付、银行付清、销户；付错人、没付清、没答复，都不放行。"""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from config.clock import bureau_day
from escrow.supervision.court_holds import Document, Freeze, freeze
from tests.desk import Seat, hire, sit_down
from tests.estate import file_hash, new_number, officers
from tests.releasing import refused_by
from tests.stories.test_story_release import Bureau, at_bureau, bureau_of

PAYEE = {"name": "测试置业有限公司", "account_no": "6222021410001112223", "bank_name": "农业银行交口支行"}


def scene_of(house: Any, app: Any) -> SimpleNamespace:
    """三十五万元已解除监管，待划付；窗口有一名出纳。"""
    bureau: Bureau = at_bureau(house, app).bureau
    cashier = sit_down(app, hire(house.database, house.settings, "cashier", "cashier"))
    bureau.filed()
    bureau.told()
    page = bureau.applied()
    assert bureau.approve(page).status_code == 303
    return SimpleNamespace(bureau=bureau, cashier=cashier, page=page)


@pytest.fixture
def bureau(scene: Any) -> Any:
    return scene.bureau


@pytest.fixture
def cashier(scene: Any) -> Any:
    return scene.cashier


@pytest.fixture
def released(scene: Any) -> Any:
    return scene.page


def result(outcome: str, serial: str) -> dict[str, Any]:
    return {
        "outcome": outcome, "bank_serial": serial, "amount": "350000.00",
        "payee_account": PAYEE["account_no"], "value_date": bureau_day().isoformat(),
    }  # fmt: skip


def test_released_money_reaches_the_developer_and_the_account_closes(
    bureau: Bureau, cashier: Seat, released: str
) -> None:
    """只付两人登记确认的开发企业本户，签发人另填的收款人不作数；退汇可再签发；付清后销户，分文不剩。"""
    early = cashier.post(f"{released}/payout", PAYEE)
    assert early.status_code == 409 and "payee-not-registered" in early.text
    assert bureau.receiving(PAYEE["account_no"]).status_code == 303
    assert PAYEE["account_no"] in cashier.get(released).text
    early = bureau.approver.post(f"{released}/closing")
    assert early.status_code == 409 and "account-not-empty" in early.text
    elsewhere = {"name": "别家公司", "account_no": "6222000000000001", "bank_name": "别行"}
    assert cashier.post(f"{released}/payout", elsewhere).status_code == 303
    again = cashier.post(f"{released}/payout", PAYEE)
    assert again.status_code == 409 and "nothing-due" in again.text
    assert "orders-open" in bureau.approver.post(f"{released}/closing").text

    [order] = bureau.town.call("bank", "GET", "/instructions?status=issued").json["items"]
    assert (order["kind"], order["amount"], order["payee_name"]) == ("release", "350000.00", PAYEE["name"])
    assert (order["payee_account"], order["payee_bank"]) == (PAYEE["account_no"], PAYEE["bank_name"])
    path = f"/instructions/{order['instruction_no']}/results"
    assert bureau.town.call("bank", "POST", path, result("paid", "H1")).status_code == 201
    assert bureau.town.call("bank", "POST", path, result("returned", "H2")).json["status"] == "returned"
    assert cashier.post(f"{released}/payout", PAYEE).status_code == 303
    [order] = bureau.town.call("bank", "GET", "/instructions?status=issued").json["items"]
    path = f"/instructions/{order['instruction_no']}/results"
    assert bureau.town.call("bank", "POST", path, result("paid", "H3")).status_code == 201

    assert bureau.approver.post(f"{released}/closing").status_code == 303
    assert bureau.status() == ("released", "closed")
    assert not [key for key in bureau.town.estate.held() if key[0][0] in "12"]


def test_what_a_court_froze_after_the_release_is_not_paid_and_the_account_stays(
    bureau: Bureau, cashier: Seat, released: str
) -> None:
    """解除之后、划付之前法院冻结：不得签发划付，也不能销户；直接写库签发同样被拒。"""
    estate = bureau.town.estate
    bureau.receiving(PAYEE["account_no"])
    [clerk] = officers(estate.house, "freezer")
    number = new_number("（2026）晋11执")
    paper = Document(number, bureau_day(), file_hash(number))
    court = Freeze(
        estate.account_no, "吕梁市中级人民法院", None, bureau_day(), bureau_day() + timedelta(days=30), paper
    )
    estate.do(lambda session: freeze(session, court, officer_id=clerk))
    stopped = cashier.post(f"{released}/payout", PAYEE)
    assert stopped.status_code == 409 and "court-hold" in stopped.text and "冻结" in stopped.text
    assert "court-hold" in bureau.approver.post(f"{released}/closing").text
    with pytest.raises(psycopg.Error) as caught, estate.house.connect() as connection:
        connection.execute(
            "INSERT INTO instruction (instruction_no, kind, account_id, amount, key_amount,"
            " payee_name_sealed, payee_name_masked, payee_account_sealed, payee_account_masked, payee_bank,"
            " purpose, source_code, source_key, issued_by, expires_on, status)"
            " VALUES ('ZL2026000009', 'release', %s, 1, 0, '', '某', '', '**** 0001', '某行', '划付', '2501',"
            " '', %s, current_date, 'issued')",
            (estate.account_id, clerk),
        )
    assert refused_by(caught) == "frozen_stays"


def test_who_approved_the_release_does_not_send_the_money(empty_app: Any, empty_house: Any) -> None:
    """批准解除监管的人员，即使兼任资金经办，也不能签发划付。"""
    app, house = empty_app, empty_house
    bureau = bureau_of(app, house, app.test_client())
    both = sit_down(app, hire(house.database, house.settings, "both", "reviewer", "cashier"))
    bureau.filed()
    bureau.told()
    page = bureau.applied()
    assert both.post(f"{page}/approve").status_code == 303
    refused = both.post(f"{page}/payout", PAYEE)
    assert refused.status_code == 409 and "same-officer" in refused.text
