"""维修资金网页：两人开立专户，看清不列入的再建账，按编码找一户，逐级看下去，核验各级余额。"""

import re

import pytest
from sqlalchemy import text

from tests.builders import County
from tests.desk import hire, sit_down
from tests.fund.fund_estate import build_fund

ACCOUNT = {
    "account_no": "6222990012345678", "account_name": "交口县住宅专项维修资金专户", "bank_code": "ABC",
    "region": "141130", "document_no": "交房专户〔2026〕1号",
}  # fmt: skip


@pytest.fixture
def county(house, app):
    return County(house, app)


def seats(county):
    return county.seat("lu", "register"), county.seat("fu", "reviewer"), county.seat("shen", "auditor")


def opened(county):
    """A fund account opened on the pages; its address (网页开立专户)."""
    maker, checker, _ = seats(county)
    answer = maker.post("/fund/accounts", ACCOUNT)
    assert answer.status_code == 303, answer.text
    where = answer.headers["Location"]
    done = checker.post(f"{where}/open", {"totp": checker.who.code()})
    assert done.status_code == 303, done.text
    return where


def test_two_officers_open_a_fund_account(county):
    """一人录入、另一人确认；录入人自己看到的是须由他人确认；审计看得到全部经过，动不了。"""
    maker, _, auditor = seats(county)
    where = opened(county)
    page = auditor.get(where).text
    assert "使用中" in page and "lu" in page and ACCOUNT["document_no"] in page and "本局设定" in page
    assert auditor.post("/fund/accounts", ACCOUNT).status_code == 403
    again = maker.post("/fund/accounts", ACCOUNT | {"region": "141181"})
    assert again.status_code == 409
    assert "已登记为维修资金专户" in again.text and ACCOUNT["account_name"] in again.text


def test_what_was_typed_stays_and_the_fault_is_named(county):
    """账号不对：说明哪一项，其余照样保留。"""
    maker, _, _ = seats(county)
    answer = maker.post("/fund/accounts", ACCOUNT | {"account_no": "12-34"})
    assert answer.status_code == 422
    assert "格式不正确" in answer.text and ACCOUNT["document_no"] in answer.text


def test_a_sent_back_account_says_why(county):
    """退回的专户写明理由，可重新录入。"""
    maker, checker, _ = seats(county)
    where = maker.post("/fund/accounts", ACCOUNT).headers["Location"]
    assert checker.post(f"{where}/reject", {"reason": "户名与批文不符"}).status_code == 303
    assert "户名与批文不符" in maker.get(where).text
    assert maker.post("/fund/accounts", ACCOUNT).status_code == 303


def test_a_register_becomes_house_accounts(county, house):
    """看清拟建与不列入的，录入，另一人确认；再来一次没有可建的；新增房屋另起一批。"""
    maker, checker, _ = seats(county)
    fund_id = opened(county).rpartition("/")[2]
    project = county.project(units=3, advanced=False)
    body = project.body
    body["buildings"][0]["units"][2]["use"] = "other"
    assert county.put("platform", f"/projects/{project.project_no}", body).status_code == 200

    start = maker.get("/fund/batches", query_string={"project_no": project.project_no})
    where = start.headers["Location"]
    page = maker.get(where).text
    assert "非住宅，另册" in page and project.unit_codes[2] in page
    answer = maker.post(where, {"fund_id": fund_id, "community_name": "云水苑"})
    assert answer.status_code == 303, answer.text
    batch = answer.headers["Location"]
    assert "非住宅，另册" in checker.get(batch).text
    assert project.unit_codes[0] in checker.get(f"{batch}?list=built").text
    assert checker.post(f"{batch}/confirm", {"totp": checker.who.code()}).status_code == 303

    again = maker.post(where, {"fund_id": fund_id, "community_name": "云水苑"})
    assert again.status_code == 409 and "没有可建账的房屋：已建账 2 户、非住宅，另册 1 户" in again.text
    seen = maker.get(f"/fund/houses/{project.unit_codes[0]}").text
    for said in ("9,216.00", "96.00 元/平方米", "今日；未缴足的按付款日的标准", "第三部分“一是”", "已建账", "fu"):
        assert said in seen
    left = maker.get(f"/fund/houses/{project.unit_codes[2]}").text
    assert "未建账" in left and "按楼盘表建账" in left


