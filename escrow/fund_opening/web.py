"""Pages of openings of the fund: upload with its progress, faults, approval, report (维修资金期初导入页面)."""

import csv
import io
from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from wtforms import Form, SelectField
from wtforms.fields.choices import SelectChoice

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access.guards import SESSION_KEY, officer
from escrow.doors import database, known_number, only_a_bell, settings
from escrow.errors import Invalid, NotFound
from escrow.fields import ReadField, read_day, read_text
from escrow.forms import DigestField, posted, posted_reason
from escrow.fund_opening import lists
from escrow.fund_opening.actions import LAW, Handed, approve, keep, reject
from escrow.fund_opening.loading import carry_out
from escrow.fund_opening.reading import COLUMNS, read_amount
from escrow.fund_opening.report import workbook
from escrow.fund_opening.rules import STATUS_LABELS, FundOpeningStatus, Stated, decider_refusals
from escrow.listing import PAGE, asked_key
from escrow.maintenance.chart import Nature
from escrow.maintenance.pages import attempt
from escrow.sheets import XLSX, workbook_of

pages = Blueprint("fund_opening", __name__)

LARGEST = 16 * 1024 * 1024
_FAULTS = 200
# What is read or booked while the officer waits; a larger file goes to the background.
_AT_ONCE = 32 * 1024
_HOUSES_AT_ONCE = 200
_TONES = {
    FundOpeningStatus.STORED: "primary", FundOpeningStatus.FAULTY: "danger",
    FundOpeningStatus.ENTERED: "warning", FundOpeningStatus.REJECTED: "secondary",
    FundOpeningStatus.APPROVED: "primary", FundOpeningStatus.BOOKED: "success",
    FundOpeningStatus.FAILED: "danger",
}  # fmt: skip


class FundOpeningForm(Form):
    """The bank's certificate, and what it certifies (余额证明)."""

    fund_id = SelectField("维修资金专户")
    as_of = ReadField("余额日期", read_day)
    bank_commodity = ReadField("银行余额：商品住宅（元）", read_amount)
    bank_public = ReadField("银行余额：已售公有住房（元）", read_amount)
    undistributed_commodity = ReadField("其中待分配累计收益：商品住宅（元）", read_amount)
    undistributed_public = ReadField("其中待分配累计收益：已售公有住房（元）", read_amount)
    certificate_no = ReadField("银行余额证明文号", lambda said: read_text(said, 64))
    file_hash = DigestField("银行余额证明文件")

    def stated(self) -> Stated:
        """What the certificate says (证明所载)."""
        told: dict[str, Any] = self.data
        return Stated(
            told["as_of"],
            {Nature.COMMODITY: told["bank_commodity"], Nature.PUBLIC: told["bank_public"]},
            {Nature.COMMODITY: told["undistributed_commodity"], Nature.PUBLIC: told["undistributed_public"]},
        )  # fmt: skip


def _form(rows: list[Any], data: Any = None) -> FundOpeningForm:
    form = FundOpeningForm(data)
    form.fund_id.choices = [SelectChoice(str(one.id), f"{one.account_name} {one.account_no}") for one in rows]
    return form


