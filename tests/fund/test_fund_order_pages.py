"""维修资金付款网页：应退待付签发、指令清单与一件指令、撤销、停付恢复、通知书，首页待办。"""

import re

from tests.desk import staffed
from tests.estate import file_hash, new_number
from tests.fund.advancing import unpaid
from tests.fund.ordering import answers, due


def scene_of(house, app):
    """Houses with accounts and nothing in them, everybody at their desk (建账而未交存，窗口有人)."""
    roles = {"cashier": ["cashier"], "reviewer": ["reviewer"], "auditor": ["auditor"]}
    made = unpaid()(house, app)
    made.desks = staffed(house, app, roles, "desk-")
    return made


def waits(desk):
    home = desk.get("/").text.split("<h2>业务</h2>")[0]
    return {label: count for count, label in re.findall(r'"count">(\S+?)</span> <span>(.*?)</span>', home)}


def test_a_return_is_issued_and_read_on_the_pages(desks, estate, fund, people):
    """待办里有应退待签发；出纳签发之后，清单与指令页写明谁决定、谁签发、依据什么；付清之后不再列入应退。"""
    number = due(fund, people, estate)
    assert waits(desks.cashier)["维修资金应退待签发"] == "1"
    assert "签发退款" in desks.cashier.get("/fund/returns").text
    assert "签发退款" not in desks.auditor.get("/fund/returns").text
    assert desks.reviewer.post(f"/fund/returns/{number}/order").status_code == 403
    assert desks.cashier.post(f"/fund/returns/{number}/order").status_code == 303
    refused = desks.cashier.post(f"/fund/returns/{number}/order")
    assert refused.status_code == 409 and "已签发指令 ZL2026000001" in refused.text
    page = desks.auditor.get("/fund/orders/ZL2026000001").text
    assert "desk-cashier 同志" in page and "本局设定（待补依据）" in page and "退还交存" in page
    assert "王**" in page and "王秀英" not in page
    assert "ZL2026000001" in desks.auditor.get("/fund/orders?status=open&find=ZL2026000001").text
    assert "没有这样的付款指令" in desks.auditor.get("/fund/orders?status=paid").text
    assert desks.cashier.post("/fund/orders/ZL2026000001/paper").data.startswith(b"%PDF")
    assert "维修资金应退待签发" not in waits(desks.cashier)
    answers(fund, "ZL2026000001", "unknown")
    assert waits(desks.cashier)["维修资金付款结果不明"] == "1"
    answers(fund, "ZL2026000001", "paid")
    assert "没有应退待付的款" in desks.auditor.get("/fund/returns").text
    assert desks.auditor.get("/fund/orders/ZL2026000009").status_code == 404


def test_an_order_is_taken_back_on_its_page(desks, estate, fund, people):
    """撤销须写理由、两人办理；撤销之后应退仍待签发。"""
    number = due(fund, people, estate)
    desks.cashier.post(f"/fund/returns/{number}/order")
    page = "/fund/orders/ZL2026000001/cancellation"
    assert desks.cashier.post(page, {"reason": ""}).status_code == 422
    assert desks.cashier.post(page, {"reason": "账号有误"}).status_code == 303
    assert waits(desks.reviewer)["维修资金指令撤销待确认"] == "1"
    assert desks.reviewer.post(f"{page}/confirmation").status_code == 303
    shown = desks.auditor.get("/fund/orders/ZL2026000001").text
    assert "已撤销" in shown and "账号有误" in shown
    assert waits(desks.cashier)["维修资金应退待签发"] == "1"
    account = "/fund/orders/ZL2026000001/account"
    number = new_number("YJ")
    said = {
        "account_no": "6217000099990000002", "bank": "中国银行", "document_no": number, "note": "收款人来函",
        "file_hash": file_hash(number),
    }  # fmt: skip
    bad = desks.cashier.post(account, said | {"account_no": "x"})
    assert bad.status_code == 422 and "收款人来函" in bad.text
    assert desks.cashier.post(account, said).status_code == 303
    assert waits(desks.reviewer)["维修资金改退账户待确认"] == "1"
    assert desks.reviewer.post(f"{account}/rejection", {"reason": "不清"}).status_code == 303
    assert desks.cashier.post(account, said | paper()).status_code == 303
    assert desks.reviewer.post(f"{account}/confirmation").status_code == 303
    shown = desks.auditor.get("/fund/orders/ZL2026000001").text
    assert "已改退" in shown and "改退已退回：不清" in shown and "6217000099990000002" not in shown


def paper():
    number = new_number("YJ")
    return {"document_no": number, "file_hash": file_hash(number)}


def test_a_stopped_account_is_reopened_by_two(desks, estate, fund, people):
    """银行答复不符，专户停付：待办与清单写明缘由，一人录入、另一人确认恢复。"""
    number = due(fund, people, estate)
    desks.cashier.post(f"/fund/returns/{number}/order")
    answers(fund, "ZL2026000001", "paid", amount="1.00")
    assert waits(desks.cashier)["维修资金专户停付待查清"] == "1"
    assert "与指令金额" in desks.auditor.get("/fund/orders").text
    page = f"/fund/accounts/{fund.fund_id}/payments/reopening"
    assert desks.cashier.post(page, {"reason": ""}).status_code == 422
    assert desks.cashier.post(page, {"reason": "银行误报"}).status_code == 303
    assert waits(desks.reviewer)["恢复维修资金专户待确认"] == "1"
    assert desks.reviewer.post(f"{page}/confirmation").status_code == 303
    assert "与指令金额" not in desks.auditor.get("/fund/orders").text
