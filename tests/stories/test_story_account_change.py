"""监管账户变更：一人录入、另一人批准、旧行划出、新户接着收款与备案；一个人办不成，旧户不再收款。"""

from types import SimpleNamespace
from typing import Any

import pytest

from config.clock import bureau_day
from tests.desk import bearer, hire, sit_down
from tests.estate import file_hash
from tests.town import Town, found

NEW = {
    "document_no": "交房监变〔2026〕1号", "file_hash": file_hash("change"), "agreement_no": "XY-NEW-1",
    "signed_on": bureau_day().isoformat(), "bank_code": "ICBC", "bank_name": "中国工商银行交口支行",
    "account_no": "6222021410007654321", "account_name": "测试置业预售资金监管专户",
}  # fmt: skip


@pytest.fixture
def town(house: Any, client: Any) -> Town:
    made = found(house, client, quotas={"1": "400000.00"})
    made.tokens["new-bank"] = bearer(house.database, "bank-icbc", "bank", bank_code="ICBC")
    return made


@pytest.fixture
def desks(app: Any, house: Any) -> SimpleNamespace:
    roles = {"clerk": ["register"], "both": ["register", "reviewer"], "chief": ["reviewer"],
             "auditor": ["auditor"]}  # fmt: skip
    hired = {name: hire(house.database, house.settings, name, *held) for name, held in roles.items()}
    return SimpleNamespace(**{name: sit_down(app, who) for name, who in hired.items()})


def answer(town: Town, order: dict[str, Any], outcome: str, serial: str) -> Any:
    body = {
        "outcome": outcome, "bank_serial": serial, "amount": order["amount"],
        "payee_account": order["payee_account"], "value_date": bureau_day().isoformat(),
    }  # fmt: skip
    return town.call("bank", "POST", f"/instructions/{order['instruction_no']}/results", body)


def test_a_project_goes_on_at_another_bank(town: Town, desks: SimpleNamespace) -> None:
    """首付在旧户，变更后贷款在新户：两笔都算在同一合同上，核验通过并备案；旧行不再看见通知书，迟到旧户的款照记待认领。"""
    contract = town.draft()
    down, loan = (notice["notice_no"] for notice in contract["notices"])
    town.pay("350000.00", down)
    account = f"/account-changes/accounts/{town.estate.account_no}"
    assert desks.clerk.post(account, {**NEW, "signed_on": "明天"}).status_code == 422
    made = desks.both.post(account, NEW)
    assert made.status_code == 303, made.text
    page = made.location
    alone = desks.both.post(f"{page}/approve")
    assert alone.status_code == 409 and "same-officer" in alone.text
    assert "整户余额（此刻 <span class=\"money\">350,000.00</span> 元）" in desks.chief.get(page).text
    assert desks.chief.post(f"{page}/approve").status_code == 303

    stopped = town.call("bank", "POST", "/deposits", town.deposit("650000.00", loan))
    assert stopped.status_code == 409 and stopped.json["refusals"][0]["code"] == "account-changing"
    [order] = town.call("bank", "GET", "/instructions?status=issued").json["items"]
    assert (order["kind"], order["amount"]) == ("transfer", "350000.00")
    assert order["payee_account"] == NEW["account_no"]
    assert answer(town, order, "paid", "T1").json["status"] == "paid"
    assert answer(town, order, "paid", "T1").status_code == 200

    body = {key: contract[key] for key in ("project_no", "unit_code", "price", "buyers", "payments")}
    again = town.call("filing", "PUT", f"/contracts/{contract['contract_no']}", body)
    assert again.status_code == 200
    fresh = again.json["notices"][1]["notice_no"]
    assert fresh != loan
    assert town.call("bank", "GET", f"/payment-notices/{fresh}").status_code == 404
    seen = town.call("new-bank", "GET", f"/payment-notices/{fresh}").json
    assert seen["account_no"] == NEW["account_no"]
    late = town.call("bank", "POST", "/deposits", town.deposit("1.00", None))
    assert late.status_code == 201 and late.json["status"] == "unmatched"
    paid = town.deposit("650000.00", fresh, account_no=NEW["account_no"])
    assert town.call("new-bank", "POST", "/deposits", paid).json["status"] == "confirmed"
    check = town.check(contract)
    assert check["decision"] == "pass" and check["deposited"] == "1000000.00"
    assert town.file(contract, check["check_no"]).status_code == 201

    said = desks.auditor.get(page).text
    for words in ("已完成，新账户启用", "both 同志", "chief 同志", "350,000.00", "本局设定", order["instruction_no"]):
        assert words in said
    old, home = town.estate.account_no, f"/projects/{town.estate.project_no}"
    assert desks.auditor.get(account).location.endswith(f"/account-changes/accounts/{town.estate.project_no}")
    shown = desks.auditor.get(f"{home}?of={old}").text
    for words in ("1.00", "350,000.00", "银行已付", "购房款入账", "历次监管账户"):
        assert words in shown, words
    now = desks.auditor.get(home).text
    assert f"{home}?of={old}" in now and "P21" not in now and "}}" not in now
    assert desks.auditor.get(f"{home}?of=622202141000000000").status_code == 404
    for where in (f"/accounts/{old}/measures", f"/withdrawals/accounts/{old}", f"/releases/accounts/{old}"):
        assert "本账户已变更为监管账户 <a href=" in desks.auditor.get(where).text, where
    project = town.call("platform", "GET", f"/projects/{town.estate.project_no}").json
    assert (project["account_no"], project["account_status"]) == (NEW["account_no"], "active")
