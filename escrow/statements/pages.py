"""Officers' pages of bank statements: upload with its progress, the list, one statement (对账单页面)."""

import re
from contextlib import closing, suppress
from typing import Any

from flask import (
    Blueprint,
    abort,
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
from sqlalchemy import Row
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access.guards import SESSION_KEY, officer
from escrow.doors import database, known_number, only_a_bell, settings
from escrow.errors import EscrowError, Invalid, NotFound
from escrow.fields import ACCOUNT_NO_PATTERN
from escrow.listing import asked_key
from escrow.statements.api import MATCHED_AT_ONCE
from escrow.statements.closing import close as close_account_day
from escrow.statements.closing import facts_of
from escrow.statements.day_rules import day_refusals
from escrow.statements.files import LARGEST, Sender, arriving, keep
from escrow.statements.lists import (
    CHANGE_LABELS,
    by_file,
    by_number,
    changes,
    day_report,
    difference_says,
    differing,
    file,
    lines,
    statements,
    total_of,
    unread_files,
    versions,
)
from escrow.statements.matching import match_at_once
from escrow.statements.reading import read
from escrow.statements.rules import (
    DIRECTION_LABELS,
    FILE_LABELS,
    HOW_LABELS,
    KIND_LABELS,
    STATUS_LABELS,
    FileStatus,
    StatementStatus,
)
from escrow.statements.standing import standing

pages = Blueprint("statements", __name__)

_PAGE, _LINES = 50, 200
_UNDER_WAY = (StatementStatus.RECEIVED, StatementStatus.MATCHING)
# What is read while the officer waits; a larger file is read in the background.
_AT_ONCE = 2 * 1024 * 1024
_TONES = {
    StatementStatus.RECEIVED: "secondary", StatementStatus.MATCHING: "primary",
    StatementStatus.MATCHED: "success", StatementStatus.DIFFERENCES: "danger",
    FileStatus.STORED: "secondary", FileStatus.READING: "primary", FileStatus.ACCEPTED: "success",
    FileStatus.REFUSED: "danger",
}  # fmt: skip


@pages.url_value_preprocessor
def _make_room(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """A statement may be larger than a form, for somebody who is signed in (大文件)."""
    if endpoint == "statements.upload" and SESSION_KEY in session:
        request.max_content_length = LARGEST


@pages.app_context_processor
def _words() -> dict[str, Any]:
    labels: dict[Any, str] = {**STATUS_LABELS, **FILE_LABELS}
    return {
        "statement_shown": {one.value: (label, _TONES[one]) for one, label in labels.items()},
        "directions_shown": {one.value: label for one, label in DIRECTION_LABELS.items()},
        "change_shown": CHANGE_LABELS, "difference_says": difference_says,
        "kind_shown": {one.value: label for one, label in KIND_LABELS.items()},
        "how_shown": {one.value: label for one, label in HOW_LABELS.items()},
    }  # fmt: skip


@pages.get("/statements")
@officer("read")
def index() -> ResponseReturnValue:
    """对账单清单，新的在前，可只看一个账户；先列未接收的文件；可上传。"""
    before, asked = asked_key(), request.args.get("account_no", "").strip()
    account_no = asked if re.fullmatch(ACCOUNT_NO_PATTERN, asked, re.ASCII) else None
    with database().read() as transaction:
        rows = statements(transaction, before=before, account_no=account_no, limit=_PAGE + 1)
        unread = unread_files(transaction) if before is None and account_no is None else []
    following = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    return render_template(
        "statements/index.html", rows=rows[:_PAGE], following=following, first=before is None, unread=unread,
        asked=asked,
    )  # fmt: skip


@pages.post("/statements")
@officer("reconcile", page="statements.index")
def upload() -> ResponseReturnValue:
    """上传一份对账单；先留存，小的当即读取，大的在后台读取并显示进度。"""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Invalid({"file": "请选择对账单文件（camt.053 XML 或 CSV）。"})
    with closing(sent), arriving(sent.stream) as arrived, database().begin() as transaction:
        kept = keep(transaction, arrived, Sender(officer_id=g.officer.id), settings())
    if kept.status is FileStatus.ACCEPTED:
        flash("这份文件已收过，未作任何更改。", "info")
    elif arrived.size <= _AT_ONCE:
        with suppress(EscrowError):  # Why it is refused stands on the file's own page.
            read(database(), settings(), kept.id)
            _match(kept.id)
    else:
        _ring()
    return redirect(url_for("statements.show_file", file_id=kept.id), 303)


@pages.get("/statements/accounts")
@officer("read")
def accounts() -> ResponseReturnValue:
    """各账户对账情况：缺哪天的对账单、几件差异、结到哪一天；要办的在前。"""
    with database().read() as transaction:
        found = standing(transaction)
    return render_template("statements/accounts.html", found=found)


@pages.get("/statements/files/<int:file_id>")
@officer("read")
def show_file(file_id: int) -> ResponseReturnValue:
    """一份文件读取、勾对的进度与结果；未完时每两秒自动刷新。"""
    with database().read() as transaction:
        row = file(transaction, file_id)
    if row is None:
        raise NotFound("没有这份文件")
    answer = make_response(render_template("statements/file.html", row=row))
    if row.status in (FileStatus.STORED, FileStatus.READING) or row.stands in _UNDER_WAY:
        answer.headers["Refresh"] = "2"
    return answer


@pages.get("/statements/<statement_no>")
@officer("read")
def show(statement_no: str) -> ResponseReturnValue:
    """一份对账单：抬头、版本与差别、逐笔。"""
    said = request.args.get("after", "0")
    after = int(said) if re.fullmatch(r"[0-9]{1,9}", said, re.ASCII) else abort(404)
    with database().read() as transaction:
        row = by_number(transaction, known_number(statement_no))
        if row is None:
            raise NotFound("没有这份对账单")
        found = {
            "lines": lines(transaction, row.id, after=after, limit=_LINES + 1),
            "versions": versions(transaction, row), "changes": changes(transaction, row),
            "differences": differing(transaction, row.id), **_day(transaction, row),
        }  # fmt: skip
    found["total"] = total_of(found["differences"])
    following = found["lines"][_LINES - 1].line_no if len(found["lines"]) > _LINES else None
    found["lines"] = found["lines"][:_LINES]
    return render_template("statements/show.html", row=row, following=following, first=not after, **found)


@pages.post("/statements/<statement_no>/closing")
@officer("approve-reconciliation", page="statements.show")
def close_day(statement_no: str) -> ResponseReturnValue:
    """日结：对账单相符、账实一致，签署并发出当日的根。"""
    with database().read() as transaction:
        row = by_number(transaction, known_number(statement_no))
    if row is None:
        raise NotFound("没有这份对账单")
    close_account_day(database(), row.account_id, row.business_date, officer_id=g.officer.id)
    flash(f"{row.business_date} 已日结。", "success")
    return redirect(url_for("statements.show", statement_no=statement_no), 303)


def _day(transaction: Session, row: Row[Any]) -> dict[str, Any]:
    """The report of a closed day, or why it may not be closed now (日结现状)."""
    if row.version < row.newest:
        return {"report": None, "waits": [], "day": None}
    report = day_report(transaction, row.account_id, row.business_date)
    facts, _ = facts_of(transaction, row.account_id, row.business_date)
    law = law_on(bureau_day(), "presale_funds", row.region)
    return {
        "report": report, "waits": [] if report else day_refusals(facts, law), "day": facts,
        "day_citation": law["day_close_identity"].citation,
    }  # fmt: skip


def _match(file_id: int) -> None:
    with database().read() as transaction:
        row = by_file(transaction, file_id)
    if row is not None and row.lines <= MATCHED_AT_ONCE:
        match_at_once(database(), settings(), row.account_id)


def _ring() -> None:
    """Wake the background; the beat finds the file in any case."""
    with only_a_bell():
        celery = current_app.extensions["celery"]
        celery.send_task("escrow.tasks.read_statements", expires=60, retry=False)
