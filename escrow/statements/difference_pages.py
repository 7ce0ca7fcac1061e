"""Pages of differences: the worklist, one difference with its facts and its closing (差异页面)."""

import re
from functools import partial
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from wtforms import Form, SelectField
from wtforms.fields import SelectChoice

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access.guards import officer
from escrow.doors import database, settings, tried
from escrow.errors import NotFound
from escrow.fields import ReadField, read_text
from escrow.forms import posted, posted_reason
from escrow.statements.difference_rules import CAUSE_LABELS, REMEDY_LABELS, Remedy
from escrow.statements.explaining import Explanation, close, explain, give_back, take
from escrow.statements.lists import difference_says
from escrow.statements.matching import match_at_once
from escrow.statements.rules import Cause
from escrow.workdays.actions import calendar
from escrow.workdays.rules import Calendar

differences_blueprint = Blueprint("differences", __name__)

_PAGE = 50
_COLUMNS = """
SELECT d.*, s.statement_no, s.business_date, a.account_no, a.book_id, p.name AS project_name, p.region,
       l.name_masked, l.account_masked, l.memo, l.value_date, l.booked_at,
       coalesce(l.bank_serial, r.bank_serial, v.bank_serial, x.bank_serial) AS bank_serial,
       NULL AS receipt_no, w.full_name AS worker, q.full_name AS asker, c.full_name AS decider
  FROM statement_difference d JOIN statement s ON s.id = d.statement_id
  JOIN supervised_account a ON a.id = d.account_id JOIN project p ON p.id = a.project_id
  LEFT JOIN statement_line l ON l.statement_id = d.statement_id AND l.line_no = d.line_no
  LEFT JOIN receipt r ON r.entry_id = d.entry_id
  LEFT JOIN receipt_reversal v ON v.entry_id = d.entry_id
  LEFT JOIN instruction_result x ON x.entry_id = d.entry_id
  LEFT JOIN officer w ON w.id = d.worker_id LEFT JOIN officer q ON q.id = d.asked_by
  LEFT JOIN officer c ON c.id = d.decided_by
"""
_LIST = text(f"""{_COLUMNS}
 WHERE d.id < :before AND (:all OR d.status = 'open') ORDER BY d.id DESC LIMIT :limit
""")
_ONE = text(f"{_COLUMNS} WHERE d.id = :id")
_ENTRIES = text("""
SELECT e.id, e.memo, e.effective_on, e.booked_at, bank_effect(e.id) AS effect
  FROM difference_entry x JOIN ledger.journal_entry e ON e.id = x.entry_id
 WHERE x.difference_id = :id ORDER BY e.id
""")
# New entries of the account nobody has matched yet: what may explain it.
_CANDIDATES = text("""
SELECT m.entry_id AS id, m.direction, m.amount, m.effective_on, m.booked_at
  FROM free_movements(:account_id) m WHERE m.booked_at > :opened_at ORDER BY m.entry_id DESC LIMIT 20
""")

_STEPS = ("difference.taken", "difference.entered", "difference.returned", "difference.closed")
_KEYS = ("difference_two_officers", "difference_needs_entries", "difference_days", "break_stops_payment")


def read_entries(said: str) -> tuple[int, ...]:
    """Entry numbers, apart by commas or blanks (凭证号)."""
    found = re.split(r"[,，、\s]+", said.strip())
    if not all(re.fullmatch(r"[0-9]{1,18}", one, re.ASCII) for one in found) or len(found) > 20:
        raise ValueError("凭证号须为数字，以逗号分隔，至多 20 个。")
    return tuple(dict.fromkeys(int(one) for one in found))


class ExplanationForm(Form):
    """What an officer found out (查明结果)."""

    cause = SelectField("成因", choices=[SelectChoice(one.value, label) for one, label in CAUSE_LABELS.items()])
    remedy = SelectField(
        "了结办法", choices=[SelectChoice(one.value, label) for one, label in REMEDY_LABELS.items()]
    )
    entries = ReadField("凭证号", read_entries, optional=True)
    note = ReadField("查明情况", lambda said: read_text(said, 200))


@differences_blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "cause_shown": {one.value: label for one, label in CAUSE_LABELS.items()},
        "remedy_shown": {one.value: label for one, label in REMEDY_LABELS.items()},
    }


