"""Officers' pages of court holds, guarantees and takeovers over one account (司法冻结、保函、接管页面)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow.access.guards import officer
from escrow.doors import database, known_number, tried
from escrow.errors import NotFound
from escrow.fields import problem_in_text
from escrow.forms import posted, posted_reason
from escrow.supervision import court_holds, guarantees, takeovers
from escrow.supervision.court_facts import act_named
from escrow.supervision.court_holds import Deduction, Freeze
from escrow.supervision.measure_forms import (
    DeductForm,
    DocumentForm,
    ExtendForm,
    FreezeForm,
    GuaranteeForm,
    TakeoverForm,
)
from escrow.supervision.measure_lists import KIND_LABELS, WAITING, MeasureKind, Wanted, history
from escrow.supervision.measure_lists import measures as listed
from escrow.supervision.measure_reading import measures_of, stopped_by
from escrow.supervision.measures import ActKind, HoldStatus, OrderStatus
from ledger.money import Yuan

measures = Blueprint("measures", __name__)

_PAGE, _LONGEST = 50, 100

HOLD_SHOWN = {
    HoldStatus.IN_FORCE: ("冻结中", "danger"),
    HoldStatus.LIFTED: ("已解冻", "secondary"),
    HoldStatus.DEDUCTED: ("已扣划", "secondary"),
}
ACT_SHOWN = {ActKind.FREEZE: "冻结", ActKind.EXTEND: "续冻", ActKind.LIFT: "解冻", ActKind.DEDUCT: "扣划"}
ORDER_SHOWN = {
    OrderStatus.ENTERED: ("待决定", "warning"),
    OrderStatus.IN_FORCE: ("生效", "success"),
    OrderStatus.REJECTED: ("已退回", "secondary"),
    OrderStatus.ENDED: ("已终止", "secondary"),
    OrderStatus.LAPSED: ("已失效", "danger"),
}


@dataclass(frozen=True, slots=True)
class Orders:
    """What two officers do with an order of one kind, and what they are told (两人办理的措施)."""

    decide: Callable[..., None]
    ask_end: Callable[..., None]
    end: Callable[..., OrderStatus | None]
    number_of: Callable[..., str | None]
    in_force: str
    rejected: str
    ended: dict[OrderStatus | None, str]


ORDERS = {
    "guarantees": Orders(
        guarantees.decide, guarantees.ask_end, guarantees.end, guarantees.number_of,
        "保函已生效，应留存额随之调整。", "保函已退回。", {
            None: "终止已退回，保函照旧有效。",
            OrderStatus.ENDED: "保函已退还，额度已恢复，本幢须以现金留足。",
            OrderStatus.LAPSED: "保函已失效，额度已恢复；资金补足之前本幢停止拨付。",
        },
    ),
    "takeovers": Orders(
        takeovers.decide, takeovers.ask_end, takeovers.end, takeovers.number_of,
        "接管已生效，每笔拨付须两级核准。", "接管已退回。",
        {None: "终止已退回，接管照旧。", OrderStatus.ENDED: "接管已终止。"},
    ),
}  # fmt: skip
_HOLD = "/accounts/<account_no>/holds/<hold_no>"
_ACT = "/accounts/<account_no>/court-acts/<int:act_id>"
_ORDER = "/accounts/<account_no>/<any(guarantees, takeovers):kind>/<int:order_id>"


@measures.app_context_processor
def _words() -> dict[str, Any]:
    return {"hold_shown": HOLD_SHOWN, "act_shown": ACT_SHOWN, "order_shown": ORDER_SHOWN}


@measures.get("/measures")
@officer("read")
def index() -> ResponseReturnValue:
    """冻结、保函、接管清单：按种类、状态、账号或项目筛选，新的在前。"""
    asked, said = request.args, request.args.get("before", "")
    kind = asked.get("kind", MeasureKind.HOLDS)
    kind = MeasureKind(kind) if kind in set(MeasureKind) else MeasureKind.HOLDS
    shown = HOLD_SHOWN if kind is MeasureKind.HOLDS else ORDER_SHOWN
    status, find = asked.get("status", ""), asked.get("find", "").strip()
    wanted = Wanted(
        kind, status if status in (WAITING, *shown) else "",
        find if not problem_in_text(find) and len(find) <= _LONGEST else "",
        int(said) if re.fullmatch(r"[0-9]{1,9}", said, re.ASCII) else None,
    )
    with database().read() as session:
        rows = listed(session, wanted, limit=_PAGE + 1)
    following = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    kept: dict[str, Any] = {"kind": kind.value, "status": wanted.status or None, "find": wanted.find or None}
    return render_template(
        "supervision/measure_list.html", rows=rows[:_PAGE], wanted=wanted, kinds=KIND_LABELS, shown=shown,
        waiting=WAITING, fen=Yuan.from_fen, today=bureau_day(),
        following=url_for("measures.index", **kept, before=following) if following else None,
        start=url_for("measures.index", **kept),
    )  # fmt: skip


@measures.get("/accounts/<account_no>/measures")
@officer("read")
def show(account_no: str) -> ResponseReturnValue:
    """一个监管账户上的司法冻结、保函与接管。"""
    with database().read() as session:
        found = measures_of(session, known_number(account_no))
        if found is None:
            raise NotFound("没有这个监管账户")
        steps = history(session, found)
        stopped = stopped_by(session, found)
    return render_template(
        "supervision/measures.html", found=found, stopped=stopped, today=bureau_day(), fen=Yuan.from_fen,
        freeze_form=FreezeForm(), extend_form=ExtendForm(), document_form=DocumentForm(),
        deduct_form=DeductForm(), guarantee_form=GuaranteeForm(), takeover_form=TakeoverForm(),
        events=[one.event for one in steps], citations={one.event.id: one.citation for one in steps},
    )  # fmt: skip


# --- court holds (司法冻结) ---


@measures.post("/accounts/<account_no>/holds")
@officer("enter-hold", page="measures.show")
def freeze(account_no: str) -> ResponseReturnValue:
    """登记法院冻结：即时生效。"""
    form = posted(FreezeForm)
    told = {name: form.data[name] for name in ("court", "amount", "held_from", "held_until")}
    order = Freeze(account_no=known_number(account_no), document=form.document(), **told)
    return _do(account_no, court_holds.freeze, order, said="冻结已登记，即时生效。")


@measures.post(f"{_HOLD}/extension")
@officer("enter-hold", page="measures.show")
def extend(account_no: str, hold_no: str) -> ResponseReturnValue:
    """登记续冻：即时生效。"""
    form = posted(ExtendForm)
    until, document = form.held_until.data, form.document()
    hold = (known_number(account_no), known_number(hold_no))
    return _do(account_no, court_holds.extend, *hold, until, document, said="续冻已登记，即时生效。")


@measures.post(f"{_HOLD}/lift")
@officer("enter-hold", page="measures.show")
def ask_lift(account_no: str, hold_no: str) -> ResponseReturnValue:
    """录入解冻，须另一人员确认。"""
    document = posted(DocumentForm).document()
    hold = (known_number(account_no), known_number(hold_no))
    return _do(account_no, court_holds.ask_lift, *hold, document, said="解冻已录入，须另一人员确认。")


@measures.post(f"{_HOLD}/deduction")
@officer("enter-hold", page="measures.show")
def ask_deduction(account_no: str, hold_no: str) -> ResponseReturnValue:
    """录入扣划，须另一人员确认。"""
    form = posted(DeductForm)
    told = {name: form.data[name] for name in ("building_no", "amount", "consent_no", "bank_serial")}
    asked = Deduction(document=form.document(), **told)
    hold = (known_number(account_no), known_number(hold_no))
    return _do(account_no, court_holds.ask_deduction, *hold, asked, said="扣划已录入，须另一人员确认。")


@measures.post(f"{_ACT}/decision")
@officer("confirm-hold", fresh=True, page="measures.show")
def decide_act(account_no: str, act_id: int) -> ResponseReturnValue:
    """另一人员确认解冻或扣划，或说明理由退回。"""
    reason, number, who = _reason(), known_number(account_no), g.officer.id
    with database().read() as session:
        hold_no, kind = act_named(session, act_id)
    tried(
        hold_no, "hold.rejected" if reason else "hold.lifted" if kind is ActKind.LIFT else "hold.deducted",
        lambda session: court_holds.decide(session, number, act_id, officer_id=who, reason=reason),
    )  # fmt: skip
    return _done(number, "已退回。" if reason else "已确认。")


# --- guarantees and takeovers (保函、接管) ---


@measures.post("/accounts/<account_no>/guarantees")
@officer("enter-hold", page="measures.show")
def enter_guarantee(account_no: str) -> ResponseReturnValue:
    """录入保函，须另一人员决定。"""
    offered = guarantees.Offered(account_no=known_number(account_no), **posted(GuaranteeForm).data)
    return _do(account_no, guarantees.enter, offered, said="保函已录入，须另一人员决定。")


@measures.post("/accounts/<account_no>/takeovers")
@officer("enter-hold", page="measures.show")
def enter_takeover(account_no: str) -> ResponseReturnValue:
    """录入接管决定，须另一人员决定。"""
    order = takeovers.Order(account_no=known_number(account_no), **posted(TakeoverForm).data)
    return _do(account_no, takeovers.enter, order, said="接管已录入，须另一人员决定。")


@measures.post(f"{_ORDER}/decision")
@officer("confirm-hold", fresh=True, page="measures.show")
def decide_order(account_no: str, kind: str, order_id: int) -> ResponseReturnValue:
    """另一人员使保函或接管生效，或退回。"""
    orders, reason, number, who = ORDERS[kind], _reason(), known_number(account_no), g.officer.id
    word = "rejected" if reason else "in-force"
    tried(
        _named(orders, order_id), f"guarantee.{word}" if kind == "guarantees" else f"takeover.{word}",
        lambda session: orders.decide(session, number, order_id, officer_id=who, reason=reason),
    )  # fmt: skip
    return _done(number, orders.rejected if reason else orders.in_force)


@measures.post(f"{_ORDER}/end")
@officer("enter-hold", page="measures.show")
def ask_order_end(account_no: str, kind: str, order_id: int) -> ResponseReturnValue:
    """录入保函退还或失效、接管终止。"""
    reason, number = posted_reason(), known_number(account_no)
    to = request.form.get("to", "")
    return _do(
        account_no, ORDERS[kind].ask_end, number, order_id, to, reason, said="已录入，须另一人员确认。"
    )  # fmt: skip


@measures.post(f"{_ORDER}/end/confirmation")
@officer("confirm-hold", fresh=True, page="measures.show")
def end_order(account_no: str, kind: str, order_id: int) -> ResponseReturnValue:
    """另一人员确认终止，保函终止的恢复额度；或说明理由退回。"""
    orders, reason, number, who = ORDERS[kind], _reason(), known_number(account_no), g.officer.id
    word = "end-rejected" if reason else "ended"
    to = tried(
        _named(orders, order_id), f"guarantee.{word}" if kind == "guarantees" else f"takeover.{word}",
        lambda session: orders.end(session, number, order_id, officer_id=who, reason=reason),
    )  # fmt: skip
    return _done(number, orders.ended[to])


# --- what every page of these does ---


def _do(account_no: str, step: Callable[..., Any], *told: Any, said: str, **more: Any) -> ResponseReturnValue:
    who = g.officer.id

    def unit(session: Session) -> None:
        step(session, *told, officer_id=who, **more)

    database().transact(unit)
    return _done(account_no, said)


def _done(account_no: str, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("measures.show", account_no=account_no), 303)


def _named(orders: Orders, order_id: int) -> str:
    """By which number the trail of this one is kept (编号)."""
    with database().read() as session:
        number = orders.number_of(session, order_id)
    if number is None:
        raise NotFound("没有这件措施")
    return number


def _reason() -> str | None:
    """A reason sends it back; the button that confirms carries none (退回理由)."""
    if request.form.get("decision") != "reject":
        return None
    return posted_reason()
