"""The audit trail (审计留痕): one row per step, in the step's own transaction, never changed afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import g, has_request_context, request
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from escrow.access.models import AuditEvent

_LONGEST = 200
# Compiled once: a statement built anew costs as much as its insert, and every step writes a row.
_WRITE = insert(AuditEvent)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who takes a step (操作人): an officer, a client's system, our own machinery, or nobody known."""

    kind: str
    id: str
    name: str
    address: str
    request_id: str


def record(
    session: Session,
    action: str,
    subject: object,
    /,
    *,
    result: str = "done",
    actor: Actor | None = None,
    **detail: Any,
) -> None:
    """Write that a step was taken (留痕), as "room.step" about one subject: "release.approved", "JG2026001".

    Whoever is acting is taken from the request; outside a request it is the system itself.
    `detail` must already be masked: nothing personal belongs here.
    """
    written = row(action, subject, result=result, actor=actor, **detail)
    session.connection().execute(_WRITE, written)


def row(
    action: str, subject: object, /, *, result: str = "done", actor: Actor | None = None, **detail: Any
) -> dict[str, Any]:
    """What `record` writes, for a statement that writes its own step and the trail in one (留痕内容)."""
    actor = actor or current_actor()
    return {
        "action": one_line(action),
        "subject_kind": action.partition(".")[0],
        "subject": one_line(str(subject)),
        "result": result,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name,
        "address": actor.address,
        "request_id": actor.request_id,
        "detail": {name: _plain(value) for name, value in detail.items()},
    }


def current_actor() -> Actor:
    """Who is acting now (当前操作人)."""
    if not has_request_context():
        return Actor("system", "system", "系统", "", "")
    where = (request.remote_addr or "", g.get("request_id", ""))
    if officer := g.get("officer"):
        return Actor("officer", officer.username, officer.full_name, *where)
    if caller := g.get("caller"):
        return Actor("client", caller.client_id, caller.client_id, *where)
    return Actor("nobody", "", "未登录", *where)


def events(
    session: Session, *, before: int | None = None, actor: str = "", subject: str = "", limit: int = 50
) -> list[AuditEvent]:
    """The newest rows first, from a key backwards (审计查询)."""
    query = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEvent.id < before)
    if actor:
        query = query.where(AuditEvent.actor_id == actor)
    if subject:
        query = query.where(AuditEvent.subject == subject)
    return list(session.scalars(query))


def one_line(text: str) -> str:
    """A text that stays one short line wherever it is printed (防日志注入)."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", "�", text)[:_LONGEST]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return one_line(str(value))
