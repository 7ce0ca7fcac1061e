"""Every page × every role, forms, headers and the furniture (页面权限与公共部分)."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from werkzeug.routing import IntegerConverter

from escrow.access.furniture import NAVIGATION, day, instant, yuan
from escrow.access.guards import officer
from escrow.access.rules import PERMISSIONS, Role, allowed
from ledger.money import Yuan
from tests.desk import form_token, hire, sign_in, sit_down

STATIC = Path(__file__).parents[2] / "escrow" / "static"
# Doors a person may reach without signing in.
PUBLIC_PAGES = {"access.sign_in", "static"}


def page_rules(app):
    """Every page route: what is not a machine's door."""
    machine = ("/api/", "/oauth/", "/healthz", "/readyz", "/metrics", "/.well-known/")
    return [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(machine)]


def filled(rule):
    """The route's address with something in every blank."""
    path = rule.rule
    for name, converter in rule._converters.items():
        blank = "987654" if isinstance(converter, IntegerConverter) else "nobody-at-all"
        if items := getattr(converter, "items", None):
            blank = sorted(items)[0]
        path = re.sub(rf"<(?:[^<>]*:)?{name}>", blank, path)
    return path


def test_every_page_names_the_permission_it_needs(app):
    """每个页面都写明所需权限；不登录可见的只有登录页与静态文件。"""
    unguarded = {
        rule.endpoint for rule in page_rules(app) if not hasattr(app.view_functions[rule.endpoint], "guard")
    }
    assert unguarded <= PUBLIC_PAGES
    named = {getattr(app.view_functions[rule.endpoint], "guard", "own-account") for rule in page_rules(app)}
    assert named <= set(PERMISSIONS)


@pytest.mark.parametrize("role", list(Role))
def test_every_page_for_every_role(app, house, role):
    """逐页逐岗位：有权的不答 403，无权的一律 403，且什么都没有改动。"""
    seat = sit_down(app, hire(house.database, house.settings, f"{role}-one", role))
    for rule in page_rules(app):
        permission = getattr(app.view_functions[rule.endpoint], "guard", None)
        if permission is None or rule.endpoint == "access.sign_out":
            continue
        for method in rule.methods & {"GET", "POST"}:
            answer = seat.get(filled(rule)) if method == "GET" else seat.post(filled(rule))
            expected = allowed({role}, permission)
            denied = answer.status_code == 403 and "您的岗位无权办理此项业务" in answer.text
            assert denied != expected, f"{role} {method} {rule.rule} → {answer.status_code}"
            assert answer.status_code < 500, f"{method} {rule.rule}"


def test_the_navigation_offers_only_what_one_may_open(app, house):
    """导航只列本岗位能打开的页面。"""
    auditor = sit_down(app, hire(house.database, house.settings, "shen", "auditor"))
    admin = sit_down(app, hire(house.database, house.settings, "an", "admin"))
    assert 'href="/audit"' in auditor.get("/").text
    assert 'href="/audit"' not in admin.get("/").text
    assert 'href="/officers"' in admin.get("/").text


def test_the_navigation_leads_somewhere(app):
    """导航里的每一项都有页面，且标明的权限与页面一致。"""
    for link in NAVIGATION:
        assert link.endpoint in app.view_functions, link.label
        assert app.view_functions[link.endpoint].guard == link.permission


def test_a_refused_page_is_written_down(app, house):
    """越权访问留痕一条。"""
    seat = sit_down(app, hire(house.database, house.settings, "zhang", "register"))
    assert seat.get("/audit").status_code == 403
    with house.connect("app") as connection:
        rows = connection.execute(
            "SELECT actor_id, result, subject FROM audit_event WHERE action = 'access.denied'"
        ).fetchall()
    assert rows == [("zhang", "refused", "access.audit_trail")]


