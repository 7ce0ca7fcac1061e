"""Pages of cancelled contracts' deposits: what waits, one contract, one decision (注销合同首期交存页面)."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from escrow.access.guards import officer
from escrow.doors import database, known_number, settings
from escrow.errors import NotFound
from escrow.forms import checked, filled_in, posted_reason
from escrow.fund_orders import ended_lists
from escrow.fund_orders.ended import issue_back
from escrow.fund_orders.ended_facts import Ended, ended_of
from escrow.fund_orders.ended_forms import form_of
from escrow.fund_orders.ended_rules import (
    BEARER_LABELS,
    KIND_LABELS,
    STATUS_LABELS,
    EndKind,
    EndStatus,
    reason,
)
from escrow.fund_orders.ending import confirm, enter, reject
from escrow.maintenance.pages import PAGE, attempt, key, next_key

pages = Blueprint("fund_ended", __name__)

_ONE = "/fund/ended/<int:ended_id>"
_TONES = {
    EndStatus.ENTERED: "warning", EndStatus.STAYS: "success", EndStatus.RETURN_DUE: "primary",
    EndStatus.RETURNED: "success", EndStatus.REJECTED: "secondary",
}  # fmt: skip


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "ended_kinds": {one.value: label for one, label in KIND_LABELS.items()},
        "ended_bearers": {one.value: label for one, label in BEARER_LABELS.items()},
        "ended_shown": {one.value: (STATUS_LABELS[one], _TONES[one]) for one in EndStatus},
    }


@pages.get("/fund/cancelled")
@officer("read")
def index() -> ResponseReturnValue:
    """合同已注销、首期交存尚未处置完的，久的在前：缴了多少、购房人归还多少、已决定多少。"""
    after = key("after") or 0
    with database().read() as session:
        rows = ended_lists.waiting(session, after=after, limit=PAGE + 1)
    return render_template(
        "fund_orders/ended_index.html", rows=rows[:PAGE], following=next_key(rows), first=after == 0
    )


@pages.get("/fund/cancelled/<contract_no>")
@officer("read")
def contract(contract_no: str) -> ResponseReturnValue:
    """一份合同：谁缴了多少、购房人归还多少，依规定各退给谁、为什么，办理经过。"""
    with database().read() as session:
        ended = ended_of(session, known_number(contract_no), locked=False)
        done = ended_lists.decisions(session, ended.row.contract_id)
    is_over = ended.facts.is_cancelled
    due = [one for one in ended.due if one.name not in ended.taken] if is_over else []
    return render_template(
        "fund_orders/ended_contract.html", row=ended.row, given=ended.given, done=done, is_over=is_over,
        moved=ended.moved,
        due=[(one, *reason(one, ended.law)) for one in due],
        back=form_of(EndKind.RETURN, due), stay=form_of(EndKind.STAY, due),
    )  # fmt: skip


@pages.post("/fund/cancelled/<contract_no>/returns")
@officer("fund-enter", page="fund_ended.contract")
def enter_return(contract_no: str) -> ResponseReturnValue:
    """录入退还一份：退给谁由规定而定，所填只是其收款账户；待另一人员确认。"""
    return _entered(contract_no, EndKind.RETURN)


@pages.post("/fund/cancelled/<contract_no>/stays")
@officer("fund-enter", page="fund_ended.contract")
def enter_stay(contract_no: str) -> ResponseReturnValue:
    """录入留给下一购房人；待另一人员确认。"""
    return _entered(contract_no, EndKind.STAY)


@pages.get(_ONE)
@officer("read")
def show(ended_id: int) -> ResponseReturnValue:
    """一件处置：多少、给谁、为什么、谁录入谁确认、依何规定、哪件付款指令。"""
    with database().read() as session:
        row = ended_lists.decision(session, ended_id)
    if row is None:
        raise NotFound("没有这件处置")
    return render_template("fund_orders/ended.html", row=row)


@pages.post(f"{_ONE}/confirm")
@officer("fund-decide", fresh=True, page="fund_ended.show")
def confirm_one(ended_id: int) -> ResponseReturnValue:
    """确认：退还的占用分户待付，留下的由下一购房人归还；对原购房人的债权了结。"""
    who = g.officer.id
    kind = attempt(ended_id, "ended.confirmed", lambda session: confirm(session, ended_id, officer_id=who))
    return _done(ended_id, f"{KIND_LABELS[kind]}已确认。")


@pages.post(f"{_ONE}/reject")
@officer("fund-decide", page="fund_ended.show")
def reject_one(ended_id: int) -> ResponseReturnValue:
    """退回，说明理由。"""
    who, why = g.officer.id, posted_reason()
    attempt(ended_id, "ended.rejected", lambda session: reject(session, ended_id, why, officer_id=who))
    return _done(ended_id, "已退回，可重新录入。")


@pages.post(f"{_ONE}/order")
@officer("fund-cashier", fresh=True, page="fund_ended.show")
def order_back(ended_id: int) -> ResponseReturnValue:
    """签发退款通知书：决定人以外的人员办理；银行答复已付之前不记账。"""
    who, told = g.officer.id, settings()
    issued = attempt(ended_id, "fund-order.issued", lambda s: issue_back(s, ended_id, told, officer_id=who))
    flash(f"指令 {issued.instruction_no} 已签发，等待银行答复。", "success")
    return redirect(url_for("fund_orders.show", number=issued.instruction_no), 303)


def _entered(contract_no: str, kind: EndKind) -> ResponseReturnValue:
    number, who, told = known_number(contract_no), g.officer.id, settings()
    with database().read() as session:
        ended: Ended = ended_of(session, number, locked=False)
    form = form_of(kind, ended.due, filled_in())
    checked(form)
    asked = form.asked(number)
    made = attempt(number, "ended.entered", lambda session: enter(session, asked, told, officer_id=who))
    return _done(made, "已录入，待另一人员确认。")


def _done(ended_id: int, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("fund_ended.show", ended_id=ended_id), 303)
