"""The officers' pages of withdrawals: whitelist, application, review, orders, and who did what (用款页面)."""

import re
from datetime import timedelta

from config.clock import bureau_day
from escrow import chart
from escrow.instructions.results import Result, record
from escrow.instructions.rules import Outcome
from escrow.withdrawals.rules import Channel
from ledger.money import Yuan
from tests.desk import staffed
from tests.estate import file_hash, new_number
from tests.sale import row
from tests.withdrawing import BUILDER, BUILDER_ACCOUNT, at_work, force, funded, site_of, waited

TODAY = bureau_day().isoformat()


ROLES = {
    "cashier1": ["cashier"], "issuer1": ["cashier"], "both": ["cashier", "reviewer"],
    "reviewer1": ["reviewer"], "reviewer2": ["reviewer"], "auditor1": ["auditor"], "register1": ["register"],
}  # fmt: skip


def scene_of(house, app):
    """额度六十万元，一般监管资金四十万元，白名单齐备；窗口有人。"""
    made = at_work(house, app)
    made.desks = staffed(house, app, ROLES)
    return made


def account_page(site):
    return f"/withdrawals/accounts/{site.estate.account_no}"


def paper(site, *amounts, **changes):
    """A filled-in application, one payment to the contractor for each amount."""
    number = new_number("YS")
    said = {
        "building_no": "1", "channel": "general", "application_no": number, "applied_on": TODAY,
        "file_hash": file_hash(number), "court_order_no": "", "lines": str(max(len(amounts), 1)),
    }  # fmt: skip
    for at, amount in enumerate(amounts, 1):
        invoice = new_number("FP")
        said |= {
            f"line{at}-payee_id": str(site.builder), f"line{at}-purpose": "construction",
            f"line{at}-amount": amount, f"line{at}-progress": "1", f"line{at}-invoice_no": invoice,
            f"line{at}-invoice_hash": file_hash(invoice),
        }  # fmt: skip
    return said | changes


def entered(desk, site, *amounts, **changes):
    """The address of a new application."""
    made = desk.post(f"{account_page(site)}/new", paper(site, *amounts, **changes))
    assert made.status_code == 303, made.text
    return made.location


def test_a_contract_and_a_payee_take_two_officers_on_the_page(desks, site):
    """施工合同与收款人：一人录入，本人不能复核，另一人登记；冷静期写在页面上。"""
    page, number = account_page(site), new_number("SG")
    form = {
        "contract_no": number, "contractor": "吕梁钢材有限公司", "price": "8000000.00", "signed_on": TODAY,
        "file_hash": file_hash(number),
    }  # fmt: skip
    assert desks.both.post(f"{page}/contracts", form).status_code == 303
    found = row(site.estate, "SELECT id FROM construction_contract WHERE contract_no = :n", n=number).id
    decide = f"{page}/contracts/{found}/decision"
    assert desks.both.post(decide).status_code == 409
    assert f"contracts/{found}/decision" not in desks.both.get(page).text
    assert f"contracts/{found}/decision" in desks.reviewer1.get(page).text
    assert desks.reviewer1.post(decide, {"decision": "reject", "reason": ""}).status_code == 422
    assert desks.reviewer1.post(decide).status_code == 303

    payee = {
        "contract_id": str(found), "kind": "contractor", "name": "吕梁钢材有限公司",
        "account_no": "6222000011112222", "bank_name": "农业银行吕梁支行", "file_hash": file_hash("开户"),
    }  # fmt: skip
    wrong = desks.cashier1.post(f"{page}/payees", payee | {"name": "别的公司", "file_hash": file_hash("x")})
    assert wrong.status_code == 409 and "吕梁钢材有限公司" in wrong.text
    assert desks.cashier1.post(f"{page}/payees", payee).status_code == 303
    made = row(site.estate, "SELECT max(id) AS id FROM listed_payee").id
    assert desks.reviewer1.post(f"{page}/payees/{made}/decision").status_code == 303
    shown = desks.auditor1.get(page).text
    for words in ("吕梁钢材有限公司", "6222000011112222", "cashier1 同志", "reviewer1 同志", "最早付款日"):
        assert words in shown
    assert desks.cashier1.post(f"{page}/payees/{made}/retirement", {"reason": "合同终止"}).status_code == 303
    assert "合同终止" in desks.cashier1.get(page).text


