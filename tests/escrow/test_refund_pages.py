"""The officers' pages of refunds: from a contract's money to what is due (退款页面)."""

import re
from types import SimpleNamespace

import pytest

from config.clock import bureau_day
from escrow.instructions.results import Result, record
from escrow.instructions.rules import Outcome
from ledger.money import Yuan
from tests.desk import staffed
from tests.estate import file_hash, new_number
from tests.refunding import dropped, estate_of, people_of
from tests.sale import BANK, row, sell

ROLES = {
    "cashier1": ["cashier"], "both": ["cashier", "reviewer"], "reviewer1": ["reviewer"],
    "reviewer2": ["reviewer"], "auditor1": ["auditor"], "register1": ["register"],
}  # fmt: skip


def scene_of(house, app):
    """A sale paid and cancelled, one yet living, and everybody at their desk (窗口有人，合同已注销)."""
    desks, estate = staffed(house, app, ROLES), estate_of(house, people_of(house))
    return SimpleNamespace(desks=desks, estate=estate, gone=dropped(estate))


def paper(**changes):
    number = new_number("TS")
    said = {"application_no": number, "applied_on": bureau_day().isoformat(), "file_hash": file_hash(number)}
    return said | changes


def page_of(gone):
    return f"/refunds/contracts/{gone.sale.contract_no}"


def apply_for(desk, gone, **changes):
    made = desk.post(page_of(gone), paper(**{f"{gone.receipts[1]}-amount": "300000.00"} | changes))
    assert made.status_code == 303, made.text
    return made.location


def elsewhere(gone, **changes):
    """The fields for another payee."""
    number, proof = gone.receipts[1], new_number("ZM")
    said = {f"{number}-name": "王秀兰", f"{number}-account_no": "6217000099990000002",
            f"{number}-bank_name": "中国银行交口支行", "proof_no": proof, "proof_hash": file_hash(proof)}  # fmt: skip
    return said | changes


def test_one_enters_another_approves_and_the_page_says_who_when_and_by_which_law(desks, gone):
    """一人录入、另一人核准即转应退；页面写明收款人（掩码）、经手人与所据规定。"""
    shown = desks.cashier1.get(f"/refunds?find={gone.sale.contract_no}")
    assert shown.location == page_of(gone)
    shown = desks.cashier1.get(page_of(gone)).text
    assert "650,000.00" in shown and "6217000010001234567" not in shown
    page = apply_for(desks.cashier1, gone)
    assert "核准退款" not in desks.cashier1.get(page).text
    assert "核准退款" in desks.reviewer1.get(page).text
    assert desks.reviewer1.post(f"{page}/approve").status_code == 303
    said = desks.auditor1.get(page).text
    for words in ("应退，待签发", "cashier1 同志", "reviewer1 同志", "300,000.00", "本局设定", "原付款人"):
        assert words in said
    assert "王秀英" not in said
    assert page.rpartition("/")[2] in desks.register1.get("/refunds").text


def test_another_payee_is_seen_twice(desks, gone):
    """改退他人：一级复核之后须另一人二级复核；同一人再按即拒，留一行未准的审计。"""
    page = apply_for(desks.both, gone, **elsewhere(gone))
    assert "改退他人" in desks.reviewer1.get(page).text
    assert desks.both.post(f"{page}/approve").status_code == 409
    assert desks.reviewer1.post(f"{page}/approve").status_code == 303
    assert desks.reviewer1.post(f"{page}/approve").status_code == 409
    assert desks.reviewer2.post(f"{page}/approve").status_code == 303
    found = row(gone.estate, "SELECT status, ready_on > entered_at::date AS waits FROM refund")
    assert found.status == "due" and found.waits
    query = "SELECT array_agg(result ORDER BY id) AS said FROM audit_event WHERE action = 'refund.approved'"
    assert row(gone.estate, query).said == ["refused", "refused", "done"]


@pytest.mark.parametrize(
    "missing", [("proof_no", "proof_hash"), ("proof_hash",), ("name",), ("bank_name",), ("account_no",)]
)
def test_another_payee_with_anything_missing_is_422(desks, gone, missing):
    """改退他人缺证明、缺收款人任何一项，均答 422，什么都不录入。"""
    form = elsewhere(gone)
    for name in missing:
        form[name if name.startswith("proof") else f"{gone.receipts[1]}-{name}"] = ""
    answer = desks.cashier1.post(page_of(gone), paper(**{f"{gone.receipts[1]}-amount": "1.00"} | form))
    assert answer.status_code == 422
    assert row(gone.estate, "SELECT count(*) AS n FROM refund").n == 0


def test_a_wrong_form_comes_back_with_what_was_typed(desks, gone):
    """填错的申请答 422，逐项说明，已填的留在表上。"""
    form = {f"{gone.receipts[0]}-amount": "1.5", "applied_on": "昨天", "application_no": "TS-留着"}
    answer = desks.cashier1.post(page_of(gone), paper(**form))
    assert answer.status_code == 422
    for said in ("金额须为两位小数的元", "TS-留着", 'value="1.5"'):
        assert said in answer.text
    assert desks.cashier1.post(page_of(gone), paper()).status_code == 422
    refused = desks.cashier1.post(page_of(gone), paper(**{f"{gone.receipts[0]}-amount": "50000.01"}))
    assert refused.status_code == 409 and "尚可退 50000.00 元" in refused.text


