"""注销合同首期交存网页：清单、依规定退给谁为什么、录入、确认、签发，首页待办；填错的所填不丢。"""



from tests.desk import staffed
from tests.estate import file_hash, new_number
from tests.fund.advancing import DUE, repaid, unpaid
from tests.fund.ordering import answers
from tests.fund.test_ended_deposits import gone, place, stays  # noqa: F401 - a fixture
from tests.fund.test_ended_places import moved
from tests.fund.test_fund_order_pages import waits
from tests.sale import row, sell


def scene_of(house, app):
    """Houses with accounts and nothing in them, everybody at their desk (建账而未交存，窗口有人)."""
    roles = {"clerk": ["register"], "cashier": ["cashier"], "reviewer": ["reviewer"], "auditor": ["auditor"]}
    made = unpaid()(house, app)
    made.desks = staffed(house, app, roles, "desk-")
    return made


def form(prefix, share, **more):
    number = new_number("YJ")
    said = {"share": share, "document_no": number, "file_hash": file_hash(number), "note": "注销证明"} | more
    return {f"{prefix}-{name}": value for name, value in said.items()}


ACCOUNT = {"account_no": "6217000010001234567", "bank": "建设银行"}


def test_a_cancelled_contracts_deposit_is_followed_from_list_to_bank(desks, estate, fund):
    """从待办到付清：页面写明退给谁、为什么、依据什么、谁录入谁确认谁签发；付清之后清单里没有了。"""
    sale, code, _ = place(estate, fund)
    repaid(fund, code, "2000.00")
    page = f"/fund/cancelled/{sale.contract_no}"
    assert "合同有效" in desks.auditor.get(page).text and "录入退还" not in desks.clerk.get(page).text
    gone(estate, sale)
    assert waits(desks.clerk)["注销合同首期交存待处置"] == "1"
    listed = desks.auditor.get("/fund/cancelled").text
    assert sale.contract_no in listed and "2,000.00" in listed
    shown = desks.clerk.get(page).text
    assert "实由购房人负担，退购房人" in shown and "退建设单位；对原购房人的债权了结" in shown
    bad = desks.clerk.post(f"{page}/returns", form("back", "1-buyer", **ACCOUNT | {"account_no": "x"}))
    assert bad.status_code == 422 and "注销证明" in bad.text
    assert desks.clerk.post(f"{page}/returns", form("back", "9-buyer", **ACCOUNT)).status_code == 422
    made = desks.clerk.post(f"{page}/returns", form("back", "1-buyer", **ACCOUNT))
    assert made.status_code == 303 and made.location.endswith("/fund/ended/1")
    assert waits(desks.reviewer)["注销合同交存处置待确认"] == "1"
    assert desks.clerk.post("/fund/ended/1/confirm").status_code == 403
    assert desks.reviewer.post("/fund/ended/1/confirm").status_code == 303
    assert waits(desks.cashier)["注销合同应退待签发"] == "1"
    assert desks.cashier.post("/fund/ended/1/order").status_code == 303
    one = desks.auditor.get("/fund/ended/1").text
    assert "desk-clerk 同志" in one and "desk-reviewer 同志" in one and "ZL2026000001" in one
    assert "王**" in one and "本局设定（待补依据）" in one
    answers(fund, "ZL2026000001", "paid", amount="2000.00")
    desks.clerk.post(f"{page}/returns", form("back", "1-developer", **ACCOUNT))
    assert desks.reviewer.post("/fund/ended/2/reject", {"reason": ""}).status_code == 422
    assert desks.reviewer.post("/fund/ended/2/reject", {"reason": "账号不符"}).status_code == 303
    desks.clerk.post(f"{page}/returns", form("back", "1-developer", **ACCOUNT))
    desks.reviewer.post("/fund/ended/3/confirm")
    desks.cashier.post("/fund/ended/3/order")
    answers(fund, "ZL2026000002", "paid", amount="4912.00")
    assert "没有待处置的注销合同" in desks.auditor.get("/fund/cancelled").text
    assert "账号不符" in desks.auditor.get("/fund/ended/2").text
    assert desks.auditor.get("/fund/ended/9").status_code == 404
    assert desks.auditor.get("/fund/cancelled/HT0").status_code == 404
    house = desks.auditor.get(f"/fund/houses/{code}/advance").text
    assert page in house


def test_what_stays_is_entered_on_its_own_form(desks, estate, fund, stays):  # noqa: F811
    """规定留给下一购房人的：页面只给这一种办法，确认之后待办与清单里没有了。"""
    sale, _, house_id = place(estate, fund)
    gone(estate, sale)
    page = f"/fund/cancelled/{sale.contract_no}"
    shown = desks.clerk.get(page).text
    assert "由下一购房人向建设单位归还" in shown and "收款账号" not in shown
    assert desks.clerk.post(f"{page}/stays", form("stay", "1-stay")).status_code == 303
    assert desks.reviewer.post("/fund/ended/1/confirm").status_code == 303
    assert fund.stands(house_id) == (DUE, "0.00", DUE)
    assert "没有待处置的注销合同" in desks.auditor.get("/fund/cancelled").text
    assert "注销合同首期交存待处置" not in waits(desks.clerk)


def test_a_deposit_moved_to_the_right_house_is_followed_on_the_pages(desks, estate, fund, people):
    """串户更正过的：两户的页面写明更正转到、转自哪一户；原合同注销后说明已不在本户，应入的一户照退，没有出错页。"""
    wrong, one, _ = place(estate, fund)
    right = sell(estate, 1)
    other = right.drafted.unit_code
    receipt_no = row(estate, "SELECT receipt_no FROM fund_receipt").receipt_no
    moved(fund, people, receipt_no, one, other)
    assert f"更正转到 {other}" in desks.auditor.get(f"/fund/houses/{one}/advance").text
    assert f"更正转自 {one}" in desks.auditor.get(f"/fund/houses/{other}/advance").text
    for sale in (wrong, right):
        gone(estate, sale)
    page = f"/fund/cancelled/{wrong.contract_no}"
    assert f"已由串户更正转到房屋 <a href=\"/fund/houses/{other}/advance\">" in desks.clerk.get(page).text
    assert desks.clerk.post(f"{page}/returns", form("back", "1-developer", **ACCOUNT)).status_code == 422
    assert desks.auditor.get(f"/fund/houses/{other}/advance").status_code == 200
    page = f"/fund/cancelled/{right.contract_no}"
    assert desks.clerk.post(f"{page}/returns", form("back", "1-developer", **ACCOUNT)).status_code == 303
    assert desks.reviewer.post("/fund/ended/1/confirm").status_code == 303
    assert desks.auditor.get("/fund/ended/1").text.count(other) >= 1
    assert waits(desks.cashier)["注销合同应退待签发"] == "1"