def test_a_wage_account_is_the_contractors_own(desks, site):
    """农民工工资专户须由承包人开立：户名不以承包人名称开头的不予列入。"""
    form = {
        "contract_id": str(site.contract_id), "kind": "wages", "name": "别人农民工工资专户",
        "account_no": "6222000011113333", "bank_name": "农业银行", "file_hash": file_hash("专户"),
    }  # fmt: skip
    answer = desks.cashier1.post(f"{account_page(site)}/payees", form)
    assert answer.status_code == 409 and "payee-not-contractor" in answer.text
    fine = form | {"name": f"{BUILDER}（一号楼）农民工工资专户"}
    assert desks.cashier1.post(f"{account_page(site)}/payees", fine).status_code == 303


def test_from_the_application_to_the_orders_with_everybodys_name(desks, site):
    """录入、核准、签发各由一人；页面写明限额算式、复核期限、经手人、时间与所据规定。"""
    opened = desks.cashier1.get(f"/withdrawals?find={site.estate.account_no}").text
    assert account_page(site) in opened
    shown = desks.cashier1.get(f"{account_page(site)}/new").text
    for words in ("400,000.00", "本幢一般监管资金（2112）", "监管专户存款（1101）", "5 个工作日"):
        assert words in shown
    page = entered(desks.cashier1, site, "100000.00", "50000.00")
    assert "核准用款</button>" not in desks.cashier1.get(page).text
    assert "核准用款</button>" in desks.reviewer1.get(page).text
    assert desks.reviewer1.post(f"{page}/approve").status_code == 303
    assert "签发拨付通知书（2 笔）" in desks.issuer1.get(page).text
    assert desks.issuer1.post(f"{page}/issue").status_code == 303
    said = desks.auditor1.get(page).text
    for words in (
        "已签发", "cashier1 同志", "reviewer1 同志", "issuer1 同志", "150,000.00", "本局设定",
        f"ZL{bureau_day().year}000001", "录入用款", "用款核准", "签发拨付通知书", BUILDER,
    ):  # fmt: skip
        assert words in said, words
    assert site.building(chart.GENERAL_FUNDS) == "250000.00"
    assert page.rpartition("/")[2] in desks.register1.get("/withdrawals?status=issued").text
    assert page.rpartition("/")[2] not in desks.register1.get("/withdrawals?status=entered").text


def test_an_invoice_in_other_letters_is_the_same_invoice(desks, site):
    """发票号码不分大小写：换个写法、换份扫描再报，仍是同一张，指明先用它的用款。"""
    first = entered(desks.cashier1, site, "100.00", **{"line1-invoice_no": "SX-0001a"}).rpartition("/")[2]
    again = paper(site, "100.00", **{"line1-invoice_no": "sx-0001A"})
    answer = desks.cashier1.post(f"{account_page(site)}/new", again)
    assert answer.status_code == 409 and "invoice-reused" in answer.text and first in answer.text


def test_a_wage_payment_and_one_past_a_hold_have_their_pages(desks, site):
    """工资渠道、凭决定支付的用款，页面照样打开：拟用哪些钱、凭决定不扣冻结；账户冻结、全额冻结写明，不出天文数字。"""
    home = account_page(site)
    paid = site.enter(site.wage("450000.00"), channel=Channel.WAGES)
    page = desks.reviewer1.get(f"/withdrawals/{paid}").text
    assert '本件拟用一般监管资金 <span class="money">400,000.00</span> 元' in page
    number, end = new_number("（2026）晋11执"), (bureau_day() + timedelta(days=30)).isoformat()
    hold = {
        "document_no": number, "dated_on": TODAY, "file_hash": file_hash(number), "court": "吕梁中院",
        "amount": "", "held_from": TODAY, "held_until": end,
    }  # fmt: skip
    assert desks.register1.post(f"/accounts/{site.estate.account_no}/holds", hold).status_code == 303
    told = {"court_order_no": "交住建函〔2026〕9号", "court_order_hash": file_hash("决定")}
    page = desks.reviewer1.get(entered(desks.cashier1, site, "1000.00", **told)).text
    assert "凭决定不扣司法冻结" in page and "此刻不能核准" not in page
    seen = desks.cashier1.get(home).text
    assert "账户有司法冻结" in seen and "DJ" in seen and "000,000,000" not in seen
    assert '<strong><span class="money">0.00</span></strong>' in seen


def test_whoever_reviewed_does_not_issue(desks, site):
    """兼岗的人核准之后不能签发，页面说明，强按也拒，并留痕。"""
    page = entered(desks.cashier1, site, "100.00")
    assert desks.both.post(f"{page}/approve").status_code == 303
    assert "您不能签发这件用款" in desks.both.get(page).text
    assert desks.both.post(f"{page}/issue").status_code == 409
    query = "SELECT result FROM audit_event WHERE action = 'withdrawal.issued'"
    assert row(site.estate, query).result == "refused"
    assert "未准" in desks.auditor1.get(page).text


