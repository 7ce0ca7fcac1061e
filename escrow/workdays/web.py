"""Pages of the calendar: the years, one as a calendar, entering and deciding (工作日历页面)."""

import re
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow.access.guards import officer
from escrow.doors import database, settings, tried
from escrow.errors import Invalid, NotFound
from escrow.fields import ReadField, read_text
from escrow.forms import DigestField, posted, posted_reason
from escrow.workdays.actions import Notice, confirm, enter, reject
from escrow.workdays.files import read_file
from escrow.workdays.files import template as blank
from escrow.workdays.lists import missing_years, months, year_row, years
from escrow.workdays.rules import YEAR_LABELS, Year, YearStatus, decider_refusals, read_days

pages = Blueprint("workdays", __name__)

_PAGE = 50
_TONES = {
    YearStatus.ENTERED: "warning", YearStatus.IN_FORCE: "success", YearStatus.SUPERSEDED: "secondary",
    YearStatus.REJECTED: "secondary",
}  # fmt: skip


class PaperForm(Form):
    """The notice itself, its days in a file (放假通知)."""

    notice_no = ReadField("通知文号", lambda said: read_text(said, 64))
    file_hash = DigestField("通知文件")


class NoticeForm(PaperForm):
    """What an officer reads off a year's notice (放假通知)."""

    year = ReadField("年份", lambda said: int(read_text(said, 4, "20[0-9]{2}")))
    holidays = ReadField("放假的日子", read_days)
    working_weekends = ReadField("调休上班的周末", read_days, optional=True)



@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "year_shown": {one: (YEAR_LABELS[one], _TONES[one]) for one in YearStatus},
        "missing_working_years": _missing,
    }


@pages.get("/working-days")
@officer("read")
def index() -> ResponseReturnValue:
    """历年放假安排；录入新的一年。"""
    said = request.args.get("before", "")
    before = int(said) if re.fullmatch(r"[0-9]{1,9}", said, re.ASCII) else None
    with database().read() as session:
        rows = years(session, before=before, limit=_PAGE + 1)
    following = rows[_PAGE - 1].WorkingYear.id if len(rows) > _PAGE else None
    return render_template(
        "workdays/index.html", rows=rows[:_PAGE], following=following, first=before is None,
        form=NoticeForm(), paper=PaperForm(), next_year=bureau_day().year + 1,
    )  # fmt: skip


@pages.post("/working-days")
@officer("enter-working-year", page="workdays.index")
def create() -> ResponseReturnValue:
    """录入一年的放假安排。"""
    said = posted(NoticeForm).data
    days = Year(said["holidays"], said["working_weekends"] or frozenset())
    return _entered(Notice(said["year"], said["notice_no"], said["file_hash"], days))


@pages.post("/working-days/file")
@officer("enter-working-year", page="workdays.index")
def create_from_file() -> ResponseReturnValue:
    """由文件录入一年的放假安排；有差错的逐行指出，什么也不留下。"""
    said, sent = posted(PaperForm).data, request.files.get("days")
    if sent is None or not sent.filename:
        raise Invalid({"days": "请选择填好的文件。"})
    try:
        year, days = read_file(sent.read())
    except ValueError as fault:
        raise Invalid({"days": str(fault)}) from None
    try:
        return _entered(Notice(year, said["notice_no"], said["file_hash"], days))
    except Invalid as found:
        raise Invalid({"days": "；".join(found.errors.values())}) from None


@pages.get("/working-days/<int:year>.csv")
@officer("read")
def template(year: int) -> ResponseReturnValue:
    """一年的空白文件：日期固定的节日已填好，Excel 可直接打开。"""
    if not 2000 <= year <= 2099:
        raise NotFound("没有这一年的文件")
    headers = {"Content-Disposition": f"attachment; filename=working-days-{year}.csv"}
    return Response("\ufeff" + blank(year), mimetype="text/csv", headers=headers)


def _entered(notice: Notice) -> ResponseReturnValue:
    who = g.officer.id
    row_id = database().transact(lambda session: enter(session, notice, _law(), officer_id=who))
    flash("放假安排已录入，请对照月历核对，并由另一人员确认。", "success")
    return redirect(url_for("workdays.show", row_id=row_id), 303)


@pages.get("/working-days/<int:row_id>")
@officer("read")
def show(row_id: int) -> ResponseReturnValue:
    """一年的放假安排，以月历列出；谁在何时依哪份通知录入、确认。"""
    with database().read() as session:
        row = year_row(session, row_id)
        if row is None:
            raise NotFound("没有这份放假安排")
        one = row.WorkingYear
        days = Year(frozenset(one.holidays), frozenset(one.working_weekends))
    faults = decider_refusals(one.status, one.entered_by, g.officer.id, _law())
    return render_template(
        "workdays/show.html", row=row, one=one, months=months(one.year, days), faults=faults,
    )  # fmt: skip


@pages.post("/working-days/<int:row_id>/confirm")
@officer("approve-working-year", fresh=True, page="workdays.show")
def confirm_year(row_id: int) -> ResponseReturnValue:
    """确认一年的放假安排；即时用于新的期限。"""
    who = g.officer.id
    tried(row_id, "working-year.confirmed", lambda s: confirm(s, row_id, _law(), officer_id=who))
    flash("已确认，即时用于新的期限；已经算出的期限不变。", "success")
    return redirect(url_for("workdays.show", row_id=row_id), 303)


@pages.post("/working-days/<int:row_id>/reject")
@officer("approve-working-year", page="workdays.show")
def reject_year(row_id: int) -> ResponseReturnValue:
    """退回一年的放假安排，说明理由。"""
    who, reason = g.officer.id, posted_reason()
    tried(
        row_id, "working-year.rejected",
        lambda session: reject(session, row_id, _law(), officer_id=who, reason=reason),
    )  # fmt: skip
    flash("放假安排已退回。", "success")
    return redirect(url_for("workdays.show", row_id=row_id), 303)


def _missing() -> list[int]:
    """Asked by the front page (应录未录的年份)."""
    with database().read() as session:
        return missing_years(session, settings().region)


def _law() -> Law:
    return law_on(bureau_day(), "presale_funds", settings().region)
