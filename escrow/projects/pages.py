"""Officers' pages of projects: the list, one project with its account, receipts and book (项目页面)."""

import re
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from escrow import chart
from escrow.access.guards import officer
from escrow.doors import database, known_number
from escrow.errors import NotFound
from escrow.fields import problem_in_text
from escrow.projects.reading import Asked, Place, project_seen, projects
from escrow.projects.rules import ProjectStatus, Structure
from ledger.journal import entry_no
from ledger.money import yuan_of

pages = Blueprint("projects", __name__)

_PAGE = 50
PROJECT_STATUS_SHOWN = {
    ProjectStatus.PROPOSED: ("待监管", "secondary"),
    ProjectStatus.ACTIVE: ("监管中", "success"),
    ProjectStatus.SUSPENDED: ("已暂停", "warning"),
    ProjectStatus.RELEASED: ("已解除监管", "primary"),
}
ACCOUNT_STATUS_SHOWN = {
    "proposed": ("待受理", "secondary"),
    "active": ("正常", "success"),
    "suspended": ("已暂停", "warning"),
    "releasing": ("解除监管，待划付", "primary"),
    "closed": ("已销户", "secondary"),
}
STRUCTURE_SHOWN = {Structure.MASONRY: "砖混", Structure.FRAME: "框架", Structure.HIGHRISE: "高层"}
CHANNEL_SHOWN = {
    "counter": "柜面", "pos": "POS", "transfer": "转账", "online": "网上",
    "loan": "按揭贷款", "provident_fund": "公积金",
}  # fmt: skip


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "project_status_shown": PROJECT_STATUS_SHOWN,
        "account_status_shown": ACCOUNT_STATUS_SHOWN,
        "structure_shown": STRUCTURE_SHOWN, "channel_shown": CHANNEL_SHOWN, "headings": chart.HEADINGS,
        "movement_label": chart.movement_label, "fen": yuan_of, "entry_no": entry_no,
    }  # fmt: skip


@pages.get("/projects")
@officer("read")
def index() -> ResponseReturnValue:
    """项目清单，新登记的在前。"""
    said = request.args.get("q", "").strip()[:100]
    status = request.args.get("status", "")
    asked = Asked(
        said="" if problem_in_text(said) else said,
        status=status if status in list(ProjectStatus) else "",
        before=_key("before"),
        limit=_PAGE + 1,
    )
    with database().read() as session:
        rows = projects(session, asked)
    following = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    return render_template("projects/index.html", rows=rows[:_PAGE], following=following, asked=asked)


@pages.get("/projects/<project_no>")
@officer("read")
def show(project_no: str) -> ResponseReturnValue:
    """一个项目：监管账户（现账户，或指明的原账户）、楼幢、入账与账簿。"""
    asked = request.args.get("of", "")
    old = known_number(asked) if asked else None
    place = Place(_key("receipts_before"), _key("account"), _key("lines_before"), old)
    with database().read() as session:
        seen = project_seen(session, known_number(project_no), place)
    if seen is None:
        raise NotFound("没有这个项目")
    if old and not seen.row.account_id:
        raise NotFound("这个项目没有这个监管账户")
    names = {chart.building_key(one.id): f"{one.building_no} 幢" for one in seen.buildings}
    return render_template("projects/show.html", seen=seen, place=place, names=names, chart=chart)


def _key(name: str) -> int | None:
    """A key from the address, for paging; nothing where it cannot be one."""
    said = request.args.get(name, "")
    return int(said) if re.fullmatch(r"[0-9]{1,18}", said, re.ASCII) else None
