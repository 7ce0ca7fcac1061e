"""What every API door does around an action: who calls, what was asked before, plain answers.

Source: RFC 9457 (problem details), RFC 6750 (bearer tokens), api.md "Ground rules".
"""

import hmac
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import structlog
from flask import Response, current_app, g, request
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import Schema, fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.database import Database
from config.settings import Settings
from config.statement import Asked
from escrow.access import audit
from escrow.access.clients import Caller, caller_of
from escrow.access.rates import within_rate
from escrow.bodies import StrictParser
from escrow.errors import (
    EscrowError,
    Forbidden,
    Invalid,
    KeyReused,
    NotFound,
    Refused,
    Unauthorized,
)
from escrow.fields import KEY_PATTERN, read_text
from escrow.outbox import AnsweredRequest, canonical
from ledger.wire import ask, ask_ahead

log = structlog.get_logger()

T = TypeVar("T")
PROBLEM = "application/problem+json"
BASE = "/api/v1"


def database() -> Database:
    """The running application's database, as the application role (应用库)."""
    found: Database = current_app.extensions["database"]
    return found


def settings() -> Settings:
    """The running application's settings (运行参数)."""
    found: Settings = current_app.extensions["settings"]
    return found


def tried(subject: object, step: str, unit: Callable[[Session], T]) -> T:
    """A step in one transaction; refused, it leaves its row in the trail all the same (未准亦留痕)."""
    try:
        return database().transact(unit)
    except Refused as refused:
        with database().begin() as session:
            codes = [refusal.code for refusal in refused.refusals]
            said = [refusal.message for refusal in refused.refusals]
            audit.record(session, step, subject, result="refused", codes=codes, reasons=said)
        raise


class Blueprint(SmorestBlueprint):
    """A room's API doors; bodies are read by the strict parser (房间的接口)."""

    ARGUMENTS_PARSER = StrictParser()

    def arguments(self, schema: Any, **told: Any) -> Any:
        """What a door reads (报文); its schema is made once, not at every request."""
        return super().arguments(schema() if isinstance(schema, type) else schema, **told)


def api_blueprint(room: str, description: str) -> Blueprint:
    """The blueprint of one room's doors under the base path (房间接口蓝图)."""
    return Blueprint(f"{room}_api", room, url_prefix=BASE, description=description)


@contextmanager
def only_a_bell() -> Iterator[None]:
    """Whatever becomes of a message rung here, the next beat finds the same rows (消息只是铃).

    A broker that is away, or came back without its tables, has many ways to say so.
    """
    try:
        yield
    except Exception as error:
        log.warning("bell_not_heard", error=type(error).__name__)


# --- who calls ---


