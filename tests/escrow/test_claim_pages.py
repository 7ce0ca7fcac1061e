"""待认领页面：清单、建议、分拆录入、确认、退回、签发，全程可查谁在何时依据什么办理。"""

import re
from types import SimpleNamespace

from config.clock import bureau_day
from escrow.deposits.reversals import Reversal, take_back
from ledger.money import Yuan
from tests.claiming import people_of
from tests.desk import staffed
from tests.estate import build, file_hash, new_number, pay, sold
from tests.sale import row


def scene_of(house, app):
    """A project, and everybody at their desk (项目与窗口)."""
    roles = {
        "cashier1": ["cashier"], "both": ["cashier", "reviewer"], "reviewer1": ["reviewer"],
        "auditor1": ["auditor"], "register1": ["register"],
    }  # fmt: skip
    people, desks = people_of(house), staffed(house, app, roles)
    return SimpleNamespace(desks=desks, estate=build(house, [people.clerk, people.reviewer]))


def paper(prefix: str = "", **more: str) -> dict[str, str]:
    number = new_number("RL")
    said = {"document_no": number, "file_hash": file_hash(number), "note": "付款人到场核对回单"}
    return {f"{prefix}{name}": value for name, value in said.items()} | more


def shares(*rows: tuple[str, str]) -> dict[str, str]:
    return {
        f"share{place}-{name}": value
        for place, pair in enumerate(rows)
        for name, value in zip(("notice_no", "amount"), pair, strict=True)
    }


def test_from_the_worklist_to_the_contract_with_who_when_and_which_law(desks, estate):
    """清单给出建议；分拆录入后待确认，录入人自己不见确认按钮；他人确认后归入合同，页面写明经手人与依据。"""
    contract_no, [first, second] = sold(estate, notices=2)
    receipt = pay(estate, None, "200.00")
    listed = desks.auditor1.get("/unmatched").text
    assert receipt["receipt_no"] in listed and "姓相符" in listed
    page = f"/unmatched/{receipt['receipt_no']}"
    shown = desks.cashier1.get(page).text
    assert "付款人即买受人" in shown and first in shown and "录入认领" in shown

    made = desks.both.post(f"{page}/claims", paper() | shares((first, "100.00"), (second, "60.00")))
    assert made.status_code == 303, made.text
    assert "认领待确认" in desks.cashier1.get("/unmatched").text
    assert "核对无误，确认" not in desks.both.get(page).text
    assert desks.both.post(f"{page}/claims/1/confirm").status_code == 409
    assert desks.reviewer1.post(f"{page}/claims/1/confirm").status_code == 303

    shown = desks.auditor1.get(page).text
    assert contract_no in shown and "reviewer1 同志" in shown and "both 同志" in shown
    assert "本局设定（待补依据）" in shown and "待认领 40.00 元" in shown
    assert receipt["receipt_no"] in desks.register1.get("/unmatched").text
    project = desks.register1.get(f"/projects/{estate.project_no}")
    assert contract_no in project.text and "部分匹配" in project.text
    trail = row(estate, "SELECT count(*) AS n FROM audit_event WHERE action LIKE 'claim.%'")
    assert trail.n == 3  # entered, refused, confirmed


def test_a_claim_that_is_half_filled_in_or_too_much_says_so(desks, estate):
    """只填号不填金额、金额写错、超过余额，逐条说明，什么也不留下。"""
    _, [notice] = sold(estate)
    page = f"/unmatched/{pay(estate, None)['receipt_no']}"
    assert desks.cashier1.post(f"{page}/claims", paper() | shares((notice, ""))).status_code == 422
    assert desks.cashier1.post(f"{page}/claims", paper() | shares((notice, "1"))).status_code == 422
    assert desks.cashier1.post(f"{page}/claims", paper()).status_code == 422
    over = desks.cashier1.post(f"{page}/claims", paper() | shares((notice, "100.01")))
    assert over.status_code == 409 and "待认领 100.00 元" in over.text
    assert row(estate, "SELECT count(*) AS n FROM receipt_claim").n == 0