def test_a_living_contract_offers_no_refund(desks, estate):
    """未注销的合同页面说明不能退；没有的合同与退款答 404。"""
    sale = sell(estate)
    sale.pay_due()
    assert "尚未注销，款项不能退还" in desks.cashier1.get(f"/refunds/contracts/{sale.contract_no}").text
    for path in ("/refunds/contracts/HT-none", "/refunds/TK-none", "/refunds/x%20y"):
        assert desks.cashier1.get(path).status_code == 404
    assert desks.reviewer1.post("/refunds/TK-none/approve").status_code == 404


def test_an_application_is_sent_back_with_its_reason(desks, gone):
    """退回须有理由，之后可以重新申请。"""
    page = apply_for(desks.cashier1, gone)
    assert desks.reviewer1.post(f"{page}/reject", {"reason": ""}).status_code == 422
    assert desks.reviewer1.post(f"{page}/reject", {"reason": "缺注销证明"}).status_code == 303
    assert "缺注销证明" in desks.cashier1.get(page).text
    assert apply_for(desks.cashier1, gone) != page


def test_what_waits_for_money_says_how_much_is_missing(desks, gone):
    """资金不足的退款核准后注明差额，资金到位可转应退，也可由另一人撤销。"""
    gone.estate.move("8199", "8303", "900000.00", key="hold:0")
    page = apply_for(desks.cashier1, gone)
    assert "尚差 200000.00 元" in desks.reviewer1.get(page).text
    assert desks.reviewer1.post(f"{page}/approve").status_code == 303
    assert "尚差 200000.00 元" in desks.cashier1.get(page).text
    assert desks.cashier1.post(f"{page}/due").status_code == 409
    gone.estate.move("8303", "8199", "900000.00", debit_key="hold:0")
    assert "转应退</button>" in desks.cashier1.get(page).text
    assert desks.cashier1.post(f"{page}/due").status_code == 303
    assert desks.reviewer2.post(f"{page}/revoke", {"reason": "迟了"}).status_code == 409


def test_only_the_right_desks_may_act(desks, gone):
    """经办录入、复核核准；审计只看，登记岗不能录入。"""
    page = apply_for(desks.cashier1, gone)
    assert desks.cashier1.post(f"{page}/approve").status_code == 403
    assert desks.auditor1.post(f"{page}/reject", {"reason": "不"}).status_code == 403
    assert desks.register1.post(page_of(gone), paper()).status_code == 403
    assert desks.auditor1.get(page).status_code == 200


def test_who_must_compare_the_payee_sees_it_whole_and_leaves_a_row(desks, gone):
    """复核人可看收款人与账号全文，每次留痕；经办、审计不能看。"""
    page = apply_for(desks.cashier1, gone, **elsewhere(gone))
    for desk in (desks.cashier1, desks.auditor1):
        assert desk.post(f"{page}/payees").status_code == 403
    seen = desks.reviewer1.post(f"{page}/payees").text
    assert "王秀兰" in seen and "6217000099990000002" in seen
    assert desks.reviewer1.post("/refunds/TK-none/payees").status_code == 404
    query = "SELECT count(*) AS n FROM audit_event WHERE action = 'refund.payees-seen'"
    assert row(gone.estate, query).n == 1


def test_an_order_is_found_by_number_account_payee_and_state(desks, gone):
    """付款指令按指令号、监管账号、收款人全名、收款账号、状态查得到；姓相同的别人查不到；收款银行写明原路退回。"""
    page = apply_for(desks.cashier1, gone)
    assert "原路退回" in desks.cashier1.get(page).text
    assert desks.reviewer1.post(f"{page}/approve").status_code == 303
    assert desks.cashier1.post(f"{page}/issue").status_code == 303
    number = row(gone.estate, "SELECT instruction_no FROM instruction").instruction_no
    account = row(gone.estate, "SELECT account_no FROM supervised_account").account_no
    for find in (number, account, "王秀英", "6217000010001234567"):
        assert number in desks.auditor1.get(f"/instructions?find={find}").text, find
    for nothing in ("find=王大力", "find=99999999", "status=paid"):
        found = desks.auditor1.get(f"/instructions?{nothing}").text
        assert f"/instructions/{number}" not in found, nothing
        assert "没有符合条件的付款指令" in found
    assert number in desks.auditor1.get("/instructions?status=open").text
    shown = desks.auditor1.get(f"/instructions/{number}").text
    assert "原路退回：退回原付款账户" in shown and "原付款行（原路退回）" not in shown


def test_a_page_says_when_the_bank_has_paid_it_all(desks, gone):
    """已签发的退款，银行付清之后页面写明已付清，之前不写。"""
    page, estate = apply_for(desks.cashier1, gone), gone.sale.estate
    assert desks.reviewer1.post(f"{page}/approve").status_code == 303
    assert desks.both.post(f"{page}/issue").status_code == 303
    shown = desks.auditor1.get(page).text
    assert "银行已付清" not in shown
    number = re.search(r"ZL[0-9]{10}", shown)[0]
    account, amount = "6217000010001234567", Yuan("300000.00")
    said = Result(number, Outcome.PAID, new_number("F"), amount, account, bureau_day())
    estate.do(lambda session: record(session, said, BANK, estate.house.settings))
    assert "银行已付清" in desks.auditor1.get(page).text