def scope(*scopes: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let in only callers whose token carries one of these scopes; `g.caller` tells who (接口授权)."""

    def guard(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            kind, _, token = request.headers.get("Authorization", "").partition(" ")
            caller = caller_of(database(), token) if kind.lower() == "bearer" and token else None
            if caller is None:
                raise Unauthorized
            within_rate("client", caller.client_id)
            if not set(scopes) & caller.scopes:
                raise _out_of_scope(caller, scopes)
            g.caller = caller
            return view(*args, **kwargs)

        guarded.guard = scopes  # type: ignore[attr-defined]  # read by the house test
        apidoc = dict(getattr(view, "_apidoc", {}))
        manual = {**apidoc.get("manual_doc", {}), "security": [{"oauth": [name]} for name in scopes]}
        guarded._apidoc = {**apidoc, "manual_doc": manual}  # type: ignore[attr-defined]
        return guarded

    return guard


def _out_of_scope(caller: Caller, scopes: tuple[str, ...]) -> Forbidden:
    """A good token at a door it does not open leaves one row (越权调用)."""
    g.caller = caller
    with database().begin() as session:
        audit.record(session, "access.denied", request.endpoint or request.path, result="refused")
    return Forbidden(f"令牌缺少所需的授权范围：{'、'.join(scopes)}")


def caller() -> Caller:
    """Who is calling this door (调用方)."""
    found: Caller = g.caller
    return found


def calling_bank() -> str:
    """The bank behind a call (来电银行); a client of no bank finds nothing. Raises NotFound."""
    bank_code = caller().bank_code
    if bank_code is None:
        raise NotFound
    return bank_code


# --- asked before? ---


def fingerprint(facts: Any) -> bytes:
    """A keyed digest of the facts: it may cover names and numbers of people, so a plain hash will not do."""
    return hmac.digest(settings().index_key, canonical(facts), "sha256")


# Handed to the driver as they stand: every door that moves money passes here.
_CLAIM = """
INSERT INTO answered_request (key, fingerprint) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING key
"""
_KEEP = "UPDATE answered_request SET answer = %s WHERE key = %s RETURNING key"


def answered(
    session: Session, key: str, facts: Any, make: Callable[[], dict[str, Any]], *, kept: bool = False,
    beside: Sequence[Asked] = (),
) -> tuple[str, int]:  # fmt: skip
    """The first answer to a key, made now (201) or given again (200); one transaction with what it did.

    A replay answers before any rule is asked. `kept`: what is made keeps its answer with its own last write.
    `beside`: what making it is sure to ask first. Raises KeyReused when the facts differ.
    """
    print_ = fingerprint(facts)
    if beside:
        ask_ahead(session, (_CLAIM, (key, print_)), *beside)
    if not ask(session, _CLAIM, (key, print_)):
        earlier = session.execute(
            select(AnsweredRequest.fingerprint, AnsweredRequest.answer).where(AnsweredRequest.key == key)
        ).one()
        if not hmac.compare_digest(earlier.fingerprint, print_):
            raise KeyReused
        return str(earlier.answer), 200
    answer = json.dumps(make(), ensure_ascii=False)
    if not kept:
        ask(session, _KEEP, (answer, key))
    return answer, 201


def idempotency_key() -> str | None:
    """The caller's own key where a message has no natural one (Idempotency-Key)."""
    return request.headers.get("Idempotency-Key")


def known_number(text: str) -> str:
    """A number from the address; one that cannot exist is not found (地址中的业务号)."""
    try:
        return read_text(text, 64, KEY_PATTERN)
    except ValueError:
        raise NotFound from None


def new_number(name: str, text: str) -> str:
    """A number from the address that is to be taken (地址中新的业务号). Raises Invalid naming the field."""
    try:
        return read_text(text, 64, KEY_PATTERN)
    except ValueError as fault:
        raise Invalid({name: str(fault)}) from None


# --- answering ---


def answer(body: str | dict[str, Any], status: int = 200) -> Response:
    """A JSON answer, given as it was stored (应答)."""
    content = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return Response(content, status, mimetype="application/json")


class FieldProblem(Schema):
    """A field and what is wrong with it (字段错误)."""

    field = fields.String(required=True, metadata={"example": "payments[0].amount"})
    message = fields.String(required=True)


class CitedRefusal(Schema):
    """A reason and the article it stands on (理由与依据)."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    citation = fields.String(required=True)


class Problem(Schema):
    """An RFC 9457 problem body (问题详情)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldProblem))
    refusals = fields.List(fields.Nested(CitedRefusal))


def problem(error: EscrowError, headers: dict[str, str] | None = None) -> Response:
    """An RFC 9457 problem body (问题详情)."""
    body: dict[str, Any] = {
        "type": f"urn:escrow:problem:{error.code}",
        "title": error.label,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if isinstance(error, Refused):
        body["refusals"] = [
            {"code": found.code, "message": found.message, "citation": found.citation}
            for found in error.refusals
        ]
    if isinstance(error, Invalid):
        body["errors"] = [{"field": name, "message": message} for name, message in error.errors.items()]
    response = Response(json.dumps(body, ensure_ascii=False), error.status, mimetype=PROBLEM)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="escrow"'
    response.headers.extend(headers or {})
    return with_patience(response)


def with_patience(response: Response) -> Response:
    """Too many, or busy: both say when to ask again, to machines and to people (何时再试)."""
    if response.status_code in (429, 503):
        response.headers.setdefault("Retry-After", "1")
    return response