@pages.url_value_preprocessor
def _make_room(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """A file of thousands of houses is larger than a form, for somebody who is signed in (大文件)."""
    if endpoint == "fund_opening.create" and SESSION_KEY in session:
        request.max_content_length = LARGEST


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {"fund_opening_shown": {one.value: (STATUS_LABELS[one], _TONES[one]) for one in FundOpeningStatus}}


@pages.get("/fund-openings")
@officer("read")
def index() -> ResponseReturnValue:
    """维修资金期初导入清单，新的在前；上传文件与银行余额证明；列的说明与空白表。"""
    before = asked_key()
    with database().read() as transaction:
        rows = lists.openings(transaction, before=before, limit=PAGE + 1)
        found = lists.funds(transaction)
        again = lists.opening(transaction, request.args.get("again", ""))
    form = _form(found)
    if again is not None:
        form.fund_id.data = str(again.fund_account_id)
        for name in ("as_of", "bank_commodity", "bank_public", "undistributed_commodity",
                     "undistributed_public", "certificate_no", "file_hash"):  # fmt: skip
            form[name].typed = str(getattr(again, name))
    following = rows[PAGE - 1].id if len(rows) > PAGE else None
    return render_template(
        "fund_opening/index.html", rows=rows[:PAGE], following=following, first=before is None, form=form,
        columns=COLUMNS, has_funds=bool(found),
    )  # fmt: skip


@pages.get("/fund-openings/template.xlsx")
@officer("read")
def template_workbook() -> ResponseReturnValue:
    """空白导入表（Excel），附填写说明。"""
    return _file(workbook_of(COLUMNS), XLSX, "fund-opening.xlsx")


@pages.get("/fund-openings/template.csv")
@officer("read")
def template() -> ResponseReturnValue:
    """空白导入表（CSV）：只有表头。"""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(COLUMNS)
    return _file(("\ufeff" + text.getvalue()).encode(), "text/csv", "fund-opening.csv")


@pages.post("/fund-openings")
@officer("fund-enter", page="fund_opening.index")
def create() -> ResponseReturnValue:
    """上传一个文件：先留存，小的当即核对，大的在后台核对并显示进度；有错误的逐行列出，什么也不导入。"""
    with database().read() as transaction:
        found = lists.funds(transaction)
    form, who, told = posted(lambda data: _form(found, data)), g.officer.id, settings()
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Invalid({"file": "请选择导入文件（xlsx 或 CSV）。"})
    content, said = sent.read(), dict[str, Any](form.data)
    asked = Handed(
        int(said["fund_id"]), form.stated(), said["certificate_no"], said["file_hash"], _named(sent.filename),
        content,
    )  # fmt: skip
    opening_id, number = attempt(
        asked.sheet_name, "fund-opening.stored", lambda one: keep(one, asked, told, officer_id=who)
    )
    _go_on(opening_id, at_once=len(content) <= _AT_ONCE)
    return redirect(url_for("fund_opening.show", opening_no=number), 303)


@pages.get("/fund-openings/<opening_no>")
@officer("read")
def show(opening_no: str) -> ResponseReturnValue:
    """一件期初导入：核对与入账的进度、错误逐行、各小区各幢合计、谁在何时依何规定办理。"""
    number, after = known_number(opening_no), asked_key("after") or 0
    with database().read() as transaction:
        row = _found(lists.opening(transaction, number))
        wrong = lists.faults_of(transaction, number, after=after, limit=_FAULTS + 1)
    buildings = lists.by_building(row.summary)
    law = law_on(bureau_day(), LAW, row.region)
    status = FundOpeningStatus(row.status)
    answer = make_response(render_template(
        "fund_opening/show.html", row=row, wrong=wrong[:_FAULTS], first=after == 0, buildings=buildings,
        following=wrong[_FAULTS - 1].at if len(wrong) > _FAULTS else None,
        communities=lists.by_community(buildings), whole=lists.whole(buildings),
        faults=decider_refusals(status, row.entered_by, g.officer.id, law),
    ))  # fmt: skip
    if status in (FundOpeningStatus.STORED, FundOpeningStatus.APPROVED):
        answer.headers["Refresh"] = "2"
    return answer


@pages.get("/fund-openings/<opening_no>/report.xlsx")
@officer("read")
def report(opening_no: str) -> ResponseReturnValue:
    """导入报告：合计、逐小区、逐幢、逐户（业主姓名脱敏），谁办理、文件摘要。"""
    number = known_number(opening_no)
    with database().read() as transaction:
        row = _found(lists.opening(transaction, number))
        houses = lists.houses_of(transaction, number)
    return _file(workbook(row, houses), XLSX, f"{number}.xlsx")


@pages.post("/fund-openings/<opening_no>/approve")
@officer("fund-decide", fresh=True, page="fund_opening.show")
def approve_opening(opening_no: str) -> ResponseReturnValue:
    """批准入账：加锁后整个文件重新核对，一次入账，或什么也不做；户数多的在后台入账并显示进度。"""
    number, who = known_number(opening_no), g.officer.id
    opening_id = attempt(number, "fund-opening.approved", lambda one: approve(one, number, officer_id=who))
    with database().read() as transaction:
        row = _found(lists.opening(transaction, number))
    _go_on(opening_id, at_once=row.houses <= _HOUSES_AT_ONCE)
    return redirect(url_for("fund_opening.show", opening_no=number), 303)


@pages.post("/fund-openings/<opening_no>/reject")
@officer("fund-decide", page="fund_opening.show")
def reject_opening(opening_no: str) -> ResponseReturnValue:
    """退回期初导入，说明理由；改好后可重新上传。"""
    number, who, reason = known_number(opening_no), g.officer.id, posted_reason()
    attempt(number, "fund-opening.rejected", lambda one: reject(one, number, reason, officer_id=who))
    flash("期初导入已退回。", "success")
    return redirect(url_for("fund_opening.show", opening_no=number), 303)


def _go_on(opening_id: int, *, at_once: bool) -> None:
    """A small file now, a larger one in the background; the beat finds it in any case (办理或唤起)."""
    if at_once:
        carry_out(database(), settings(), opening_id)
        return
    with only_a_bell():
        celery = current_app.extensions["celery"]
        celery.send_task("escrow.tasks.load_openings", expires=60, retry=False)


def _named(filename: str) -> str:
    """The file's own name, as far as it can be kept (文件名)."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(one for one in name if one.isprintable())[-100:] or "未命名"


def _found(row: Any) -> Any:
    if row is None:
        raise NotFound("没有这件期初导入")
    return row


def _file(content: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, mimetype=kind, headers=headers)
