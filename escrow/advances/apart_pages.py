"""Pages of money that is no house's: the worklist, one sum (另列款页面)."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from escrow.access.guards import officer
from escrow.advances import lists
from escrow.advances.apart_facts import Place, place_of
from escrow.advances.apart_rules import KIND_LABELS, PAYEE_LABELS, STATUS_LABELS, DecisionStatus
from escrow.advances.deciding import ClaimAsked, ask_return, claim, confirm, reject
from escrow.advances.facts import House, houses
from escrow.advances.forms import ClaimForm, ReturnForm, claim_of, share_forms
from escrow.advances.rules import ASIDE_LABELS, FATE_LABELS, PAYER_LABELS, Aside, Fate
from escrow.doors import database, settings
from escrow.errors import Invalid, NotFound
from escrow.fields import problem_in_text
from escrow.forms import checked, filled_in, posted, posted_reason
from escrow.maintenance.pages import PAGE, attempt, key, next_key
from ledger.money import ZERO, Yuan

pages = Blueprint("apart_money", __name__)

_SUM = "/fund/apart/<bigint:apart_id>"
_ONE = f"{_SUM}/decisions/<int:decision_id>"

_TONES = {
    DecisionStatus.ENTERED: "warning", DecisionStatus.CONFIRMED: "success",
    DecisionStatus.RETURN_DUE: "primary", DecisionStatus.RETURNED: "success",
    DecisionStatus.REJECTED: "secondary",
}  # fmt: skip
_FATE_TONES = {
    Fate.BOOKED: "success", Fate.PARTLY_BOOKED: "warning", Fate.UNCLAIMED: "warning", Fate.OVERPAID: "danger",
}  # fmt: skip
_ASIDE_TONES = {Aside.UNCLAIMED: "warning", Aside.PREPAID: "primary", Aside.OVERPAID: "danger"}


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "aside_shown": {one.value: (ASIDE_LABELS[one], _ASIDE_TONES[one]) for one in Aside},
        "fate_shown": {one.value: (FATE_LABELS[one], _FATE_TONES[one]) for one in Fate},
        "fund_payer_shown": {one.value: label for one, label in PAYER_LABELS.items()},
        "fund_payee_shown": {one.value: label for one, label in PAYEE_LABELS.items()},
        "decision_kind_shown": {one.value: label for one, label in KIND_LABELS.items()},
        "decision_shown": {one.value: (STATUS_LABELS[one], _TONES[one]) for one in DecisionStatus},
    }


@pages.get("/fund/apart")
@officer("read")
def index() -> ResponseReturnValue:
    """另列款清单：待认领、单位预交、应退多缴，最久的在前，各写明为什么不是哪一户的。"""
    asked, after = request.args.get("aside", ""), key("after") or 0
    aside = asked if asked in set(Aside) else None
    with database().read() as session:
        rows = lists.open_aparts(session, aside=aside, after=after, limit=PAGE + 1)
    return render_template(
        "advances/aparts.html", rows=rows[:PAGE], following=next_key(rows), first=after == 0, aside=aside
    )


@pages.get(_SUM)
@officer("read")
def show(apart_id: int) -> ResponseReturnValue:
    """一笔另列款：尚余多少、为什么、归入哪些户或退给谁、谁在何时依据什么办理。"""
    wanted, building_id = request.args.get("find", "").strip()[:64], key("building")
    with database().read() as session:
        place = place_of(session, apart_id, locked=False)
        done = lists.decisions(session, apart_id)
        found = _found(session, place, wanted)
        homes = _homes(session, place, building_id)
    form = ClaimForm(data={"payer_kind": place.row.payer_kind})
    return render_template(
        "advances/apart.html", row=place.row, place=place, history=done, buildings=found, homes=homes,
        building_id=building_id, wanted=wanted, form=form, rows=share_forms(),
        spread=ClaimForm(data={"payer_kind": place.row.payer_kind}, prefix="spread-"),
        back=ReturnForm(prefix="return-"),
        waiting=next((one for one in done if one.status == DecisionStatus.ENTERED), None),
    )  # fmt: skip


@pages.post(f"{_SUM}/claims")
@officer("fund-enter", page="apart_money.show")
def enter_claim(apart_id: int) -> ResponseReturnValue:
    """录入归入：逐户填写编码与金额，附依据；待另一人员确认。"""
    form, rows = ClaimForm(filled_in()), share_forms(filled_in())
    checked(form, *rows)
    return _entered(apart_id, claim_of(apart_id, form, rows))


@pages.post(f"{_SUM}/spread")
@officer("fund-enter", page="apart_money.show")
def enter_spread(apart_id: int) -> ResponseReturnValue:
    """录入分户：勾选的各户按尚差之数分得，附清册；待另一人员确认。"""
    form = posted(ClaimForm, prefix="spread-")
    chosen = [code for code in request.form.getlist("unit") if len(code) == 28 and not problem_in_text(code)]
    if not chosen:
        raise Invalid({"unit": "至少勾选一户。"})
    with database().read() as session:
        place = place_of(session, apart_id, locked=False)
        homes = houses(session, place.fund, dict.fromkeys(chosen), locked=False)
    shares = tuple((one.unit_code, _lacking(one)) for one in homes)
    return _entered(apart_id, ClaimAsked(apart_id, form.payer(), shares, form.evidence()))


@pages.post(f"{_SUM}/returns")
@officer("fund-enter", page="apart_money.show")
def enter_return(apart_id: int) -> ResponseReturnValue:
    """录入退还：退给谁由规定而定，所填只是其收款账户；附依据，待另一人员确认。"""
    form, who, told = posted(ReturnForm, prefix="return-"), g.officer.id, settings()
    with database().read() as session:
        payee = place_of(session, apart_id, locked=False).by_rule
    asked = form.asked(apart_id, payee)
    attempt(apart_id, "apart.entered", lambda session: ask_return(session, asked, told, officer_id=who))
    return _done(apart_id, "退还已录入，待另一人员确认。")


@pages.post(f"{_ONE}/confirm")
@officer("fund-decide", fresh=True, page="apart_money.show")
def confirm_decision(apart_id: int, decision_id: int) -> ResponseReturnValue:
    """确认：归入的款记入各户，退还的款转应退。"""
    number, who = _known(apart_id, decision_id), g.officer.id
    kind = attempt(apart_id, "apart.confirmed", lambda session: confirm(session, number, officer_id=who))
    return _done(apart_id, f"{KIND_LABELS[kind]}已确认。")


@pages.post(f"{_ONE}/reject")
@officer("fund-decide", page="apart_money.show")
def reject_decision(apart_id: int, decision_id: int) -> ResponseReturnValue:
    """退回，说明理由；款仍另列。"""
    number, who, reason = _known(apart_id, decision_id), g.officer.id, posted_reason()
    attempt(apart_id, "apart.rejected", lambda session: reject(session, number, reason, officer_id=who))
    return _done(apart_id, "已退回，款仍另列。")


def _entered(apart_id: int, asked: ClaimAsked) -> ResponseReturnValue:
    who = g.officer.id
    attempt(apart_id, "apart.entered", lambda session: claim(session, asked, officer_id=who))
    return _done(apart_id, f"归入 {len(asked.shares)} 户已录入，待另一人员确认；确认之前不入户。")


def _found(session: Any, place: Place, wanted: str) -> list[Any]:
    if not wanted or problem_in_text(wanted):
        return []
    return lists.buildings(session, place.row.fund_id, wanted)


def _homes(session: Any, place: Place, building_id: int | None) -> list[tuple[House, Yuan]]:
    """The houses of a building that still lack some of their first deposit, and how much (尚差各户)."""
    if building_id is None:
        return []
    found = houses(session, place.fund, lists.codes_of(session, building_id), locked=False)
    return [(one, lacking) for one in found if (lacking := _lacking(one)) > ZERO]


def _lacking(one: House) -> Yuan:
    return one.facts.remaining if one.facts and one.facts.same_fund else ZERO


def _known(apart_id: int, decision_id: int) -> int:
    """The decision's number, where it is one of this sum. Raises NotFound."""
    with database().read() as session:
        if decision_id not in [one.id for one in lists.decisions(session, apart_id)]:
            raise NotFound("没有这件处理")
    return decision_id


def _done(apart_id: int, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("apart_money.show", apart_id=apart_id), 303)