def test_a_form_without_its_token_changes_nothing(app, house):
    """没有表单令牌的提交（跨站伪造）答 403，什么都不做。"""
    zhang = hire(house.database, house.settings, "zhang", "register")
    seat = sit_down(app, zhang)
    for path in ("/sign-out", "/verify", "/account/sessions/1/end"):
        assert seat.client.post(path).status_code == 403
        assert seat.client.post(path, data={"csrf_token": "forged"}).status_code == 403
    assert seat.get("/account").status_code == 200
    fresh = app.test_client()
    form = {"username": "zhang", "password": zhang.password, "totp": zhang.code()}
    assert fresh.post("/sign-in", data=form).status_code == 403


def test_another_browsers_token_does_not_fit(app, house):
    """别的浏览器的表单令牌不能用。"""
    seat = sit_down(app, hire(house.database, house.settings, "zhang", "register"))
    foreign = form_token(app.test_client().get("/sign-in").text)
    assert seat.client.post("/sign-out", data={"csrf_token": foreign}).status_code == 403


def test_every_answer_carries_the_protecting_headers(app, house):
    """所有页面带严格的安全响应头，含数据的页面不缓存。"""
    seat = sit_down(app, hire(house.database, house.settings, "zhang", "register"))
    for path in ("/", "/account", "/sign-in", "/no-such-page"):
        headers = seat.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        for part in (
            "default-src 'self'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "object-src 'none'",
        ):
            assert part in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Server" not in headers or "Python" not in headers["Server"]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(app, house):
    """会话 Cookie 脚本读不到，也不随跨站请求发出。"""
    client = app.test_client()
    answer = sign_in(client, hire(house.database, house.settings, "zhang", "register"))
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie and "Domain" not in cookie


def test_behind_https_the_cookie_is_bound_to_the_host(house):
    """启用 HTTPS 时 Cookie 只走加密通道，且绑定本机。"""
    from dataclasses import replace

    from escrow.application import create_app

    secure = create_app(replace(house.settings, secure_cookies=True))
    answer = secure.test_client().get("/sign-in", base_url="https://localhost")
    secure.extensions["database"].dispose()
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=") and "Secure" in cookie


def test_no_page_carries_script_or_style_of_its_own(app, house):
    """页面里没有内联脚本、内联样式和事件属性。"""
    seat = sit_down(app, hire(house.database, house.settings, "shen", "auditor"))
    for path in ("/", "/account", "/audit", "/sign-in", "/verify", "/no-such-page"):
        page = seat.get(path, follow_redirects=True).text
        for inline in ("<style", " style=", " onclick=", " onload=", " onsubmit=", "<script>"):
            assert inline not in page, (path, inline)


def test_an_unknown_page_says_so_in_chinese(client):
    """没有的页面用中文说明，不露出内部信息。"""
    answer = client.get("/no-such-page")
    assert answer.status_code == 404
    assert "没有找到" in answer.text and "Traceback" not in answer.text


def test_a_fault_shows_a_number_and_nothing_else(own_app, house):
    """系统内部错误只给一个编号，不露出任何细节。"""

    @officer("read")
    def broken():
        raise RuntimeError("secret detail 4711")

    own_app.testing = False
    own_app.add_url_rule("/broken", "broken", broken)
    seat = sit_down(own_app, hire(house.database, house.settings, "zhang", "register"))
    answer = seat.get("/broken")
    assert answer.status_code == 500
    assert "编号" in answer.text and "4711" not in answer.text and "RuntimeError" not in answer.text


def approval_door(app):
    """A door as other rooms build them, counting how often it opened."""
    opened = []

    @officer("confirm-registration", fresh=True)
    def approve():
        opened.append(1)
        return "已批准"

    app.add_url_rule("/approve-something", "approve_something", approve, methods=["GET", "POST"])
    return opened


def grow_stale(house):
    with house.connect("owner", autocommit=True) as connection:
        connection.execute("UPDATE officer_session SET verified_at = verified_at - interval '11 minutes'")


