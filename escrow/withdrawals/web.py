"""Pages of withdrawals: the list, an application with its limits, its decision and its orders (用款页面)."""

import re
from typing import Any

from flask import Blueprint, Flask, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from escrow.access.guards import officer
from escrow.doors import database, known_number, settings, tried
from escrow.errors import NotFound, Refusal, Refused
from escrow.fields import KEY_PATTERN
from escrow.forms import posted, posted_reason
from escrow.instructions.rules import STATUS_LABELS as INSTRUCTION_LABELS
from escrow.withdrawals.application_pages import applications
from escrow.withdrawals.closing import close_rest, closing_faults, remainder
from escrow.withdrawals.court_orders import CourtOrder, attach, attach_refusals
from escrow.withdrawals.deciding import approve, handled, judged, levels, reject, revoke
from escrow.withdrawals.deciding_rules import decider_refusals, issuer_refusals, revoker_refusals
from escrow.withdrawals.facts import Place, paying_no, place_of
from escrow.withdrawals.forms import CourtOrderForm, read_term
from escrow.withdrawals.issuing import (
    UNPAID,
    issue_withdrawal,
    open_lines,
    orders,
    overtaken,
    payment_refusals,
)
from escrow.withdrawals.lists import (
    Wanted,
    account_named,
    lines,
    overdue_count,
    round_trips,
    withdrawal,
    withdrawals,
)
from escrow.withdrawals.models import Withdrawal
from escrow.withdrawals.payee_pages import registers
from escrow.withdrawals.payee_rules import KIND_LABELS, LISTING_LABELS, PURPOSE_LABELS, ListingStatus
from escrow.withdrawals.rules import (
    CHANNEL_LABELS,
    HOLDING,
    STATUS_LABELS,
    WAITING,
    WithdrawalFacts,
    WithdrawalStatus,
    limit_refusals,
    refusals,
)

pages = Blueprint("withdrawals", __name__)

_PAGE = 50
_TONES = {
    WithdrawalStatus.ENTERED: "warning", WithdrawalStatus.REVIEWED: "warning",
    WithdrawalStatus.APPROVED: "primary", WithdrawalStatus.UNCOVERED: "danger",
    WithdrawalStatus.ISSUED: "success", WithdrawalStatus.REJECTED: "secondary",
    WithdrawalStatus.REVOKED: "secondary", WithdrawalStatus.CLOSED: "success",
}  # fmt: skip
_LISTING_TONES = {
    ListingStatus.ENTERED: "warning", ListingStatus.LISTED: "success",
    ListingStatus.REJECTED: "secondary", ListingStatus.RETIRED: "secondary",
}  # fmt: skip
SAID = {
    WithdrawalStatus.REVIEWED: "已作一级复核，须由另一人员作二级复核。",
    WithdrawalStatus.APPROVED: "已核准并占用额度，可由未参与复核的人员签发拨付通知书。",
}


def prepare(app: Flask) -> None:
    """The pages of entering and of the registers stand beside these (录入与白名单页面)."""
    app.register_blueprint(applications)
    app.register_blueprint(registers)


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "withdrawal_badge": _badge,
        "withdrawal_shown": {one: (STATUS_LABELS[one], _TONES[one]) for one in WithdrawalStatus},
        "listing_shown": {one: (LISTING_LABELS[one], _LISTING_TONES[one]) for one in ListingStatus},
        "channel_labels": CHANNEL_LABELS, "purpose_labels": PURPOSE_LABELS, "kind_labels": KIND_LABELS,
    }  # fmt: skip


def _badge(row: Any) -> tuple[str, str]:
    """What an application waits for; where an account is frozen, money is not what is missing (状态)."""
    one = row.Withdrawal
    if one.status is WithdrawalStatus.UNCOVERED and row.is_frozen and one.court_order_no is None:
        return "已核准，账户冻结，待附决定", "danger"
    return STATUS_LABELS[one.status], _TONES[one.status]


