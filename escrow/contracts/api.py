"""Doors of contracts: drafted by the filing system, verified by the bank, cancelled (合同接口)."""

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from escrow.contracts import schemas as words
from escrow.contracts.actions import Asked, draft
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.contracts.reading import body, contract_seen, notice_seen
from escrow.doors import (
    PROBLEM,
    Problem,
    answer,
    answered,
    api_blueprint,
    caller,
    database,
    known_number,
    new_number,
    scope,
    settings,
)
from escrow.errors import NotFound

api = api_blueprint("contracts", "购房合同与缴款通知书")


@api.route("/contracts/<contract_no>", methods=["PUT"])
@scope("filing")
@api.arguments(words.ContractSchema, example=words.EXAMPLE)
@api.response(201, words.DraftedAnswer, description="已草拟，通知书已签发", example=words.EXAMPLE_DRAFTED)
@api.alt_response(
    200,
    schema=words.DraftedAnswer,
    description="内容相同，或已变更并换发未缴款的通知书",
    example=words.EXAMPLE_DRAFTED,
)
@api.alt_response(
    409, schema=Problem, content_type=PROBLEM, description="一房已有合同、账户未生效、已缴款项被改等"
)
def put_contract(parts: dict[str, Any], contract_no: str) -> Response:
    """草拟或变更合同：付款计划合计须等于总价，每笔款项签发一张缴款通知书。"""
    asked = Asked(contract_no=new_number("contract_no", contract_no), **parts)
    drafted, is_new = database().transact(lambda session: draft(session, asked, settings()))
    return answer(drafted, 201 if is_new else 200)


@api.route("/contracts/<contract_no>", methods=["GET"])
@scope("filing")
@api.response(200, words.ContractAnswer, example=words.EXAMPLE_CONTRACT)
def get_contract(contract_no: str) -> Response:
    """一份合同的通知书、入账、最近核对与备案。"""
    with database().read() as session:
        seen = contract_seen(session, known_number(contract_no))
        if seen is None:
            raise NotFound("没有这个合同号")
        return answer(body(seen))


@api.route("/contracts/<contract_no>/cancellation", methods=["POST"])
@scope("filing")
@api.arguments(words.CancellationSchema, example=words.EXAMPLE_CANCELLATION)
@api.response(
    201, words.CancelledAnswer, description="已注销，未缴款的通知书作废", example=words.EXAMPLE_CANCELLED
)
@api.alt_response(
    200, schema=words.CancelledAnswer, description="重复报送，答复与首次相同", example=words.EXAMPLE_CANCELLED
)
@api.alt_response(
    409, schema=Problem, content_type=PROBLEM, description="合同已经注销，或房屋已办理转移登记；同一事件号内容不同"
)
def cancel_contract(asked: CancellationAsked, contract_no: str) -> Response:
    """注销合同（草拟作废或撤销备案）：已缴的款项仍记在合同名下，待退款；退清之前不得解除监管。"""
    number = known_number(contract_no)
    facts = ["cancellation", number, asked.cancelled_on, asked.reason]

    def unit(session: Session) -> tuple[str, int]:
        key = f"event:{caller().client_id}:{asked.event_id}"
        return answered(session, key, facts, lambda: cancel(session, number, asked))

    return answer(*database().transact(unit))


@api.route("/payment-notices/<notice_no>", methods=["GET"])
@scope("bank")
@api.response(200, words.NoticeAnswer, example=words.EXAMPLE_NOTICE)
def get_notice(notice_no: str) -> Response:
    """收款前核验缴款通知书；只见本行监管账户的通知书。"""
    with database().read() as session:
        seen = notice_seen(session, known_number(notice_no), str(caller().bank_code))
        if seen is None:
            raise NotFound("没有这张缴款通知书")
        return answer(seen)
