"""Doors of the filing system: may this contract be filed, what was answered, and that it has been filed."""

from typing import Any

from flask import Blueprint, Flask, Response
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, post_load

from escrow.doors import Problem, answer, answered, api_blueprint, caller, database, known_number, scope
from escrow.fields import MONEY_PATTERN, StrictSchema, day, key, money, unit_code
from escrow.filing.actions import Asked, Filing, check, file, find_check
from escrow.filing.pages import pages
from escrow.filing.signing import public_keys

__all__ = ["api", "pages", "prepare"]

api = api_blueprint("filing", "备案前核对与网签备案")
keys = Blueprint("filing_keys", __name__)

EXAMPLE_CITATION = "晋房屋登记清零办发〔2023〕3号 第三部分“五是”；金额：本局设定"
EXAMPLE_ANSWER: dict[str, Any] = {
    "check_no": "HD202611217F3A90C2D1E4",
    "decision": "fail",
    "contract_no": "HT202611200001",
    "checked_at": "2026-11-21T10:30:00+08:00",
    "valid_until": None,
    "required": "350000.00",
    "deposited": "300000.00",
    "shortfall": "50000.00",
    "maintenance": {"required": "9216.00", "advanced": "0.00"},
    "receipts": [
        {
            "receipt_no": "RZ202611200001",
            "bank_serial": "B20261120000017",
            "amount": "300000.00",
            "booked_at": "2026-11-20T10:12:03+08:00",
        }
    ],
    "reasons": [
        {
            "code": "deposit-short",
            "message": "备案前应存入 350000.00 元，已存入 300000.00 元，尚差 50000.00 元",
            "citation": EXAMPLE_CITATION,
        }
    ],
    "warnings": [],
    "law": {"region": "141130", "in_force_from": "2023-04-13"},
    "signature": None,
}
EXAMPLE_FILING = {
    "contract_no": "HT202611200001",
    "status": "filed",
    "filing_no": "BA202611210001",
    "check_no": "HD202611217F3A90C2D1E4",
    "filed_on": "2026-11-21",
    "filed_at": "2026-11-21T10:41:07+08:00",
}
REASONS = (
    "contract-unknown", "contract-mismatch", "account-not-active", "deposit-missing", "deposit-short",
    "reversal-pending", "statement-stale", "maintenance-unpaid", "unit-already-filed",
    "project-not-permitted", "unit-not-in-permit",
)  # fmt: skip


class CheckRequest(StrictSchema):
    """May this contract be filed? (备案前核对请求)."""

    request_id = key(required=True, metadata={"example": "WQ20261121-000001"})
    contract_no = key(required=True, metadata={"example": "HT202611200001"})
    unit_code = unit_code(required=True, metadata={"example": "141130001001GB00012F00030102"})
    price = money(required=True, metadata={"example": "1000000.00"})

    @post_load
    def to_asked(self, data: dict[str, Any], **_: Any) -> Asked:
        return Asked(**data)


class FilingRequest(StrictSchema):
    """A contract has been filed (备案通知)."""

    filing_no = key(required=True, metadata={"example": "BA202611210001"})
    check_no = key(required=True, metadata={"example": "HD202611217F3A90C2D1E4"})
    filed_on = day(required=True, metadata={"example": "2026-11-21"})


def _said_money(example: str) -> fields.String:
    return fields.String(required=True, metadata={"pattern": MONEY_PATTERN, "example": example})


class MaintenanceLine(Schema):
    """What the region asks at filing for the maintenance fund (维修资金)."""

    required = _said_money("9216.00")
    advanced = _said_money("0.00")


class CountedReceipt(Schema):
    """A receipt that the check counted (计入的入账)."""

    receipt_no = fields.String(required=True)
    bank_serial = fields.String(required=True)
    amount = _said_money("300000.00")
    booked_at = fields.String(required=True, metadata={"format": "date-time"})


class Reason(Schema):
    """Why not, and where it is written (理由与依据)."""

    code = fields.String(required=True, metadata={"enum": list(REASONS)})
    message = fields.String(required=True)
    citation = fields.String(required=True)


