"""What stands around every page (页面公共部分): headers, CSRF, rates, the navigation and what templates may say."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, make_response, render_template, request, session
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFError, CSRFProtect

from config.clock import bureau_time
from config.settings import Settings
from escrow.access import audit
from escrow.access.audit_words import STEPS
from escrow.access.guards import CODE_FIELD, SESSION_KEY, may, safe_next
from escrow.access.models import AuditEvent
from escrow.access.rates import prepare_rates
from escrow.access.rules import ROLE_LABELS, SESSION_LIMIT
from escrow.access.tries import TooSoon
from escrow.doors import database
from escrow.errors import Forbidden
from escrow.forms import LARGEST_PAPER, sheet, shown_again

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
# Machines carry a token or nothing; a cookie is of no use at their doors, so neither is a forged form.
WITHOUT_COOKIES = ("/api/", "/oauth/", "/healthz", "/readyz", "/metrics", "/.well-known/", "/static/")

csrf = CSRFProtect()


class StaleForm(Forbidden):
    """A form without this browser's token: forged, or left open too long (表单已失效)."""

    code, label = "stale-form", "页面已失效，未作任何更改；请返回上一页，刷新后重新提交"


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the navigation, shown to those who may follow it (导航项)."""

    label: str
    endpoint: str
    permission: str
    group: str = "商品房预售资金"


FUND, WATCH = "住宅专项维修资金", "监督与系统"
NAVIGATION = (
    Link("项目", "projects.index", "read"),
    Link("合同查询", "contracts.search", "read"),
    Link("监管协议受理", "supervision.index", "read"),
    Link("待认领", "claims.index", "read"),
    Link("工程节点", "nodes.index", "read"),
    Link("冻结、保函、接管", "measures.index", "read"),
    Link("用款", "withdrawals.index", "read"),
    Link("退款", "refunds.index", "read"),
    Link("付款指令", "instructions.index", "read"),
    Link("对账", "statements.index", "read"),
    Link("期初导入", "opening.index", "read"),
    Link("账户变更", "changes.index", "read"),
    Link("首次登记", "registration.index", "read"),
    Link("解除监管", "release.index", "read"),
    Link("维修资金", "maintenance.index", "read", FUND),
    Link("维修资金期初", "fund_opening.index", "read", FUND),
    Link("维修资金使用", "fund_use.index", "read", FUND),
    Link("维修资金收益", "fund_income.index", "read", FUND),
    Link("维修资金报表", "fund_statements.index", "read", FUND),
    Link("未到账清单", "oversight.index", "read", WATCH),
    Link("风险提示", "findings.index", "read", WATCH),
    Link("对外推送", "deliveries.index", "watch-deliveries", WATCH),
    Link("夜班", "night.index", "watch-night", WATCH),
    Link("工作日历", "workdays.index", "read", WATCH),
    Link("审计", "access.audit_trail", "audit", WATCH),
    Link("人员", "access.officers_list", "officers", WATCH),
)


class PageSessions(SecureCookieSessionInterface):
    """Sessions are for pages: at a machine's door a cookie is neither read nor written (会话只在页面)."""

    def open_session(self, app: Flask, request: Request) -> Any:
        """The browser's session, or one that takes nothing."""
        if request.path.startswith(WITHOUT_COOKIES):
            return self.make_null_session(app)
        return super().open_session(app, request)


def furnish(app: Flask) -> None:
    """Put the furniture around every page of the application (装配)."""
    settings: Settings = app.extensions["settings"]
    prefix = "__Host-" if settings.secure_cookies else ""
    app.config.update(
        SESSION_COOKIE_NAME=f"{prefix}session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=SESSION_LIMIT,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.session_interface = PageSessions()
    csrf.init_app(app)
    prepare_rates(app)
    app.before_request(_number_request)
    app.before_request(_check_form)
    app.after_request(_close)
    app.register_error_handler(TooSoon, _wait)
    app.jinja_env.filters.update(yuan=yuan, day=day, instant=instant, step=lambda said: STEPS.get(said, said))
    app.context_processor(_words)


def yuan(amount: Any) -> str:
    """An amount as a clerk reads it: 350,000.00 (金额)."""
    if amount is None:
        return "—"
    whole, _, fraction = str(amount).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}.{fraction or '00'}"


def day(value: date | None) -> str:
    """A bureau day (日期)."""
    return value.strftime("%Y-%m-%d") if value else "—"


def instant(value: datetime | None) -> str:
    """An instant on the bureau's clock (时刻)."""
    return bureau_time(value).strftime("%Y-%m-%d %H:%M:%S") if value else "—"


def _number_request() -> None:
    g.request_id = uuid.uuid4().hex[:16]


def _check_form() -> None:
    if request.path.startswith(WITHOUT_COOKIES) or request.method in ("GET", "HEAD", "OPTIONS"):
        return
    if request.mimetype == "multipart/form-data" and SESSION_KEY in session:
        request.max_content_length = max(request.max_content_length or 0, LARGEST_PAPER)
    try:
        csrf.protect()
    except CSRFError:
        raise StaleForm from None


def _close(response: Response) -> Response:
    said = {name.lower() for name, _ in response.headers}
    stamps = HEADERS | {"X-Request-Id": g.get("request_id", "")}
    if request.endpoint != "static":
        stamps["Cache-Control"] = "no-store"
    if current_app.config["SESSION_COOKIE_SECURE"]:
        stamps["Strict-Transport-Security"] = "max-age=31536000"
    # In one go: set one by one, each looks through all that are there already.
    response.headers.extend((name, value) for name, value in stamps.items() if name.lower() not in said)
    return response


def _wait(error: TooSoon) -> Response:
    page = render_template("problem.html", error=error, refusals=[], fields={})
    response = shown_again(error) or make_response(page, error.status)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _words() -> dict[str, Any]:
    views = current_app.view_functions
    links = [link for link in NAVIGATION if link.endpoint in views and may(link.permission)]
    return {
        "may": may,
        "navigation": links,
        "officer": g.get("officer"),
        "role_labels": ROLE_LABELS,
        "code_field": CODE_FIELD,
        "back": _back(),
        "sheet": sheet(),
        "trail": _trail,
    }


def _trail(subject: str) -> list[AuditEvent]:
    """What was done about one subject, oldest first (办理经过)."""
    with database().read() as reading:
        return audit.events(reading, subject=subject, limit=100)[::-1]


def _back() -> str:
    """The page of ours this request came from, or the front page (来处)."""
    came = urlsplit(request.referrer or "")
    return safe_next(came._replace(scheme="", netloc="").geturl()) if came.netloc == request.host else "/"
