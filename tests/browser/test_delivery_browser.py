"""Deliveries in a real browser without JavaScript: subscribed, not arrived, sent again (对外推送页面)."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from escrow.deliveries.rules import MOST_TRIES
from escrow.deliveries.sending import deliver
from tests.desk import Hired, hire
from tests.listening import Listener, admitted, happen, listening, standing, wake

pytestmark = pytest.mark.browser


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A subscriber that takes nothing yet."""
    with listening(lambda _: 503) as started:
        yield started


@pytest.fixture
def app(house: Any, listener: Listener) -> Iterator[Any]:
    """The application of a bureau that allows this address."""
    from escrow.application import create_app

    made = create_app(listener.settings(house.settings))
    yield made
    made.extensions["database"].dispose()


def seen(page: Any, name: str) -> None:
    """A picture for whoever wants to look (截图)."""
    if folder := os.environ.get("ESCROW_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def at_desk(browser: Any, address: str, who: Hired) -> Any:
    """Signed in, without JavaScript."""
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


def test_from_the_subscription_to_what_is_sent_again(
    browser: Any, address: str, house: Any, listener: Listener
) -> None:
    """不用 JavaScript：安全管理员登记订阅、取得密钥；推送不成，经办两下点完“再次发送”，随即送达。"""
    number = admitted(house, listener, "filing-old", url=listener.url + "/old")
    an = at_desk(browser, address, hire(house.database, house.settings, "an", "admin", full_name="安宁"))
    an.click("text=对外推送")
    an.click("main >> text=推送订阅")
    an.select_option("#client_id", "filing-old")
    an.fill("#url", "https://169.254.169.254/latest")
    an.click("text=登记并取得密钥")
    expect(an.locator("main")).to_contain_text("允许名单")
    seen(an, "subscribers-refused")
    an.fill("#url", listener.url)
    an.check("#type-1")
    an.click("text=登记并取得密钥")
    assert len(an.inner_text("#secret")) > 40
    seen(an, "subscriber-secret")
    an.goto("/subscribers")
    seen(an, "subscribers")

    happen(house, "SK2026000001", "SK2026000001", "SK2026000002")
    for _ in range(MOST_TRIES):
        wake(house)
        deliver(house.database, listener.settings(house.settings), number)
    yuan = hire(house.database, house.settings, "yuan", "cashier", full_name="袁建国")
    clerk = at_desk(browser, address, yuan)
    clerk.click("text=对外推送")
    seen(clerk, "deliveries")
    listener.answer = lambda _: 204
    clerk.click("tr:has-text('未送达') button:text-is('再次发送')")
    expect(clerk.locator("body")).to_contain_text("已排队再次发送")
    for each in (number, number + 1):
        deliver(house.database, listener.settings(house.settings), each)
    assert ("SK2026000001", "delivered", 1) in standing(house)
    clerk.goto("/deliveries?status=delivered")
    clerk.click("tbody >> nth=-1 >> a >> nth=-1")
    expect(clerk.locator("main")).to_contain_text("推送经过")
    expect(clerk.locator("main")).to_contain_text("袁建国")
    seen(clerk, "delivery")
