"""GET /events: what the outside may know, in the order it happened (对外事件)."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from escrow.deliveries.routing import route
from escrow.doors import answer, api_blueprint, caller, database, scope
from escrow.fields import Read, StrictSchema, read_text
from escrow.outbox import KIND_LABELS, cloud_event
from escrow.oversight.lists import events
from escrow.paging import read_limit

api = api_blueprint("events", "对外事件")


def read_position(said: str) -> int:
    """The `id` of the last event one has seen (事件位置)."""
    return int(read_text(said, 18, r"^[0-9]{1,18}$"))


class EventQuery(StrictSchema):
    """From where on, and how many (事件查询)."""

    after = Read(read_position, {"pattern": "^[0-9]{1,18}$"}, load_default=0)
    limit = Read(
        read_limit, {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, load_default=50
    )


class CloudEvent(Schema):
    """A CloudEvents 1.0 event (对外事件)."""

    specversion = fields.Constant("1.0", required=True)
    id = fields.String(required=True)
    source = fields.String(required=True)
    type = fields.String(required=True, metadata={"enum": list(KIND_LABELS)})
    subject = fields.String(required=True)
    time = fields.String(required=True, metadata={"format": "date-time"})
    datacontenttype = fields.Constant("application/json", required=True)
    data = fields.Dict(required=True)


EXAMPLE = {
    "specversion": "1.0", "id": "49", "source": "urn:escrow:supervision", "type": "filing.at-risk",
    "subject": "HT202611200001", "time": "2026-11-21T19:03:33.126064+08:00",
    "datacontenttype": "application/json",
    "data": {"contract_no": "HT202611200001", "receipt_no": "RZ202611200001", "amount": "350000.00"},
}  # fmt: skip


class EventList(Schema):
    """Events, oldest first after the position asked for (事件列表)."""

    items = fields.List(fields.Nested(CloudEvent), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@api.route("/events", methods=["GET"])
@scope("filing", "bank", "registration", "platform")
@api.arguments(EventQuery, location="query")
@api.response(
    200, EventList, description="按发生先后排列；after 填上次收到的最后一个 id",
    example={"items": [EXAMPLE], "next_cursor": None},
)  # fmt: skip
def list_events(asked: dict[str, Any]) -> Response:
    """对外事件：只见与己有关者，先发生者在前。"""
    who = sorted(caller().scopes)
    if caller().bank_code:
        who = [f"bank:{caller().bank_code}"]
    with database().begin() as session:
        route(session)
    with database().read() as session:
        rows = events(session, who, after=asked["after"], limit=asked["limit"])
    items = [cloud_event(row) for row in rows]
    full = len(items) == asked["limit"]
    return answer({"items": items, "next_cursor": items[-1]["id"] if full else None})
