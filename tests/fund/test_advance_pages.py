"""维修资金交存网页：入账逐户看结果，另列款两人处理，代缴待收回按账龄看，一户看清谁缴了多少、还欠多少。"""

from datetime import timedelta

from config.clock import bureau_day
from escrow.contracts.cancelling import CancellationAsked, cancel
from tests.desk import staffed
from tests.estate import file_hash, new_number, sold
from tests.fund.advancing import DUE, OWNER, paid, repaid, unpaid
from tests.sale import row

DEVELOPER = "测试置业有限公司"


def scene_of(house, app):
    """Houses with accounts and nothing in them, everybody at their desk (建账而未交存，窗口有人)."""
    roles = {
        "maker": ["cashier"], "both": ["cashier", "reviewer"], "checker": ["reviewer"],
        "auditor": ["auditor"],
    }  # fmt: skip
    made = unpaid(units=3)(house, app)
    made.desks = staffed(house, app, roles)
    return made


def paper(prefix="", **more):
    number = new_number("YJ")
    said = {"document_no": number, "file_hash": file_hash(number), "note": "建设单位来函"}
    return {f"{prefix}{name}": value for name, value in said.items()} | more


def apart_page(estate):
    return f"/fund/apart/{row(estate, 'SELECT max(id) AS id FROM apart_money').id}"


def test_a_line_is_read_unit_by_unit(desks, estate, fund):
    """入账清单与逐户结果：哪户入了多少，哪户为什么没有入，各有依据；从维修资金首页点得到。"""
    one, two = estate.unit_codes[:2]
    sold(estate)
    answer = paid(fund, (one, DUE), (two, "6912.01"), (one[:-4] + "9999", "5.00"))
    assert "/fund/receipts" in desks.auditor.get("/fund").text
    listed = desks.auditor.get("/fund/receipts").text
    assert answer["receipt_no"] in listed and DEVELOPER in listed
    shown = desks.auditor.get(f"/fund/receipts/{answer['receipt_no']}").text
    assert "已入户" in shown and "部分入户" in shown and "待认领" in shown
    assert "多缴 0.01 元应退" in shown and "没有房屋" in shown and "本局设定（待补依据）" in shown
    assert desks.auditor.get("/fund/receipts/WX0").status_code == 404


def test_a_lump_sum_is_spread_on_the_page(desks, estate, fund):
    """查到楼幢，勾选各户，附清册录入；录入人看不到确认，另一人确认后各户入账，页面写明经手与依据。"""
    sold(estate)
    paid(fund, amount="20736.00")
    page = apart_page(estate)
    assert "单位预交" in desks.maker.get("/fund/apart?aside=prepaid").text
    found = desks.maker.get(f"{page}?find={estate.project_no}").text
    assert "1 幢" in found
    building = row(estate, "SELECT id FROM community_building").id
    shown = desks.maker.get(f"{page}?find={estate.project_no}&building={building}").text
    assert all(code in shown for code in estate.unit_codes)
    nobody = paper("spread-") | {"spread-payer_kind": "developer"}
    assert desks.maker.post(f"{page}/spread", nobody).status_code == 422
    chosen = {"unit": estate.unit_codes[:2], "spread-payer_kind": "developer"}
    assert desks.both.post(f"{page}/spread", paper("spread-") | chosen).status_code == 303
    assert "与依据核对无误" not in desks.both.get(page).text
    assert desks.both.post(f"{page}/decisions/1/confirm").status_code == 409
    assert desks.checker.post(f"{page}/decisions/1/confirm").status_code == 303
    shown = desks.auditor.get(page).text
    assert "checker 同志" in shown and "both 同志" in shown and "尚余 6,912.00 元" in shown
    assert "本局设定（待补依据）" in shown
    assert fund.stands(fund.houses[estate.unit_codes[0]])[0] == DUE


def test_what_was_typed_stays_when_a_claim_is_refused(desks, estate, fund):
    """逐户归入：填错一栏、超过应缴，页面还在原处，所填一字不少。"""
    paid(fund, amount=DUE, payer=OWNER)
    page, code = apart_page(estate), estate.unit_codes[0]
    half = paper() | {"payer_kind": "owner", "share0-unit_code": code}
    refused = desks.maker.post(f"{page}/claims", half)
    assert refused.status_code == 422 and code in refused.text and "一并填写" in refused.text
    over = desks.maker.post(f"{page}/claims", half | {"share0-amount": "6912.01"})
    assert over.status_code == 409 and "首期应缴 6912.00 元" in over.text and half["document_no"] in over.text
    assert desks.maker.post(f"{page}/claims", half | {"share0-amount": DUE}).status_code == 303
    assert desks.checker.post(f"{page}/decisions/1/reject", {"reason": ""}).status_code == 422
    assert desks.checker.post(f"{page}/decisions/1/reject", {"reason": "不是此户"}).status_code == 303
    assert "不是此户" in desks.maker.get(page).text


