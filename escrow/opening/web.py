"""Pages of openings: upload, the report of faults, approval, history (期初导入页面)."""

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
from wtforms import Form

from escrow.access import audit
from escrow.access.guards import SESSION_KEY, officer
from escrow.doors import database, known_number, only_a_bell, settings
from escrow.errors import Invalid, NotFound, Refused
from escrow.fields import ReadField, read_day, read_text
from escrow.forms import DigestField, posted, posted_reason
from escrow.listing import index_page
from escrow.opening.actions import Faulty, Opening, approve, reject, sheet_of, upload
from escrow.opening.lists import opening, openings
from escrow.opening.reading import COLUMNS, read_amount, read_sheet
from escrow.opening.rules import STATUS_LABELS, OpeningStatus
from escrow.sheets import XLSX, workbook_of
from escrow.supervision.reading import living_account

pages = Blueprint("opening", __name__)

LARGEST = 16 * 1024 * 1024
_TONES = {
    OpeningStatus.ENTERED: "warning", OpeningStatus.APPROVED: "primary", OpeningStatus.BOOKED: "success",
    OpeningStatus.REJECTED: "secondary",
}  # fmt: skip


class OpeningForm(Form):
    """The bank's certificate, and what it certifies (余额证明)."""

    as_of = ReadField("余额日期", read_day)
    bank_balance = ReadField("银行存款余额（元）", read_amount)
    unmatched = ReadField("其中待认领款（元）", read_amount)
    certificate_no = ReadField("银行余额证明文号", lambda said: read_text(said, 64))
    file_hash = DigestField("银行余额证明文件")


@pages.url_value_preprocessor
def _make_room(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """A file of thousands of homes is larger than a form, for somebody who is signed in (大文件)."""
    if endpoint == "opening.create" and SESSION_KEY in session:
        request.max_content_length = LARGEST


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {"opening_shown": {one: (STATUS_LABELS[one], _TONES[one]) for one in OpeningStatus}}


@pages.get("/openings")
@officer("read")
def index() -> ResponseReturnValue:
    """期初导入清单；按账号或项目编号打开一个账户。"""
    return index_page(
        "opening/index.html", lambda number: url_for("opening.account", number=number),
        lambda transaction, before, limit: openings(transaction, before=before, limit=limit),
        lambda row: int(row.AccountOpening.id),
    )  # fmt: skip


@pages.get("/openings/template.csv")
@officer("read")
def template() -> ResponseReturnValue:
    """空白导入文件：只有表头，Excel 可直接打开。"""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(COLUMNS)
    headers = {"Content-Disposition": "attachment; filename=opening.csv"}
    return Response("\ufeff" + text.getvalue(), mimetype="text/csv", headers=headers)


@pages.get("/openings/template.xlsx")
@officer("read")
def template_workbook() -> ResponseReturnValue:
    """空白导入工作簿：表头与文本格式的空格，另一张写明各列怎样填。"""
    headers = {"Content-Disposition": "attachment; filename=opening.xlsx"}
    return Response(workbook_of(COLUMNS), mimetype=XLSX, headers=headers)


@pages.get("/openings/accounts/<number>")
@officer("read")
def account(number: str) -> ResponseReturnValue:
    """一个监管账户的期初导入：文件各列说明、上传、历次导入。"""
    with database().read() as transaction:
        place = _found(transaction, known_number(number))
        made = openings(transaction, account_id=place.SupervisedAccount.id)
    return render_template(
        "opening/account.html", place=place, account=place.SupervisedAccount, rows=made, form=OpeningForm(),
        columns=COLUMNS,
    )  # fmt: skip


@pages.post("/openings/accounts/<number>")
@officer("enter-opening", page="opening.account")
def create(number: str) -> ResponseReturnValue:
    """上传期初文件与银行余额证明；有错误的逐行列出，什么也不留下。"""
    form, told, who = posted(OpeningForm), settings(), g.officer.id
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Invalid({"file": "请选择导入文件。"})
    with database().read() as transaction:
        account_no = _found(transaction, known_number(number)).SupervisedAccount.account_no
    asked = Opening(account_no=account_no, content=sent.read(), **form.data)
    try:
        opening_no = database().transact(lambda s: upload(s, asked, told, officer_id=who))
    except Faulty as faulty:
        _note(account_no, [f"{len(faulty.faults)} faults"])
        raise
    flash("文件已接收，逐行核对无误，须由另一人员批准后入账。", "success")
    return redirect(url_for("opening.show", opening_no=opening_no), 303)


@pages.get("/openings/<opening_no>")
@officer("read")
def show(opening_no: str) -> ResponseReturnValue:
    """一件期初导入：合计、证明、谁在何时办理、所据规定；入账中每两秒自动刷新。"""
    with database().read() as transaction:
        row = opening(transaction, known_number(opening_no))
    if row is None:
        raise NotFound("没有这件期初导入")
    answer = make_response(render_template("opening/show.html", row=row, one=row.AccountOpening))
    if row.AccountOpening.status is OpeningStatus.APPROVED:
        answer.headers["Refresh"] = "2"
    return answer


@pages.post("/openings/<opening_no>/approve")
@officer("approve-opening", fresh=True, page="opening.show")
def approve_opening(opening_no: str) -> ResponseReturnValue:
    """批准入账：加锁后整个文件重新核对，一次入账，或什么也不做；合同多的在后台入账并显示进度。"""
    number, told, who = known_number(opening_no), settings(), g.officer.id
    with database().read() as transaction:
        content = sheet_of(transaction, number, told)
    sheet = read_sheet(content)
    try:
        status = database().transact(lambda one: approve(one, number, sheet, told, officer_id=who))
    except Faulty as faulty:
        _note(number, [f"{len(faulty.faults)} faults"])
        raise
    except Refused as refused:
        _note(number, [one.code for one in refused.refusals])
        raise
    if status is OpeningStatus.APPROVED:
        with only_a_bell():
            current_app.extensions["celery"].send_task("escrow.tasks.book_openings", expires=60, retry=False)
    flash("期初已入账。" if status is OpeningStatus.BOOKED else "已批准，正在后台入账。", "success")
    return redirect(url_for("opening.show", opening_no=number), 303)


@pages.post("/openings/<opening_no>/reject")
@officer("approve-opening", page="opening.show")
def reject_opening(opening_no: str) -> ResponseReturnValue:
    """退回期初导入，说明理由；可另行上传。"""
    number, who, reason = known_number(opening_no), g.officer.id, posted_reason()
    database().transact(lambda transaction: reject(transaction, number, officer_id=who, reason=reason))
    flash("期初导入已退回。", "success")
    return redirect(url_for("opening.show", opening_no=number), 303)


def _found(transaction: Any, number: str) -> Any:
    found = living_account(transaction, number)
    if found is None:
        raise NotFound("没有这个监管账户")
    return found


def _note(subject: str, codes: list[str]) -> None:
    """What was refused leaves its row in the trail (未准亦留痕)."""
    with database().begin() as transaction:
        audit.record(transaction, "opening.refused", subject, result="refused", codes=codes)
