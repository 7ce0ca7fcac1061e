"""Pages of what is paid for a use: acceptance, advance, final account, end; each by two officers (使用付款页面)."""

from typing import Any

from flask import Blueprint, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue

from escrow.access.guards import officer
from escrow.doors import known_number, settings
from escrow.forms import posted, posted_reason
from escrow.fund_use.forms import AdvanceForm, EndForm, FinalForm, PaperForm
from escrow.fund_use.paying import (
    PaymentAsked,
    accept,
    ask_payment,
    confirm_payment,
    issue_payment,
    reject_payment,
)
from escrow.fund_use.payment_rules import (
    PAYMENT_LABELS,
    PAYMENT_STATUS_LABELS,
    PaymentStatus,
)
from escrow.fund_use.rules import PaperKind
from escrow.maintenance.pages import attempt

pages = Blueprint("use_payments", __name__)

_USE = "/fund/uses/<use_no>"
_ONE = f"{_USE}/payments/<int:payment_id>"
_TONES = {
    PaymentStatus.ENTERED: "warning", PaymentStatus.DUE: "primary", PaymentStatus.PAID: "success",
    PaymentStatus.REJECTED: "secondary",
}  # fmt: skip


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "use_payment_kinds": {one.value: label for one, label in PAYMENT_LABELS.items()},
        "use_payment_shown": {
            one.value: (label, _TONES[one]) for one, label in PAYMENT_STATUS_LABELS.items()
        },
    }


@pages.post(f"{_USE}/acceptance")
@officer("fund-enter", page="fund_use.show")
def accept_works(use_no: str) -> ResponseReturnValue:
    """登记验收，附验收报告。"""
    number, who = known_number(use_no), g.officer.id
    paper = posted(PaperForm, prefix="acceptance-").paper(PaperKind.ACCEPTANCE)
    attempt(number, "use.accepted", lambda session: accept(session, number, paper, officer_id=who))
    return _done(number, "已登记验收，可以录入结算。")


@pages.post(f"{_USE}/advance")
@officer("fund-enter", page="fund_use.show")
def enter_advance(use_no: str) -> ResponseReturnValue:
    """录入预付，按占用逐户分摊；待另一人员复核。"""
    return _entered(use_no, posted(AdvanceForm, prefix="advance-").asked())


@pages.post(f"{_USE}/final")
@officer("fund-enter", page="fund_use.show")
def enter_final(use_no: str) -> ResponseReturnValue:
    """录入结算，尾款逐户分摊；待另一人员复核。"""
    return _entered(use_no, posted(FinalForm, prefix="final-").asked())


@pages.post(f"{_USE}/ending")
@officer("fund-enter", page="fund_use.show")
def enter_end(use_no: str) -> ResponseReturnValue:
    """录入终止：未施工、未付款的，复核之后解除占用。"""
    return _entered(use_no, posted(EndForm, prefix="end-").asked())


@pages.post(f"{_ONE}/confirm")
@officer("fund-decide", fresh=True, page="fund_use.show")
def confirm(use_no: str, payment_id: int) -> ResponseReturnValue:
    """复核付款；银行答复已付之前不记账。"""
    number, who = known_number(use_no), g.officer.id
    attempt(
        number, "use.payment-confirmed",
        lambda session: confirm_payment(session, number, payment_id, officer_id=who),
    )  # fmt: skip
    return _done(number, "已复核。")


@pages.post(f"{_ONE}/reject")
@officer("fund-decide", page="fund_use.show")
def reject(use_no: str, payment_id: int) -> ResponseReturnValue:
    """退回付款，说明理由。"""
    number, who, reason = known_number(use_no), g.officer.id, posted_reason()
    attempt(
        number, "use.payment-rejected",
        lambda session: reject_payment(session, number, payment_id, reason, officer_id=who),
    )  # fmt: skip
    return _done(number, "已退回。")


@pages.post(f"{_ONE}/order")
@officer("fund-cashier", fresh=True, page="fund_use.show")
def order(use_no: str, payment_id: int) -> ResponseReturnValue:
    """签发付款指令：复核人以外的人员办理。"""
    number, who, told = known_number(use_no), g.officer.id, settings()
    issued = attempt(
        number, "fund-order.issued",
        lambda session: issue_payment(session, number, payment_id, told, officer_id=who),
    )  # fmt: skip
    flash(f"指令 {issued.instruction_no} 已签发，等待银行答复。", "success")
    return redirect(url_for("fund_orders.show", number=issued.instruction_no), 303)


def _entered(use_no: str, asked: PaymentAsked) -> ResponseReturnValue:
    number, who, told = known_number(use_no), g.officer.id, settings()
    attempt(
        number, "use.payment-entered",
        lambda session: ask_payment(session, number, asked, told, officer_id=who),
    )  # fmt: skip
    return _done(number, f"{PAYMENT_LABELS[asked.kind]}已录入，待另一人员复核。")


def _done(use_no: str, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("fund_use.show", use_no=use_no), 303)
