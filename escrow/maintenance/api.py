"""Doors of the maintenance fund: what is due, paid and left of one unit (维修资金接口)."""

from flask import Response
from marshmallow import Schema, fields

from escrow.doors import PROBLEM, Problem, answer, api_blueprint, caller, database, known_number, scope
from escrow.errors import NotFound
from escrow.fields import ACCOUNT_NO_PATTERN, MONEY_PATTERN, UNIT_CODE_PATTERN
from escrow.maintenance.reading import unit_seen

api = api_blueprint("maintenance", "住宅专项维修资金")

EXAMPLE = {
    "unit_code": "141130001001GB00012F00010101", "due": "9216.00", "standard": "96.00",
    "citation": "晋房屋登记清零办发〔2023〕3号 第三部分“一是”；金额：本局设定", "advanced": "9216.00",
    "repaid": "0.00", "balance": "9216.00", "fund_account_no": "6222029901234567",
}  # fmt: skip


class FundUnitSchema(Schema):
    """What is due, paid and left of one unit (一户维修资金)."""

    unit_code = fields.String(required=True, metadata={"pattern": UNIT_CODE_PATTERN})
    due = fields.String(
        required=True, allow_none=True,
        metadata={"pattern": MONEY_PATTERN, "description": "首期应缴；依价款计收而尚无合同的为 null"},
    )  # fmt: skip
    standard = fields.String(
        required=True, metadata={"description": "元/平方米，如 72.00；依价款计收的为比例，如 5.00%"}
    )
    citation = fields.String(required=True, metadata={"description": "标准的依据"})
    advanced = fields.String(
        required=True,
        metadata={"pattern": MONEY_PATTERN, "description": "首期已缴：建设单位代缴或业主自缴，以入账为准"},
    )  # fmt: skip
    repaid = fields.String(
        required=True, metadata={"pattern": MONEY_PATTERN, "description": "购房人已归还建设单位的代缴款"}
    )
    balance = fields.String(required=True, metadata={"pattern": MONEY_PATTERN, "description": "分户账余额"})
    fund_account_no = fields.String(
        required=True, allow_none=True,
        metadata={"pattern": ACCOUNT_NO_PATTERN, "description": "维修资金专户账号；尚未建账的为 null"},
    )  # fmt: skip


@api.route("/maintenance/units/<unit_code>", methods=["GET"])
@scope("filing", "bank")
@api.response(200, FundUnitSchema, example=EXAMPLE)
@api.alt_response(404, schema=Problem, content_type=PROBLEM, description="没有这套房屋，或不在本行专户")
def get_unit(unit_code: str) -> Response:
    """一户的首期应缴、标准与依据、已缴、已归还、余额与专户；未缴足的按今日标准，缴足的不溯及既往。"""
    with database().read() as session:
        seen = unit_seen(session, known_number(unit_code))
    # A bank is told of the houses of its own fund accounts alone.
    bank_code = caller().bank_code
    if seen is None or (bank_code is not None and seen.row.bank_code != bank_code):
        raise NotFound("没有这套房屋")
    return answer({
        "unit_code": seen.row.unit_code,
        "due": None if seen.due.amount is None else str(seen.due.amount),
        "standard": seen.due.standard,
        "citation": seen.due.citation,
        "advanced": str(seen.paid),
        "repaid": str(seen.repaid),
        "balance": str(seen.balance),
        "fund_account_no": seen.row.fund_account_no,
    })  # fmt: skip
