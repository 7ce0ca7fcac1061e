"""Officers' pages of orders on the fund account: the list, one order, what is to be returned (付款指令页面)."""

from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from escrow.access.guards import officer
from escrow.doors import database, known_number, settings
from escrow.errors import NotFound
from escrow.fields import problem_in_text
from escrow.forms import posted, posted_reason
from escrow.fund_orders import lists
from escrow.fund_orders.aparts import issue_return
from escrow.fund_orders.ended_forms import AccountForm
from escrow.fund_orders.issuing import ask_cancel, cancel
from escrow.fund_orders.papers import notice
from escrow.fund_orders.return_accounts import confirm, enter, reject, standing_order
from escrow.fund_orders.rules import ACCOUNT_LABELS, KIND_LABELS, PAPERS, AccountStatus, FundOrderKind
from escrow.fund_orders.suspending import ask_reopen, causes, reopen
from escrow.instructions.rules import InstructionStatus
from escrow.maintenance.pages import PAGE, attempt, key, next_key

pages = Blueprint("fund_orders", __name__)

_FUND = "/fund/accounts/<int:fund_id>/payments"


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "fund_order_kinds": {one.value: label for one, label in KIND_LABELS.items()},
        "return_account_shown": {one.value: label for one, label in ACCOUNT_LABELS.items()},
        "fund_order_papers": {one.value: label for one, label in PAPERS.items()},
    }


@pages.get("/fund/orders")
@officer("read")
def index() -> ResponseReturnValue:
    """维修资金付款指令，新的在前，按指令号、专户账号、收款人、状态查找；先列已停付的专户与缘由。"""
    find, status = request.args.get("find", "").strip(), request.args.get("status", "")
    wanted = lists.Wanted(
        find if find and not problem_in_text(find) and len(find) <= 100 else "",
        status if status in ("open", *InstructionStatus) else "", key("before"),
    )  # fmt: skip
    with database().read() as session:
        rows = lists.orders(session, wanted, limit=PAGE + 1)
        stopped = lists.stopped(session)
    return render_template(
        "fund_orders/index.html", rows=rows[:PAGE], following=next_key(rows), wanted=wanted, stopped=stopped
    )


@pages.get("/fund/orders/<number>")
@officer("read")
def show(number: str) -> ResponseReturnValue:
    """一件指令：付给谁、为什么、谁决定谁签发、依何规定，银行历次答复，撤销。"""
    with database().read() as session:
        row = lists.order(session, known_number(number))
        if row is None:
            raise NotFound("没有这件指令")
        results, why = lists.results(session, row.id), causes(session, row.fund_account_id)
        accounts, standing = lists.accounts(session, row.source), standing_order(session, row.source)
    waiting = next((one for one in accounts if one.status == AccountStatus.ENTERED), None)
    return render_template(
        "fund_orders/show.html", row=row, results=results, causes=why, accounts=accounts, waiting=waiting,
        form=AccountForm(), may_change=row.kind == FundOrderKind.RETURN and not standing and not waiting,
    )  # fmt: skip


@pages.post("/fund/orders/<number>/paper")
@officer("fund-cashier", fresh=True, page="fund_orders.show")
def paper(number: str) -> ResponseReturnValue:
    """通知书 PDF，载收款人全文；每次打印均留痕。"""
    found = known_number(number)
    with database().begin() as session:
        content = notice(session, found, settings())
    named = {"Content-Disposition": f'attachment; filename="{found}.pdf"'}
    return Response(content, mimetype="application/pdf", headers=named)


@pages.post("/fund/orders/<number>/cancellation")
@officer("fund-cashier", page="fund_orders.show")
def enter_cancel(number: str) -> ResponseReturnValue:
    """录入撤销未答的指令。"""
    found, reason, who = known_number(number), posted_reason(), g.officer.id
    attempt(found, "fund-order.cancel-entered", lambda s: ask_cancel(s, found, reason, officer_id=who))
    return _done(found, "撤销已录入，须另一人员确认。")


