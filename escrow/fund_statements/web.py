"""Pages of the statutory statements, and their files (维修资金报表页面)."""

from datetime import date
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from wtforms import Form

from config.clock import bureau_day, now
from config.regulations import law_on
from escrow.access.guards import officer
from escrow.doors import database
from escrow.errors import Invalid, NotFound, Refused
from escrow.fields import ReadField, read_day
from escrow.fund_income.lists import funds
from escrow.fund_statements.facts import statements
from escrow.fund_statements.files import Heading, paper, workbook
from escrow.fund_statements.rules import Statement, period_refusals

pages = Blueprint("fund_statements", __name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class PeriodForm(Form):
    """Which period (报表期间)."""

    start = ReadField("起日", read_day)
    end = ReadField("止日", read_day)


@pages.get("/fund-statements")
@officer("read")
def index() -> ResponseReturnValue:
    """选专户与期间。"""
    with database().read() as session:
        rows = funds(session)
    return render_template("fund_statements/index.html", rows=rows, today=bureau_day())


@pages.get("/fund-statements/<int:fund_id>")
@officer("read")
def show(fund_id: int) -> ResponseReturnValue:
    """一个专户一段期间的三张报表。"""
    heading, found = _made(fund_id)
    return render_template(
        "fund_statements/show.html", heading=heading, statements=found, fund_id=fund_id
    )


@pages.get("/fund-statements/<int:fund_id>/workbook")
@officer("read")
def as_workbook(fund_id: int) -> ResponseReturnValue:
    """三张报表的工作簿。"""
    heading, found = _made(fund_id)
    return _file(workbook(heading, found), XLSX, heading, "xlsx")


@pages.get("/fund-statements/<int:fund_id>/paper")
@officer("read")
def as_paper(fund_id: int) -> ResponseReturnValue:
    """三张报表的 PDF。"""
    heading, found = _made(fund_id)
    return _file(paper(heading, found), "application/pdf", heading, "pdf")


def _made(fund_id: int) -> tuple[Heading, list[Statement]]:
    today = bureau_day()
    form = PeriodForm(_Said(request.args if "start" in request.args else _this_year(today)))
    if not form.validate():
        raise Invalid({one.name: "；".join(map(str, one.errors)) for one in form if one.errors})
    said = form.data
    start, end = said["start"], said["end"]
    with database().read() as session:
        fund = next((one for one in funds(session) if one.id == fund_id), None)
        if fund is None:
            raise NotFound("没有这个使用中的维修资金专户")
        if reasons := period_refusals(start, end, today, law_on(today, "maintenance_fund", fund.region)):
            raise Refused(reasons)
        found = statements(session, fund.book_id, start, end)
    return Heading(fund.account_no, fund.account_name, start, end, now().replace(microsecond=0)), found


class _Said(dict[str, str]):
    """A query as a form reads it (查询参数)."""

    def __init__(self, said: Any) -> None:
        super().__init__({name: said.get(name, "") for name in ("start", "end")})

    def getlist(self, name: str) -> list[str]:
        """One value each."""
        return [self[name]] if self.get(name) else []


def _this_year(today: date) -> dict[str, str]:
    return {"start": today.replace(month=1, day=1).isoformat(), "end": today.isoformat()}


def _file(content: bytes, kind: str, heading: Heading, ending: str) -> Response:
    name = f"fund-statements-{heading.account_no}-{heading.start}-{heading.end}.{ending}"
    return Response(
        content, mimetype=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