def test_a_house_shows_who_paid_when_and_what_is_left(county, house):
    """分户账逐笔列出：事项、凭证号、起息日、增减与余额；各级页面合计一致；按编码找得到。"""
    estate = build_fund(house, buildings=2, units=2)
    estate.advance(estate.ids[0], "6912.00")
    estate.deposit(estate.ids[3], "1.00")
    maker, _, _ = seats(county)
    find = maker.get("/fund/houses", query_string={"unit_code": estate.codes[0].lower()})
    page = maker.get(find.headers["Location"]).text
    for said in ("建设单位代缴首期维修资金", "6,912.00", "待归还建设单位", estate.account_no):
        assert said in page
    fund = maker.get(f"/fund/accounts/{estate.fund_id}").text
    community = maker.get(f"/fund/communities/{estate.community_id}").text
    assert "6,913.00" in fund and "6,913.00" in community
    first = maker.get(f"/fund/buildings/{estate.buildings['1']}").text
    assert "6,912.00" in first and estate.codes[1] in first and estate.codes[2] not in first
    assert maker.get("/fund/houses", query_string={"unit_code": "x"}).status_code == 404
    for path in ("accounts", "communities", "buildings"):
        assert maker.get(f"/fund/{path}/2147483647").status_code == 404


def test_a_register_that_moved_on_is_named(county, house):
    """建账后楼盘表改了面积：分户账不动，小区页点名不符。"""
    maker, checker, _ = seats(county)
    fund_id = opened(county).rpartition("/")[2]
    project = county.project(units=2, advanced=False)
    batch = maker.post(
        f"/fund/projects/{project.project_no}", {"fund_id": fund_id, "community_name": "云"}
    ).headers["Location"]
    checker.post(f"{batch}/confirm", {"totp": checker.who.code()})
    with house.database.read() as session:
        community_id = session.scalar(text("SELECT max(id) FROM community"))
    where = f"/fund/communities/{community_id}"
    assert "与楼盘表不符" not in maker.get(where).text
    body = project.body
    body["buildings"][0]["units"][0]["area"] = "97.50"
    assert county.put("platform", f"/projects/{project.project_no}", body).status_code == 200
    page = maker.get(where).text
    assert "与楼盘表不符" in page and "97.50" in page and project.unit_codes[0] in page


def test_the_check_page_says_what_does_not_agree(county, house):
    """核验页：相符时四项都相符；表主改了一户余额，点名这一户。"""
    estate = build_fund(house, buildings=1, units=2)
    estate.deposit(estate.ids[0], "5.00")
    maker, _, _ = seats(county)
    assert maker.get("/fund/check").text.count("相符</span>") == 4
    with house.connect("owner") as connection:
        connection.execute("UPDATE house_balance SET balance = 1 WHERE house_id = %s", (estate.ids[1],))
    page = maker.get("/fund/check").text
    assert "不符 1" in page and estate.codes[1] in page


def test_verify_runs_the_funds_checks_too(house, app):
    """flask verify 一并核验维修资金：相符四项通过；不符即以 1 退出，点名哪一户。"""
    estate = build_fund(house, buildings=1, units=1)
    estate.deposit(estate.ids[0], "5.00")
    runner = app.test_cli_runner()
    said = runner.invoke(args=["verify"]).output
    assert len(re.findall(r"^通过  fund-", said, re.M)) == 4, said
    with house.connect("owner") as connection:
        connection.execute("UPDATE house_balance SET balance = 1")
    failed = runner.invoke(args=["verify"])
    assert failed.exit_code == 1
    assert re.search(rf"^不符  fund-houses-agree  .*{estate.codes[0]}", failed.output, re.M)


def test_lists_go_on_by_key_with_one_statement_each(house, app):
    """一幢一百二十户：五十户一页，翻到底恰好一户不多一户不少。"""
    estate = build_fund(house, buildings=1, units=120)
    seat = sit_down(app, hire(house.database, house.settings, "du", "cashier"))
    where, seen = f"/fund/buildings/{estate.buildings['1']}", []
    while where:
        page = seat.get(where).text
        seen += re.findall(r"/fund/houses/([0-9A-Z]{28})", page)
        onward = re.search(r'rel="next" href="([^"]+)"', page)
        where = onward and onward.group(1)
    assert seen == estate.codes
