"""Pages of changes of account: what stands in the way, the application, its decision and history (账户变更页面)."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import Form

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access.guards import officer
from escrow.changes.actions import ChangeAsked, approve, enter, reject
from escrow.changes.facts import facts_of, held_at_bank, standing_of
from escrow.changes.lists import change, changes
from escrow.changes.onward import owed_onward, send_back, send_on, sent_onward
from escrow.doors import database, known_number, settings, tried
from escrow.errors import NotFound
from escrow.fields import ACCOUNT_NO_PATTERN, KEY_PATTERN, ReadField, read_day, read_text
from escrow.forms import DigestField, posted, posted_reason
from escrow.listing import index_page
from escrow.supervision.change_rules import (
    CHANGE_LABELS,
    ChangeStatus,
    change_refusals,
    decider_refusals,
    open_refusals,
)
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.reading import living_account

pages = Blueprint("changes", __name__)

_TONES = {
    ChangeStatus.ENTERED: "warning", ChangeStatus.ORDERED: "primary", ChangeStatus.DONE: "success",
    ChangeStatus.FAILED: "danger", ChangeStatus.RETURNED: "danger", ChangeStatus.REJECTED: "secondary",
}  # fmt: skip


class ChangeForm(Form):
    """The new agreement and the account it names (变更材料)."""

    document_no = ReadField("变更申请文号", lambda said: read_text(said, 64))
    file_hash = DigestField("变更材料")
    agreement_no = ReadField("新监管协议编号", lambda said: read_text(said, 64, KEY_PATTERN))
    signed_on = ReadField("新协议签订日期", read_day)
    bank_code = ReadField("新开户行代码", lambda said: read_text(said, 32, KEY_PATTERN))
    bank_name = ReadField("新开户行名称", lambda said: read_text(said, 100))
    account_no = ReadField("新监管账号", lambda said: read_text(said, 32, ACCOUNT_NO_PATTERN))
    account_name = ReadField("新账户户名", lambda said: read_text(said, 100))



@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "account_change_shown": {one: (CHANGE_LABELS[one], _TONES[one]) for one in ChangeStatus},
    }


@pages.get("/account-changes")
@officer("read")
def index() -> ResponseReturnValue:
    """账户变更清单；按账号或项目编号打开一个账户。"""
    return index_page(
        "changes/index.html", lambda number: url_for("changes.account", number=number),
        lambda session, before, limit: changes(session, before=before, limit=limit),
        lambda row: int(row.AccountChange.id), owed=owed_onward,
    )  # fmt: skip


@pages.get("/account-changes/accounts/<number>")
@officer("read")
def account(number: str) -> ResponseReturnValue:
    """一个项目的现监管账户：在办事项、历次变更、录入变更。"""
    with database().read() as session:
        place = _found(session, known_number(number))
        living = _found(session, place.project_no)
        if living.SupervisedAccount.id != place.SupervisedAccount.id:
            flash(f"监管账户 {number} 已变更，现监管账户如下。", "info")
            return redirect(url_for("changes.account", number=place.project_no), 303)
        found: SupervisedAccount = place.SupervisedAccount
        made = changes(session, project_id=found.project_id)
        law = law_on(bureau_day(), "presale_funds", place.region)
        waiting = open_refusals(standing_of(session, found), law)
        owed, sent = owed_onward(session, found.project_id), sent_onward(session, found.project_id)
    return render_template(
        "changes/account.html", place=place, account=found, rows=made, pending=waiting, form=ChangeForm(),
        owed=owed, sent=sent,
    )  # fmt: skip


@pages.post("/account-changes/accounts/<number>")
@officer("enter-account-change", page="changes.account")
def create(number: str) -> ResponseReturnValue:
    """录入监管账户变更：新账户、新协议与材料。"""
    who, asked = g.officer.id, ChangeAsked(**posted(ChangeForm).data)
    with database().read() as session:
        account_no = _found(session, known_number(number)).SupervisedAccount.account_no
    change_no = database().transact(lambda session: enter(session, account_no, asked, officer_id=who))
    flash("变更已录入，须由另一人员决定。", "success")
    return redirect(url_for("changes.show", change_no=change_no), 303)


@pages.post("/account-changes/accounts/<number>/onward")
@officer("issue-instruction", fresh=True, page="changes.account")
def send(number: str) -> ResponseReturnValue:
    """签发原监管账户余款划转：划到现监管账户；银行冲正的，退回原账户开户行。收款账户由变更所定，不另填写。"""
    old, receipt = known_number(request.form.get("old_no", "")), request.form.get("receipt_no", "")
    who, told = g.officer.id, settings()

    def unit(session: Session) -> str:
        if receipt:
            return send_back(session, old, known_number(receipt), told, officer_id=who)
        return send_on(session, old, told, officer_id=who)

    order = tried(old, "account.onward-issued", unit)
    flash(f"已签发划转指令 {order}。", "success")
    return redirect(url_for("changes.account", number=known_number(number)), 303)


@pages.get("/account-changes/<change_no>")
@officer("read")
def show(change_no: str) -> ResponseReturnValue:
    """一件变更：新旧账户、谁在何时办理、划转指令、所据规定、此刻可否批准。"""
    with database().read() as session:
        row = change(session, known_number(change_no))
        if row is None:
            raise NotFound("没有这件账户变更")
        one, reasons, faults, balance = row.AccountChange, [], [], None
        if one.status is ChangeStatus.ENTERED:
            place = _found(session, row.old_account_no)
            law = law_on(bureau_day(), "presale_funds", place.region)
            faults = decider_refusals(one.status, one.entered_by, g.officer.id, law)
            reasons = change_refusals(facts_of(session, place.SupervisedAccount, one), law)
            balance = held_at_bank(session, place.SupervisedAccount.book_id)
    return render_template(
        "changes/show.html", row=row, one=one, reasons=reasons, faults=faults, balance=balance
    )


@pages.post("/account-changes/<change_no>/approve")
@officer("approve-account-change", fresh=True, page="changes.show")
def approve_change(change_no: str) -> ResponseReturnValue:
    """批准变更：加锁重新核对，签发整户划转指令，原账户即停止收付。"""
    number, who, told = known_number(change_no), g.officer.id, settings()
    order = tried(number, "account.change-approved", lambda s: approve(s, number, told, officer_id=who))
    said = f"已批准并签发划转指令 {order}；银行付讫后新账户启用。" if order else "已批准；账户无余额，新账户即时启用。"
    flash(said, "success")
    return redirect(url_for("changes.show", change_no=number), 303)


@pages.post("/account-changes/<change_no>/reject")
@officer("approve-account-change", page="changes.show")
def reject_change(change_no: str) -> ResponseReturnValue:
    """退回变更，说明理由。"""
    number, who, reason = known_number(change_no), g.officer.id, posted_reason()
    database().transact(lambda session: reject(session, number, officer_id=who, reason=reason))
    flash("变更已退回。", "success")
    return redirect(url_for("changes.show", change_no=number), 303)


def _found(session: Session, number: str) -> Any:
    found = living_account(session, number)
    if found is None:
        raise NotFound("没有这个监管账户")
    return found
