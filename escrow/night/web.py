"""Pages of the night shift: what ran, what is due, what is warned of (夜班页面). Nothing is changed here."""

import re
from datetime import timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for

from config.clock import bureau_day, now
from escrow.access.guards import officer
from escrow.doors import database
from escrow.night import lists
from escrow.night.rules import ALARM_LABELS, AlarmKind
from escrow.tasks import SHIFT

pages = Blueprint("night", __name__)
_PAGE = 50
# So long without any task, and nothing is done by itself any more.
_SILENCE = timedelta(minutes=2)
_LABELS = {f"escrow.tasks.{ring.task}": ring.label for ring in SHIFT.values()}
_LABELS["escrow.tasks.bring_to"] = "推送给一个订阅方"


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {"alarm_shown": ALARM_LABELS, "task_shown": _LABELS, "standing_alarms": _standing}


@pages.get("/night")
@officer("watch-night")
def index() -> str:
    """定时任务：跑了什么、何时、结果如何、还有什么待办；未解除的报警。"""
    with database().read() as session:
        duties = lists.duties(session, bureau_day())
    return render_template("night/index.html", duties=duties, today=bureau_day())


@pages.get("/night/runs")
@officer("watch-night")
def runs() -> str:
    """运行记录：办了事的和出了错的。"""
    name, before = request.args.get("task", ""), _before()
    with database().read() as session:
        rows = lists.runs(session, name, before=before, limit=_PAGE + 1)
    following = url_for("night.runs", task=name, before=rows[_PAGE - 1].id) if len(rows) > _PAGE else None
    return render_template(
        "night/runs.html", rows=rows[:_PAGE], following=following, first=before is None, name=name,
        shift=SHIFT,
    )  # fmt: skip


@pages.get("/night/alarms")
@officer("read")
def alarms() -> str:
    """报警清单：到期而没有办的；可看已解除的。"""
    said, before, over = request.args.get("kind", ""), _before(), request.args.get("over") == "1"
    kind = AlarmKind(said) if said in set(AlarmKind) else None
    with database().read() as session:
        rows = lists.alarms(session, kind, over=over, before=before, limit=_PAGE + 1)
    last = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    asked: dict[str, Any] = {"kind": kind, "over": "1" if over else None}
    return render_template(
        "night/alarms.html", rows=rows[:_PAGE], first=before is None, kind=kind, over=over,
        following=url_for("night.alarms", before=last, **asked) if last else None,
    )  # fmt: skip


def _before() -> int | None:
    said = request.args.get("before", "")
    return int(said) if re.fullmatch(r"[0-9]{1,18}", said, re.ASCII) else None


def _standing() -> dict[str, Any]:
    """Asked by the front page: alarms by kind, and whether anything runs at all (首页报警)."""
    with database().read() as session:
        last = lists.last_sign(session)
        return {
            "counts": lists.alarm_counts(session), "last": last,
            "is_silent": last is None or now() - last > _SILENCE,
        }  # fmt: skip
