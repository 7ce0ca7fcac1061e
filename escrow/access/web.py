"""The doors of this room: signing in and out, one's own sessions, the audit trail, the roll of officers."""

from __future__ import annotations

import re
import unicodedata

from flask import Blueprint, Flask, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from escrow.access import audit
from escrow.access.audit_words import STEPS
from escrow.access.clients_door import oauth
from escrow.access.furniture import furnish
from escrow.access.guards import (
    CODE_FIELD,
    SESSION_KEY,
    current_officer,
    officer,
    prove_again,
    safe_next,
)
from escrow.access.officers import (
    end_session,
    living_sessions,
    officers,
    retire_officer,
)
from escrow.access.signing_in import Attempt, NotLetIn, let_in
from escrow.access.tries import TooSoon
from escrow.doors import database, settings
from escrow.errors import NotFound

pages = Blueprint("access", __name__)

_PAGE = 50


def prepare(app: Flask) -> None:
    """The token door and the furniture of every page (装配)."""
    app.register_blueprint(oauth)
    furnish(app)


@pages.get("/")
@officer("own-account")
def home() -> ResponseReturnValue:
    """The front page: what this officer may do (首页)."""
    return render_template("access/home.html")


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """Username, password and code in one form (登录)."""
    target = safe_next(request.values.get("next"))
    if request.method == "GET":
        if current_officer():
            return redirect(target, 303)
        return render_template("access/sign_in.html", next=target, username="")
    attempt = Attempt(
        username=unicodedata.normalize("NFKC", request.form.get("username", "")).strip().lower(),
        password=request.form.get("password", ""),
        code=request.form.get(CODE_FIELD, ""),
        address=request.remote_addr or "",
        device=request.headers.get("User-Agent", ""),
    )
    try:
        token = let_in(database(), settings(), attempt)
    except (NotLetIn, TooSoon) as refusal:
        page = render_template(
            "access/sign_in.html", next=target, username=attempt.username, said=refusal.detail
        )
        wait = {"Retry-After": str(refusal.retry_after)} if isinstance(refusal, TooSoon) else {}
        return page, refusal.status, wait
    if earlier := current_officer():
        with database().begin() as transaction:
            end_session(transaction, earlier.id, earlier.session_id)
    session.clear()
    session[SESSION_KEY] = token
    return redirect(target, 303)


@pages.post("/sign-out")
@officer("own-account")
def sign_out() -> ResponseReturnValue:
    """Ended on the server too, so that the old cookie is worth nothing (退出)."""
    with database().begin() as transaction:
        end_session(transaction, g.officer.id, g.officer.session_id)
        audit.record(transaction, "officer.signed-out", g.officer.username)
    session.clear()
    flash("已安全退出。", "success")
    return redirect(url_for("access.sign_in"), 303)


@pages.get("/account")
@officer("own-account")
def account() -> ResponseReturnValue:
    """One's own name, roles and sessions (我的账号)."""
    with database().begin() as transaction:
        sessions = living_sessions(transaction, g.officer.id)
    return render_template("access/account.html", sessions=sessions)


@pages.post("/account/sessions/<bigint:session_id>/end")
@officer("own-account", page="access.account")
def end_own_session(session_id: int) -> ResponseReturnValue:
    """End one of one's own sessions; another officer's is not found (注销会话)."""
    with database().begin() as transaction:
        if not end_session(transaction, g.officer.id, session_id):
            raise NotFound("没有这个会话，或已经注销")
        audit.record(transaction, "officer.session-ended", g.officer.username, session=session_id)
    flash("会话已注销。", "success")
    return redirect(url_for("access.account"), 303)


@pages.get("/verify")
@officer("own-account")
def verify() -> ResponseReturnValue:
    """Show the authenticator again before an approval (再次验证)."""
    return render_template("access/verify.html", next=safe_next(request.values.get("next")))


@pages.post("/verify")
@officer("own-account", page="access.verify")
def verified() -> ResponseReturnValue:
    """The code is good for ten minutes of approvals (验证动态口令)."""
    target = safe_next(request.form.get("next"))
    prove_again(g.officer, request.form.get(CODE_FIELD, ""))
    flash("动态口令验证通过，10 分钟内有效。", "success")
    return redirect(target, 303)


@pages.get("/audit")
@officer("audit")
def audit_trail() -> ResponseReturnValue:
    """The audit trail, newest first, by key (审计)."""
    before = request.args.get("before", "")
    asked = {name: audit.one_line(request.args.get(name, "").strip()) for name in ("actor", "subject")}
    start = int(before) if re.fullmatch(r"[0-9]{1,18}", before, re.ASCII) else None
    with database().read() as reading:
        rows = audit.events(reading, before=start, limit=_PAGE + 1, **asked)
        following = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    return render_template(
        "access/audit.html",
        events=rows[:_PAGE],
        following=following,
        asked=asked,
        first=start is None,
        steps=STEPS,
    )


@pages.get("/officers")
@officer("officers")
def officers_list() -> ResponseReturnValue:
    """The roll of officers (人员)."""
    with database().read() as reading:
        found = officers(reading)
    return render_template("access/officers.html", officers=found)


@pages.get("/officers/<username>/retire")
@officer("officers")
def retire(username: str) -> ResponseReturnValue:
    """Asked once more (停用人员)."""
    return render_template("access/retire.html", username=username)


@pages.post("/officers/<username>/retire")
@officer("officers", fresh=True, page="access.retire")
def retired(username: str) -> ResponseReturnValue:
    """A leaver is out at once, every session with them (确认停用)."""
    with database().begin() as transaction:
        retire_officer(transaction, username)
    flash("已停用，其全部会话即时失效。", "success")
    return redirect(url_for("access.officers_list"), 303)
