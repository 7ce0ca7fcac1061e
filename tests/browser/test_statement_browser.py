"""Statements in a real browser without JavaScript: uploaded, refused, read, compared (对账单页面)."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.desk import hire
from tests.estate import build, officers
from tests.stating import Day, Told, as_camt, as_csv

pytestmark = pytest.mark.browser


def seen(page: Any, name: str) -> None:
    """A picture for whoever wants to look (截图)."""
    if folder := os.environ.get("ESCROW_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.fixture
def clerk(browser: Any, address: str, house: Any) -> Any:
    """A cashier signed in, without JavaScript."""
    who = hire(house.database, house.settings, "yuan", "cashier", full_name="袁建国")
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


def test_a_statement_from_the_upload_to_its_second_version(
    clerk: Any, house: Any, tmp_path: Path
) -> None:
    """不用 JavaScript：上传、整份拒收的原因、改正后接收、第二版与第一版的差别。"""
    estate = build(house, officers(house, "aa", "bb"))
    told = Day(estate.account_no, (Told("B1", 35000000), Told("B2", 1200)))

    def upload(body: bytes, name: str) -> None:
        (tmp_path / name).write_bytes(body)
        clerk.goto("/statements")
        clerk.set_input_files("#file", tmp_path / name)
        clerk.click("text=上传并核对")

    upload(as_csv(replace(told, closing=1)), "wrong.csv")
    expect(clerk.locator("main")).to_contain_text("与所报期末 0.01 元不符")
    seen(clerk, "statement-refused")
    upload(as_camt(told), "day.xml")
    clerk.click("main a[href^='/statements/DZ']")
    expect(clerk.locator("main")).to_contain_text("350,000.00")
    upload(as_camt(told.plus(Told("B3", 55))), "day2.xml")
    clerk.click("main a[href^='/statements/DZ']")
    expect(clerk.locator("main")).to_contain_text("与上一版的差别（1 处）")
    seen(clerk, "statement-second")
    clerk.goto("/statements")
    seen(clerk, "statements")