@pages.get("/withdrawals")
@officer("read")
def index() -> ResponseReturnValue:
    """用款清单：按状态、账号或项目、是否逾期筛选；先列逾期未复核的件数。"""
    asked, said = request.args, request.args.get("before", "")
    find = asked.get("find", "").strip()
    wanted = Wanted(
        status=read_term(WithdrawalStatus, asked.get("status", "")),
        find=find if re.fullmatch(KEY_PATTERN, find, re.ASCII) else "",
        overdue=asked.get("overdue") == "1",
        before=int(said) if re.fullmatch(r"[0-9]{1,9}", said, re.ASCII) else None,
    )
    with database().read() as session:
        rows = withdrawals(session, wanted, limit=_PAGE + 1)
        late = overdue_count(session)
        account_no = account_named(session, wanted.find) if wanted.find else None
    following = rows[_PAGE - 1].Withdrawal.id if len(rows) > _PAGE else None
    overdue = "1" if wanted.overdue else None
    kept: dict[str, Any] = {"status": wanted.status, "find": wanted.find or None, "overdue": overdue}
    return render_template(
        "withdrawals/index.html", rows=rows[:_PAGE], wanted=wanted, late=late, account_no=account_no,
        following=url_for("withdrawals.index", **kept, before=following) if following else None,
        start=url_for("withdrawals.index", **kept),
    )  # fmt: skip


@pages.get("/withdrawals/<withdrawal_no>")
@officer("read")
def show(withdrawal_no: str) -> ResponseReturnValue:
    """一件用款：明细、限额算式、谁在何时办理、所据规定、此刻可否核准或签发。"""
    with database().read() as session:
        row = withdrawal(session, known_number(withdrawal_no))
        if row is None:
            raise NotFound("没有这件用款")
        one = row.Withdrawal
        place = place_of(session, paying_no(session, one.account_id))
        shown: dict[str, Any] = dict(
            row=row, one=one, lines=lines(session, one.id),
            came_back=round_trips(session, one, settings(), place.law["withdrawal_rolling_days"].value),
            orders=orders(session, one.id), instruction_labels=INSTRUCTION_LABELS,
            left=remainder(session, one),
            **_standing(session, one, place),
        )  # fmt: skip
    return render_template("withdrawals/show.html", **shown)


def _standing(session: Session, one: Withdrawal, place: Place) -> dict[str, Any]:
    """What may be done with an application at this moment, and why not (此刻)."""
    facts, who = judged(session, one, place, locked=False), handled(one, g.officer.id)
    said: dict[str, Any] = {"judged": facts, "limits": facts.limits, "open_lines": 0}
    if one.status in WAITING:
        second = levels(session, one, place, facts)
        said |= {
            "reasons": refusals(facts, place.law), "faults": decider_refusals(who, place.law),
            "second": second,
        }  # fmt: skip
    if one.status in (*HOLDING, WithdrawalStatus.ISSUED):
        said |= _payable(session, one, place, facts)
        said |= _after_approval(session, one, place)
    return said


def _after_approval(session: Session, one: Withdrawal, place: Place) -> dict[str, Any]:
    unpaid = all(row.Instruction.status in UNPAID for row in orders(session, one.id))
    return {
        "revoke_faults": revoker_refusals(handled(one, g.officer.id), place.law, unpaid=unpaid),
        "closing_faults": closing_faults(session, one, place, g.officer.id),
        "may_attach": not attach_refusals(session, one, place, g.officer.id),
        "order_form": CourtOrderForm(),
    }  # fmt: skip


def _payable(session: Session, one: Withdrawal, place: Place, facts: WithdrawalFacts) -> dict[str, Any]:
    open_ = open_lines(session, one)
    if not open_:
        return {"open_lines": 0}
    return {
        "open_lines": len(open_),
        "waits": payment_refusals(facts, place) + overtaken(session, one, place),
        "short": limit_refusals(facts, place.law),
        "faults": issuer_refusals(handled(one, g.officer.id), len(open_), place.law),
    }  # fmt: skip


