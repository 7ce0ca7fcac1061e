"""The words of the contract doors: what is sent, what is answered, with an example of each (合同报文)."""

import re
from collections.abc import Callable
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema

from escrow.contracts.cancelling import CancellationAsked
from escrow.contracts.parties import Buyer
from escrow.contracts.rules import ContractStatus, IdType, NoticeStatus, PaymentKind, Planned, Source
from escrow.fields import (
    MONEY_PATTERN,
    StrictSchema,
    choice,
    day,
    key,
    money,
    read_resident_id,
    read_text,
    read_uscc,
    text,
    unit_code,
)
from ledger.money import ZERO

EXAMPLE = {
    "project_no": "JK2026001", "unit_code": "141130001001GB00012F00010101", "price": "1000000.00",
    "buyers": [{"name": "田秀英", "id_type": "resident", "id_no": "11010519491231002X", "phone": "13800001234"}],
    "payments": [
        {"payment_kind": "down", "amount": "350000.00", "due_on": "2026-11-20", "source": "own"},
        {"payment_kind": "loan", "amount": "650000.00", "due_on": "2027-01-20", "source": "loan"},
    ],
}  # fmt: skip
EXAMPLE_NOTICES = [
    {"notice_no": "JK202611200001", "payment_kind": "down", "amount": "350000.00", "due_on": "2026-11-20"},
    {"notice_no": "JK202611200002", "payment_kind": "loan", "amount": "650000.00", "due_on": "2027-01-20"},
]
EXAMPLE_DRAFTED = {
    "contract_no": "HT202611200001", "project_no": "JK2026001", "unit_code": "141130001001GB00012F00010101",
    "status": "drafted", "version": 1, "price": "1000000.00", "notices": EXAMPLE_NOTICES,
}  # fmt: skip
EXAMPLE_CONTRACT = {
    "contract_no": "HT202611200001", "status": "drafted", "version": 1, "price": "1000000.00",
    "deposited": "350000.00",
    "notices": [
        {**EXAMPLE_NOTICES[0], "paid": "350000.00", "status": "paid"},
        {**EXAMPLE_NOTICES[1], "paid": "0.00", "status": "issued"},
    ],
    "receipts": [
        {
            "receipt_no": "RZ202611200001", "bank_serial": "B20261120000017", "notice_no": "JK202611200001",
            "amount": "350000.00", "booked_at": "2026-11-20T10:12:03+08:00", "status": "confirmed",
        }
    ],
    "last_check": None, "filing": None, "maintenance": {"required": "9216.00", "advanced": "0.00"},
}  # fmt: skip
EXAMPLE_NOTICE = {
    "notice_no": "JK202611200001", "status": "issued", "contract_no": "HT202611200001",
    "unit_code": "141130001001GB00012F00010101", "project_name": "云水苑", "buyer_name_masked": "田**",
    "account_no": "6222021410001234567", "account_name": "交口县云水置业有限公司预售资金监管专户",
    "payment_kind": "down", "amount": "350000.00", "paid": "0.00", "due_on": "2026-11-20",
}  # fmt: skip
EXAMPLE_CANCELLATION = {
    "event_id": "ZX202611210001",
    "cancelled_on": "2026-11-21",
    "reason": "买受人放弃购房",
}
EXAMPLE_CANCELLED = {
    "contract_no": "HT202611200001", "status": "cancelled", "event_id": "ZX202611210001",
    "cancelled_on": "2026-11-21", "deposited": "350000.00",
}  # fmt: skip

PHONE_PATTERN = r"^\+?[0-9][0-9 -]{4,19}$"
MOST_BUYERS = 50
MOST_PAYMENTS = 120


def _matching(*patterns: str) -> Callable[[str], str]:
    def read(number: str) -> str:
        if len(number) == 18:
            return read_resident_id(number)
        if not any(re.fullmatch(pattern, number, re.ASCII) for pattern in patterns):
            raise ValueError("证件号码格式不正确。")
        return number

    return read


# Travel permits and cards of their own places; an 18-character residence permit is checked as a resident ID.
READERS: dict[IdType, Callable[[str], str]] = {
    IdType.RESIDENT: read_resident_id,
    IdType.PASSPORT: lambda number: read_text(number, 20, r"^[0-9A-Z]{5,20}$"),
    IdType.HK_MACAU: _matching(
        r"[HM][0-9]{8}([0-9]{2})?", r"[A-Z]{1,2}[0-9]{6}\(?[0-9A]\)?", r"[1578][0-9]{6}\(?[0-9]\)?"
    ),
    IdType.TAIWAN: _matching(r"[0-9]{8}([0-9]{2}([0-9A-Z])?)?", r"[A-Z][0-9]{9}"),
    IdType.ORGANISATION: read_uscc,
}


class BuyerSchema(StrictSchema):
    """A buyer (买受人)."""

    name = text(100, required=True)
    id_type = choice(IdType, required=True)
    id_no = text(30, required=True)
    phone = text(20, PHONE_PATTERN, allow_none=True, load_default=None)

    @post_load
    def to_buyer(self, data: dict[str, Any], **_: Any) -> Buyer:
        try:
            READERS[data["id_type"]](data["id_no"])
        except ValueError as fault:
            raise ValidationError({"id_no": [str(fault)]}) from None
        return Buyer(**data)


class PaymentSchema(StrictSchema):
    """One payment of the plan (付款计划)."""

    payment_kind = choice(PaymentKind, required=True)
    amount = money(required=True)
    due_on = day(required=True)
    source = choice(Source, required=True)

    @post_load
    def to_planned(self, data: dict[str, Any], **_: Any) -> Planned:
        return Planned(**data)


