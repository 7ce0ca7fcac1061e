"""The banks' door for statements: one account and day as camt.053 or CSV (对账单接口)."""

from typing import Any

from flask import Response, request
from marshmallow import Schema, fields
from sqlalchemy import Row

from escrow.doors import (
    Problem,
    answer,
    api_blueprint,
    calling_bank,
    database,
    known_number,
    scope,
    settings,
)
from escrow.errors import Malformed, NotFound
from escrow.statements.files import LARGEST, Sender, arriving, keep
from escrow.statements.lists import by_file, by_number, compared, told
from escrow.statements.matching import match_at_once
from escrow.statements.reading import read
from escrow.statements.rules import DifferenceKind, DifferenceStatus, FileStatus, StatementStatus

api = api_blueprint("statements", "银行对账单")

# So many lines are matched while the bank waits; more are matched in the background.
MATCHED_AT_ONCE = 2000
XML, CSV = "application/xml", "text/csv"
EXAMPLE_CSV = (
    "account_no,business_date,opening_balance,closing_balance\n"
    "6222021410001234567,2026-11-20,0.00,350000.00\n\n"
    "bank_serial,direction,amount,value_date,booked_at,counterparty_name,counterparty_account,memo\n"
    "B20261120000017,credit,350000.00,2026-11-20,2026-11-20T10:12:03+08:00,王秀英,6217000010001234567,首付款\n"
)
EXAMPLE_ANSWER = {
    "statement_no": "DZ2026112000000017", "account_no": "6222021410001234567", "business_date": "2026-11-20",
    "version": 1, "lines": 1, "opening": "0.00", "closing": "350000.00", "status": "received",
    "received_at": "2026-11-20T22:05:11+08:00", "changes": [],
}  # fmt: skip
EXAMPLE_STATEMENT = {
    **EXAMPLE_ANSWER, "status": "differences", "matched": 0, "differences_total": 1,
    "differences": [{
        "kind": "bank-only", "status": "open", "bank_serial": "B20261120000017", "direction": "debit",
        "amount": "300.00", "ledger_amount": None, "message": "银行自行付出，没有本局指令；账户已暂停付款",
    }],
}  # fmt: skip
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            CSV: {"schema": {"type": "string"}, "example": EXAMPLE_CSV},
            XML: {
                "schema": {"type": "string", "description": "ISO 20022 camt.053.001.02 或 camt.053.001.08"},
                "example": '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"/>',
            },
        },
    }
}


class ChangeAnswer(Schema):
    """A line this version says otherwise (版本差别)."""

    kind = fields.String(required=True, metadata={"enum": ["added", "removed", "changed"]})
    bank_serial = fields.String(required=True)
    amount = fields.String(required=True, allow_none=True)
    amount_before = fields.String(required=True, allow_none=True)


class ReceivedAnswer(Schema):
    """A statement as it was received (收到的对账单)."""

    statement_no = fields.String(required=True)
    account_no = fields.String(required=True)
    business_date = fields.String(required=True, metadata={"format": "date"})
    version = fields.Integer(required=True, metadata={"minimum": 1})
    lines = fields.Integer(required=True, metadata={"minimum": 0})
    opening = fields.String(required=True)
    closing = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": [one.value for one in StatementStatus]})
    received_at = fields.String(required=True, metadata={"format": "date-time"})
    changes = fields.List(fields.Nested(ChangeAnswer), required=True)


class DifferenceAnswer(Schema):
    """What stands between the bank and the book (差异)."""

    kind = fields.String(required=True, metadata={"enum": [one.value for one in DifferenceKind]})
    status = fields.String(required=True, metadata={"enum": [one.value for one in DifferenceStatus]})
    bank_serial = fields.String(required=True, allow_none=True)
    direction = fields.String(required=True, allow_none=True)
    amount = fields.String(required=True, allow_none=True)
    ledger_amount = fields.String(required=True, allow_none=True)
    message = fields.String(required=True)


class StatementAnswer(ReceivedAnswer):
    """A statement with how it stands against the book (对账单与账簿)."""

    matched = fields.Integer(required=True, metadata={"minimum": 0})
    differences = fields.List(fields.Nested(DifferenceAnswer), required=True)
    differences_total = fields.Integer(required=True, metadata={"minimum": 0})


@api.route("/statements", methods=["POST"])
@scope("bank")
@api.doc(**BODY)
@api.response(202, ReceivedAnswer, example=EXAMPLE_ANSWER, description="整份已收；同日另有内容的为新版本")
@api.alt_response(200, schema=ReceivedAnswer, description="同一文件已收过")
@api.alt_response(400, schema=Problem, description="不是合规的 camt.053 或 CSV，整份不予接收")
@api.alt_response(404, schema=Problem, description="没有这个账户，或不属于本行")
@api.alt_response(422, schema=Problem, description="笔数、合计、余额或日期不成立，整份不予接收")
def receive_statement() -> Response:
    """报送一个账户一天的对账单：先留存原文与摘要，再整份核对；同一文件重复报送不再处理。"""
    bank = calling_bank()
    if request.mimetype not in (XML, "text/xml", CSV):
        raise Malformed("请以 Content-Type: application/xml 或 text/csv 报送")
    request.max_content_length = LARGEST
    with arriving(request.stream) as arrived, database().begin() as session:
        kept = keep(session, arrived, Sender(bank_code=bank), settings())
    status = 200
    if kept.status is not FileStatus.ACCEPTED:
        read(database(), settings(), kept.id, bank_code=bank)
        status = 202
    row = _of_file(kept.id, bank)
    if status == 202 and row.lines <= MATCHED_AT_ONCE:
        match_at_once(database(), settings(), row.account_id)
        row = _of_file(kept.id, bank)
    with database().read() as session:
        return answer(told(session, row), status)


def _of_file(file_id: int, bank: str) -> Row[Any]:
    with database().read() as session:
        row = by_file(session, file_id)
    if row is None or row.bank_code != bank:
        raise NotFound("没有这个监管账户，或不属于贵行")
    return row


@api.route("/statements/<statement_no>", methods=["GET"])
@scope("bank")
@api.response(200, StatementAnswer, example=EXAMPLE_STATEMENT, description="对账单与其勾对结果")
@api.alt_response(404, schema=Problem, description="没有这份对账单，或不属于本行")
def show_statement(statement_no: str) -> Response:
    """查询一份对账单的勾对结果与差异。"""
    bank = calling_bank()
    with database().read() as session:
        row = by_number(session, known_number(statement_no))
        if row is None or row.bank_code != bank:
            raise NotFound("没有这份对账单，或不属于贵行")
        found: dict[str, Any] = {**told(session, row), **compared(session, row)}
    return answer(found)
