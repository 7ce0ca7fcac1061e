"""Projects and contracts at the desk: found, read, checked, printed, filed (项目与合同页面)."""

import re

import pytest
from sqlalchemy import event

from tests.builders import new_number, one_project

scene_of = one_project


@pytest.fixture
def statements(app):
    """How many statements the application sends while a page is made."""
    counted = []
    engine = app.extensions["database"].engine

    def count(*_):
        counted.append(1)

    event.listen(engine, "before_cursor_execute", count)
    yield counted
    event.remove(engine, "before_cursor_execute", count)


def cost(statements, seat, path):
    statements.clear()
    assert seat.get(path).status_code == 200
    return len(statements)


def test_a_page_does_not_ask_once_per_row(county, statements):
    """项目清单、项目页、合同页的查询次数不随行数增长。"""
    seat = county.seat("aa")
    small, large = county.project(units=1), county.project(buildings=3, units=6)
    first = county.draft(small)
    county.deposit(small, first.notices[0], "1.00")
    for unit in range(8):
        drafted = county.draft(large, unit)
        county.deposit(large, drafted.notices[0], "1.00")
    few = cost(statements, seat, f"/projects/{small.project_no}")
    assert cost(statements, seat, f"/projects/{large.project_no}") == few <= 10
    listed = cost(statements, seat, "/projects")
    for _ in range(3):
        county.project(status="registered", units=1)
    assert cost(statements, seat, "/projects") == listed <= 5
    assert cost(statements, seat, f"/contracts/{first.contract_no}") <= 5


def test_the_project_page_shows_account_receipts_and_entries(county):
    """项目页列出账户、楼幢、入账与明细账；冲正与待认领各有标记。"""
    made = county.project(buildings=2, units=2)
    drafted = county.draft(made)
    county.deposit(made, drafted.notices[0], "350000.00")
    county.deposit(made, None, "77.70")
    seat = county.seat("aa", "auditor")
    page = seat.get(f"/projects/{made.project_no}").text
    for said in (
        made.account_no,
        "350,077.70",
        "77.70",
        "待认领",
        "已确认",
        drafted.contract_no,
        "购房款入账",
    ):
        assert said in page
    assert "田秀英" not in page
    lines = seat.get(f"/projects/{made.project_no}?account=999999999").text
    assert "明细账" not in lines
    assert seat.get("/projects/XM0").status_code == 404


def test_receipts_and_lines_go_on_by_key(county):
    """入账与明细账按键翻页，不重不漏。"""
    made = county.project(units=1)
    serials = [new_number("SERIAL") for _ in range(23)]
    for serial in serials:
        assert county.deposit(made, None, "1.00", bank_serial=serial).status_code == 201
    seat = county.seat("aa")
    page = seat.get(f"/projects/{made.project_no}").text
    older = page.partition("receipts_before=")[2].partition("#")[0]
    rest = seat.get(f"/projects/{made.project_no}?receipts_before={older}").text
    receipts = [text.partition('id="book"')[0] for text in (page, rest)]
    assert [sum(serial in text for serial in serials) for text in receipts] == [20, 3]
    before = page.partition("lines_before=")[2].partition("#")[0]
    lines = seat.get(f"/projects/{made.project_no}?lines_before={before}").text.partition('id="lines"')[2]
    assert sum(serial in lines for serial in serials) == 3


def test_projects_are_found_by_number_name_and_status(county):
    """项目清单可按编号、名称、监管状态查；百分号只是百分号。"""
    one, two = county.project(units=1), county.project(status="registered", units=1)
    seat = county.seat("aa")
    for query, shown in (
        (f"q={one.project_no}", [one]), (f"q={two.body['name']}", [two]), ("status=active", [one]),
        ("q=%25", []), ("q=\u0000", [one, two]), ("before=1", []), ("before=云", [one, two]), ("", [one, two]),
    ):  # fmt: skip
        page = seat.get(f"/projects?{query}").text
        assert [made for made in (one, two) if made.project_no in page.partition("<tbody>")[2]] == shown, (
            query
        )


