"""Pages of unmatched money: the worklist, one receipt with what may be done with it (待认领页面)."""

import re
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access.guards import officer
from escrow.claims.actions import ask_return, claim, confirm, reject, settle
from escrow.claims.forms import (
    EvidenceForm,
    ReturnForm,
    SettleForm,
    asked_of,
    settle_form,
    share_forms,
)
from escrow.claims.lists import history, matched, open_receipts, receipt, receivables, suggestions
from escrow.claims.returning import UNPAID, issue_return
from escrow.claims.rules import KIND_LABELS, STATUS_LABELS, Age, ClaimStatus, age_of
from escrow.doors import database, known_number, settings, tried
from escrow.errors import NotFound
from escrow.forms import checked, filled_in, posted, posted_reason
from escrow.instructions.rules import STATUS_LABELS as ORDER_LABELS
from escrow.instructions.rules import InstructionStatus
from escrow.workdays.actions import calendar
from escrow.workdays.rules import Calendar

pages = Blueprint("claims", __name__)

_PAGE = 50
_TONES = {
    ClaimStatus.ENTERED: "warning", ClaimStatus.CONFIRMED: "success", ClaimStatus.REJECTED: "secondary",
}  # fmt: skip


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "receipt_claim_kind_shown": {kind.value: label for kind, label in KIND_LABELS.items()},
        "receipt_claim_status_shown": {one.value: (STATUS_LABELS[one], _TONES[one]) for one in ClaimStatus},
    }


@pages.get("/unmatched")
@officer("read")
def index() -> ResponseReturnValue:
    """待认领清单：最久的在前，各附期限与最可能归入的通知书。"""
    asked = request.args.get("after", "")
    after = int(asked) if re.fullmatch(r"[0-9]{1,18}", asked, re.ASCII) else 0
    with database().read() as session:
        rows = open_receipts(session, after=after, limit=_PAGE + 1)
        known = calendar(session, since=0)
    following = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    return render_template(
        "claims/index.html", rows=[(row, _age(known, row)) for row in rows[:_PAGE]], following=following,
        first=after == 0,
    )  # fmt: skip


@pages.get("/unmatched/<receipt_no>")
@officer("read")
def show(receipt_no: str) -> ResponseReturnValue:
    """一笔入账：尚待认领多少、已归何处、建议归入何处、谁在何时依据什么办理。"""
    with database().read() as session:
        row = receipt(session, known_number(receipt_no))
        if row is None:
            raise NotFound("没有这笔入账")
        done = history(session, row.id)
        hints = suggestions(session, row, settings()) if row.remainder else []
        taken, known = matched(session, row.id), calendar(session, since=0)
        owed = receivables(session, row.account_id) if row.remainder else []
    return render_template(
        "claims/show.html", row=row, age=_age(known, row), history=done, hints=hints, matched=taken,
        waiting=next((one for one in done if one.status == ClaimStatus.ENTERED), None),
        may_issue=[one.id for one in done if _is_unordered(one)], form=EvidenceForm(),
        rows=share_forms(), back=ReturnForm(prefix="return-"), order_labels=ORDER_LABELS,
        owed=owed, correction=settle_form(owed),
    )  # fmt: skip


@pages.post("/unmatched/<receipt_no>/claims")
@officer("claim-receipt", page="claims.show")
def enter(receipt_no: str) -> ResponseReturnValue:
    """录入认领：整笔或分拆给几份通知书，附依据；待另一人员确认。"""
    number, form, rows = known_number(receipt_no), EvidenceForm(filled_in()), share_forms(filled_in())
    checked(form, *rows)
    asked, who, told = asked_of(number, form, rows), g.officer.id, settings()
    tried(number, "claim.entered", lambda session: claim(session, asked, told, officer_id=who))
    return _done(number, "认领已录入，待另一人员确认；确认之前不计入缴款。")


@pages.post("/unmatched/<receipt_no>/returns")
@officer("claim-receipt", page="claims.show")
def enter_return(receipt_no: str) -> ResponseReturnValue:
    """录入退回付款人，附依据；待另一人员确认。"""
    number = known_number(receipt_no)
    asked, who, told = posted(ReturnForm, prefix="return-").asked(number), g.officer.id, settings()
    tried(number, "claim.entered", lambda session: ask_return(session, asked, told, officer_id=who))
    return _done(number, "退回已录入，待另一人员确认。")


@pages.post("/unmatched/<receipt_no>/corrections")
@officer("claim-receipt", page="claims.show")
def enter_correction(receipt_no: str) -> ResponseReturnValue:
    """录入冲抵应收银行更正款，附依据；待另一人员确认。"""
    number = known_number(receipt_no)
    asked, who, told = posted(SettleForm, prefix="settle-").asked(number), g.officer.id, settings()
    tried(number, "claim.entered", lambda session: settle(session, asked, told, officer_id=who))
    return _done(number, "冲抵已录入，待另一人员确认。")


@pages.post("/unmatched/<receipt_no>/claims/<int:claim_id>/confirm")
@officer("confirm-claim", fresh=True, page="claims.show")
def confirm_claim(receipt_no: str, claim_id: int) -> ResponseReturnValue:
    """确认：认领的款归入合同，退回的款转应退付款人。"""
    number, who, told = _known(receipt_no, claim_id), g.officer.id, settings()
    kind = tried(number, "claim.confirmed", lambda session: confirm(session, claim_id, told, officer_id=who))
    return _done(number, f"{KIND_LABELS[kind]}已确认。")


@pages.post("/unmatched/<receipt_no>/claims/<int:claim_id>/reject")
@officer("confirm-claim", page="claims.show")
def reject_claim(receipt_no: str, claim_id: int) -> ResponseReturnValue:
    """退回认领，说明理由；款项仍待认领。"""
    number, who, reason = _known(receipt_no, claim_id), g.officer.id, posted_reason()
    tried(number, "claim.rejected", lambda session: reject(session, claim_id, reason, officer_id=who))
    return _done(number, "已退回，款项仍待认领。")


@pages.post("/unmatched/<receipt_no>/claims/<int:claim_id>/issue")
@officer("issue-instruction", fresh=True, page="claims.show")
def issue(receipt_no: str, claim_id: int) -> ResponseReturnValue:
    """签发退回付款人的指令；银行未付或退汇的可再签。"""
    number, who, told = _known(receipt_no, claim_id), g.officer.id, settings()
    made = tried(
        number, "claim.return-issued", lambda session: issue_return(session, claim_id, told, officer_id=who)
    )
    return _done(number, f"已签发退回指令 {made}。")


def _age(known: Calendar, row: Any) -> Age:
    today = bureau_day()
    return age_of(bureau_day(row.booked_at), today, known, law_on(today, "presale_funds", row.region))


def _is_unordered(one: Any) -> bool:
    open_ = [order for order in one.orders if InstructionStatus(order["status"]) not in UNPAID]
    return bool(one.kind == "return" and one.status == ClaimStatus.CONFIRMED and not open_)


def _known(receipt_no: str, claim_id: int) -> str:
    """The receipt's number, where the claim is one of it. Raises NotFound."""
    number = known_number(receipt_no)
    with database().read() as session:
        row = receipt(session, number)
        if row is None or claim_id not in [one.id for one in history(session, row.id)]:
            raise NotFound("没有这件认领")
    return number


def _done(receipt_no: str, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("claims.show", receipt_no=receipt_no), 303)