def test_a_large_payment_is_seen_twice(desks, house, people):
    """达到限额的用款：一级复核后须另一人二级复核，理由与依据写在页面上。"""
    site = funded(site_of(house, people), general="9000000.00")
    page = entered(desks.both, site, "5000000.00")
    assert desks.both.post(f"{page}/approve").status_code == 409
    assert "须二级复核" in desks.reviewer1.get(page).text
    assert desks.reviewer1.post(f"{page}/approve").status_code == 303
    assert desks.reviewer1.post(f"{page}/approve").status_code == 409
    assert desks.reviewer2.post(f"{page}/approve").status_code == 303
    assert "核准时须二级复核的理由" in desks.auditor1.get(page).text


def test_a_refused_application_keeps_what_was_typed(desks, site):
    """超出可拨额度的申请答 409，逐条说明，已填的留在表上；填错的答 422；什么都不录入。"""
    answer = desks.cashier1.post(f"{account_page(site)}/new", paper(site, "400000.01", application_no="YS-留"))
    assert answer.status_code == 409
    for words in ("可拨 400000.00 元", "over-payable", 'value="400000.01"', "YS-留"):
        assert words in answer.text
    answer = desks.cashier1.post(f"{account_page(site)}/new", paper(site, "1.5", applied_on="昨天"))
    assert answer.status_code == 422
    assert "金额须为两位小数的元" in answer.text and 'value="1.5"' in answer.text
    blank = desks.cashier1.post(f"{account_page(site)}/new", paper(site, building_no=""))
    assert blank.status_code == 422 and "请选择一项" in blank.text
    late = paper(site, "1.00", applied_on="2100-01-01")
    answer = desks.cashier1.post(f"{account_page(site)}/new", late)
    assert answer.status_code == 422 and "申请日期不能晚于今天" in answer.text
    twice = paper(site, "1.00", "2.00")
    twice["line2-invoice_hash"] = twice["line1-invoice_hash"]
    assert desks.cashier1.post(f"{account_page(site)}/new", twice).status_code == 422
    assert row(site.estate, "SELECT count(*) AS n FROM withdrawal").n == 0


def test_sent_back_and_given_up_with_a_reason(desks, site):
    """退回与撤销都须有理由；撤销之后占用注销。"""
    page = entered(desks.cashier1, site, "100.00")
    assert desks.reviewer1.post(f"{page}/reject", {"reason": ""}).status_code == 422
    assert desks.reviewer1.post(f"{page}/reject", {"reason": "缺进度证明"}).status_code == 303
    assert "缺进度证明" in desks.cashier1.get(page).text
    page = entered(desks.cashier1, site, "100.00")
    desks.reviewer1.post(f"{page}/approve")
    assert "撤销核准</button>" in desks.reviewer2.get(page).text
    assert desks.reviewer2.post(f"{page}/revoke", {"reason": "施工单位撤回"}).status_code == 303
    assert site.under(chart.WITHDRAWAL_HOLD) == []
    assert "施工单位撤回" in desks.cashier1.get(page).text


def test_what_is_not_covered_says_so_and_waits(desks, site):
    """签发时资金不足：答 409 并说明，本件转“资金不足”；补足之后可以签发。"""
    page = entered(desks.cashier1, site, "300000.00")
    desks.reviewer1.post(f"{page}/approve")
    building = chart.building_key(site.estate.buildings["1"])
    site.estate.take(chart.GENERAL_FUNDS, "200000.00", debit_key=building)
    assert "资金不足的不签发" in desks.issuer1.get(page).text
    answer = desks.issuer1.post(f"{page}/issue")
    assert answer.status_code == 409 and "可拨 200000.00 元" in answer.text
    assert "已核准，资金不足" in desks.issuer1.get(page).text
    assert "签发拨付通知书（1 笔）" not in desks.issuer1.get(page).text
    site.estate.put("1", "100000.00", chart.GENERAL_FUNDS)
    assert desks.issuer1.post(f"{page}/issue").status_code == 303


def test_what_waits_too_long_is_listed_and_counted(desks, site, house):
    """超过复核期限的用款标出逾期，清单列出件数，可只看逾期的；办理之后不再计入。"""
    page = entered(desks.cashier1, site, "100.00")
    assert "逾期未复核的用款" not in desks.register1.get("/withdrawals").text
    force(house, "UPDATE withdrawal SET review_by = review_by - 30")
    shown = desks.register1.get("/withdrawals?overdue=1").text
    assert "逾期未复核的用款 1 件" in shown and page.rpartition("/")[2] in shown
    assert "复核已逾期" in desks.reviewer1.get(page).text
    desks.reviewer1.post(f"{page}/approve")
    assert "逾期未复核的用款" not in desks.register1.get("/withdrawals").text
    assert ">逾期</span>" in desks.auditor1.get(page).text