def test_a_claim_that_does_not_convince_is_sent_back_with_its_reason(desks, estate):
    """复核退回须写理由；款项仍在清单上；用过的依据文件不能再用。"""
    _, [notice] = sold(estate)
    page = f"/unmatched/{pay(estate, None)['receipt_no']}"
    proof = paper()
    assert desks.cashier1.post(f"{page}/claims", proof | shares((notice, "100.00"))).status_code == 303
    assert desks.reviewer1.post(f"{page}/claims/1/reject", {"reason": ""}).status_code == 422
    assert desks.reviewer1.post(f"{page}/claims/1/reject", {"reason": "回单户名不符"}).status_code == 303
    assert "回单户名不符" in desks.cashier1.get(page).text
    again = desks.cashier1.post(f"{page}/claims", proof | shares((notice, "100.00")))
    assert again.status_code == 409 and "不得重复使用" in again.text


def test_money_nobody_claims_is_returned_by_instruction(desks, estate):
    """查无归属：录入退回、他人确认、签发指令；清单上不再有，办理经过里看得到指令。"""
    receipt = pay(estate, None)
    page = f"/unmatched/{receipt['receipt_no']}"
    back = paper("return-") | {"return-amount": "100.00"}
    assert desks.cashier1.post(f"{page}/returns", back).status_code == 303
    assert desks.reviewer1.post(f"{page}/claims/1/confirm").status_code == 303
    assert desks.reviewer1.post(f"{page}/claims/1/issue").status_code == 403
    assert desks.cashier1.post(f"{page}/claims/1/issue").status_code == 303
    shown = desks.cashier1.get(page).text
    assert "已签发，待银行结果" in shown and "ZL2" in shown
    assert receipt["receipt_no"] not in desks.cashier1.get("/unmatched").text
    assert "已决定退回" in desks.cashier1.get(f"/projects/{estate.project_no}").text


def test_another_receipts_page_does_not_decide_this_claim(desks, estate):
    """张冠李戴的地址查无此件。"""
    _, [notice] = sold(estate)
    page, other = (f"/unmatched/{pay(estate, None)['receipt_no']}" for _ in range(2))
    desks.cashier1.post(f"{page}/claims", paper() | shares((notice, "100.00")))
    assert desks.reviewer1.post(f"{other}/claims/1/confirm").status_code == 404
    assert desks.reviewer1.get("/unmatched/RZ0").status_code == 404


def test_the_banks_correction_settles_what_it_owes(desks, estate):
    """账上有应收银行更正款时，不明入账页可录入冲抵：列出哪笔冲正尚欠多少；他人确认，页面写明。"""
    estate.put("2", "1000.00")
    _, [notice] = sold(estate)
    paid = pay(estate, notice)
    estate.take("2111", "60.00", debit_key=f"building:{estate.buildings['1']}")
    said = Reversal(paid["receipt_no"], new_number("C"), Yuan("100.00"), bureau_day(), "串户")
    estate.do(lambda session: take_back(session, said, "ABC"))
    receipt = pay(estate, None, "60.00")
    page = f"/unmatched/{receipt['receipt_no']}"
    shown = desks.cashier1.get(page).text
    assert f"入账 {paid['receipt_no']} 的冲正，尚欠 60.00 元" in shown
    of = row(estate, "SELECT key FROM ledger.account WHERE code = '1301' ORDER BY id DESC LIMIT 1").key
    much = desks.cashier1.post(
        f"{page}/corrections", paper("settle-", **{"settle-receivable": of, "settle-amount": "60.01"})
    )
    assert much.status_code == 409 and "over-receivable" in much.text and "付款人到场核对回单" in much.text
    made = desks.cashier1.post(
        f"{page}/corrections", paper("settle-", **{"settle-receivable": of, "settle-amount": "60.00"})
    )
    assert made.status_code == 303, made.text
    [entry] = re.findall(r"/claims/([0-9]+)/confirm", desks.reviewer1.get(page).text)
    assert desks.reviewer1.post(f"{page}/claims/{entry}/confirm").status_code == 303
    shown = desks.auditor1.get(page).text
    assert "冲抵应收银行更正款" in shown and "冲正未了的处理：本局设定" in shown
    assert not [held for held in estate.held() if held[0] == "1301"]