@pages.post("/fund/orders/<number>/cancellation/confirmation")
@officer("fund-decide", fresh=True, page="fund_orders.show")
def confirm_cancel(number: str) -> ResponseReturnValue:
    """另一人员确认撤销。"""
    found, who = known_number(number), g.officer.id
    attempt(found, "fund-order.cancelled", lambda s: cancel(s, found, officer_id=who))
    return _done(found, "指令已撤销，应付之款仍待签发。")


@pages.post("/fund/orders/<number>/account")
@officer("fund-enter", page="fund_orders.show")
def enter_account(number: str) -> ResponseReturnValue:
    """录入收款人的另一账户：未付、退汇或撤销之后方可；待另一人员确认。"""
    found, who, told = known_number(number), g.officer.id, settings()
    asked = posted(AccountForm).asked(found)
    attempt(found, "fund-order.account-entered", lambda s: enter(s, asked, told, officer_id=who))
    return _done(found, "改退账户已录入，须另一人员确认。")


@pages.post("/fund/orders/<number>/account/confirmation")
@officer("fund-decide", fresh=True, page="fund_orders.show")
def confirm_account(number: str) -> ResponseReturnValue:
    """另一人员确认改退账户，此后签发的付往新账户。"""
    found, who = known_number(number), g.officer.id
    attempt(found, "fund-order.account-confirmed", lambda s: confirm(s, found, officer_id=who))
    return _done(found, "改退账户已确认。")


@pages.post("/fund/orders/<number>/account/rejection")
@officer("fund-decide", page="fund_orders.show")
def reject_account(number: str) -> ResponseReturnValue:
    """退回改退账户，说明理由。"""
    found, why, who = known_number(number), posted_reason(), g.officer.id
    attempt(found, "fund-order.account-rejected", lambda s: reject(s, found, why, officer_id=who))
    return _done(found, "改退账户已退回。")


@pages.post(f"{_FUND}/reopening")
@officer("fund-cashier", page="fund_orders.index")
def enter_reopen(fund_id: int) -> ResponseReturnValue:
    """录入恢复专户付款的理由。"""
    reason, who = posted_reason(), g.officer.id
    attempt(fund_id, "fund-order.reopen-entered", lambda s: ask_reopen(s, fund_id, reason, officer_id=who))
    flash("恢复已录入，须另一人员确认。", "success")
    return redirect(url_for("fund_orders.index"), 303)


@pages.post(f"{_FUND}/reopening/confirmation")
@officer("fund-decide", fresh=True, page="fund_orders.index")
def confirm_reopen(fund_id: int) -> ResponseReturnValue:
    """另一人员确认恢复专户付款。"""
    who = g.officer.id
    attempt(fund_id, "fund-order.reopened", lambda s: reopen(s, fund_id, officer_id=who))
    flash("专户已恢复付款。", "success")
    return redirect(url_for("fund_orders.index"), 303)


@pages.get("/fund/returns")
@officer("read")
def returns() -> ResponseReturnValue:
    """应退待付清单：已由两人决定退还、银行尚未付出的款，及其付款指令。"""
    after = key("after") or 0
    with database().read() as session:
        rows = lists.returns_due(session, after=after, limit=PAGE + 1)
    return render_template(
        "fund_orders/returns.html", rows=rows[:PAGE], following=next_key(rows), first=after == 0
    )


@pages.post("/fund/returns/<int:decision_id>/order")
@officer("fund-cashier", fresh=True, page="fund_orders.returns")
def order_return(decision_id: int) -> ResponseReturnValue:
    """签发退款通知书：决定人以外的人员办理；银行答复已付之前不记账。"""
    who, told = g.officer.id, settings()
    issued = attempt(
        decision_id, "fund-order.issued", lambda s: issue_return(s, decision_id, told, officer_id=who)
    )
    return _done(issued.instruction_no, f"指令 {issued.instruction_no} 已签发，等待银行答复。")


def _done(number: str, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("fund_orders.show", number=number), 303)
