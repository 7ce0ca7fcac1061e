"""Pages of refunds: a contract's money, the application, its decision and its instructions (退款页面)."""

from typing import Any

from flask import Blueprint, Flask, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from escrow.access import audit
from escrow.access.guards import officer
from escrow.access.sealing import unseal
from escrow.contracts.rules import ContractStatus, Source
from escrow.doors import database, known_number, settings, tried
from escrow.errors import NotFound, Refusal
from escrow.forms import checked, filled_in, posted_reason
from escrow.instructions.rules import STATUS_LABELS as INSTRUCTION_LABELS
from escrow.listing import index_page
from escrow.refunds.actions import enter
from escrow.refunds.deciding import approve, fall_due, handled_by, reject, revoke
from escrow.refunds.facts import cover_of, paid_on, parts_of, peek_facts, place_of
from escrow.refunds.forms import RefundForm, asked_of, part_forms
from escrow.refunds.issuing import issue_facts, issue_refund, open_parts, orders, payees_of, redirects
from escrow.refunds.lists import parts, payees, refund, refunds
from escrow.refunds.models import Refund
from escrow.refunds.redirect_pages import RedirectForm, redirects_blueprint
from escrow.refunds.redirect_rules import REDIRECT_LABELS
from escrow.refunds.redirecting import redirect_faults
from escrow.refunds.rules import (
    STATUS_LABELS,
    WAITING,
    RefundStatus,
    approval_refusals,
    cover_refusals,
    decider_refusals,
    issue_refusals,
)

pages = Blueprint("refunds", __name__)

_TONES = {
    RefundStatus.ENTERED: "warning", RefundStatus.REVIEWED: "warning", RefundStatus.APPROVED: "danger",
    RefundStatus.DUE: "primary", RefundStatus.ISSUED: "success", RefundStatus.REJECTED: "secondary",
    RefundStatus.REVOKED: "secondary",
}  # fmt: skip
SAID = {
    RefundStatus.REVIEWED: "已作一级复核，须由另一人员作二级复核。",
    RefundStatus.APPROVED: "已核准；本幢资金不足，资金到位后转应退，在此之前本幢不得拨付。",
    RefundStatus.DUE: "已核准并转应退，可以签发退款通知书。",
}


def prepare(app: Flask) -> None:
    """The pages of a change of payee stand beside these (改退账户页面)."""
    app.register_blueprint(redirects_blueprint)


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "refund_status_shown": {one: (STATUS_LABELS[one], _TONES[one]) for one in RefundStatus},
        "payer_shown": _payer_shown,
    }


@pages.get("/refunds")
@officer("read")
def index() -> ResponseReturnValue:
    """退款清单；按合同号打开一份已注销的合同。"""
    return index_page(
        "refunds/index.html", lambda number: url_for("refunds.contract", contract_no=number),
        lambda session, before, limit: refunds(session, before=before, limit=limit),
        lambda row: int(row.Refund.id),
    )  # fmt: skip


@pages.get("/refunds/contracts/<contract_no>")
@officer("read")
def contract(contract_no: str) -> ResponseReturnValue:
    """一份合同的各笔入账、已退与尚可退，以及它的退款。"""
    with database().read() as session:
        place = place_of(session, known_number(contract_no))
        paid = paid_on(session, place.contract_id)
        made = refunds(session, contract_id=place.contract_id)
    return render_template(
        "refunds/contract.html", place=place, paid=list(paid.values()), made=made, form=RefundForm(),
        lines=part_forms(paid), may_enter=place.contract_status is ContractStatus.CANCELLED,
    )  # fmt: skip


@pages.post("/refunds/contracts/<contract_no>")
@officer("enter-payment", page="refunds.contract")
def create(contract_no: str) -> ResponseReturnValue:
    """录入一件退款申请：逐笔填写所退金额，默认退回原付款账户。"""
    number, form = known_number(contract_no), RefundForm(filled_in())
    with database().read() as session:
        paid = paid_on(session, place_of(session, number).contract_id)
    filled = part_forms(paid, filled_in())
    checked(form, *filled.values())
    asked, who = asked_of(number, form, filled), g.officer.id
    refund_no = database().transact(lambda session: enter(session, asked, settings(), officer_id=who))
    flash("退款已录入，须由另一人员核准。", "success")
    return redirect(url_for("refunds.show", refund_no=refund_no), 303)


@pages.get("/refunds/<refund_no>")
@officer("read")
def show(refund_no: str) -> ResponseReturnValue:
    """一件退款：明细与收款人、谁在何时办理、所据规定、此刻可否核准。"""
    with database().read() as session:
        row = refund(session, known_number(refund_no))
        if row is None:
            raise NotFound("没有这件退款")
        shown: dict[str, Any] = dict(
            row=row, one=row.Refund, parts=parts(session, row.Refund.id),
            redirect_form=RedirectForm(), **_standing(session, row.Refund, row.contract_no),
        )  # fmt: skip
    return render_template("refunds/show.html", **shown)