class LawLine(Schema):
    """The law it was judged by (所据规定)."""

    region = fields.String(required=True)
    in_force_from = fields.String(required=True, metadata={"format": "date"})


class CheckAnswer(Schema):
    """The stored answer; a PASS is signed (核对答复)."""

    class Meta:
        example = EXAMPLE_ANSWER

    check_no = fields.String(required=True)
    decision = fields.String(required=True, metadata={"enum": ["pass", "fail"]})
    contract_no = fields.String(required=True)
    checked_at = fields.String(required=True, metadata={"format": "date-time"})
    valid_until = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    required = _said_money("350000.00")
    deposited = _said_money("300000.00")
    shortfall = _said_money("50000.00")
    maintenance = fields.Nested(MaintenanceLine, required=True)
    receipts = fields.List(fields.Nested(CountedReceipt), required=True)
    reasons = fields.List(fields.Nested(Reason), required=True)
    warnings = fields.List(fields.Nested(Reason), required=True)
    law = fields.Nested(LawLine, required=True)
    signature = fields.String(required=True, allow_none=True, metadata={"description": "compact JWS, ES256"})


class FilingAnswer(Schema):
    """The filing as it was recorded (备案结果)."""

    contract_no = fields.String(required=True, metadata={"example": "HT202611200001"})
    status = fields.String(required=True, metadata={"enum": ["filed"]})
    filing_no = fields.String(required=True, metadata={"example": "BA202611210001"})
    check_no = fields.String(required=True, metadata={"example": "HD202611217F3A90C2D1E4"})
    filed_on = fields.String(required=True, metadata={"format": "date", "example": "2026-11-21"})
    filed_at = fields.String(required=True, metadata={"format": "date-time"})


@api.post("/deposit-checks")
@scope("filing")
@api.arguments(CheckRequest)
@api.response(200, CheckAnswer, example=EXAMPLE_ANSWER, description="核对答复，通过与否都在其中")
@api.alt_response(409, schema=Problem, description="同一 request_id 已用于其他内容")
def check_deposit(asked: Asked) -> Response:
    """备案前核对：这份合同可以备案吗？每条理由都有依据；同一 request_id 得同一答复。"""
    with database().singly() as connection:
        found = check(connection, asked, caller().client_id)
    return answer(found.text)


@api.get("/deposit-checks/<check_no>")
@scope("filing")
@api.response(200, CheckAnswer, example=EXAMPLE_ANSWER)
@api.alt_response(404, schema=Problem, description="没有这个核对编号")
def read_check(check_no: str) -> Response:
    """再读一次核对答复，一字不差。"""
    with database().read() as session:
        return answer(find_check(session, known_number(check_no)).text)


@api.post("/contracts/<contract_no>/filing")
@scope("filing")
@api.arguments(FilingRequest)
@api.response(201, FilingAnswer, example=EXAMPLE_FILING, description="已备案")
@api.alt_response(200, schema=FilingAnswer, example=EXAMPLE_FILING, description="重复报送，答复与首次相同")
@api.alt_response(404, schema=Problem, description="没有这个合同号")
@api.alt_response(409, schema=Problem, description="不予备案，理由逐条列明；或已以其他内容备案")
def file_contract(filing: dict[str, Any], contract_no: str) -> Response:
    """网签备案：只凭有效、未用过、同一合同同一版本的核对通过，加锁后重新判断。"""
    asked = Filing(contract_no=known_number(contract_no), **filing)

    def unit(session: Any) -> tuple[str, int]:
        return answered(session, f"filing:{contract_no}", filing, lambda: file(session, asked))

    return answer(*database().transact(unit))


@keys.get("/.well-known/jwks.json")
def signing_keys() -> ResponseReturnValue:
    """The public keys that verify a PASS offline (公钥)."""
    return {"keys": public_keys()["keys"]}, 200, {"Cache-Control": "public, max-age=300"}


def prepare(app: Flask) -> None:
    """The public keys stand outside the base path (装配)."""
    app.register_blueprint(keys)
