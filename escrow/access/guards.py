"""Who may open a page (页面授权): a living session, the right role, and a fresh second factor where it counts."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import flash, g, redirect, request, session, url_for

from escrow.access import audit
from escrow.access.officers import CODE_SAYS, SignedIn, living_officer, officer_of, refresh_factor, use_code
from escrow.access.rules import PERMISSIONS, allowed
from escrow.access.tries import count_try, forgive
from escrow.doors import database, settings
from escrow.errors import Forbidden

View = Callable[..., Any]
SESSION_KEY = "officer"
CODE_FIELD = "totp"


class NotFresh(Forbidden):
    """An approval without a fresh second factor (需再次验证)."""

    code, label = "factor-not-fresh", "此项操作需要再次输入动态口令，未作任何更改"


def officer(permission: str, *, fresh: bool = False, page: str | None = None) -> Callable[[View], View]:
    """Let in only officers with this permission; `g.officer` tells who (页面授权).

    `fresh=True` is for approvals: a POST also needs a code in the form's `totp` field, unless the officer
    has shown the authenticator within the last ten minutes (template macro `fresh_factor()`). `page` is the
    page the form stands on: refused, it is shown again with everything typed (escrow/forms.py).
    """
    if permission not in PERMISSIONS:
        raise KeyError(permission)

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            found = current_officer()
            if found is None:
                session.pop(SESSION_KEY, None)
                flash("请先登录；较长时间没有操作时会自动退出。", "info")
                return redirect(url_for("access.sign_in", next=_here()), 303)
            if not allowed(found.roles, permission):
                _record_denied(permission)
                raise Forbidden("您的岗位无权办理此项业务")
            if fresh and request.method == "POST" and not found.is_fresh:
                prove_again(found, request.form.get(CODE_FIELD, ""))
            return view(*args, **kwargs)

        guarded.guard = permission  # type: ignore[attr-defined]  # read by the house test
        guarded.page = page  # type: ignore[attr-defined]
        return guarded

    return guard


def current_officer() -> SignedIn | None:
    """Who is signed in on this request, looked up once (当前登录人员)."""
    if "officer" not in g:
        token = session.get(SESSION_KEY)
        g.officer = None
        if isinstance(token, str):
            with database().begin() as transaction:
                g.officer = officer_of(transaction, token)
    found: SignedIn | None = g.officer
    return found


def may(permission: str) -> bool:
    """Whether the officer signed in has this permission: for templates (有无权限)."""
    found = g.get("officer")
    return found is not None and allowed(found.roles, permission)


def prove_again(found: SignedIn, code: str) -> None:
    """Ask for the authenticator once more (再次验证). Raises NotFresh; a wrong code counts as a wrong try."""
    if not code.strip():
        raise NotFresh
    whose = [("officer", found.username)]
    count_try(database(), settings(), whose)
    with database().begin() as transaction:
        employee = living_officer(transaction, found.username)
        said = use_code(transaction, settings(), employee, code) if employee else "wrong"
        result = "done" if said == "good" else "refused"
        audit.record(transaction, "officer.verified", found.username, result=result, code=said)
        if said == "good":
            refresh_factor(transaction, found.session_id)
            forgive(transaction, settings(), whose)
    if said != "good":
        raise NotFresh(CODE_SAYS[said])


def safe_next(target: str | None) -> str:
    """Where to go after signing in: a path of ours, or the front page (登录后去向)."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or "\\" in target or any(ord(letter) < 32 for letter in target):
        return "/"
    return target


def _here() -> str:
    if request.method != "GET":
        return "/"
    return request.full_path.removesuffix("?")


def _record_denied(permission: str) -> None:
    with database().begin() as transaction:
        audit.record(transaction, "access.denied", request.endpoint or "", result="refused", needs=permission)
