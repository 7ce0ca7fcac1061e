"""A county without a connected filing system works from the pages, without JavaScript (窗口核对全程)."""

from typing import Any

import pytest

from tests.builders import County, new_number
from tests.desk import hire

pytestmark = pytest.mark.browser


def seated(browser: Any, address: str, who: Any) -> Any:
    """An officer at a browser without JavaScript."""
    context = browser.new_context(
        base_url=address, locale="zh-CN", java_script_enabled=False, viewport={"width": 1280, "height": 900}
    )
    page = context.new_page()
    page.goto("/sign-in")
    page.fill("#username", who.username)
    page.fill("#password", who.password)
    page.fill("#totp", who.code())
    page.click("main form button")
    return page


def test_from_the_agreement_to_the_filing_without_javascript(
    app: Any, house: Any, browser: Any, address: str
) -> None:
    """不用 JavaScript：两人受理协议、查项目、按通知书号找到合同、核对不通过、存款后通过、记入备案。"""
    county = County(house, app)
    clauses = [{"kind": "handover_ratio", "value": "0.90", "clause": "第十二条：交付比例达到九成"}]
    made = county.project(buildings=2, units=3, status="registered")
    made.agreement["clauses"]["release"] = clauses
    path = f"/projects/{made.project_no}/supervision"
    assert county.put("platform", path, made.agreement).status_code == 201
    clerk = seated(
        browser, address, hire(house.database, house.settings, "dengji", "register", full_name="程晓明")
    )
    checker = seated(
        browser, address, hire(house.database, house.settings, "fuhe", "reviewer", full_name="沈国栋")
    )

    clerk.goto("/supervision")
    clerk.click(f"text={made.body['name']}")
    clerk.click("text=核对无误，受理")
    assert "须由另一人员再次受理" in clerk.text_content("main")
    checker.goto(clerk.url)
    checker.click("text=核对无误，受理")
    assert "监管协议已生效" in checker.text_content("main")

    draft = county.draft(made)
    clerk.goto("/contracts")
    clerk.fill("#number", draft.notices[0])
    clerk.click("main form button")
    clerk.click("text=核对能否备案")
    assert "不通过，不得备案" in clerk.text_content("main")
    assert "第三部分“五是”" in clerk.text_content("main")

    assert county.deposit(made, draft.notices[0], "350000.00").status_code == 201
    assert county.deposit(made, "没有的通知书", "88.00").status_code == 201
    clerk.click("text=返回合同")
    clerk.click("text=核对能否备案")
    assert "维修资金" in clerk.text_content("main") and "第三部分“一是”" in clerk.text_content("main")

    for name in ("accepts-one", "accepts-two"):
        county.seat(name)
    county.advance(made)
    clerk.click("text=返回合同")
    clerk.click("text=核对能否备案")
    assert "通过，可以备案" in clerk.text_content("main")
    clerk.fill("#filing_no", new_number("BA"))
    clerk.click("main form.form-page button")
    assert "已备案" in clerk.text_content("h1 + *")

    checker.goto("/projects")
    checker.click(f"text={made.project_no}")
    shown = checker.text_content("main")
    assert "350,088.00" in shown and "350,000.00" in shown and "待认领" in shown
