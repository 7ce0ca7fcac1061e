"""A release in a real browser without JavaScript: entered, checked, approved, printed (解除监管全程)."""

from typing import Any

import pytest

from config.clock import bureau_day
from escrow import chart
from tests.desk import hire
from tests.estate import build, file_hash, officers

pytestmark = pytest.mark.browser

TODAY = bureau_day().isoformat()


def signed_in(page: Any, who: Any) -> None:
    page.goto("/sign-in")
    page.fill("#username", who.username)
    page.fill("#password", who.password)
    page.fill("#totp", who.code())
    page.click("main form button")


@pytest.fixture
def shown(browser: Any, address: str):
    """A browser without JavaScript for each officer."""
    contexts = []

    def open_(who: Any) -> Any:
        context = browser.new_context(
            base_url=address,
            locale="zh-CN",
            java_script_enabled=False,
            viewport={"width": 1280, "height": 900},
        )
        contexts.append(context)
        page = context.new_page()
        signed_in(page, who)
        return page

    yield open_
    for context in contexts:
        context.close()


def test_a_release_from_the_paper_to_the_print_without_javascript(app: Any, house: Any, shown: Any) -> None:
    """不用 JavaScript：手工录入首次登记、另一人确认、录入申请、看清单、批准、打印决定。"""
    clauses = [{"kind": "document", "value": None, "clause": "第九条：物业承接查验"}]
    estate = build(house, officers(house, "aa", "bb"), clauses=clauses)
    estate.put("1", "350000.00")
    estate.put("2", "1200000.50")
    clerk = shown(hire(house.database, house.settings, "dengji", "register", full_name="程晓明"))
    checker = shown(hire(house.database, house.settings, "fuhe1", "reviewer", full_name="沈国栋"))
    handler = shown(hire(house.database, house.settings, "jieguan", "release", full_name="曹永红"))
    chief = shown(hire(house.database, house.settings, "fuhe2", "reviewer", full_name="许玉珍"))

    register(clerk, estate)
    checker.goto(clerk.url)
    checker.click("text=核对无误，确认")
    assert "已确认" in checker.text_content("h1 + *")
    account, application = apply_for(handler, estate)
    chief.goto(application)
    chief.click("text=批准解除监管")
    assert "尚未满足" in chief.text_content(".refusals")
    handler.goto(account)
    handler.select_option("#clause", index=0)
    handler.fill("#paper_no", "查验〔2026〕3号")
    handler.fill("#dated_on", TODAY)
    handler.locator("form[action$='/papers'] [name=file_hash]").fill(file_hash("查验"))
    handler.click("main form[action$='/papers'] button")
    checker.goto(account)
    checker.locator("form[action$='/confirm'] button").click()

    chief.goto(application)
    chief.click("text=批准解除监管")
    chief.click("text=解除监管决定")
    assert "1,550,000.50" in chief.text_content("main")
    chief.goto("/releases")
    assert ("2111", chart.building_key(estate.buildings["1"])) not in estate.held()


def apply_for(page: Any, estate: Any) -> tuple[str, str]:
    """The developer's paper is entered; the addresses of account and application."""
    page.goto("/releases")
    page.fill("#find", estate.project_no)
    page.click("text=打开账户")
    account = page.url
    page.fill("#application_no", "云水置业〔2026〕7号")
    page.fill("#applied_on", TODAY)
    page.locator("form[action$='/applications'] [name=file_hash]").fill(file_hash("申请"))
    page.click("text=录入申请")
    return account, page.url


def register(page: Any, estate: Any) -> None:
    """Both buildings are entered by hand, under one certificate."""
    page.goto("/first-registrations")
    page.click("text=手工录入")
    page.fill("#project", estate.project_no)
    page.click("text=查找项目")
    page.check("text=1 幢")
    page.check("text=2 幢")
    page.fill("#certificate_no", "晋（2026）交口县不动产权第0001234号")
    page.fill("#registered_on", TODAY)
    page.fill("#file_hash", file_hash("证书"))
    page.click("main form.form-page button")
