"""Officers' pages of court holds, guarantees and takeovers over one account (司法冻结、保函、接管页面)."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import Form

from config.clock import bureau_day
from escrow.access.guards import officer
from escrow.doors import database, known_number
from escrow.errors import Invalid, NotFound
from escrow.fields import DIGEST_PATTERN, KEY_PATTERN, ReadField, read_day, read_money, read_text
from escrow.supervision import court_holds, guarantees, takeovers
from escrow.supervision.court_holds import Deduction, Document, Freeze
from escrow.supervision.measure_reading import measures_of
from escrow.supervision.measures import ActKind, HoldStatus, OrderStatus
from ledger.money import Yuan

measures = Blueprint("measures", __name__)

_LONGEST_ID = 2**31 - 1
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


def _line(longest: int) -> Callable[[str], str]:
    return lambda said: read_text(said, longest)


def _digest(said: str) -> str:
    return read_text(said.lower(), 64, DIGEST_PATTERN)


class DocumentForm(Form):
    """A court's document (司法文书)."""

    document_no = ReadField("文书号", _line(100))
    dated_on = ReadField("文书日期", read_day)
    file_hash = ReadField("文书文件 SHA-256", _digest)

    def document(self) -> Document:
        """What was served."""
        return Document(**{name: self.data[name] for name in ("document_no", "dated_on", "file_hash")})


class FreezeForm(DocumentForm):
    """A freeze (冻结登记)."""

    court = ReadField("法院", _line(100))
    amount = ReadField("冻结金额（元，全额冻结留空）", read_money, optional=True)
    held_from = ReadField("起", read_day)
    held_until = ReadField("止", read_day)


class ExtendForm(DocumentForm):
    """An extension (续冻登记)."""

    held_until = ReadField("新的止期", read_day)


class DeductForm(DocumentForm):
    """A deduction (扣划录入)."""

    building_no = ReadField("楼幢", _line(32))
    amount = ReadField("扣划金额（元）", read_money)
    consent_no = ReadField("本局答复文号", _line(100))
    bank_serial = ReadField("银行流水号", lambda said: read_text(said, 64, KEY_PATTERN))


class GuaranteeForm(Form):
    """A guarantee (录入保函)."""

    building_no = ReadField("楼幢", _line(32))
    guarantee_no = ReadField("保函编号", _line(64))
    issuer = ReadField("出具银行", _line(100))
    amount = ReadField("金额（元）", read_money)
    valid_until = ReadField("有效期至", read_day)
    file_hash = ReadField("保函文件 SHA-256", _digest)


class TakeoverForm(Form):
    """A takeover (录入接管)."""

    order_no = ReadField("接管决定文号", _line(100))
    grounds = ReadField("事由", _line(200))
    file_hash = ReadField("决定文件 SHA-256", _digest)


class ReasonForm(Form):
    """Why (理由)."""

    reason = ReadField("理由", _line(200))


@measures.app_context_processor
def _words() -> dict[str, Any]:
    return {"hold_shown": HOLD_SHOWN, "act_shown": ACT_SHOWN, "order_shown": ORDER_SHOWN}


@measures.get("/accounts/<account_no>/measures")
@officer("read")
def show(account_no: str) -> ResponseReturnValue:
    """一个监管账户上的司法冻结、保函与接管。"""
    return _page(account_no, 200)


@measures.post("/accounts/<account_no>/holds")
@officer("enter-hold")
def freeze(account_no: str) -> ResponseReturnValue:
    """登记法院冻结：即时生效。"""
    form = FreezeForm(request.form)
    if not form.validate():
        return _page(account_no, 422, freeze_form=form)
    told = {name: form.data[name] for name in ("court", "amount", "held_from", "held_until")}
    order = Freeze(account_no=known_number(account_no), document=form.document(), **told)
    _do(lambda session: court_holds.freeze(session, order, officer_id=g.officer.id))
    return _done(account_no, "冻结已登记，即时生效。")


@measures.post("/accounts/<account_no>/holds/<hold_no>/extension")
@officer("enter-hold")
def extend(account_no: str, hold_no: str) -> ResponseReturnValue:
    """登记续冻：即时生效。"""
    form = _valid(ExtendForm(request.form))
    until, document = form.held_until.data, form.document()
    _do(lambda s: court_holds.extend(s, known_number(hold_no), until, document, officer_id=g.officer.id))
    return _done(account_no, "续冻已登记，即时生效。")


@measures.post("/accounts/<account_no>/holds/<hold_no>/lift")
@officer("enter-hold")
def ask_lift(account_no: str, hold_no: str) -> ResponseReturnValue:
    """录入解冻，须另一人员确认。"""
    document = _valid(DocumentForm(request.form)).document()
    _do(lambda s: court_holds.ask_lift(s, known_number(hold_no), document, officer_id=g.officer.id))
    return _done(account_no, "解冻已录入，须另一人员确认。")


@measures.post("/accounts/<account_no>/holds/<hold_no>/deduction")
@officer("enter-hold")
def ask_deduction(account_no: str, hold_no: str) -> ResponseReturnValue:
    """录入扣划，须另一人员确认。"""
    form = _valid(DeductForm(request.form))
    asked = Deduction(
        form.building_no.data, form.amount.data, form.consent_no.data, form.bank_serial.data,
        form.document(),
    )  # fmt: skip
    _do(lambda s: court_holds.ask_deduction(s, known_number(hold_no), asked, officer_id=g.officer.id))
    return _done(account_no, "扣划已录入，须另一人员确认。")


@measures.post("/accounts/<account_no>/court-acts/<int:act_id>/decision")
@officer("confirm-hold", fresh=True)
def decide_act(account_no: str, act_id: int) -> ResponseReturnValue:
    """另一人员确认解冻或扣划，或说明理由退回。"""
    reason = _reason()
    _do(lambda s: court_holds.decide(s, _id(act_id), officer_id=g.officer.id, reason=reason))
    return _done(account_no, "已退回。" if reason else "已确认。")


