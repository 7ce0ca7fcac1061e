"""The token door and the bearer's one look-up (令牌接口)."""

import base64
import time

import pytest

from escrow.access.clients import CALLER, add_client, caller_of, retire_client, revoke_token
from escrow.doors import caller, scope
from escrow.errors import Invalid
from tests.desk import bearer

FORM = {"grant_type": "client_credentials"}


@pytest.fixture
def secret(house):
    """The secret of a client with two scopes."""
    with house.database.begin() as session:
        return add_client(session, "filing", title="网签系统", scopes={"filing", "registration"})


def basic(name, secret):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def ask(client, name, secret, form=FORM, **kwargs):
    return client.post("/oauth/token", data=form, headers=basic(name, secret), **kwargs)


def rows(house, statement):
    with house.connect("owner") as connection:
        return connection.execute(statement).fetchall()


def test_a_good_secret_brings_a_token_for_an_hour(client, house, secret):
    """凭密钥换取一小时有效的令牌，不写范围即得本客户端的全部范围。"""
    answer = ask(client, "filing", secret)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, "filing registration")
    found = caller_of(house.database, body["access_token"])
    assert (found.client_id, found.scopes, found.bank_code) == ("filing", {"filing", "registration"}, None)


def test_a_narrower_scope_may_be_asked_for_and_a_wider_one_not(client, house, secret):
    """可以只要一部分范围；要多了一律不给，不打折扣。"""
    narrow = ask(client, "filing", secret, {**FORM, "scope": "filing"}).json
    assert narrow["scope"] == "filing"
    assert caller_of(house.database, narrow["access_token"]).scopes == {"filing"}
    for asked in ("bank", "filing bank", "", "filing  registration", "*", "filing\x00", "筛"):
        wide = ask(client, "filing", secret, {**FORM, "scope": asked})
        assert (wide.status_code, wide.json["error"]) == (400, "invalid_scope"), asked


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic"},
        {"Authorization": "Basic ###"},
        {"Authorization": "Basic " + base64.b64encode(b"filing").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:\x00").decode()},
        {"Authorization": "Bearer x"},
        basic("filing", "wrong"),
        basic("nobody", "wrong"),
        basic("filing\x00", "x"),
        basic("' OR 1=1 --", "x"),
        basic("", ""),
    ],
)
def test_whoever_has_no_good_secret_is_told_nothing_more(client, house, secret, headers):
    """密钥不对、客户端不存在、写法不对，答复一律 401 invalid_client。"""
    answer = client.post("/oauth/token", data=FORM, headers=headers)
    assert answer.status_code == 401
    assert answer.json["error"] == "invalid_client"
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.headers["Cache-Control"] == "no-store"
    assert rows(house, "SELECT count(*) FROM api_token") == [(0,)]
    assert rows(house, "SELECT result, actor_kind FROM audit_event WHERE action = 'token.issued'") == [
        ("refused", "nobody")
    ]


def test_unknown_client_and_wrong_secret_read_the_same(client, secret):
    """客户端不存在与密钥错误，答复一字不差。"""
    assert ask(client, "filing", "wrong").json == ask(client, "nobody", "wrong").json


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ["client_credentials", "client_credentials"]}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
    ],
)
def test_a_wrong_form_is_named_as_the_standard_names_it(client, secret, form, error):
    """表单有误，按 RFC 6749 的错误码答复。"""
    answer = ask(client, "filing", secret, form)
    assert (answer.status_code, answer.json["error"]) == (400, error)


def test_json_is_not_the_form_the_standard_asks_for(client, secret):
    """以 JSON 提交不予受理。"""
    answer = client.post("/oauth/token", json=FORM, headers=basic("filing", secret))
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_the_token_door_needs_post(client):
    """令牌接口只收 POST。"""
    answer = client.get("/oauth/token")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_neither_secret_nor_token_is_kept(client, house, secret):
    """库里只有摘要，查不到密钥和令牌原文。"""
    token = ask(client, "filing", secret).json["access_token"]
    kept = repr(rows(house, "SELECT * FROM api_client")) + repr(rows(house, "SELECT * FROM api_token"))
    kept += repr(rows(house, "SELECT * FROM audit_event"))
    assert secret not in kept and token not in kept


def test_a_revoked_expired_or_orphaned_token_is_out_at_once(client, house, secret):
    """令牌吊销、过期或客户端停用，下一次请求即不认。"""
    first, second, third = (ask(client, "filing", secret).json["access_token"] for _ in range(3))
    with house.database.begin() as session:
        assert revoke_token(session, first)
    assert caller_of(house.database, first) is None
    assert caller_of(house.database, second) is not None
    with house.connect("owner", autocommit=True) as connection:
        connection.execute("UPDATE api_token SET expires_at = clock_timestamp() - interval '1 second'")
    assert caller_of(house.database, second) is None
    with house.connect("owner", autocommit=True) as connection:
        connection.execute("UPDATE api_token SET expires_at = clock_timestamp() + interval '1 hour'")
    assert caller_of(house.database, third) is not None
    with house.database.begin() as session:
        retire_client(session, "filing")
    assert caller_of(house.database, third) is None
    assert ask(client, "filing", secret).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "\x00", "田", "\ud800", "a" * 10_000])
