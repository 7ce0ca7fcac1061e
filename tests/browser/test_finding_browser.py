"""Findings in a real browser without JavaScript: the queue, the way of the money, the decision (风险提示页面)."""

import os
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.desk import hire
from tests.finding import Market, Payer, paid_out, watched
from tests.withdrawing import BUILDER, funded, people_of, site_of

pytestmark = pytest.mark.browser


def seen(page: Any, name: str) -> None:
    """A picture for whoever wants to look (截图)."""
    if folder := os.environ.get("ESCROW_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.fixture
def reviewer(browser: Any, address: str, house: Any) -> Any:
    """A reviewer signed in, without JavaScript."""
    who = hire(house.database, house.settings, "fang", "reviewer", full_name="方志强")
    context = browser.new_context(
        base_url=address, locale="zh-CN", java_script_enabled=False, viewport={"width": 1280, "height": 900}
    )
    page = context.new_page()
    page.goto("/sign-in")
    page.fill("#username", who.username)
    page.fill("#password", who.password)
    page.fill("#totp", who.code())
    page.click("main form button")
    yield page
    context.close()


def test_a_round_trip_from_the_queue_to_its_decision(reviewer: Any, house: Any) -> None:
    """不用 JavaScript：从清单按种类找到回流，看清每一步，写理由确认，回到清单已在后面。"""
    site = funded(site_of(house, people_of(house)))
    market = Market(site.estate)
    paid_out(site, "100000.00", days_ago=12)
    market.bought(0, Payer(BUILDER, "6217000099990000123"), days_ago=3)
    market.bought(1, Payer("李建国", "62170000888800001"))
    watched(house)

    reviewer.goto("/findings")
    assert reviewer.locator("nav a[aria-current=page]").inner_text() == "风险提示"
    seen(reviewer, "findings")
    reviewer.select_option("#kind", "round-trip")
    reviewer.click("form.filter button")
    expect(reviewer.locator("tbody tr")).to_have_count(1)
    reviewer.click("tbody a")
    expect(reviewer.locator("tbody td:nth-child(2)")).to_have_text(["拨付", "同一户名", "缴存"])
    seen(reviewer, "finding")
    reviewer.fill("#reason", "施工单位以自己另一账户代付，已约谈并移送")
    reviewer.click("text=确认，情况属实")
    expect(reviewer.locator("main")).to_contain_text("方志强")
    expect(reviewer.locator("main")).to_contain_text("已确认")
    seen(reviewer, "finding-decided")
    reviewer.goto("/findings")
    assert "已确认" in reviewer.locator("tbody tr").last.inner_text()
