"""Words nobody should send: refused by name, and nothing is left behind (不合规的报文)."""

import io
import json

import pytest
from sqlalchemy import text

from tests.builders import new_number, one_project

scene_of = one_project


def send(county, who, method, path, body, **environ):
    """A body exactly as given, byte for byte."""
    return county.app.test_client().open(
        f"/api/v1{path}", method=method, headers=county.token(who), content_type="application/json",
        input_stream=io.BytesIO(body), environ_overrides=environ,
    )  # fmt: skip


@pytest.mark.parametrize("said", ["备案\ud800", "备案\x00", " 备案"])
def test_a_release_clause_is_read_like_any_text(county, said):
    """协议附加条款的说明文字含代理字符、NUL 或首尾空白的，点名拒绝，不是系统错误。"""
    project = county.project(status="registered")
    agreement = county.agreement_body(1, release=[{"kind": "document", "value": said, "clause": "第十二条"}])
    body = json.dumps(agreement).encode()

    answer = send(county, "platform", "PUT", f"/projects/{project.project_no}/supervision", body,
                  CONTENT_LENGTH=str(len(body)))  # fmt: skip

    assert answer.status_code == 422
    assert [one["field"] for one in answer.json["errors"]] == ["clauses.release[0].value"]


@pytest.mark.parametrize("name", ["\\ud800", "\\u0000", "金额\\u202e"])
def test_a_field_name_that_cannot_be_said_is_malformed(county, name):
    """字段名含代理字符或控制字符的报文是 400，不是系统错误。"""
    body = f'{{"{name}": 1}}'.encode()

    answer = send(county, "bank-ICBC", "POST", "/deposits", body, CONTENT_LENGTH=str(len(body)))

    assert (answer.status_code, answer.json["code"]) == (400, "malformed")


def test_a_chunked_body_over_the_limit_is_refused_whole(county, made):
    """不报长度的分块请求体超过 1 MB 也整个拒绝，不会只读前 1 MB。"""
    deposit = {
        "bank_serial": new_number("B"), "account_no": made.account_no, "amount": "1.00",
        "value_date": "2026-01-05", "booked_at": "2026-01-05T00:00:01+08:00", "payer_name": "田秀英",
        "payer_account": "6217000010001234567", "channel": "pos",
    }  # fmt: skip
    body = json.dumps(deposit).encode()

    padded = body + b" " * 1_100_000
    answer = send(county, "bank-ICBC", "POST", "/deposits", padded, **{"wsgi.input_terminated": True})
    within = send(county, "bank-ICBC", "POST", "/deposits", body, **{"wsgi.input_terminated": True})

    assert (answer.status_code, answer.json["detail"]) == (400, "body：请求体超过 1 MB")
    assert within.status_code == 201
    with county.house.database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM receipt")) == 1


def test_full_width_digits_are_no_account_number(county, made):
    """付款账号里的数字须为半角：退款要退回这个账号。"""

    refused = county.deposit(made, None, "1.00", payer_account="６２１７０００")
    taken = county.deposit(made, None, "1.00", payer_account="现金")

    assert refused.status_code == 422
    assert [one["field"] for one in refused.json["errors"]] == ["payer_account"]
    assert taken.status_code == 201


def test_a_method_no_door_knows_is_told_in_chinese(county):
    """不受理的请求方法：405，列出可用的方法，用中文说明。"""
    answer = county.call("bank-ICBC", "DELETE", "/deposits")

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert (answer.json["code"], answer.json["title"]) == ("method-not-allowed", "此地址不受理这种请求方法")