def test_a_contract_is_found_by_any_of_its_numbers(county, made):
    """按合同号、通知书号、单元代码都能找到合同，小写、全角也行；一房先后两份合同时列出供选。"""
    drafted = county.draft(made)
    seat = county.seat("aa")
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in drafted.notices[0])
    unit = made.unit_codes[0]
    for number in (drafted.contract_no, *drafted.notices, unit, unit.lower(), wide):
        found = seat.get(f"/contracts?number={number}")
        assert (found.status_code, found.headers["Location"]) == (303, f"/contracts/{drafted.contract_no}")
    assert "没有找到" in seat.get("/contracts?number=HT-none").text
    assert seat.get("/contracts").status_code == 200
    body = {"event_id": new_number("ZX"), "cancelled_on": "2026-01-01", "reason": "放弃"}
    county.post("filing", f"/contracts/{drafted.contract_no}/cancellation", body)
    county.draft(made)
    assert "2 份合同" in seat.get(f"/contracts?number={made.unit_codes[0]}").text
    assert seat.get("/contracts/HT-none").status_code == 404


def test_a_check_at_the_desk_gives_every_reason_and_is_kept(county, house):
    """窗口核对：每条理由附依据，答复存档，一次核对留痕一条。"""
    made = county.project(permit=None)
    drafted = county.draft(made)
    seat = county.seat("aa")
    run = seat.post(f"/contracts/{drafted.contract_no}/check")
    assert run.status_code == 303
    page = seat.get(run.headers["Location"]).text
    for said in (
        "不通过",
        "deposit-missing",
        "project-not-permitted",
        "第三部分“五是”",
        "第四十五条",
        "田**",
    ):
        assert said in page
    assert "记入备案" not in page
    with house.connect() as connection:
        rows = connection.execute(
            "SELECT actor_id, detail ->> 'contract_no' FROM audit_event WHERE action = 'check.answered'"
        ).fetchall()
    assert rows == [("aa", drafted.contract_no)]
    assert seat.get("/checks/HD0").status_code == 404
    assert seat.post("/contracts/HT-none/check").status_code == 404


def test_a_contract_is_filed_at_the_desk_on_a_living_pass_once(county, made):
    """凭通过的核对在窗口记入备案；重复提交不重复记；换一个备案号再记答 409。"""
    drafted = county.draft(made)
    county.deposit(made, drafted.notices[0], "350000.00")
    clerk, checker = county.seat("aa"), county.seat("bb", "reviewer")
    where = checker.post(f"/contracts/{drafted.contract_no}/check").headers["Location"]
    assert "记入备案" not in checker.get(where).text
    assert "通过，可以备案" in clerk.get(where).text
    assert checker.post(f"{where}/filing", {"filing_no": "BA1"}).status_code == 403
    assert clerk.post(f"{where}/filing", {"filing_no": "备案一"}).status_code == 422
    assert clerk.post(f"{where}/filing", {"filing_no": "BA1"}).status_code == 303
    assert clerk.post(f"{where}/filing", {"filing_no": "BA1"}).status_code == 303
    assert clerk.post(f"{where}/filing", {"filing_no": "BA2"}).status_code == 409
    found = county.get("filing", f"/contracts/{drafted.contract_no}").json
    assert (found["status"], found["filing"]["filing_no"]) == ("filed", "BA1")
    page = clerk.get(f"/contracts/{drafted.contract_no}").text
    assert "已备案" in page and "核对能否备案" not in page
    assert "这次核对已用于备案" in clerk.get(where).text


def test_a_check_of_an_earlier_version_says_so(county, made):
    """核对之后合同变更，打开旧答复时提示须重新核对，打印也看得见，不能凭它备案。"""
    drafted = county.draft(made)
    county.deposit(made, drafted.notices[0], "350000.00")
    clerk = county.seat("aa")
    where = clerk.post(f"/contracts/{drafted.contract_no}/check").headers["Location"]
    buyers = [drafted.body["buyers"][0] | {"name": "田某"}]
    changed = county.put("filing", f"/contracts/{drafted.contract_no}", drafted.body | {"buyers": buyers})
    assert changed.status_code == 200
    page = clerk.get(where).text
    assert "核对之后合同已变更" in page and 'name="filing_no"' not in page
    assert re.search(r'<p class="([^"]*)">这次核对已失效', page)[1].split() == ["alert", "alert-warning", "py-2"]
    refused = clerk.post(f"{where}/filing", {"filing_no": "BA1"})
    assert refused.status_code == 409 and "重新核对" in refused.text
