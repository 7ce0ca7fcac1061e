"""The doors described for machines (OpenAPI 3.1) and for people (接口说明)."""

from copy import deepcopy
from typing import Any

from flask import Blueprint, Response, current_app, render_template

from escrow.doors import PROBLEM, Problem, answer

documents = Blueprint("documents", __name__)
METHODS = {"get", "put", "post"}
# What any door may answer (各接口共有的答复).
PROBLEMS = {
    "400": "报文无法识别", "401": "缺少令牌或令牌失效", "403": "令牌缺少授权范围", "404": "不存在或不属于调用方",
    "409": "依规不予办理，或业务号已用于其他内容", "422": "字段不符合要求", "429": "请求过于频繁", "503": "系统繁忙",
}  # fmt: skip

DOOR_OF_TOKENS = "/oauth/token"
_REFUSED = {
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
            },
            "example": {"error": "invalid_client"},
        }
    }
}
# The one door outside the base path that takes a body; its errors are RFC 6749's, not problem bodies.
TOKEN: dict[str, Any] = {
    "tags": ["access"],
    "summary": "领取访问令牌（RFC 6749 客户端凭据）",
    "security": [{"basic": []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["client_credentials"]},
                        "scope": {"type": "string", "description": "以空格分隔；不填即客户端的全部授权范围"},
                    },
                },
                "example": {"grant_type": "client_credentials"},
            }
        },
    },
    "responses": {
        "200": {
            "description": "令牌",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["access_token", "token_type", "expires_in", "scope"],
                        "properties": {
                            "access_token": {"type": "string"}, "token_type": {"const": "Bearer"},
                            "expires_in": {"type": "integer"}, "scope": {"type": "string"},
                        },
                    },
                    "example": {
                        "access_token": "…", "token_type": "Bearer", "expires_in": 3600, "scope": "bank",
                    },
                }
            },
        },
        "400": {"description": "请求不合规", **_REFUSED},
        "401": {"description": "客户端编号或密钥有误，或已停用", **_REFUSED},
        **{
            status: {
                "description": said,
                "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
            for status, said in (("429", "请求过于频繁"), ("503", "系统繁忙"))
        },
    },
}  # fmt: skip


def describe(app: Any) -> None:
    """What every door shares: how to come in, and the problem body."""
    spec = app.extensions["api"].spec
    if "Problem" not in spec.components.schemas:
        spec.components.schema("Problem", schema=Problem)
    spec.components.security_scheme("basic", {"type": "http", "scheme": "basic"})
    spec.components.security_scheme(
        "oauth",
        {
            "type": "oauth2",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": "/oauth/token",
                    "scopes": {
                        "bank": "监管银行", "platform": "住房信息平台", "filing": "网签备案",
                        "registration": "不动产登记", "payment": "一码缴费",
                    },
                }
            },
        },
    )  # fmt: skip


@documents.get("/api/openapi.json")
def openapi() -> Response:
    """The doors exactly as served (接口描述)."""
    found: dict[str, Any] = deepcopy(current_app.extensions["api"].spec.to_dict())
    for path, doors in found["paths"].items():
        for method in METHODS & doors.keys():
            _complete(doors[method], found["components"]["schemas"], _answers(path, method, doors))
    found["paths"][DOOR_OF_TOKENS] = {"post": TOKEN}
    return answer(found)


def _answers(path: str, method: str, doors: dict[str, Any]) -> set[str]:
    """Which problems a door can answer, beside those it names itself (可能的问题答复)."""
    parameters = (*doors.get("parameters", ()), *doors[method].get("parameters", ()))
    named = {parameter["in"] for parameter in parameters}
    found = {"401", "403", "429", "503"}
    if "requestBody" in doors[method]:
        found |= {"400", "422"}
    if "query" in named:
        found.add("422")
    # A PUT at a number of its own takes the number, so there is none that could not be found.
    if "path" in named and not (method == "put" and path.endswith("}")):
        found.add("404")
    return found


def _complete(door: dict[str, Any], schemas: dict[str, Any], problems: set[str]) -> None:
    """What a door answers when it cannot do what was asked, and an example of what to ask."""
    door["responses"].pop("default", None)
    for status in sorted(problems | PROBLEMS.keys() & door["responses"].keys()):
        told = door["responses"].get(status, {}).get("description", PROBLEMS[status])
        door["responses"][status] = {
            "description": told,
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    for content in door.get("requestBody", {}).get("content", {}).values():
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        properties = schemas.get(name, {}).get("properties", {})
        shown = {field: told["example"] for field, told in properties.items() if "example" in told}
        if "example" not in content and shown:
            content["example"] = shown


@documents.get("/api/docs")
def docs() -> str:
    """The same for people to read (接口说明页)."""
    return render_template("oversight/docs.html")
