"""Signing in, staying in and being shown out (登录、会话与退出)."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from escrow.access.officers import reset_officer, retire_officer, use_code
from escrow.access.rules import FREE_TRIES
from escrow.access.signing_in import Attempt, NotLetIn, let_in
from escrow.access.tries import TooSoon
from tests.desk import form_token, hire, sign_in, sit_down


@pytest.fixture
def zhang(house):
    """A clerk of registrations."""
    return hire(house.database, house.settings, "zhang", "register", full_name="张伟民")


def past(house, column, interval, table="officer_session"):
    """Let time pass for one column, as the owner."""
    with house.connect("owner", autocommit=True) as connection:
        connection.execute(f"UPDATE {table} SET {column} = {column} - interval '{interval}'")


def audited(house, action="officer.sign-in"):
    with house.connect("app") as connection:
        return connection.execute(
            "SELECT result, actor_kind, actor_id, subject, detail->>'why' FROM audit_event"
            " WHERE action = %s ORDER BY id", [action]
        ).fetchall()  # fmt: skip


def test_password_and_code_together_open_a_session(app, house, zhang):
    """用户名、密码、动态口令都对，才能登录；留痕一条。"""
    seat = sit_down(app, zhang)
    page = seat.get("/")
    assert page.status_code == 200
    assert "张伟民" in page.text
    assert audited(house) == [("done", "officer", "zhang", "zhang", None)]


def test_nobody_gets_past_the_door_without_signing_in(client):
    """没有登录，任何页面都转到登录页，登录后回到原处。"""
    answer = client.get("/audit?subject=HT1")
    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=/audit?subject%3DHT1"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "evil", "/\t/evil"],
)
def test_signing_in_never_leads_away_from_the_house(app, zhang, target):
    """登录后的去向只能是本系统的页面。"""
    answer = sign_in(app.test_client(), zhang, next=target)
    assert (answer.status_code, answer.location) == (303, "/")


def test_signing_in_leads_back_to_where_one_was_going(app, zhang):
    """登录后回到原先要去的页面。"""
    answer = sign_in(app.test_client(), zhang, next="/account?x=1")
    assert answer.location == "/account?x=1"


def test_unknown_name_wrong_password_and_wrong_code_read_the_same(app, house, zhang):
    """用户名不存在、密码错、口令错，页面所示一字不差，也不记下输错的用户名。"""
    pages = []
    for wrong in ({"username": "nobody"}, {"password": "no such password"}, {"code": "000000"}):
        answer = sign_in(app.test_client(), zhang, **wrong)
        assert answer.status_code == 403
        pages.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert pages[0] == pages[1] == pages[2]
    assert "用户名、密码或动态口令不正确" in pages[0]
    assert [row[3] for row in audited(house)] == ["（无此用户）", "zhang", "zhang"]
    assert {row[0] for row in audited(house)} == {"refused"}


def test_an_unknown_name_takes_as_long_as_a_known_one(house, zhang, monkeypatch):
    """用户名存在与否，都做一次同样费时的核对。"""
    import escrow.access.passwords as passwords

    checked = []
    verify = passwords._HASHER.verify

    class Counting:
        hash = passwords._HASHER.hash

        def verify(self, kept, password):
            checked.append(kept.split("$")[1:4])
            return verify(kept, password)

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    for name in ("zhang", "nobody"):
        with pytest.raises(NotLetIn):
            let_in(house.database, house.settings, Attempt(name, "wrong password", "000000", "10.0.0.1", ""))
    assert len(checked) == 2 and checked[0] == checked[1]


def test_a_code_is_good_once(app, house, zhang):
    """同一个动态口令用过即废；密码也对时才说明缘由。"""
    code = zhang.code()
    assert sign_in(app.test_client(), zhang, code=code).status_code == 303
    again = sign_in(app.test_client(), zhang, code=code)
    assert again.status_code == 403
    assert "刚刚用过" in again.text
    guess = sign_in(app.test_client(), zhang, code=code, password="wrong password")
    assert "刚刚用过" not in guess.text


def test_of_many_requests_with_one_code_one_gets_through(house, zhang):
    """同一口令同时提交八次，只有一次有效。"""
    code, barrier = zhang.code(), threading.Barrier(8)

    def spend():
        barrier.wait()
        with house.database.begin() as session:
            from escrow.access.officers import living_officer

            return use_code(session, house.settings, living_officer(session, "zhang"), code)

    with ThreadPoolExecutor(8) as pool:
        said = [job.result() for job in [pool.submit(spend) for _ in range(8)]]
    assert sorted(said) == ["good"] + ["used"] * 7


def test_twenty_wrong_tries_are_slowed_down(app, house, zhang):
    """连错数次后须等待，页面答 429 并写明等多久；此时密码对了也要等，等过之后照常登录。"""
    client = app.test_client()
    said = [sign_in(client, zhang, password=f"wrong {n}", code="000000") for n in range(20)]
    codes = [answer.status_code for answer in said]
    assert codes == [403] * FREE_TRIES["officer"] + [429] * (20 - FREE_TRIES["officer"])
    assert 0 < int(said[-1].headers["Retry-After"]) <= 30
    assert "失败次数过多" in said[-1].text
    assert sign_in(client, zhang).status_code == 429
    past(house, "wait_until", "31 seconds", "wrong_tries")
    assert sign_in(client, zhang).status_code == 303
    assert len(audited(house)) == 22


def test_a_guess_in_a_crowd_is_still_counted(house, zhang):
    """同时来一百次猜测，也只核对规定的次数。"""
    attempt = Attempt("zhang", "wrong password", "000000", "10.0.0.1", "")

    def guess(_):
        try:
            let_in(house.database, house.settings, attempt)
        except (NotLetIn, TooSoon) as refusal:
            return type(refusal)

    with ThreadPoolExecutor(10) as pool:
        said = list(pool.map(guess, range(30)))
    assert said.count(NotLetIn) == FREE_TRIES["officer"]
    assert said.count(TooSoon) == 30 - FREE_TRIES["officer"]


def test_guessing_many_names_from_one_place_is_slowed_too(house):
    """一个地址轮流猜许多用户名，同样受限。"""
    said = []
    for n in range(FREE_TRIES["address"] + 2):
        try:
            let_in(house.database, house.settings, Attempt(f"name{n}", "x" * 12, "000000", "10.9.9.9", ""))
        except (NotLetIn, TooSoon) as refusal:
            said.append(type(refusal))
    assert said == [NotLetIn] * FREE_TRIES["address"] + [TooSoon] * 2


def test_names_of_tries_are_not_kept(house, zhang):
    """失败记录里看不到用户名和地址。"""
    with pytest.raises(NotLetIn):
        let_in(house.database, house.settings, Attempt("zhang", "wrong password", "0", "10.1.2.3", ""))
    with house.connect("app") as connection:
        kept = connection.execute("SELECT whose FROM wrong_tries").fetchall()
    assert len(kept) == 2
    assert all(len(row[0]) == 32 for row in kept)


def test_after_signing_out_the_old_cookie_is_worth_nothing(app, zhang):
    """退出后，拿旧的 Cookie 再来，只会被送回登录页。"""
    seat = sit_down(app, zhang)
    cookie = seat.client.get_cookie("session").value
    assert seat.post("/sign-out").location == "/sign-in"
    thief = app.test_client()
    thief.set_cookie("session", cookie)
    assert thief.get("/account").status_code == 303


def test_signing_in_again_draws_a_new_session(app, house, zhang):
    """每次登录都换新会话，会话令牌只在库里留摘要。"""
    client = app.test_client()
    sign_in(client, zhang)
    first = client.get_cookie("session").value
    with app.test_request_context(headers={"Cookie": f"session={first}"}):
        from flask import session as cookie

        token = cookie["officer"]
    page = client.get("/account").text
    client.post("/sign-out", data={"csrf_token": form_token(page)})
    sign_in(client, zhang)
    assert client.get_cookie("session").value != first
    with house.connect("owner") as connection:
        rows = connection.execute("SELECT token_hash FROM officer_session").fetchall()
    assert len({row[0] for row in rows}) == 2
    assert token.encode() not in b"".join(row[0] for row in rows)


def test_signing_in_over_another_ends_that_one(app, house, zhang):
    """同一浏览器换人登录，前一个会话在服务端即告结束。"""
    seat = sit_down(app, zhang)
    thief = app.test_client()
    thief.set_cookie("session", seat.client.get_cookie("session").value)
    li = hire(house.database, house.settings, "li", "cashier")
    form = {"username": "li", "password": li.password, "totp": li.code()}
    assert seat.post("/sign-in", form).status_code == 303
    assert thief.get("/account").status_code == 303
    assert "li 同志" in seat.get("/account").text


@pytest.mark.parametrize(("column", "interval"), [("seen_at", "31 minutes"), ("opened_at", "721 minutes")])
def test_a_session_ends_by_itself(app, house, zhang, column, interval):
    """三十分钟没有操作，或登录满十二小时，会话自动失效。"""
    seat = sit_down(app, zhang)
    past(house, column, interval)
    assert seat.get("/account").status_code == 303


def test_being_used_keeps_a_session_from_going_idle(app, house, zhang):
    """一直在操作的会话不会因闲置退出。"""
    seat = sit_down(app, zhang)
    for _ in range(3):
        past(house, "seen_at", "20 minutes")
        assert seat.get("/account").status_code == 200


@pytest.mark.parametrize("leave", ["retired", "reset"])
def test_a_leavers_sessions_die_at_once(app, house, zhang, leave):
    """人员停用或重置后，其所有会话的下一次请求即被拒绝。"""
    seats = [sit_down(app, zhang), sit_down(app, zhang)]
    with house.database.begin() as session:
        if leave == "retired":
            retire_officer(session, "zhang")
        else:
            reset_officer(session, house.settings, "zhang", "a wholly new passphrase 5")
    assert [seat.get("/account").status_code for seat in seats] == [303, 303]
    if leave == "retired":
        assert sign_in(app.test_client(), zhang).status_code == 403


def test_an_officer_ends_another_session_of_their_own(app, house, zhang):
    """本人可以查看并注销自己的其他会话，别人的会话动不了。"""
    here, there = sit_down(app, zhang), sit_down(app, zhang)
    other = sit_down(app, hire(house.database, house.settings, "li", "register"))
    ends = re.findall(r'action="(/account/sessions/\d+/end)"', here.get("/account").text)
    assert len(ends) == 1
    assert other.post(ends[0]).status_code == 404
    assert there.get("/account").status_code == 200
    assert here.post(ends[0]).status_code == 303
    assert there.get("/account").status_code == 303
    assert here.post(ends[0]).status_code == 404
    assert here.post(f"/account/sessions/{2**63}/end").status_code == 404


@pytest.mark.parametrize(
    "name", ["' OR 1=1 --", "zhang\x00", "{{7*7}}", "<script>alert(1)</script>", "田\u202e", "a" * 5000, ""]
)
def test_hostile_names_are_just_wrong(app, zhang, name):
    """用户名里写什么怪东西，都只是登录不成，也不会原样出现在页面里。"""
    answer = sign_in(app.test_client(), zhang, username=name)
    assert answer.status_code == 403
    assert "<script>alert" not in answer.text
    assert "用户名、密码或动态口令不正确" in answer.text


def test_a_password_of_a_megabyte_costs_nothing_extra(app, zhang):
    """超长密码按错误处理。"""
    assert sign_in(app.test_client(), zhang, password="x" * 100_000).status_code == 403