def test_the_list_goes_on_by_key(desks, site, house):
    """清单每页五十件，按键翻页，筛选条件带到下一页。"""
    numbers = [site.enter("0.01") for _ in range(52)]
    first = desks.register1.get("/withdrawals?status=entered").text
    assert numbers[-1] in first and numbers[1] not in first
    assert "status=entered" in first and "before=3" in first
    again = desks.register1.get("/withdrawals?status=entered&before=3").text
    assert numbers[0] in again and numbers[1] in again and numbers[2] not in again
    assert desks.register1.get("/withdrawals?before=x&status=nonsense").status_code == 200


def test_only_the_right_desks_may_act(desks, site):
    """资金经办录入，复核核准，经办签发；审计只看，登记岗不能录入；没有的编号答 404。"""
    page = entered(desks.cashier1, site, "1.00")
    assert desks.cashier1.post(f"{page}/approve").status_code == 403
    assert desks.reviewer1.post(f"{page}/issue").status_code == 403
    assert desks.auditor1.post(f"{page}/reject", {"reason": "不"}).status_code == 403
    assert desks.register1.get(f"{account_page(site)}/new").status_code == 403
    assert desks.auditor1.get(page).status_code == 200
    for path in ("/withdrawals/YK-none", "/withdrawals/accounts/62220000", "/withdrawals/x%20y"):
        assert desks.cashier1.get(path).status_code == 404
    assert desks.reviewer1.post("/withdrawals/YK-none/approve").status_code == 404
    far = f"{account_page(site)}/payees/{2**31}/decision"
    assert desks.reviewer1.post(far).status_code == 404


def test_a_payee_taken_off_stops_what_is_approved(desks, site):
    """核准之后收款人被停用：签发不成，页面指名。"""
    page = entered(desks.cashier1, site, "1.00")
    desks.reviewer1.post(f"{page}/approve")
    gone = f"{account_page(site)}/payees/{site.builder}/retirement"
    assert desks.cashier1.post(gone, {"reason": "账号被冒用"}).status_code == 303
    assert "不在有效白名单内" in desks.issuer1.get(page).text
    assert desks.issuer1.post(f"{page}/issue").status_code == 409
    waited(site.estate)


def test_a_page_says_when_the_bank_has_paid_it_all(desks, site):
    """已签发的一件，银行全部付清之后页面写明已付清，之前不写。"""
    page = entered(desks.cashier1, site, "100.00")
    desks.reviewer1.post(f"{page}/approve")
    desks.issuer1.post(f"{page}/issue")
    shown = desks.issuer1.get(page).text
    assert "银行已付清" not in shown
    number = re.search(r"ZL[0-9]{10}", shown)[0]
    said = Result(number, Outcome.PAID, new_number("F"), Yuan("100.00"), BUILDER_ACCOUNT, bureau_day())
    site.estate.do(lambda session: record(session, said, "ABC", site.estate.house.settings))
    assert "银行已付清" in desks.auditor1.get(page).text


def test_the_rest_of_a_partly_paid_one_is_given_up_on_the_page(desks, site):
    """一笔付清、一笔未付：录入人看不到了结，另一复核人写理由了结；页面列出已付、未付、了结人与经过。"""
    page = entered(desks.cashier1, site, "100.00", "40.00")
    desks.reviewer1.post(f"{page}/approve")
    assert "了结余款</button>" not in desks.reviewer2.get(page).text
    desks.issuer1.post(f"{page}/issue")
    told = site.estate.house.settings
    numbers = sorted(set(re.findall(r"ZL[0-9]{10}", desks.issuer1.get(page).text)))
    for number, outcome, amount in zip(numbers, ("paid", "failed"), ("100.00", "40.00"), strict=True):
        said = Result(number, Outcome(outcome), new_number("F"), Yuan(amount), BUILDER_ACCOUNT, bureau_day())
        site.estate.do(lambda session, said=said: record(session, said, "ABC", told))
    shown = desks.reviewer2.get(page).text
    assert "了结余款</button>" in shown and "撤销核准</button>" not in shown and "银行已付清" not in shown
    assert desks.reviewer2.post(f"{page}/closing", {"reason": ""}).status_code == 422
    assert desks.reviewer2.post(f"{page}/closing", {"reason": "收款账户已销"}).status_code == 303
    shown = desks.auditor1.get(page).text
    for words in ("已付一部分，余款了结", "收款账户已销", "余款了结人", "了结用款余款", "100.00", "40.00"):
        assert words in shown
    again = desks.reviewer2.post(f"{page}/closing", {"reason": "再来"})
    assert again.status_code == 409 and "not-closable" in again.text