@measures.post("/accounts/<account_no>/guarantees")
@officer("enter-hold")
def enter_guarantee(account_no: str) -> ResponseReturnValue:
    """录入保函，须另一人员决定。"""
    form = GuaranteeForm(request.form)
    if not form.validate():
        return _page(account_no, 422, guarantee_form=form)
    offered = guarantees.Offered(account_no=known_number(account_no), **form.data)
    _do(lambda s: guarantees.enter(s, offered, officer_id=g.officer.id))
    return _done(account_no, "保函已录入，须另一人员决定。")


@measures.post("/accounts/<account_no>/guarantees/<int:guarantee_id>/decision")
@officer("confirm-hold", fresh=True)
def decide_guarantee(account_no: str, guarantee_id: int) -> ResponseReturnValue:
    """另一人员使保函生效，或退回。"""
    reason = _reason()
    _do(lambda s: guarantees.decide(s, _id(guarantee_id), officer_id=g.officer.id, reason=reason))
    return _done(account_no, "保函已退回。" if reason else "保函已生效，应留存额随之调整。")


@measures.post("/accounts/<account_no>/guarantees/<int:guarantee_id>/end")
@officer("enter-hold")
def ask_guarantee_end(account_no: str, guarantee_id: int) -> ResponseReturnValue:
    """录入保函退还或失效。"""
    reason = str(_valid(ReasonForm(request.form)).reason.data)
    said = request.form.get("to", "")
    if said not in (OrderStatus.ENDED, OrderStatus.LAPSED):
        raise Invalid({"to": "请选择退还或失效。"})
    to = OrderStatus(said)
    _do(lambda s: guarantees.ask_end(s, _id(guarantee_id), to, reason, officer_id=g.officer.id))
    return _done(account_no, "已录入，须另一人员确认。")


@measures.post("/accounts/<account_no>/guarantees/<int:guarantee_id>/end/confirmation")
@officer("confirm-hold", fresh=True)
def end_guarantee(account_no: str, guarantee_id: int) -> ResponseReturnValue:
    """另一人员确认保函终止，恢复额度。"""
    _do(lambda s: guarantees.end(s, _id(guarantee_id), officer_id=g.officer.id))
    return _done(account_no, "保函已终止，额度已恢复。")


@measures.post("/accounts/<account_no>/takeovers")
@officer("enter-hold")
def enter_takeover(account_no: str) -> ResponseReturnValue:
    """录入接管决定，须另一人员决定。"""
    form = TakeoverForm(request.form)
    if not form.validate():
        return _page(account_no, 422, takeover_form=form)
    order = takeovers.Order(account_no=known_number(account_no), **form.data)
    _do(lambda s: takeovers.enter(s, order, officer_id=g.officer.id))
    return _done(account_no, "接管已录入，须另一人员决定。")


@measures.post("/accounts/<account_no>/takeovers/<int:takeover_id>/decision")
@officer("confirm-hold", fresh=True)
def decide_takeover(account_no: str, takeover_id: int) -> ResponseReturnValue:
    """另一人员使接管生效，或退回。"""
    reason = _reason()
    _do(lambda s: takeovers.decide(s, _id(takeover_id), officer_id=g.officer.id, reason=reason))
    return _done(account_no, "接管已退回。" if reason else "接管已生效，每笔拨付须两级核准。")


@measures.post("/accounts/<account_no>/takeovers/<int:takeover_id>/end")
@officer("enter-hold")
def ask_takeover_end(account_no: str, takeover_id: int) -> ResponseReturnValue:
    """录入终止接管。"""
    reason = str(_valid(ReasonForm(request.form)).reason.data)
    _do(lambda s: takeovers.ask_end(s, _id(takeover_id), reason, officer_id=g.officer.id))
    return _done(account_no, "已录入，须另一人员确认。")


@measures.post("/accounts/<account_no>/takeovers/<int:takeover_id>/end/confirmation")
@officer("confirm-hold", fresh=True)
def end_takeover(account_no: str, takeover_id: int) -> ResponseReturnValue:
    """另一人员确认终止接管。"""
    _do(lambda s: takeovers.end(s, _id(takeover_id), officer_id=g.officer.id))
    return _done(account_no, "接管已终止。")


# --- what every page of these does ---


def _page(account_no: str, status: int, **forms: Form) -> ResponseReturnValue:
    with database().read() as session:
        found = measures_of(session, known_number(account_no))
    if found is None:
        raise NotFound("没有这个监管账户")
    blank = {
        "freeze_form": FreezeForm(), "extend_form": ExtendForm(), "document_form": DocumentForm(),
        "deduct_form": DeductForm(), "guarantee_form": GuaranteeForm(), "takeover_form": TakeoverForm(),
    }  # fmt: skip
    page = render_template(
        "supervision/measures.html", found=found, today=bureau_day(), fen=Yuan.from_fen, **{**blank, **forms}
    )
    return page, status


def _do(unit: Callable[[Session], Any]) -> None:
    database().transact(unit)


def _done(account_no: str, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("measures.show", account_no=account_no), 303)


def _valid(form: Any) -> Any:
    if not form.validate():
        raise Invalid({name: "；".join(map(str, errors)) for name, errors in form.errors.items()})
    return form


def _reason() -> str | None:
    """A reason sends it back; the button that confirms carries none (退回理由)."""
    if request.form.get("decision") != "reject":
        return None
    return str(_valid(ReasonForm(request.form)).reason.data)


def _id(said: int) -> int:
    if said > _LONGEST_ID:
        raise NotFound
    return said
