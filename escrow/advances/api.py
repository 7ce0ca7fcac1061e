"""Doors of the fund: a bank's credit for many units, a buyer's repayment as reported (维修资金接口)."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields, post_load
from sqlalchemy.orm import Session

from escrow.advances.actions import FundDeposit, receive
from escrow.advances.repaying import Repayment, report
from escrow.advances.rules import Fate, PayerKind
from escrow.deposits.actions import serial_key
from escrow.doors import (
    CitedRefusal,
    Problem,
    answer,
    answered,
    api_blueprint,
    caller,
    calling_bank,
    database,
    scope,
    settings,
)
from escrow.fields import (
    ACCOUNT_NO_PATTERN,
    MONEY_PATTERN,
    StrictSchema,
    choice,
    day,
    key,
    money,
    text,
    unit_code,
)

api = api_blueprint("advances", "住宅专项维修资金的交存与归还")

UNIT = "141130001001GB00012F00030102"
EXAMPLE: dict[str, Any] = {
    "bank_serial": "W20261120000031", "account_no": "6222990010001234567", "amount": "18432.00",
    "value_date": "2026-11-20", "payer_kind": "developer", "payer_name": "交口县云水置业有限公司",
    "units": [{"unit_code": UNIT, "amount": "9216.00"},
              {"unit_code": "141130001001GB00012F00030103", "amount": "9216.00"}],
}  # fmt: skip
EXAMPLE_ANSWER: dict[str, Any] = {
    "receipt_no": "WX202611200000000031", "status": "confirmed", "amount": "18432.00", "matched": "18432.00",
    "unmatched": "0.00", "entry_no": "0000000031", "booked_at": "2026-11-20T10:12:04.103251+08:00",
    "units": [
        {"unit_code": one["unit_code"], "amount": "9216.00", "status": "booked", "booked": "9216.00",
         "apart": "0.00", "reason": None}
        for one in EXAMPLE["units"]
    ],
}  # fmt: skip
EXAMPLE_REPAYMENT = {
    "event_id": "GH202705200001", "unit_code": UNIT, "amount": "9216.00", "repaid_on": "2027-05-20",
    "evidence_no": "收据20270520-0102",
}  # fmt: skip
EXAMPLE_REPAID = {
    **EXAMPLE_REPAYMENT, "contract_no": "HT202611200001", "advanced": "9216.00", "repaid": "9216.00",
    "owed": "0.00", "entry_no": "0000000047", "booked_at": "2027-05-20T15:02:11.300471+08:00",
}  # fmt: skip


class UnitPart(StrictSchema):
    """What of the line is for one unit (各户)."""

    unit_code = unit_code(required=True)
    amount = money(required=True)


class FundDepositSchema(StrictSchema):
    """One credit on a fund account, for many units or for none named (维修资金入账通知)."""

    bank_serial = key(required=True)
    account_no = text(32, ACCOUNT_NO_PATTERN, required=True)
    amount = money(required=True)
    value_date = day(required=True)
    payer_kind = choice(PayerKind, required=True)
    payer_name = text(120, required=True)
    units = fields.List(fields.Nested(UnitPart), load_default=list)

    @post_load
    def to_deposit(self, data: dict[str, Any], **_: Any) -> FundDeposit:
        data["units"] = tuple((one["unit_code"], one["amount"]) for one in data["units"])
        return FundDeposit(**data)


def _said(**told: Any) -> fields.String:
    return fields.String(required=True, metadata=told)


class UnitAnswer(Schema):
    """What became of one unit's part (各户结果)."""

    unit_code = _said()
    amount = _said(pattern=MONEY_PATTERN)
    status = _said(enum=[fate.value for fate in Fate])
    booked = _said(pattern=MONEY_PATTERN)
    apart = _said(pattern=MONEY_PATTERN)
    reason = fields.Nested(CitedRefusal, required=True, allow_none=True)


class FundDepositAnswer(Schema):
    """What became of a credit (入账结果)."""

    receipt_no = _said()
    status = _said(enum=["confirmed", "partly_matched", "unmatched"])
    amount = _said(pattern=MONEY_PATTERN)
    matched = _said(pattern=MONEY_PATTERN)
    unmatched = _said(pattern=MONEY_PATTERN)
    entry_no = _said()
    booked_at = _said(format="date-time")
    units = fields.List(fields.Nested(UnitAnswer), required=True)


class RepaymentSchema(StrictSchema):
    """A buyer has repaid the developer (归还通知)."""

    event_id = key(required=True)
    unit_code = unit_code(required=True)
    amount = money(required=True)
    repaid_on = day(required=True)
    evidence_no = text(64, required=True)


class RepaymentAnswer(Schema):
    """How the claim stands now (归还结果)."""

    event_id = _said()
    unit_code = _said()
    contract_no = _said()
    amount = _said(pattern=MONEY_PATTERN)
    repaid_on = _said(format="date")
    evidence_no = _said()
    advanced = _said(pattern=MONEY_PATTERN)
    repaid = _said(pattern=MONEY_PATTERN)
    owed = _said(pattern=MONEY_PATTERN)
    entry_no = _said()
    booked_at = _said(format="date-time")


@api.post("/maintenance/deposits")
@scope("bank")
@api.arguments(FundDepositSchema, example=EXAMPLE)
@api.response(201, FundDepositAnswer, example=EXAMPLE_ANSWER, description="已入账，各户结果逐一列明")
@api.alt_response(200, schema=FundDepositAnswer, example=EXAMPLE_ANSWER, description="重复报送，答复与首次相同")
@api.alt_response(404, schema=Problem, description="没有这个专户，或不属于本行")
@api.alt_response(409, schema=Problem, description="流水号已用于其他内容，或专户未开立")
def receive_fund_deposit(asked: FundDeposit) -> Response:
    """维修资金入账：一笔可含多户；合户的入户，不合的另列并说明理由，未报房屋的待认领或待分户。

    首期已缴足而余额不足的，业主所缴作续交；业主议定为使用自筹的，所缴补足其分摊。老房屋同此。
    """
    bank = calling_bank()

    def unit(session: Session) -> tuple[str, int]:
        key = serial_key(bank, asked.bank_serial)
        return answered(session, key, asked.facts, lambda: receive(session, asked, bank, settings()))

    return answer(*database().transact(unit))


@api.post("/maintenance/repayments")
@scope("filing")
@api.arguments(RepaymentSchema, example=EXAMPLE_REPAYMENT)
@api.response(201, RepaymentAnswer, example=EXAMPLE_REPAID, description="已登记，代缴待收回相应了结")
@api.alt_response(200, schema=RepaymentAnswer, example=EXAMPLE_REPAID, description="重复报送，答复与首次相同")
@api.alt_response(404, schema=Problem, description="没有这户房屋的分户账")
@api.alt_response(409, schema=Problem, description="超过代缴、重复收取、合同已注销；或同一事件号内容不同")
def report_repayment(asked: dict[str, Any]) -> Response:
    """业主向建设单位归还代缴款：账外收付，专户资金不动；只收代缴之数，只收一次。"""
    event_id = asked["event_id"]
    repayment = Repayment(**{name: value for name, value in asked.items() if name != "event_id"})
    facts = ["repayment", *(str(value) for value in asked.values())]

    def unit(session: Session) -> tuple[str, int]:
        key = f"event:{caller().client_id}:{event_id}"
        return answered(session, key, facts, lambda: report(session, repayment, key, event_id))

    return answer(*database().transact(unit))