class ContractSchema(StrictSchema):
    """A drafted contract (草拟合同)."""

    project_no = key(required=True)
    unit_code = unit_code(required=True)
    price = money(required=True)
    buyers = fields.List(
        fields.Nested(BuyerSchema), required=True, metadata={"minItems": 1, "maxItems": MOST_BUYERS}
    )
    payments = fields.List(
        fields.Nested(PaymentSchema), required=True, metadata={"minItems": 1, "maxItems": MOST_PAYMENTS}
    )

    @validates_schema
    def whole(self, data: dict[str, Any], **_: Any) -> None:
        buyers, payments, faults = data["buyers"], data["payments"], dict[str, Any]()
        if not 1 <= len(buyers) <= MOST_BUYERS:
            faults["buyers"] = [f"须有 1 至 {MOST_BUYERS} 名买受人。"]
        seen = set()
        for at, buyer in enumerate(buyers):
            if (buyer.id_type, buyer.id_no) in seen:
                faults["buyers"] = {at: {"id_no": ["与前面的买受人重复。"]}}
            seen.add((buyer.id_type, buyer.id_no))
        if not 1 <= len(payments) <= MOST_PAYMENTS:
            faults["payments"] = [f"须有 1 至 {MOST_PAYMENTS} 笔付款。"]
        elif (total := sum((payment.amount for payment in payments), ZERO)) != data["price"]:
            faults["payments"] = [f"各笔合计 {total} 元，须等于总价 {data['price']} 元。"]
        if faults:
            raise ValidationError(faults)

    @post_load
    def to_parts(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "buyers": tuple(data["buyers"]), "payments": tuple(data["payments"])}


class CancellationSchema(StrictSchema):
    """The end of a contract (合同注销)."""

    event_id = key(required=True)
    cancelled_on = day(required=True)
    reason = text(200, required=True)

    @post_load
    def to_asked(self, data: dict[str, Any], **_: Any) -> CancellationAsked:
        return CancellationAsked(**data)


def _money_said() -> fields.String:
    return fields.String(required=True, metadata={"pattern": MONEY_PATTERN})


def _one_of(term: Any) -> fields.String:
    return fields.String(required=True, metadata={"enum": [member.value for member in term]})


def _day_said() -> fields.String:
    return fields.String(required=True, metadata={"format": "date"})


def _instant_said(**kwargs: Any) -> fields.String:
    return fields.String(required=True, metadata={"format": "date-time"}, **kwargs)


class NoticeIssued(Schema):
    """A notice as it was issued (签发的缴款通知书)."""

    notice_no = fields.String(required=True)
    payment_kind = _one_of(PaymentKind)
    amount = _money_said()
    due_on = _day_said()


class NoticeStanding(NoticeIssued):
    """A notice as it stands (缴款通知书现状)."""

    paid = _money_said()
    status = _one_of(NoticeStatus)


class DraftedAnswer(Schema):
    """The contract as it was drafted (草拟结果)."""

    contract_no = fields.String(required=True)
    project_no = fields.String(required=True)
    unit_code = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": ["drafted"]})
    version = fields.Integer(required=True)
    price = _money_said()
    notices = fields.List(fields.Nested(NoticeIssued), required=True)


class ReceiptSeen(Schema):
    """Money that came in on the contract (合同项下入账)."""

    receipt_no = fields.String(required=True)
    bank_serial = fields.String(required=True)
    notice_no = fields.String(required=True)
    amount = _money_said()
    booked_at = _instant_said()
    status = fields.String(required=True, metadata={"enum": ["confirmed", "partly_matched", "reversed"]})


class CheckSeen(Schema):
    """The newest deposit check (最近一次核对)."""

    check_no = fields.String(required=True)
    decision = fields.String(required=True, metadata={"enum": ["pass", "fail"]})
    checked_at = _instant_said()
    valid_until = _instant_said(allow_none=True)


class FilingSeen(Schema):
    """The filing (备案)."""

    filing_no = fields.String(required=True)
    check_no = fields.String(required=True)
    filed_on = _day_said()
    filed_at = _instant_said()


class MaintenanceSeen(Schema):
    """The maintenance fund at filing (维修资金)."""

    required = _money_said()
    advanced = _money_said()


class ContractAnswer(Schema):
    """A contract as it stands (合同现状)."""

    contract_no = fields.String(required=True)
    status = _one_of(ContractStatus)
    version = fields.Integer(required=True)
    price = _money_said()
    deposited = _money_said()
    notices = fields.List(fields.Nested(NoticeStanding), required=True)
    receipts = fields.List(fields.Nested(ReceiptSeen), required=True)
    last_check = fields.Nested(CheckSeen, required=True, allow_none=True)
    filing = fields.Nested(FilingSeen, required=True, allow_none=True)
    maintenance = fields.Nested(MaintenanceSeen, required=True)


class NoticeAnswer(NoticeStanding):
    """A notice as its bank may see it (核验结果)."""

    contract_no = fields.String(required=True)
    unit_code = fields.String(required=True)
    project_name = fields.String(required=True)
    buyer_name_masked = fields.String(required=True)
    account_no = fields.String(required=True)
    account_name = fields.String(required=True)


class CancelledAnswer(Schema):
    """The contract after its end (注销结果)."""

    contract_no = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": ["cancelled"]})
    event_id = fields.String(required=True)
    cancelled_on = _day_said()
    deposited = _money_said()
