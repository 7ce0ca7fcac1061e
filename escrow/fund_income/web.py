"""Pages of the fund's income: slips, closing of months, sharing to houses (维修资金收益页面)."""

import re
from datetime import date
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import Form, SelectField
from wtforms.fields.choices import SelectChoice

from escrow.access.guards import officer
from escrow.doors import database, known_number
from escrow.errors import NotFound
from escrow.fields import KEY_PATTERN, ReadField, read_day, read_money, read_text
from escrow.forms import DigestField, posted, posted_reason
from escrow.fund_income import lists
from escrow.fund_income.actions import Slip, book, enter, reject
from escrow.fund_income.periods import close_month, closed_months
from escrow.fund_income.rules import (
    BASIS_LABELS,
    KIND_LABELS,
    RUN_LABELS,
    STATUS_LABELS,
    Basis,
    IncomeKind,
    IncomeStatus,
    RunStatus,
)
from escrow.fund_income.sharing import Proposal, approve, propose
from escrow.fund_income.sharing import reject as reject_run
from escrow.maintenance import chart
from escrow.maintenance.chart import Nature
from ledger.money import ZERO

pages = Blueprint("fund_income", __name__)

_PAGE = 50
_FUND = "/fund-income/<int:fund_id>"
_SLIP = f"{_FUND}/slips/<int:slip_id>"
NATURES = {Nature.COMMODITY: "商品住宅", Nature.PUBLIC: "已售公有住房"}
_TONES = {
    IncomeStatus.ENTERED: "warning", IncomeStatus.BOOKED: "success", IncomeStatus.REJECTED: "secondary",
    RunStatus.PROPOSED: "warning", RunStatus.COMPUTED: "warning", RunStatus.APPROVED: "primary",
    RunStatus.DONE: "success", RunStatus.REJECTED: "secondary",
}  # fmt: skip


def _choices(labels: dict[Any, str]) -> list[SelectChoice]:
    return [SelectChoice(one.value, label) for one, label in labels.items()]


def read_month(said: str) -> date:
    """A month as 2026-03 (月份)."""
    return date.fromisoformat(f"{read_text(said, 7, '20[0-9]{2}-(0[1-9]|1[0-2])')}-01")


class SlipForm(Form):
    """What an officer reads off the bank's paper (银行单据)."""

    kind = SelectField("种类", choices=_choices(KIND_LABELS))
    nature = SelectField("性质", choices=_choices(NATURES))
    community = SelectField("小区", choices=list[SelectChoice](), default="")
    amount = ReadField("金额（元）", read_money)
    interest = ReadField("其中国债利息（元）", read_money, optional=True)
    bank_serial = ReadField("银行流水号", lambda said: read_text(said, 64, KEY_PATTERN))
    value_date = ReadField("起息日", read_day)
    paper_no = ReadField("单据编号", lambda said: read_text(said, 64))
    file_hash = DigestField("单据文件")


class RunForm(Form):
    """Of which income, for which days, by what measure (分配方案)."""

    nature = SelectField("性质", choices=_choices(NATURES))
    community = SelectField("范围", choices=list[SelectChoice](), default="")
    period_from = ReadField("起日", read_day)
    period_to = ReadField("止日", read_day)
    basis = SelectField("依据", choices=_choices(BASIS_LABELS))


class MonthForm(Form):
    """Which month (月份)."""

    month = ReadField("月份", read_month)


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "income_kinds": {one.value: label for one, label in KIND_LABELS.items()},
        "income_shown": {one.value: (STATUS_LABELS[one], _TONES[one]) for one in IncomeStatus},
        "run_shown": {one.value: (RUN_LABELS[one], _TONES[one]) for one in RunStatus},
        "natures": {one.value: label for one, label in NATURES.items()},
        "bases": {one.value: label for one, label in BASIS_LABELS.items()},
        "fund_headings": chart.HEADINGS,
    }


@pages.get("/fund-income")
@officer("read")
def index() -> ResponseReturnValue:
    """各专户：收益、结转与分配。"""
    with database().read() as session:
        rows = lists.funds(session)
    return render_template("fund_income/index.html", rows=rows)


@pages.get(_FUND)
@officer("read")
def show(fund_id: int) -> ResponseReturnValue:
    """一个专户：尚未分配的收益、银行单据、历次分配、已结转的月份。"""
    said = request.args.get("before", "")
    before = int(said) if re.fullmatch(r"[0-9]{1,9}", said, re.ASCII) else lists.BEYOND
    with database().read() as session:
        fund = next((one for one in lists.funds(session) if one.id == fund_id), None)
        if fund is None:
            raise NotFound("没有这个使用中的维修资金专户")
        rows = lists.slips(session, fund_id, before=before, limit=_PAGE + 1)
        found = {
            "pools": lists.pools(session, fund_id), "runs": lists.runs(session, fund_id),
            "months": closed_months(session, fund_id),
            "slip_form": _with_communities(SlipForm(), session, fund_id),
            "run_form": _with_communities(RunForm(), session, fund_id),
        }  # fmt: skip
    following = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    return render_template(
        "fund_income/show.html", fund=fund, slips=rows[:_PAGE], following=following, first=not said,
        month_form=MonthForm(), **found,
    )  # fmt: skip


