"""create_app: the only file that knows every room (应用装配)."""

import uuid
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
import structlog
from flask import Flask, Response, g, make_response, render_template, request
from flask_smorest import Api
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from config.database import Database
from config.logs import configure_logs
from config.settings import Settings
from escrow.addresses import CONVERTERS
from escrow.commands import register_commands
from escrow.doors import problem, with_patience
from escrow.errors import Busy, EscrowError, Forbidden, Malformed, NotFound, TooMany, Unauthorized
from escrow.forms import shown_again
from escrow.tasks import create_celery
from ledger.errors import LedgerError

# Each room's doors, in the order money passes them (房间).
ROOMS = (
    "access",
    "workdays",
    "projects",
    "supervision",
    "contracts",
    "deposits",
    "filing",
    "opening",
    "instructions",
    "statements",
    "withdrawals",
    "refunds",
    "claims",
    "changes",
    "registration",
    "release",
    "maintenance",
    "fund_income",
    "fund_statements",
    "advances",
    "fund_orders",
    "houses",
    "fund_opening",
    "fund_use",
    "oversight",
    "deliveries",
    "night",
)
BODY_LIMIT = 1024 * 1024
# SQLSTATE beginnings that mean "not now, ask again" (可重试的数据库错误).
TRY_AGAIN = ("08", "53", "57", "55P03", "25P03", "40001", "40P01")
MACHINE_PATHS = ("/api/", "/oauth/", "/healthz", "/readyz", "/metrics", "/.well-known/")

log = structlog.get_logger()


class House(Flask):
    """Flask that does not ask, thirteen times a request, whether a function is a coroutine (应用)."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """None is."""
        return func


def create_app(settings: Settings | None = None) -> Flask:
    """The whole house as one Flask application (应用)."""
    settings = settings or Settings.from_environment()
    configure_logs()
    app = House("escrow", root_path=str(Path(__file__).parent))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=BODY_LIMIT,
        MAX_FORM_MEMORY_SIZE=BODY_LIMIT,
        TESTING=settings.testing,
        API_TITLE="商品房预售资金监管接口",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
    )
    app.extensions["settings"] = settings
    app.extensions["database"] = Database(settings)
    app.extensions["celery"] = create_celery(app, settings)
    app.url_map.converters.update(CONVERTERS)
    _register_rooms(app)
    _register_errors(app)
    register_commands(app)
    return app


def _register_rooms(app: Flask) -> None:
    """A room's web module offers `api` (doors), `pages` (officers' pages), `prepare` (anything else)."""
    api = Api(app)
    app.extensions["api"] = api
    for name in ROOMS:
        room = import_module(f"escrow.{name}.web")
        if hasattr(room, "api"):
            api.register_blueprint(room.api)
        if hasattr(room, "pages"):
            app.register_blueprint(room.pages)
        if hasattr(room, "prepare"):
            room.prepare(app)


def _register_errors(app: Flask) -> None:
    app.register_error_handler(EscrowError, _say)
    app.register_error_handler(LedgerError, _say_ledger)
    app.register_error_handler(DBAPIError, _say_database)
    app.register_error_handler(psycopg.OperationalError, lambda _: _say(Busy()))
    app.register_error_handler(PoolTimeout, lambda _: _say(Busy()))
    app.register_error_handler(HTTPException, _say_http)
    app.register_error_handler(Exception, _say_fault)


def _say(error: EscrowError, headers: dict[str, str] | None = None) -> Response:
    """A problem body for a machine, a page for a person."""
    if request.path.startswith(MACHINE_PATHS):
        return problem(error, headers)
    page = shown_again(error) or render_template(
        "problem.html",
        error=error,
        refusals=getattr(error, "refusals", []),
        fields=getattr(error, "errors", {}),
    )
    response = make_response(page, error.status)
    response.headers.extend(headers or {})
    return with_patience(response)


def _say_ledger(error: LedgerError) -> Response:
    said = EscrowError(error.label)
    said.code, said.label, said.status = error.code, error.label, 409
    return _say(said)


def _say_database(error: DBAPIError) -> Response:
    state = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or not state or state.startswith(TRY_AGAIN):
        log.warning("database_busy", state=state)
        return _say(Busy())
    return _say_fault(error)


HTTP_ERRORS: dict[int, EscrowError] = {
    400: Malformed(), 401: Unauthorized(), 403: Forbidden(), 404: NotFound(), 429: TooMany(), 503: Busy(),
}  # fmt: skip


HTTP_LABELS = {405: "此地址不受理这种请求方法", 414: "地址过长", 415: "不受理这种格式"}


def _say_http(error: HTTPException) -> Response:
    """Werkzeug's own errors in our words; 405 keeps its Allow, 413 names the body."""
    code = error.code or 500
    if code >= 500 and code != 503:
        return _say_fault(error)
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    if code == 413:
        most = (request.max_content_length or BODY_LIMIT) // 1024**2
        return _say(Malformed(f"body：请求体超过 {most} MB"))
    if code in HTTP_ERRORS:
        return _say(HTTP_ERRORS[code], headers)
    said = EscrowError(f"{HTTP_LABELS.get(code, '请求不能受理')}，请核对地址、方法与格式")
    said.code, said.label = error.name.lower().replace(" ", "-"), HTTP_LABELS.get(code, "请求不能受理")
    said.status = code
    return _say(said, headers)


def _say_fault(error: Exception) -> Response:
    """Our own fault: logged with a number the officer can quote; nothing of it is shown."""
    number = uuid.uuid4().hex[:12]
    log.error("fault", number=number, path=request.path, error=type(error).__name__, exc_info=error)
    g.fault = number
    said = EscrowError(f"系统内部错误，未作任何更改。请将编号 {number} 告知系统管理员")
    said.code, said.label, said.status = "internal-error", "系统内部错误", 500
    return _say(said)