def test_a_mistaken_payment_goes_to_whom_the_rule_says(desks, estate, fund):
    """误缴：页面先写明依规定退建设单位；确认后列入应退待付，业主不再欠，明细页看得到来龙去脉。"""
    code = estate.unit_codes[0]
    sold(estate)
    paid(fund, (code, DUE))
    paid(fund, (code, DUE), payer=OWNER)
    page = apart_page(estate)
    assert "依规定退建设单位" in desks.maker.get(page).text
    back = paper("return-") | {
        "return-amount": DUE, "return-account_no": "6217000010001234567", "return-bank": "建设银行",
    }  # fmt: skip
    assert desks.maker.post(f"{page}/returns", back | {"return-account_no": "x"}).status_code == 422
    assert desks.maker.post(f"{page}/returns", back).status_code == 303
    assert desks.checker.post(f"{page}/decisions/1/confirm").status_code == 303
    due = desks.auditor.get("/fund/returns").text
    assert DEVELOPER in due and "6,912.00" in due and "***4567" in due
    shown = desks.auditor.get(f"/fund/houses/{code}/advance").text
    assert "误缴款退建设单位了结" in shown and "不欠建设单位" in shown


def test_a_unit_says_who_paid_what_when_and_what_is_owed(desks, estate, fund):
    """一户：代缴、归还、尚欠、凭据、经手人与依据都在；两人登记归还；购房人凭单可打印并留痕。"""
    code = estate.unit_codes[0]
    number, _ = sold(estate)
    paid(fund, (code, DUE))
    page = f"/fund/houses/{code}/advance"
    shown = desks.maker.get(page).text
    assert DEVELOPER in shown and number in shown and "尚欠建设单位 6,912.00 元" in shown
    form = {
        "amount": "6912.01", "repaid_on": bureau_day().isoformat(), "evidence_no": "收据0102",
        "file_hash": file_hash("收据0102"),
    }  # fmt: skip
    over = desks.both.post(f"{page}/repayments", form)
    assert over.status_code == 409 and "不得收取" in over.text and "第三部分“一是”" in over.text
    assert desks.both.post(f"{page}/repayments", form | {"amount": DUE}).status_code == 303
    assert "待另一人员确认" in desks.maker.get(page).text
    assert desks.both.post(f"{page}/repayments/1/confirm").status_code == 409
    assert desks.checker.post(f"{page}/repayments/1/confirm").status_code == 303
    shown = desks.auditor.get(page).text
    assert "不欠建设单位" in shown and "收据0102" in shown and "checker 同志" in shown
    slip = desks.auditor.get(f"{page}/slip")
    assert slip.mimetype == "application/pdf" and slip.data.startswith(b"%PDF")
    assert row(estate, "SELECT count(*) AS n FROM audit_event WHERE action = 'repayment.printed'").n == 1
    assert desks.auditor.get(f"/fund/houses/{code[:-4]}9999/advance").status_code == 404
    other = f"/fund/houses/{estate.unit_codes[1]}/advance/repayments/1"
    assert desks.checker.post(f"{other}/confirm").status_code == 404


def test_a_cancelled_contract_leaves_nobody_owing(desks, estate, fund):
    """合同注销之后：不再写谁尚欠，也不写“不欠”；代缴待处置，交存那一行标明合同已注销。"""
    contract_no, _ = sold(estate)
    code = estate.unit_codes[0]
    paid(fund, (code, DUE))
    page = f"/fund/houses/{code}/advance"
    assert "尚欠建设单位 6,912.00 元" in desks.auditor.get(page).text
    asked = CancellationAsked(new_number("ZX"), bureau_day(), "退房")
    estate.do(lambda session: cancel(session, contract_no, asked))
    shown = desks.auditor.get(page).text
    assert "没有购房合同" in shown and "代缴待处置（元）" in shown and "合同已注销" in shown
    assert "不欠建设单位" not in shown and "尚欠" not in shown


def test_what_is_outstanding_is_listed_by_age(desks, estate, fund):
    """账龄：九十天以内、九十一至一百八十天……各段户数与金额；还清的不在其中；点一段只看那一段。"""
    today = bureau_day()
    fund.opened(today - timedelta(days=400))
    for days, code in zip((0, 91, 400), estate.unit_codes, strict=True):
        sold(estate)
        paid(fund, (code, DUE), value_date=today - timedelta(days=days))
    shown = desks.auditor.get("/fund/advances").text
    assert all(code in shown for code in estate.unit_codes) and "王**" in shown
    middle = desks.auditor.get("/fund/advances?age=1").text
    assert [code in middle for code in estate.unit_codes] == [False, True, False]
    assert "365 天以上" in shown and "91 至 180 天" in shown
    repaid(fund, estate.unit_codes[2])
    shown = desks.auditor.get("/fund/advances").text
    assert [code in shown for code in estate.unit_codes] == [True, True, False]
