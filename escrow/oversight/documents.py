"""The doors described for machines (OpenAPI 3.1) and for people (接口说明)."""

from typing import Any

from flask import Blueprint, Response, current_app, render_template

from escrow.doors import answer

documents = Blueprint("documents", __name__)


def describe(app: Any) -> None:
    """What every door shares: how to come in, and the problem body."""
    spec = app.extensions["api"].spec
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
    found: dict[str, Any] = current_app.extensions["api"].spec.to_dict()
    return answer(found)


@documents.get("/api/docs")
def docs() -> str:
    """The same for people to read (接口说明页)."""
    return render_template("oversight/docs.html")