def test_a_made_up_token_is_nobodys(house, token):
    """乱写的令牌不认。"""
    assert caller_of(house.database, token) is None


def test_a_caller_is_found_on_an_index(house):
    """验令牌只走主键，不翻整张表。"""
    with house.connect("app") as connection:
        connection.execute("SET enable_seqscan = off")
        plan = "\n".join(line for (line,) in connection.execute(f"EXPLAIN {CALLER}", (b"x",)))
    assert "pk_api_token" in plan and "Seq Scan" not in plan


def test_every_token_leaves_one_audit_row(client, house, secret):
    """每签发一个令牌，留痕恰好一条。"""
    ask(client, "filing", secret)
    ask(client, "filing", secret)
    assert (
        rows(house, "SELECT actor_kind, actor_id, result FROM audit_event WHERE action = 'token.issued'")
        == [("client", "filing", "done")] * 2
    )


def test_the_token_door_is_slowed_and_says_when_to_return(app, house, secret):
    """换令牌过于频繁，答 429 并写明何时再来。"""
    app.config["RATES"] = {**app.config["RATES"], "token-door": "3 per minute"}
    client = app.test_client()
    answers = [ask(client, "filing", secret) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert answers[-1].content_type == "application/problem+json"


def test_a_client_cannot_be_admitted_twice_or_wrongly(house, secret):
    """客户端编号不能重复，也不能乱写。"""
    for client_id, scopes in (("filing", {"filing"}), ("Filing!", {"filing"}), ("new-one", {"everything"})):
        with pytest.raises(Invalid), house.database.begin() as session:
            add_client(session, client_id, title="x", scopes=scopes)


def test_finding_a_caller_is_quick(client, house, secret):
    """验一次令牌平均在三毫秒以内。"""
    token = ask(client, "filing", secret).json["access_token"]
    caller_of(house.database, token)
    begun = time.perf_counter()
    for _ in range(200):
        caller_of(house.database, token)
    assert (time.perf_counter() - begun) / 200 < 0.003


def door(app):
    """A door as other rooms build them."""
    app.add_url_rule("/api/v1/knock", "knock", scope("bank")(lambda: {"who": caller().client_id}))


def test_a_door_lets_in_only_a_living_token_with_its_scope(own_app, house):
    """没有令牌或令牌无效 401，范围不符 403 并留痕，相符才开门。"""
    door(own_app)
    client = own_app.test_client()
    bank = bearer(house.database, "bank-a", "bank", bank_code="A")
    filing = bearer(house.database, "filing", "filing")
    assert client.get("/api/v1/knock", headers=bank).json == {"who": "bank-a"}
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"Authorization": bank["Authorization"].replace("Bearer", "Basic")}, 401),
        (filing, 403),
    ):
        answer = client.get("/api/v1/knock", headers=headers)
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    with house.connect() as connection:
        left = connection.execute("SELECT actor_id, result FROM audit_event WHERE action = 'access.denied'")
        assert left.fetchall() == [("filing", "refused")]
    with house.database.begin() as session:
        retire_client(session, "bank-a")
    assert client.get("/api/v1/knock", headers=bank).status_code == 401


def test_a_client_may_ask_a_hundred_times_a_second_and_more(own_app, house):
    """默认限速不低于每秒一百次。"""
    door(own_app)
    client, bank = own_app.test_client(), bearer(house.database, "bank-a", "bank", bank_code="A")
    assert {client.get("/api/v1/knock", headers=bank).status_code for _ in range(150)} == {200}


def test_too_many_requests_of_one_client_do_not_touch_another(own_app, house):
    """一个客户端超限得 429 与 Retry-After，换多少令牌都一样；别的客户端不受影响。"""
    door(own_app)
    own_app.config["RATES"] = {**own_app.config["RATES"], "client": "5 per minute"}
    client = own_app.test_client()
    answers = [
        client.get("/api/v1/knock", headers=bearer(house.database, "bank-a", "bank", bank_code="A"))
        for _ in range(7)
    ]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert answers[-1].json["code"] == "too-many" and int(answers[-1].headers["Retry-After"]) >= 1
    other = bearer(house.database, "bank-b", "bank", bank_code="B")
    assert client.get("/api/v1/knock", headers=other).status_code == 200
