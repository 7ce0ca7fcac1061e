"""Pages of what waits: the front page's counts, and the list behind each (待办页面)."""

import re
from typing import Any

from flask import Blueprint, g, render_template, request, url_for

from escrow.access.guards import may, officer
from escrow.doors import database
from escrow.errors import NotFound
from escrow.oversight.waiting import Waiting, counted, listed
from escrow.oversight.waiting_kinds import KINDS

waiting_blueprint = Blueprint("waiting", __name__)

_PAGE = 50


@waiting_blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {"waiting_work": _mine}


@waiting_blueprint.get("/waiting/<name>")
@officer("own-account")
def index(name: str) -> str:
    """一种待办的清单，久的在前：谁在何时录入、期限、在哪一页办理。"""
    said, kind = request.args.get("after", ""), KINDS.get(name)
    if kind is None:
        raise NotFound("没有这一种待办")
    after = int(said) if re.fullmatch(r"[0-9]{1,18}", said, re.ASCII) else 0
    rows = []
    if may(kind.permission):
        with database().read() as session:
            rows = listed(session, name, g.officer.id, after=after, limit=_PAGE + 1)
    following = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    return render_template(
        "oversight/waiting.html", rows=rows[:_PAGE], kind=kind, name=name, following=following,
        first=not after, start=url_for("waiting.index", name=name),
    )  # fmt: skip


def _mine() -> list[Waiting]:
    """Asked by the front page (我的待办)."""
    with database().read() as session:
        return counted(session, [name for name, kind in KINDS.items() if may(kind.permission)], g.officer.id)
