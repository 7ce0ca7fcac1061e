"""Doors of the registration authority: whole buildings first, then unit by unit (不动产登记接口)."""

from typing import Any

from flask import Response
from marshmallow import Schema, ValidationError, fields, post_load, validates

from escrow.doors import PROBLEM, Problem, answer, answered, api_blueprint, caller, database, scope, settings
from escrow.fields import (
    UNIT_CODE_PATTERN,
    Read,
    StrictSchema,
    day,
    key,
    read_resident_id,
    read_text,
    read_uscc,
    text,
    unit_code,
)
from escrow.registration.actions import FirstAsked, Origin, TransferAsked, register, register_transfer

api = api_blueprint("registration", "不动产首次登记与转移登记")

EXAMPLE_UNIT = "141130001001GB00012F00030102"
EXAMPLE_CERTIFICATE = "晋（2026）交口县不动产权第0001234号"
EXAMPLE_FIRST = {
    "event_id": "DJ202611210001",
    "project_no": "JK2026001",
    "building_nos": ["1", "2"],
    "certificate_no": EXAMPLE_CERTIFICATE,
    "registered_on": "2026-11-20",
}
EXAMPLE_TRANSFER = {
    "event_id": "DJ202611210002",
    "unit_code": EXAMPLE_UNIT,
    "certificate_no": "晋（2026）交口县不动产权第0001301号",
    "registered_on": "2026-11-21",
    "owner_name": "王秀英",
    "owner_id_no": "11010519491231002X",
}


def read_owner_id(number: str) -> str:
    """Whatever paper the owner has; what looks like a resident ID must be one, or a credit code (权利人证件号)."""
    read_text(number, 30, r"^[0-9A-Za-z()（）-]+$")
    if len(number) == 18 and number[:17].isdigit():
        try:
            return read_uscc(number)
        except ValueError:
            return read_resident_id(number)
    return number


class FirstRequest(StrictSchema):
    """A first registration (首次登记)."""

    event_id = key(required=True)
    project_no = key(required=True)
    building_nos = fields.List(
        text(32), required=True, metadata={"minItems": 1, "maxItems": 200, "uniqueItems": True}
    )
    certificate_no = text(100, required=True)
    registered_on = day(required=True)

    @validates("building_nos")
    def whole(self, value: list[str], **_: Any) -> None:
        if not 1 <= len(value) <= 200:
            raise ValidationError("须列明 1 至 200 幢。")
        if len(set(value)) != len(value):
            raise ValidationError("楼幢不能重复。")

    @post_load
    def to_asked(self, data: dict[str, Any], **_: Any) -> tuple[str, FirstAsked]:
        event_id = data.pop("event_id")
        return event_id, FirstAsked(**{**data, "building_nos": tuple(data["building_nos"])})


class TransferRequest(StrictSchema):
    """A transfer registration (转移登记)."""

    event_id = key(required=True)
    unit_code = unit_code(required=True)
    certificate_no = text(100, required=True)
    registered_on = day(required=True)
    owner_name = text(100, required=True)
    owner_id_no = Read(read_owner_id, {"minLength": 1, "maxLength": 30}, required=True)

    @post_load
    def to_asked(self, data: dict[str, Any], **_: Any) -> tuple[str, TransferAsked]:
        event_id = data.pop("event_id")
        return event_id, TransferAsked(**data)


class FirstAnswer(Schema):
    """The first registration as it was taken (首次登记受理结果)."""

    class Meta:
        example = EXAMPLE_FIRST

    event_id = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": ["confirmed"]})
    project_no = fields.String(required=True)
    building_nos = fields.List(fields.String(), required=True)
    certificate_no = fields.String(required=True)
    registered_on = fields.String(required=True, metadata={"format": "date"})
    received_at = fields.String(required=True, metadata={"format": "date-time"})


class TransferAnswer(Schema):
    """The transfer registration as it was taken, the owner masked (转移登记受理结果)."""

    event_id = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": ["confirmed"]})
    unit_code = fields.String(required=True, metadata={"pattern": UNIT_CODE_PATTERN})
    certificate_no = fields.String(required=True)
    registered_on = fields.String(required=True, metadata={"format": "date"})
    owner_name_masked = fields.String(required=True, metadata={"example": "王**"})
    owner_id_no_masked = fields.String(required=True, metadata={"example": "110105********002X"})
    received_at = fields.String(required=True, metadata={"format": "date-time"})


RECEIVED_AT = {"status": "confirmed", "received_at": "2026-11-21T10:30:00+08:00"}
FIRST_ANSWERED = {**EXAMPLE_FIRST, **RECEIVED_AT}
TRANSFER_ANSWERED = {
    **{name: value for name, value in EXAMPLE_TRANSFER.items() if not name.startswith("owner")},
    "owner_name_masked": "王**",
    "owner_id_no_masked": "110105********002X",
    **RECEIVED_AT,
}


@api.route("/first-registrations", methods=["POST"])
@scope("registration")
@api.arguments(FirstRequest, example=EXAMPLE_FIRST)
@api.response(201, FirstAnswer, description="已记为确认的首次登记", example=FIRST_ANSWERED)
@api.alt_response(200, schema=FirstAnswer, description="重复报送，答复与首次相同", example=FIRST_ANSWERED)
@api.alt_response(
    409, schema=Problem, content_type=PROBLEM, description="同一事件号内容不同，或楼幢、证书已登记"
)
def receive_first_registration(asked: tuple[str, FirstAsked]) -> Response:
    """首次登记：按幢报来，登记机构所报即为确认；同一楼幢不能有两个证书。"""
    event_id, registration = asked
    origin = Origin(caller().client_id, event_id)

    def unit(session: Any) -> tuple[str, int]:
        facts = ["first-registration", _facts(registration)]
        return answered(session, _key(origin), facts, lambda: register(session, registration, origin))

    return answer(*database().transact(unit))


@api.route("/transfer-registrations", methods=["POST"])
@scope("registration")
@api.arguments(TransferRequest, example=EXAMPLE_TRANSFER)
@api.response(201, TransferAnswer, description="已记入转移登记", example=TRANSFER_ANSWERED)
@api.alt_response(
    200, schema=TransferAnswer, description="重复报送，答复与首次相同", example=TRANSFER_ANSWERED
)
@api.alt_response(
    409,
    schema=Problem,
    content_type=PROBLEM,
    description="同一事件号内容不同，或证书已登记、楼幢尚无首次登记",
)
def receive_transfer_registration(asked: tuple[str, TransferAsked]) -> Response:
    """转移登记：按户报来，须在所在楼幢首次登记之后，再次转移的照报；维修资金业主随之变更；个人信息脱敏答复。"""
    event_id, registration = asked
    origin = Origin(caller().client_id, event_id)

    def make(session: Any) -> dict[str, Any]:
        return register_transfer(session, registration, origin, settings=settings())

    def unit(session: Any) -> tuple[str, int]:
        facts = ["transfer-registration", _facts(registration)]
        return answered(session, _key(origin), facts, lambda: make(session))

    return answer(*database().transact(unit))


def _key(origin: Origin) -> str:
    return f"event:{origin.client_id}:{origin.event_id}"


def _facts(asked: FirstAsked | TransferAsked) -> list[Any]:
    """The facts a repeated event must agree in; the order of buildings says nothing (比对内容)."""
    return [
        sorted(value) if isinstance(value, tuple) else value
        for value in (getattr(asked, name) for name in asked.__slots__)
    ]