def _standing(session: Session, found: Refund, contract_no: str) -> dict[str, Any]:
    """What may be done with a refund at this moment, and what the bank made of it (此刻)."""
    place, reasons, missing, waits = place_of(session, contract_no), list[Refusal](), [], list[Refusal]()
    if found.status in WAITING:
        facts = peek_facts(session, place, parts_of(session, found), but=found.id)
        reasons = approval_refusals(facts, place.law)
    if found.status in (*WAITING, RefundStatus.APPROVED):
        missing = cover_refusals(cover_of(session, place, found.amount), place.law)
    open_ = open_parts(session, found)
    ready = payees_of(session, found, open_)
    if open_ and found.status in (RefundStatus.DUE, RefundStatus.ISSUED):
        waits = issue_refusals(issue_facts(found, place, len(open_), len(ready)), place.law)
    handled = handled_by(session, found, g.officer.id)
    return {
        "faults": decider_refusals(handled, place.law), "handled": handled, "reasons": reasons,
        "missing": missing, "waits": waits, "open_parts": open_, "ready": ready,
        "orders": orders(session, found.id),
        "instruction_labels": INSTRUCTION_LABELS, "redirect_labels": REDIRECT_LABELS,
        "redirects": [
            (one, redirect_faults(one, place.law, g.officer.id)) for one in redirects(session, found.id)
        ],
    }  # fmt: skip


@pages.post("/refunds/<refund_no>/payees")
@officer("approve-payment", fresh=True, page="refunds.show")
def reveal(refund_no: str) -> ResponseReturnValue:
    """复核人查看收款人与账号全文，以便与材料核对；每次查看均留痕。"""
    number = known_number(refund_no)
    with database().begin() as session:
        row = refund(session, number)
        if row is None:
            raise NotFound("没有这件退款")
        rows = payees(session, row.Refund.id, settings())
        audit.record(session, "refund.payees-seen", number)
    return render_template("refunds/payees.html", refund_no=number, rows=rows)


@pages.post("/refunds/<refund_no>/approve")
@officer("approve-payment", fresh=True, page="refunds.show")
def approve_refund(refund_no: str) -> ResponseReturnValue:
    """核准退款；改退他人的，第一次核准为一级复核。"""
    number, who = known_number(refund_no), g.officer.id
    status = tried(number, "refund.approved", lambda session: approve(session, number, officer_id=who))
    flash(SAID[status], "success")
    return redirect(url_for("refunds.show", refund_no=number), 303)


@pages.post("/refunds/<refund_no>/due")
@officer("enter-payment", page="refunds.show")
def due(refund_no: str) -> ResponseReturnValue:
    """已核准而资金不足的退款，资金到位后转应退。"""
    number = known_number(refund_no)
    tried(number, "refund.due", lambda session: fall_due(session, number))
    flash(SAID[RefundStatus.DUE], "success")
    return redirect(url_for("refunds.show", refund_no=number), 303)


@pages.post("/refunds/<refund_no>/issue")
@officer("issue-instruction", fresh=True, page="refunds.show")
def issue_orders(refund_no: str) -> ResponseReturnValue:
    """签发退款通知书：应退的各笔逐笔签发；银行未付或退汇的可再签。"""
    number, who, told = known_number(refund_no), g.officer.id, settings()
    made = tried(number, "refund.issued", lambda session: issue_refund(session, number, told, officer_id=who))
    flash(f"已签发退款通知书 {'、'.join(made)}。", "success")
    return redirect(url_for("refunds.show", refund_no=number), 303)


@pages.post("/refunds/<refund_no>/reject")
@officer("approve-payment", page="refunds.show")
def reject_refund(refund_no: str) -> ResponseReturnValue:
    """退回退款申请，说明理由。"""
    number, reason, who = known_number(refund_no), posted_reason(), g.officer.id
    database().transact(lambda session: reject(session, number, officer_id=who, reason=reason))
    flash("退款申请已退回。", "success")
    return redirect(url_for("refunds.show", refund_no=number), 303)


@pages.post("/refunds/<refund_no>/revoke")
@officer("approve-payment", fresh=True, page="refunds.show")
def revoke_refund(refund_no: str) -> ResponseReturnValue:
    """撤销已核准、尚未转应退的退款，占用随之注销。"""
    number, reason, who = known_number(refund_no), posted_reason(), g.officer.id
    database().transact(lambda session: revoke(session, number, officer_id=who, reason=reason))
    flash("退款核准已撤销。", "success")
    return redirect(url_for("refunds.show", refund_no=number), 303)


def _payer_shown(source: Source, sealed: bytes, masked: str) -> str:
    """A lender's name is a company's and shown whole; a person's is not (付款人)."""
    return masked if source is Source.OWN else unseal(sealed, settings())