@differences_blueprint.get("/differences")
@officer("read")
def index() -> ResponseReturnValue:
    """对账差异清单：种类、成因、已历天数、经办人；默认只列未了的。"""
    said, everything = request.args.get("before", ""), request.args.get("all") == "1"
    before = int(said) if re.fullmatch(r"[0-9]{1,9}", said, re.ASCII) else 2**31 - 1
    with database().read() as session:
        rows = list(session.execute(_LIST, {"before": before, "limit": _PAGE + 1, "all": everything}))
        known = calendar(session, since=0)
    following = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    return render_template(
        "statements/differences.html", rows=rows[:_PAGE], following=following, first=not said,
        everything=everything, age=partial(_age, known),
    )  # fmt: skip


@differences_blueprint.get("/differences/<int:difference_id>")
@officer("read")
def show(difference_id: int) -> ResponseReturnValue:
    """一件差异：银行与账簿各说什么、谁在查、如何了结。"""
    with database().read() as session:
        row = session.execute(_ONE, {"id": difference_id}).one_or_none()
        if row is None:
            raise NotFound("没有这件差异")
        entries = list(session.execute(_ENTRIES, {"id": row.id}))
        told = {"account_id": row.account_id, "opened_at": row.opened_at}
        candidates = list(session.execute(_CANDIDATES, told)) if row.status == "open" else []
        known = calendar(session, since=0)
    return render_template(
        "statements/difference.html", row=row, form=ExplanationForm(), entries=entries,
        candidates=candidates, says=difference_says(row), age=_age(known, row), steps=_STEPS,
        citations=_citations(row.region),
    )  # fmt: skip


@differences_blueprint.post("/differences/<int:difference_id>/worker")
@officer("reconcile", page="differences.show")
def take_it(difference_id: int) -> ResponseReturnValue:
    """认领一件差异。"""
    who = g.officer.id
    tried(difference_id, "difference.taken", lambda session: take(session, difference_id, officer_id=who))
    return _done(difference_id, "已由您经办。")


@differences_blueprint.post("/differences/<int:difference_id>/explanation")
@officer("reconcile", page="differences.show")
def enter(difference_id: int) -> ResponseReturnValue:
    """录入成因与解释它的凭证。"""
    form = posted(ExplanationForm)
    remedy = Remedy(form.remedy.data)
    entries = (form.entries.data or ()) if remedy is Remedy.ENTRIES else ()
    said = Explanation(Cause(form.cause.data), str(form.note.data), remedy, entries)
    who = g.officer.id
    tried(
        difference_id, "difference.entered",
        lambda session: explain(session, difference_id, said, officer_id=who),
    )  # fmt: skip
    return _done(difference_id, "查明结果已录入，须另一人员了结。")


@differences_blueprint.post("/differences/<int:difference_id>/closing")
@officer("approve-reconciliation", fresh=True, page="differences.show")
def confirm(difference_id: int) -> ResponseReturnValue:
    """另一人员了结；须记更正凭证的，同时记账。"""
    who = g.officer.id
    tried(difference_id, "difference.closed", lambda session: close(session, difference_id, officer_id=who))
    with database().read() as session:
        account_id = session.execute(_ONE, {"id": difference_id}).one().account_id
    match_at_once(database(), settings(), account_id)
    return _done(difference_id, "差异已了结。")


@differences_blueprint.post("/differences/<int:difference_id>/return")
@officer("approve-reconciliation", page="differences.show")
def send_back(difference_id: int) -> ResponseReturnValue:
    """退回查明结果，说明理由。"""
    reason = posted_reason()
    database().transact(lambda session: give_back(session, difference_id, reason, officer_id=g.officer.id))
    return _done(difference_id, "已退回。")


def _age(known: Calendar, row: Any) -> tuple[int, bool]:
    """How many days it has been open, and whether the law's working days are over (已历天数、是否逾期)."""
    opened = bureau_day(row.opened_at)
    ended = bureau_day(row.closed_at) if row.closed_at else bureau_day()
    days = law_on(bureau_day(), "presale_funds", row.region)["difference_days"].value
    return (ended - opened).days, known.overdue(opened, days, ended)


def _citations(region: str) -> list[str]:
    law = law_on(bureau_day(), "presale_funds", region)
    return list(dict.fromkeys(law[key].citation for key in _KEYS))


def _done(difference_id: int, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("differences.show", difference_id=difference_id), 303)
