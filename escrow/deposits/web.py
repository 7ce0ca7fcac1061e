"""Doors of the banks: book a credit, ask after it, take back one's own error (银行接口)."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields, post_load
from sqlalchemy import Row, func, select, true
from sqlalchemy.orm import Session

from config.clock import bureau_time
from escrow.contracts.models import Contract
from escrow.deposits.actions import Deposit, receive, serial_key
from escrow.deposits.facts import first_asked
from escrow.deposits.late import by_statement, join
from escrow.deposits.models import (
    LateMessage,
    Receipt,
    ReceiptAllocation,
    ReceiptReversal,
    UnmatchedReceipt,
)
from escrow.deposits.reversals import Reversal, take_back
from escrow.deposits.rules import Channel, ReceiptStatus, receipt_status
from escrow.doors import (
    Problem,
    answer,
    answered,
    api_blueprint,
    calling_bank,
    database,
    known_number,
    scope,
    settings,
)
from escrow.errors import KeyReused, NotFound
from escrow.fields import (
    ACCOUNT_NO_PATTERN,
    MONEY_PATTERN,
    Read,
    StrictSchema,
    choice,
    day,
    instant,
    key,
    money,
    read_text,
    text,
)
from escrow.paging import PageQuery, page_of
from ledger.journal import entry_no
from ledger.money import ZERO
from ledger.tables import MoneyColumn
from ledger.wire import ask_last

api = api_blueprint("deposits", "购房款入账与冲正")

EXAMPLE = {
    "bank_serial": "B20261120000017", "account_no": "6222021410001234567", "amount": "350000.00",
    "value_date": "2026-11-20", "booked_at": "2026-11-20T10:12:03+08:00", "notice_no": "JK202611200001",
    "payer_name": "王秀英", "payer_account": "6217000010001234567", "channel": "pos", "memo": "首付款",
}  # fmt: skip
EXAMPLE_ANSWER = {
    "receipt_no": "RZ20261120000000017", "status": "confirmed", "contract_no": "HT202611200001",
    "notice_no": "JK202611200001", "amount": "350000.00", "matched": "350000.00", "unmatched": "0.00",
    "entry_no": "0000000017", "booked_at": "2026-11-20T10:12:04.103251+08:00",
}  # fmt: skip


def read_payer_account(said: str) -> str:
    """Whatever the paying bank calls its account; its digits are the ones a refund is sent to (付款账号)."""
    read_text(said, 64)
    if any(character.isdecimal() and not character.isascii() for character in said):
        raise ValueError("账号中的数字须为半角。")
    return said


class DepositSchema(StrictSchema):
    """One credit on a supervised account (银行入账通知)."""

    bank_serial = key(required=True)
    account_no = text(32, ACCOUNT_NO_PATTERN, required=True)
    amount = money(required=True)
    value_date = day(required=True)
    booked_at = instant(required=True)
    notice_no = text(64, load_default=None, allow_none=True)
    payer_name = text(120, required=True)
    payer_account = Read(read_payer_account, {"minLength": 1, "maxLength": 64}, required=True)
    channel = choice(Channel, required=True)
    memo = text(200, load_default=None, allow_none=True)

    @post_load
    def to_deposit(self, data: dict[str, Any], **_: Any) -> Deposit:
        return Deposit(**data)


class ReversalSchema(StrictSchema):
    """The bank's own error taken back (银行冲正通知)."""

    bank_serial = key(required=True)
    amount = money(required=True)
    value_date = day(required=True)
    reason = text(200, required=True)


class ReceiptAnswer(Schema):
    """What became of a credit (入账结果)."""

    receipt_no = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": [status.value for status in ReceiptStatus]})
    contract_no = fields.String(required=True, allow_none=True)
    notice_no = fields.String(required=True, allow_none=True)
    amount = fields.String(required=True, metadata={"pattern": MONEY_PATTERN})
    matched = fields.String(required=True, metadata={"pattern": MONEY_PATTERN})
    unmatched = fields.String(required=True, metadata={"pattern": MONEY_PATTERN})
    entry_no = fields.String(required=True)
    booked_at = fields.String(required=True, metadata={"format": "date-time"})
    bank_serial = fields.String(metadata={"description": "银行流水号；冲正应答中为冲正自身的流水号"})