def test_an_approval_needs_a_fresh_second_factor(own_app, house):
    """登录后十分钟内可直接批准；过后须再输动态口令，否则 403，什么都没有做。"""
    opened = approval_door(own_app)
    wang = hire(house.database, house.settings, "wang", "reviewer")
    seat = sit_down(own_app, wang)
    assert seat.post("/approve-something").status_code == 200
    grow_stale(house)
    for form in ({}, {"totp": ""}, {"totp": "000000"}, {"totp": "abc"}):
        answer = seat.post("/approve-something", form)
        assert answer.status_code == 403
        assert "动态口令" in answer.text
    assert len(opened) == 1
    came_from = seat.post("/approve-something", headers={"Referer": "http://localhost/account?x=1"}).text
    assert 'href="/verify?next=/account?x%3D1"' in came_from
    abroad = seat.post("/approve-something", headers={"Referer": "http://evil.example/account"}).text
    assert 'href="/verify?next=/"' in abroad and "evil" not in abroad
    code = wang.code()
    assert seat.post("/approve-something", {"totp": code}).status_code == 200
    grow_stale(house)
    replayed = seat.post("/approve-something", {"totp": code})
    assert replayed.status_code == 403 and "刚刚用过" in replayed.text
    assert len(opened) == 2


def test_guessing_codes_at_an_approval_is_slowed_down(own_app, house):
    """批准时乱猜动态口令，同样限速。"""
    opened = approval_door(own_app)
    seat = sit_down(own_app, hire(house.database, house.settings, "wang", "reviewer"))
    grow_stale(house)
    answers = [seat.post("/approve-something", {"totp": "000000"}) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [403] * 5 + [429] * 3
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert opened == []


def test_the_verify_page_makes_the_factor_fresh(own_app, house):
    """在“再次验证”页输入口令后，十分钟内可以批准。"""
    opened = approval_door(own_app)
    wang = hire(house.database, house.settings, "wang", "reviewer")
    seat = sit_down(own_app, wang)
    grow_stale(house)
    answer = seat.post("/verify", {"totp": wang.code(), "next": "/account"})
    assert (answer.status_code, answer.location) == (303, "/account")
    assert seat.post("/approve-something").status_code == 200
    assert len(opened) == 1


def test_an_administrator_retires_a_leaver_on_the_page(app, house):
    """安全管理员在页面上停用人员，其会话随即失效。"""
    seat = sit_down(app, hire(house.database, house.settings, "an", "admin"))
    leaver = sit_down(app, hire(house.database, house.settings, "zhang", "register"))
    assert seat.get("/officers/zhang/retire").status_code == 200
    assert seat.post("/officers/zhang/retire").status_code == 303
    assert leaver.get("/").status_code == 303
    assert seat.post("/officers/zhang/retire").status_code == 404
    assert seat.post("/officers/%00/retire").status_code == 404


def test_amounts_days_and_instants_read_as_a_clerk_writes_them():
    """金额带千分位两位小数，时间按北京时间。"""
    from datetime import UTC, date, datetime

    assert yuan(Yuan("1234567.80")) == "1,234,567.80"
    assert yuan(Yuan("0.05")) == "0.05"
    assert yuan("-1234.50") == "-1,234.50"
    assert yuan(None) == "—"
    assert day(date(2026, 11, 20)) == "2026-11-20"
    assert instant(datetime(2026, 11, 20, 17, 0, 3, tzinfo=UTC)) == "2026-11-21 01:00:03"


def test_vendored_files_are_the_published_ones():
    """随附的前端文件与清单登记的摘要一致，清单之外没有别的文件。"""
    vendor = STATIC / "vendor"
    manifest = json.loads((vendor / "manifest.json").read_text())
    listed = {
        entry["file"]: entry["sha384"] for package in manifest["packages"] for entry in package["files"]
    }
    for name, expected in listed.items():
        digest = base64.b64encode(hashlib.sha384((vendor / name).read_bytes()).digest()).decode()
        assert digest == expected, name
    present = {path.relative_to(vendor).as_posix() for path in vendor.rglob("*") if path.is_file()}
    assert present == {*listed, "manifest.json"}
    assert all(package["version"] and package["licence"] for package in manifest["packages"])