@pages.post(f"{_FUND}/slips")
@officer("fund-cashier", page="fund_income.show")
def create(fund_id: int) -> ResponseReturnValue:
    """录入银行单据，待另一人员确认。"""
    said, who = _posted(SlipForm, fund_id), g.officer.id
    slip = Slip(
        fund_id, IncomeKind(said["kind"]), Nature(said["nature"]), said["amount"], said["bank_serial"],
        said["value_date"], said["paper_no"], said["file_hash"], said["interest"] or ZERO,
        int(said["community"]) if said["community"] else None,
    )  # fmt: skip
    database().transact(lambda session: enter(session, slip, officer_id=who))
    return _done(fund_id, "单据已录入，待另一人员确认；确认之前不入账。")


@pages.post(f"{_SLIP}/confirm")
@officer("fund-decide", fresh=True, page="fund_income.show")
def confirm(fund_id: int, slip_id: int) -> ResponseReturnValue:
    """与单据核对无误，入账。"""
    who = g.officer.id
    database().transact(lambda session: book(session, slip_id, officer_id=who, fund_id=fund_id))
    return _done(fund_id, "已入账。")


@pages.post(f"{_SLIP}/reject")
@officer("fund-decide", page="fund_income.show")
def send_back(fund_id: int, slip_id: int) -> ResponseReturnValue:
    """退回单据，说明理由。"""
    who, reason = g.officer.id, posted_reason()
    database().transact(lambda session: reject(session, slip_id, reason, officer_id=who, fund_id=fund_id))
    return _done(fund_id, "单据已退回。")


@pages.post(f"{_FUND}/months")
@officer("fund-decide", fresh=True, page="fund_income.show")
def close(fund_id: int) -> ResponseReturnValue:
    """结转一个月；十二月并结转全年。"""
    month, who = posted(MonthForm).data["month"], g.officer.id
    database().transact(lambda session: close_month(session, fund_id, month, officer_id=who))
    return _done(fund_id, f"{month:%Y 年 %m 月}已结转，结转前后试算平衡表见下。")


@pages.post(f"{_FUND}/runs")
@officer("fund-cashier", page="fund_income.show")
def create_run(fund_id: int) -> ResponseReturnValue:
    """提出一次分配；测算后由另一人员批准。"""
    said, who = _posted(RunForm, fund_id), g.officer.id
    asked = Proposal(
        fund_id, Nature(said["nature"]), said["period_from"], said["period_to"], Basis(said["basis"]),
        int(said["community"]) if said["community"] else None,
    )  # fmt: skip
    run_no = database().transact(lambda session: propose(session, asked, officer_id=who))
    flash("分配已提出，系统正在测算；测算完成后由另一人员批准。", "success")
    return redirect(url_for("fund_income.show_run", run_no=run_no), 303)


@pages.get("/fund-income/runs/<run_no>")
@officer("read")
def show_run(run_no: str) -> ResponseReturnValue:
    """一次分配：进度、逐户应得与凭证。"""
    said = request.args.get("after", "")
    after = int(said) if re.fullmatch(r"[0-9]{1,9}", said, re.ASCII) else 0
    with database().read() as session:
        row = lists.run(session, known_number(run_no))
        if row is None:
            raise NotFound("没有这次分配")
        found = lists.shares(session, run_no, after=after, limit=_PAGE + 1)
    following = found[_PAGE - 1].house_id if len(found) > _PAGE else None
    return render_template(
        "fund_income/run.html", row=row, shares=found[:_PAGE], following=following, first=after == 0
    )


@pages.post("/fund-income/runs/<run_no>/approve")
@officer("fund-decide", fresh=True, page="fund_income.show_run")
def approve_run(run_no: str) -> ResponseReturnValue:
    """批准分配；随后逐批入户。"""
    number, who = known_number(run_no), g.officer.id
    database().transact(lambda session: approve(session, number, officer_id=who))
    flash("已批准，正在逐批分配入户；本页刷新可见进度。", "success")
    return redirect(url_for("fund_income.show_run", run_no=number), 303)


@pages.post("/fund-income/runs/<run_no>/reject")
@officer("fund-decide", page="fund_income.show_run")
def send_back_run(run_no: str) -> ResponseReturnValue:
    """退回分配，说明理由。"""
    number, who, reason = known_number(run_no), g.officer.id, posted_reason()
    database().transact(lambda session: reject_run(session, number, reason, officer_id=who))
    flash("分配已退回，没有任何一户变动。", "success")
    return redirect(url_for("fund_income.show_run", run_no=number), 303)


def _posted(kind: type[Form], fund_id: int) -> dict[str, Any]:
    with database().read() as session:
        known = lists.communities(session, fund_id)

    def made(*args: Any, **told: Any) -> Form:
        form = kind(*args, **told)
        form["community"].choices = [("", "全专户"), *known]
        return form

    return dict(posted(made).data)


def _with_communities(form: Form, session: Session, fund_id: int) -> Form:
    form["community"].choices = [("", "全专户"), *lists.communities(session, fund_id)]
    return form


def _done(fund_id: int, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("fund_income.show", fund_id=fund_id), 303)
