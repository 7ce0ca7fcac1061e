"""The description of the doors is the doors: walked by a machine that believes every word of it (接口描述)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from escrow.access.clients import add_client
from escrow.application import create_app
from tests.desk import bearer
from tests.town import BANK, found

METHODS = ("get", "put", "post")
SCOPES = ("bank", "filing", "platform", "registration")
# A check character or a sum that must agree cannot be told in JSON Schema: such words are refused, rightly.
BEYOND_SCHEMA = [positive_data_acceptance]
LIGHT = settings(
    max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)


@pytest.fixture(scope="module")
def described(shared_house: Any) -> Iterator[tuple[Any, dict[str, str]]]:
    """The application on a shared house, and a token that opens every door."""
    app: Flask = create_app(shared_house.settings)
    with app.test_client() as client:
        found(shared_house, client)
    token = bearer(shared_house.database, "every-door", *SCOPES, bank_code=BANK)
    yield app, token
    app.extensions["database"].dispose()


@pytest.fixture(scope="module")
def api_schema(described: Any) -> Any:
    """The served description, read as a client would (接口描述)."""
    app, _ = described
    return schemathesis.openapi.from_wsgi("/api/openapi.json", app)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_door_keeps_its_description(api_schema: Any, described: Any, mode: GenerationMode) -> None:
    """任何报文——合规的、残缺的、恶意的——都得到描述中列明的答复，没有一个 500。"""
    _, token = described
    walked = 0
    for found_door in api_schema.get_all_operations():
        door = found_door.ok()

        @LIGHT
        @given(case=door.as_strategy(generation_mode=mode))
        def walk(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=token, excluded_checks=BEYOND_SCHEMA)

        try:
            walk()
        except Unsatisfiable:
            continue  # a door without parameters cannot be asked wrongly
        walked += 1

    assert walked > 10


def test_the_description_names_every_door(client: Any) -> None:
    """描述与实际接口一一对应；版本为 OpenAPI 3.1；每个有请求体的接口都有示例。"""
    spec = client.get("/api/openapi.json").json
    described = {
        (method.upper(), path)
        for path, doors in spec["paths"].items()
        for method in doors
        if method in METHODS
    }
    served = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule in client.application.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert spec["openapi"].startswith("3.1")
    assert {(m, p) for m, p in described if p.startswith("/api/v1/")} == served
    bodies = [
        doors[method]["requestBody"]
        for doors in spec["paths"].values()
        for method in METHODS
        if "requestBody" in doors.get(method, {})
    ]
    assert all("example" in content for body in bodies for content in body["content"].values())


def test_a_door_describes_only_what_it_can_answer(client: Any) -> None:
    """描述只列可能的答复：查询接口没有 409，没有报文的接口没有 400，没有参数的没有 404 和 422。"""
    paths = client.get("/api/openapi.json").json["paths"]
    asked = {path: set(doors["get"]["responses"]) for path, doors in paths.items() if "get" in doors}
    common = {"200", "401", "403", "429", "503"}

    assert asked["/api/v1/projects/{project_no}"] == common | {"404"}
    assert asked["/api/v1/deposits"] == common | {"422"}
    assert asked["/api/v1/projects/{project_no}/units"] == common | {"404", "422"}
    assert all(answers <= common | {"404", "422"} for answers in asked.values())
    assert set(paths["/api/v1/contracts/{contract_no}"]["put"]["responses"]) == common | {
        "201", "400", "409", "422",
    }  # fmt: skip
    assert set(paths["/api/v1/deposit-checks"]["post"]["responses"]) == common | {"400", "409", "422"}


def test_every_list_is_shown_by_example(client: Any) -> None:
    """每个接口的成功答复都有示例，列表也有。"""
    paths = client.get("/api/openapi.json").json["paths"]
    bare = [
        f"{method} {path}"
        for path, doors in paths.items()
        for method in METHODS
        for status, said in doors.get(method, {}).get("responses", {}).items()
        if status in ("200", "201", "202") and method == "get"
        for content in said.get("content", {}).values()
        if "example" not in content
    ]

    assert bare == []


def test_every_reason_of_a_check_is_in_the_description(client: Any) -> None:
    """核对可能给出的每个理由代码都列在描述中，包括对账单过期。"""
    reason = client.get("/api/openapi.json").json["components"]["schemas"]["Reason"]
    rules = Path("escrow/filing/rules.py").read_text() + Path("escrow/supervision/freshness.py").read_text()
    judged = rules.partition("# --- the filing itself")[0] + rules.partition("def stale_refusals")[2]
    given = set(re.findall(r'Refusal\("([a-z-]+)"', judged))

    assert "statement-stale" in given
    assert given == set(reason["properties"]["code"]["enum"])


def test_the_token_door_answers_as_described(client: Any, house: Any) -> None:
    """令牌接口也在描述中：表单报送、HTTP Basic 认证；200、400、401 的答复与所写一致，429 写明是问题报文。"""
    spec = client.get("/api/openapi.json").json
    door = spec["paths"]["/oauth/token"]["post"]
    with house.database.begin() as session:
        auth = ("filing", add_client(session, "filing", title="网签备案", scopes={"filing"}))
    assert client.get("/api/openapi.json").json == spec
    [form] = (told["example"] for told in door["requestBody"]["content"].values())
    answers = [
        client.post("/oauth/token", data=form, auth=auth),
        client.post("/oauth/token", data={**form, "scope": "bank"}, auth=auth),
        client.post("/oauth/token", data=form, auth=("filing", "wrong")),
    ]

    assert list(door["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]
    flows = spec["components"]["securitySchemes"]["oauth"]["flows"]
    assert flows["clientCredentials"]["tokenUrl"] == "/oauth/token"
    assert list(door["responses"]) == ["200", "400", "401", "429", "503"]
    assert "application/problem+json" in door["responses"]["429"]["content"]
    assert [answer.status_code for answer in answers] == [200, 400, 401]
    for answer in answers:
        schema = door["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
        assert set(schema["required"]) <= answer.json.keys() <= schema["properties"].keys()


def test_the_page_of_the_doors_needs_nothing_from_elsewhere(client: Any) -> None:
    """接口说明页只用本站文件，没有内嵌脚本。"""
    page = client.get("/api/docs")

    assert page.status_code == 200
    assert "http" not in page.text.replace("http-equiv", "")
    assert "<script>" not in page.text