@pages.post("/withdrawals/<withdrawal_no>/approve")
@officer("approve-payment", fresh=True, page="withdrawals.show")
def approve_withdrawal(withdrawal_no: str) -> ResponseReturnValue:
    """核准用款；须二级复核的，第一次核准为一级复核。"""
    number, who = known_number(withdrawal_no), g.officer.id
    status = tried(number, "withdrawal.approved", lambda session: approve(session, number, officer_id=who))
    flash(SAID[status], "success")
    return redirect(url_for("withdrawals.show", withdrawal_no=number), 303)


@pages.post("/withdrawals/<withdrawal_no>/issue")
@officer("issue-instruction", fresh=True, page="withdrawals.show")
def issue_orders(withdrawal_no: str) -> ResponseReturnValue:
    """签发拨付通知书：逐笔一件；签发前加锁重核限额，资金不足的不签发，转为“资金不足”。"""
    number, who, told = known_number(withdrawal_no), g.officer.id, settings()
    done = tried(
        number, "withdrawal.issued", lambda session: issue_withdrawal(session, number, told, officer_id=who)
    )
    if done.uncovered:
        raise Refused(list[Refusal](done.uncovered))
    flash(f"已签发拨付通知书 {'、'.join(done.numbers)}。", "success")
    return redirect(url_for("withdrawals.show", withdrawal_no=number), 303)


@pages.post("/withdrawals/<withdrawal_no>/reject")
@officer("approve-payment", page="withdrawals.show")
def reject_withdrawal(withdrawal_no: str) -> ResponseReturnValue:
    """退回用款申请，说明理由。"""
    number, reason, who = known_number(withdrawal_no), posted_reason(), g.officer.id
    tried(number, "withdrawal.rejected", lambda s: reject(s, number, officer_id=who, reason=reason))
    flash("用款申请已退回。", "success")
    return redirect(url_for("withdrawals.show", withdrawal_no=number), 303)


@pages.post("/withdrawals/<withdrawal_no>/revoke")
@officer("approve-payment", fresh=True, page="withdrawals.show")
def revoke_withdrawal(withdrawal_no: str) -> ResponseReturnValue:
    """撤销已核准而银行未付的用款，占用随之注销。"""
    number, reason, who = known_number(withdrawal_no), posted_reason(), g.officer.id
    tried(number, "withdrawal.revoked", lambda s: revoke(s, number, officer_id=who, reason=reason))
    flash("用款核准已撤销。", "success")
    return redirect(url_for("withdrawals.show", withdrawal_no=number), 303)


@pages.post("/withdrawals/<withdrawal_no>/closing")
@officer("approve-payment", fresh=True, page="withdrawals.show")
def close_withdrawal(withdrawal_no: str) -> ResponseReturnValue:
    """银行付了一部分的用款，说明理由了结余款；付出的不变。"""
    number, reason, who = known_number(withdrawal_no), posted_reason(), g.officer.id
    rest = tried(
        number, "withdrawal.closed", lambda s: close_rest(s, number, officer_id=who, reason=reason)
    )  # fmt: skip
    flash(f"余款 {rest} 元已了结，不再支付；已付部分不变。", "success")
    return redirect(url_for("withdrawals.show", withdrawal_no=number), 303)


@pages.post("/withdrawals/<withdrawal_no>/court-order")
@officer("approve-payment", fresh=True, page="withdrawals.show")
def attach_order(withdrawal_no: str) -> ResponseReturnValue:
    """核准之后法院冻结：未经手的人员附上准予支付工程用款的决定。"""
    number, who, order = known_number(withdrawal_no), g.officer.id, CourtOrder(**posted(CourtOrderForm).data)
    tried(number, "withdrawal.court-order", lambda s: attach(s, number, order, officer_id=who))
    flash("已附决定，可由未参与复核的人员签发。", "success")
    return redirect(url_for("withdrawals.show", withdrawal_no=number), 303)
