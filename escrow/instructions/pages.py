"""Officers' pages of orders to the bank: the list, one order with its paper and answers (付款指令页面)."""

import re
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from escrow.access.guards import officer
from escrow.doors import database, known_number, settings
from escrow.errors import NotFound
from escrow.fields import problem_in_text
from escrow.forms import posted_reason
from escrow.instructions.actions import ask_cancel, cancel
from escrow.instructions.lists import Wanted, instructions, stopped_accounts
from escrow.instructions.models import Instruction, InstructionResult
from escrow.instructions.papers import notice
from escrow.instructions.rules import ORIGINAL_BANK, PAPERS, STATUS_LABELS, InstructionStatus, Outcome
from escrow.supervision.suspensions import ask_reopen, causes, reopen

pages = Blueprint("instructions", __name__)

_PAGE, _LONGEST = 50, 100
TONES = {
    InstructionStatus.ISSUED: "warning", InstructionStatus.PAID: "success",
    InstructionStatus.FAILED: "danger", InstructionStatus.UNKNOWN: "danger",
    InstructionStatus.RETURNED: "danger",
    InstructionStatus.CANCELLED: "secondary",
}  # fmt: skip
OUTCOMES = {Outcome.PAID: "已付", Outcome.FAILED: "未付", Outcome.UNKNOWN: "不明", Outcome.RETURNED: "退汇"}
VERDICTS = {
    "moves": "已采信", "early": "先于付款报来，待付款结果到后一并入账",
    "nothing": "重复或迟到，未作更改", "conflict": "与指令不符，未采信，已停户",
}  # fmt: skip
_ONE = text("""
SELECT i.*, a.account_no, a.account_name, a.bank_code, a.status AS account_status, p.name AS project_name,
       p.project_no, o.full_name AS issuer, q.full_name AS cancel_asker, c.full_name AS canceller
  FROM instruction i JOIN supervised_account a ON a.id = i.account_id
  JOIN project p ON p.id = a.project_id JOIN officer o ON o.id = i.issued_by
  LEFT JOIN officer q ON q.id = i.cancel_asked_by LEFT JOIN officer c ON c.id = i.cancelled_by
 WHERE i.instruction_no = :number
""")



@pages.app_context_processor
def _words() -> dict[str, Any]:
    shown = {status: (label, TONES[status]) for status, label in STATUS_LABELS.items()}
    return {
        "instruction_shown": shown, "paper_names": PAPERS, "outcome_shown": OUTCOMES,
        "verdict_shown": VERDICTS, "original_bank": ORIGINAL_BANK,
    }  # fmt: skip


@pages.get("/instructions")
@officer("read")
def index() -> ResponseReturnValue:
    """付款指令清单，新的在前，按指令号、账号、收款人、状态查找；先列已暂停的账户与缘由。"""
    asked, said = request.args, request.args.get("before", "")
    status, find = asked.get("status", ""), asked.get("find", "").strip()
    wanted = Wanted(
        find if find and not problem_in_text(find) and len(find) <= _LONGEST else "",
        status if status in ("open", *InstructionStatus) else "",
        int(said) if re.fullmatch(r"[0-9]{1,9}", said, re.ASCII) else None,
    )
    with database().read() as session:
        rows, following = instructions(session, wanted, settings(), limit=_PAGE)
        stopped = stopped_accounts(session, wanted.find)
    kept: dict[str, Any] = {"find": wanted.find or None, "status": wanted.status or None}
    return render_template(
        "instructions/index.html", rows=rows, stopped=stopped, wanted=wanted,
        following=url_for("instructions.index", **kept, before=following) if following else None,
        start=url_for("instructions.index", **kept),
    )  # fmt: skip


@pages.get("/instructions/<number>")
@officer("read")
def show(number: str) -> ResponseReturnValue:
    """一件指令：通知书（可打印）、银行历次答复、撤销。"""
    with database().read() as session:
        row, results = _found(session, known_number(number))
        why = causes(session, row.account_id)
    return render_template("instructions/show.html", row=row, results=results, causes=why)


@pages.post("/instructions/<number>/paper")
@officer("issue-instruction", fresh=True, page="instructions.show")
def paper(number: str) -> ResponseReturnValue:
    """通知书 PDF，载收款人全文；每次打印均留痕。"""
    found = known_number(number)
    with database().begin() as session:
        content = notice(session, found, settings())
    named = {"Content-Disposition": f'attachment; filename="{found}.pdf"'}
    return Response(content, mimetype="application/pdf", headers=named)


@pages.post("/instructions/<number>/cancellation")
@officer("issue-instruction", page="instructions.show")
def enter_cancel(number: str) -> ResponseReturnValue:
    """录入撤销未答的指令。"""
    reason = posted_reason()
    database().transact(lambda s: ask_cancel(s, known_number(number), reason, officer_id=g.officer.id))
    return _done(number, "撤销已录入，须另一人员确认。")


@pages.post("/instructions/<number>/cancellation/confirmation")
@officer("approve-payment", fresh=True, page="instructions.show")
def confirm_cancel(number: str) -> ResponseReturnValue:
    """另一人员确认撤销，款项退回原处。"""
    database().transact(lambda s: cancel(s, known_number(number), officer_id=g.officer.id))
    return _done(number, "指令已撤销，款项退回原处。")


@pages.post("/accounts/<account_no>/reopening")
@officer("issue-instruction", page="instructions.index")
def enter_reopen(account_no: str) -> ResponseReturnValue:
    """录入恢复账户的理由。"""
    reason = posted_reason()
    database().transact(lambda s: ask_reopen(s, known_number(account_no), reason, officer_id=g.officer.id))
    flash("恢复已录入，须另一人员确认。", "success")
    return redirect(url_for("instructions.index"), 303)


@pages.post("/accounts/<account_no>/reopening/confirmation")
@officer("approve-payment", fresh=True, page="instructions.index")
def confirm_reopen(account_no: str) -> ResponseReturnValue:
    """另一人员确认恢复账户。"""
    database().transact(lambda s: reopen(s, known_number(account_no), officer_id=g.officer.id))
    flash("账户已恢复。", "success")
    return redirect(url_for("instructions.index"), 303)


def _found(session: Session, number: str) -> tuple[Any, list[Any]]:
    row = session.execute(_ONE, {"number": number}).one_or_none()
    if row is None:
        raise NotFound("没有这件指令")
    query = select(InstructionResult).join(Instruction, Instruction.id == InstructionResult.instruction_id)
    answers = query.where(Instruction.instruction_no == number).order_by(InstructionResult.id)
    return row, list(session.scalars(answers))



def _done(number: str, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("instructions.show", number=number), 303)
