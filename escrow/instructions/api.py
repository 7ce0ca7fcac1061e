"""The bank's doors to its orders: read them, answer them (付款指令接口)."""

import json
from typing import Any

from flask import Response
from marshmallow import Schema, fields, post_load
from sqlalchemy import select
from sqlalchemy.orm import Session

from escrow.doors import (
    Problem,
    answer,
    answered,
    api_blueprint,
    calling_bank,
    database,
    known_number,
    problem,
    scope,
    settings,
)
from escrow.errors import NotFound, Refusal, Refused
from escrow.fields import ACCOUNT_NO_PATTERN, StrictSchema, choice, day, key, money, text
from escrow.instructions.actions import for_bank
from escrow.instructions.models import Instruction
from escrow.instructions.outlets import OUTLETS, outlet_of
from escrow.instructions.results import Result, record
from escrow.instructions.rules import InstructionStatus, Outcome
from escrow.paging import PageQuery, cursor_at
from escrow.supervision.models import SupervisedAccount

api = api_blueprint("instructions", "付款指令")

EXAMPLE = {
    "outcome": "paid", "bank_serial": "B20261120000123", "amount": "120000.00",
    "payee_account": "6222021410009876543", "value_date": "2026-11-20", "reason": None,
}  # fmt: skip
EXAMPLE_ANSWER = {
    "instruction_no": "ZL2026000001", "kind": "withdrawal", "account_no": "6222021410001234567",
    "amount": "120000.00", "payee_name": "山西交口建工有限公司", "payee_account": "6222021410009876543",
    "payee_bank": "中国工商银行交口支行", "purpose": "1 幢主体工程进度款", "issued_at": "2026-11-20T15:02:11+08:00",
    "expires_on": "2026-11-25", "status": "issued",
}  # fmt: skip


class InstructionQuery(PageQuery):
    """Which orders (指令查询)."""

    status = choice(InstructionStatus, load_default=None)


class ResultSchema(StrictSchema):
    """What became of an order (结果通知)."""

    outcome = choice(Outcome, required=True)
    bank_serial = key(required=True)
    amount = money(required=True)
    payee_account = text(34, ACCOUNT_NO_PATTERN, required=True)
    value_date = day(required=True)
    reason = text(200, load_default=None, allow_none=True)

    @post_load
    def to_facts(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data


class InstructionAnswer(Schema):
    """An order to the bank (付款指令)."""

    instruction_no = fields.String(required=True)
    kind = fields.String(required=True, metadata={"description": "withdrawal、refund 等；维修资金为 fund- 开头"})
    account_no = fields.String(required=True)
    amount = fields.String(required=True)
    payee_name = fields.String(required=True)
    payee_account = fields.String(required=True)
    payee_bank = fields.String(required=True)
    purpose = fields.String(required=True)
    issued_at = fields.String(required=True, metadata={"format": "date-time"})
    expires_on = fields.String(required=True, metadata={"format": "date"})
    status = fields.String(required=True, metadata={"enum": [one.value for one in InstructionStatus]})


class InstructionList(Schema):
    """Orders, newest first (指令列表)."""

    items = fields.List(fields.Nested(InstructionAnswer), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@api.route("/instructions", methods=["GET"])
@scope("bank")
@api.arguments(InstructionQuery, location="query")
@api.response(
    200, InstructionList, description="本行的付款指令，新的在前",
    example={"items": [EXAMPLE_ANSWER], "next_cursor": None},
)  # fmt: skip
def list_instructions(asked: dict[str, Any]) -> Response:
    """列出本行待付或已答的指令。"""
    bank, status, limit, before = calling_bank(), asked["status"], asked["limit"], asked["cursor"]
    wanted = _orders(bank).order_by(Instruction.id.desc()).limit(limit + 1)
    if status is not None:
        wanted = wanted.where(Instruction.status == status)
    if before is not None:
        wanted = wanted.where(Instruction.id < before)
    with database().read() as session:
        rows = session.execute(wanted).all()
        found = [(row.id, for_bank(row.Instruction, row.account_no, settings())) for row in rows]
        for outlet in OUTLETS.values():
            found += outlet.page(session, bank, settings(), status=status, before=before, limit=limit + 1)
    found.sort(key=lambda one: -one[0])
    following = cursor_at(found[limit - 1][0]) if len(found) > limit else None
    return answer({"items": [item for _, item in found[:limit]], "next_cursor": following})


@api.route("/instructions/<instruction_no>", methods=["GET"])
@scope("bank")
@api.response(200, InstructionAnswer, example=EXAMPLE_ANSWER, description="指令")
@api.alt_response(404, schema=Problem, description="没有这件指令，或不属于本行")
def show_instruction(instruction_no: str) -> Response:
    """查询一件指令。"""
    bank, number = calling_bank(), known_number(instruction_no)
    with database().read() as session:
        row = session.execute(_orders(bank).where(Instruction.instruction_no == number)).one_or_none()
        if row is not None:
            return answer(for_bank(row.Instruction, row.account_no, settings()))
        found = [outlet.one(session, bank, number, settings()) for outlet in OUTLETS.values()]
    if theirs := next(filter(None, found), None):
        return answer(theirs)
    raise NotFound("没有这件指令，或不属于贵行")


@api.route("/instructions/<instruction_no>/results", methods=["POST"])
@scope("bank")
@api.arguments(ResultSchema, example=EXAMPLE)
@api.response(201, InstructionAnswer, example={**EXAMPLE_ANSWER, "status": "paid"}, description="已接收")
@api.alt_response(200, schema=InstructionAnswer, description="重复报送，答复与首次相同")
@api.alt_response(404, schema=Problem, description="没有这件指令，或不属于本行")
@api.alt_response(409, schema=Problem, description="结果与指令不符，账户已暂停；或流水号已用于其他内容")
def receive_result(asked: dict[str, Any], instruction_no: str) -> Response:
    """银行报告指令结果；事实不符的留存、停户并告知工作人员。"""
    bank = calling_bank()
    result = Result(instruction_no=known_number(instruction_no), **asked)
    moved = result.outcome in (Outcome.PAID, Outcome.RETURNED)
    name = f"serial:{bank}" if moved else f"result:{bank}:{result.instruction_no}:{result.outcome}"
    body, status = database().transact(
        lambda session: answered(
            session, f"{name}:{result.bank_serial}", result.facts,
            lambda: _taken(session, result, bank),
        )
    )  # fmt: skip
    if found := json.loads(body).get("refusals"):
        return problem(Refused([Refusal(*one) for one in found]))
    return answer(body, status)


def _taken(session: Session, result: Result, bank: str) -> dict[str, Any]:
    """The answer goes to whose order it is of (交所属)."""
    outlet = outlet_of(session, result.instruction_no)
    return (outlet.record if outlet else record)(session, result, bank, settings())


def _orders(bank: str) -> Any:
    return (
        select(Instruction.id, Instruction, SupervisedAccount.account_no)
        .join(SupervisedAccount, SupervisedAccount.id == Instruction.account_id)
        .where(SupervisedAccount.bank_code == bank)
    )