class ReceiptList(Schema):
    """Receipts, newest first (入账列表)."""

    items = fields.List(fields.Nested(ReceiptAnswer), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class ReceiptQuery(PageQuery):
    """Which receipts (入账查询)."""

    bank_serial = key(load_default=None)


@api.route("/deposits", methods=["POST"])
@scope("bank")
@api.arguments(DepositSchema, example=EXAMPLE)
@api.response(201, ReceiptAnswer, example=EXAMPLE_ANSWER, description="已入账")
@api.alt_response(
    200, schema=ReceiptAnswer, example=EXAMPLE_ANSWER,
    description="重复报送，答复与首次相同；对账单已先行入账的，为该笔入账",
)  # fmt: skip
@api.alt_response(404, schema=Problem, description="没有这个账户，或不属于本行")
@api.alt_response(409, schema=Problem, description="流水号已用于其他内容，或账户不收款")
def receive_deposit(asked: Deposit) -> Response:
    """银行入账通知：记账并与缴款通知书匹配。"""
    bank = calling_bank()
    key = serial_key(bank, asked.bank_serial)

    def unit(session: Session) -> tuple[str, int]:
        try:
            return answered(
                session, key, asked.facts, lambda: receive(session, asked, bank, settings(), put=ask_last),
                kept=True, beside=first_asked(asked.account_no, bank, asked.notice_no),
            )  # fmt: skip
        except KeyReused:
            stated = by_statement(session, asked, bank)
        said, _ = answered(
            session, f"late:{key}", asked.facts, lambda: join(session, asked, stated, settings())
        )
        return said, 200

    return answer(*database().transact(unit))


@api.route("/deposits/<receipt_no>/reversals", methods=["POST"])
@scope("bank")
@api.arguments(ReversalSchema, example={
    "bank_serial": "B20261120000099", "amount": "350000.00", "value_date": "2026-11-20", "reason": "柜员误记",
})  # fmt: skip
@api.response(201, ReceiptAnswer, example={**EXAMPLE_ANSWER, "status": "reversed"}, description="已冲正")
@api.alt_response(200, schema=ReceiptAnswer, description="重复报送，答复与首次相同")
@api.alt_response(404, schema=Problem, description="没有这笔入账，或不属于本行")
@api.alt_response(409, schema=Problem, description="流水号已用于其他内容，已冲正，或非全额")
def reverse_deposit(asked: dict[str, Any], receipt_no: str) -> Response:
    """银行冲正自身差错：全额、一次。"""
    bank = calling_bank()
    reversal = Reversal(receipt_no=known_number(receipt_no), **asked)
    return answer(*database().transact(
        lambda session: answered(
            session, serial_key(bank, reversal.bank_serial), reversal.facts,
            lambda: take_back(session, reversal, bank),
        )
    ))  # fmt: skip


@api.route("/deposits/<receipt_no>", methods=["GET"])
@scope("bank")
@api.response(200, ReceiptAnswer, example=EXAMPLE_ANSWER, description="入账现状")
@api.alt_response(404, schema=Problem, description="没有这笔入账，或不属于本行")
def find_deposit(receipt_no: str) -> Response:
    """按入账编号查询结果。"""
    wanted = _receipts(calling_bank()).where(Receipt.receipt_no == known_number(receipt_no))
    with database().read() as session:
        row = session.execute(wanted).one_or_none()
    if row is None:
        raise NotFound("没有这笔入账，或不属于贵行")
    return answer(_shown(row))


@api.route("/deposits", methods=["GET"])
@scope("bank")
@api.arguments(ReceiptQuery, location="query")
@api.response(
    200, ReceiptList, description="入账列表，新的在前",
    example={"items": [{**EXAMPLE_ANSWER, "bank_serial": EXAMPLE["bank_serial"]}], "next_cursor": None},
)  # fmt: skip
def list_deposits(asked: dict[str, Any]) -> Response:
    """按银行流水号查询，或列出本行入账。"""
    wanted = _receipts(calling_bank())
    if asked["bank_serial"]:
        wanted = wanted.where(Receipt.bank_serial == asked["bank_serial"])
    with database().read() as session:
        rows, following = page_of(session, wanted, Receipt.id, limit=asked["limit"], cursor=asked["cursor"])
    return answer({"items": [_shown(row) for row in rows], "next_cursor": following})


def _receipts(bank: str) -> Any:
    belongs = (
        select(
            func.sum(ReceiptAllocation.amount, type_=MoneyColumn()).label("matched"),
            func.array_agg(Contract.contract_no.distinct()).label("contract_nos"),
        )
        .join(Contract, Contract.id == ReceiptAllocation.contract_id)
        .where(ReceiptAllocation.receipt_id == Receipt.id)
        .lateral()
    )
    return (
        select(
            Receipt.id, Receipt.receipt_no, Receipt.bank_serial, Receipt.amount,
            func.coalesce(LateMessage.notice_no, Receipt.notice_no).label("notice_no"),
            Receipt.entry_id, Receipt.booked_at, belongs.c.contract_nos, belongs.c.matched,
            UnmatchedReceipt.remainder, ReceiptReversal.id.label("reversal_id"),
            func.receipt_settled(Receipt.id, type_=MoneyColumn()).label("settled"),
        )
        .select_from(Receipt)
        .join(belongs, true())
        .outerjoin(LateMessage, LateMessage.receipt_id == Receipt.id)
        .outerjoin(UnmatchedReceipt, UnmatchedReceipt.receipt_id == Receipt.id)
        .outerjoin(ReceiptReversal, ReceiptReversal.receipt_id == Receipt.id)
        .where(Receipt.bank_code == bank)
    )  # fmt: skip


def _shown(row: Row[Any]) -> dict[str, Any]:
    taken, rest, contracts = row.matched or ZERO, row.remainder or ZERO, row.contract_nos or []
    is_reversed = row.reversal_id is not None
    return {
        "receipt_no": row.receipt_no,
        # What the bank owed and has made good belongs somewhere, though to no contract.
        "status": receipt_status(taken + row.settled, rest, is_reversed=is_reversed).value,
        "bank_serial": row.bank_serial,
        # Of a receipt split between contracts no single one can be told.
        "contract_no": contracts[0] if len(contracts) == 1 else None,
        "notice_no": row.notice_no,
        "amount": str(row.amount),
        "matched": str(ZERO if is_reversed else taken),
        "unmatched": str(rest),
        "entry_no": entry_no(row.entry_id),
        "booked_at": bureau_time(row.booked_at).isoformat(),
    }
