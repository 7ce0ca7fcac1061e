"""What only a browser can tell: it works with and without JavaScript, nothing runs that should not (浏览器)."""

import base64
import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import expect

from escrow.access import audit
from tests.desk import hire

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
AXE_SHA384 = "xt1SFg49QaDwsyt0Xfs2XAyBtYPClXl3X2q5OOLeGAUmq9jZTYIMdztpF99WdhiH"
# axe-core 4.14.1, MPL-2.0, dist of npm
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{7*7}} 田"


def come_in(page, who):
    page.goto("/sign-in")
    page.get_by_label("用户名").fill(who.username)
    page.get_by_label("密码").fill(who.password)
    page.get_by_label("动态口令").fill(who.code())
    page.get_by_role("button", name="登录").click()
    page.wait_for_url("**/")


def test_an_officer_comes_in_and_goes_out(page, house):
    """在浏览器里登录、看自己的账号、退出，控制台没有任何报错。"""
    come_in(page, hire(house.database, house.settings, "zhang", "register", full_name="张伟民"))
    assert page.get_by_role("heading", level=1).inner_text() == "张伟民，您好"
    page.get_by_role("link", name="张伟民").click()
    expect(page.get_by_text("本次登录")).to_be_visible()
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_text("已安全退出")).to_be_visible()
    assert page.complaints == []


def test_everything_works_without_javascript(browser, address, house):
    """关闭 JavaScript，一样能登录和办理。"""
    context = browser.new_context(base_url=address, java_script_enabled=False)
    page = context.new_page()
    come_in(page, hire(house.database, house.settings, "zhang", "register"))
    page.goto("/account")
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_text("已安全退出")).to_be_visible()
    context.close()


def test_hostile_text_is_never_run(page, house):
    """数据里写进脚本，页面上也只是文字：没有弹窗，没有报错。"""
    with house.database.begin() as session:
        audit.record(session, "test.step", HOSTILE, note=HOSTILE)
    come_in(
        page, hire(house.database, house.settings, "shen", "auditor", full_name="<b>沈</b>" + HOSTILE[:60])
    )
    page.goto("/audit")
    expect(page.get_by_text("{{7*7}}").first).to_be_visible()
    assert page.complaints == []


def test_even_a_slipped_in_script_is_stopped(page, house):
    """即便有脚本混进页面，安全策略也不让它运行。"""
    page.goto("/sign-in")
    page.evaluate(
        "() => { const made = document.createElement('div');"
        " made.innerHTML = '<img src=x onerror=\"window.ran = 1\">';"
        " document.body.append(made); const script = document.createElement('script');"
        " script.textContent = 'window.ran = 2'; document.body.append(script); }"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("() => window.ran") is None
    assert any("Content Security Policy" in said for said in page.complaints)


@pytest.mark.parametrize("path", ["/sign-in", "/", "/account", "/audit", "/verify", "/no-such-page"])
def test_pages_are_accessible(browser, address, house, path):
    """页面通过无障碍检查（axe-core）：标签、标题、对比度、次序。"""
    source = AXE.read_bytes()
    assert base64.b64encode(hashlib.sha384(source).digest()).decode() == AXE_SHA384
    context = browser.new_context(base_url=address, locale="zh-CN", bypass_csp=True)
    page = context.new_page()
    if path != "/sign-in":
        come_in(page, hire(house.database, house.settings, "shen", "auditor"))
    page.goto(path)
    page.add_script_tag(content=source.decode())
    found = page.evaluate(
        "async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])"
    )
    context.close()
    assert found == []


def test_pages_fit_a_narrow_screen(page, house):
    """窄屏上页面不左右晃动。"""
    come_in(page, hire(house.database, house.settings, "zhang", "register"))
    page.set_viewport_size({"width": 380, "height": 700})
    for path in ("/", "/account"):
        page.goto(path)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 380, path
