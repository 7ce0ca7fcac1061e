"""Pages of what becomes of a house account: its owners and its changes, with history (分户账事项)."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access.guards import officer
from escrow.doors import database, known_number, settings
from escrow.errors import Invalid, NotFound
from escrow.forms import posted, posted_reason
from escrow.fund_orders.issuing import status_of
from escrow.houses import actions, deciding, lists
from escrow.houses.change_rules import CHANGE_LABELS, KIND_LABELS, ChangeKind, ChangeStatus
from escrow.houses.forms import AreaForm, LossForm, MisplacedForm, OwnerForm, RenewalForm
from escrow.houses.losses import PARTS, issue_loss, source_of
from escrow.houses.owner_rules import (
    OWNER_KINDS,
    OWNER_LABELS,
    REGISTERED,
    REGISTERED_LABEL,
    OwnerKind,
    OwnerStatus,
)
from escrow.houses.owners import read_owners
from escrow.houses.owning import Transfer, confirm_owner, enter_owner, reject_owner
from escrow.maintenance.pages import PAGE, attempt, key, next_key
from escrow.maintenance.reading import UnitSeen, unit_seen

pages = Blueprint("houses", __name__)

_TONES = {"entered": "warning", "confirmed": "success", "rejected": "secondary"}
_HERE = "/fund/houses/<unit_code>/changes"


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "house_change_kinds": {one.value: KIND_LABELS[one] for one in ChangeKind},
        "house_change_shown": {one.value: (CHANGE_LABELS[one], _TONES[one.value]) for one in ChangeStatus},
        "owner_kinds": {one.value: OWNER_KINDS[one] for one in OwnerKind} | {REGISTERED: REGISTERED_LABEL},
        "owner_shown": {one.value: (OWNER_LABELS[one], _TONES[one.value]) for one in OwnerStatus},
        "loss_parts": PARTS,
    }  # fmt: skip


@pages.get("/fund/changes")
@officer("read")
def index() -> ResponseReturnValue:
    """全部分户账事项：面积更正、串户更正、灭失返还、续交，新的在前。"""
    before = key("before")
    with database().read() as session:
        rows = lists.changes(session, before=before, limit=PAGE + 1)
    return render_template(
        "houses/index.html", rows=rows[:PAGE], following=next_key(rows), first=before is None
    )


@pages.get(_HERE)
@officer("read")
def show(unit_code: str) -> ResponseReturnValue:
    """一户的业主沿革与各件事项：录入、确认、退回、返还的付款，谁在何时依何规定办理。"""
    before = key("before")
    with database().read() as session:
        seen = unit_seen(session, known_number(unit_code))
        if seen is None or not seen.is_built:
            raise NotFound("没有这套房屋的分户账")
        rows = lists.changes(session, house_id=seen.row.house_id, before=before, limit=PAGE + 1)
        owned = lists.owners(session, seen.row.house_id)
        wanted = [source_of(one.id, part) for one in rows if one.kind == ChangeKind.LOST for part in PARTS]
        orders = status_of(session, wanted) if wanted else {}
    law = law_on(bureau_day(), actions.LAW, seen.row.region)
    cited = {one.id: _registered_by(one, seen) for one in owned if one.kind == REGISTERED}
    return render_template(
        "houses/show.html", seen=seen, row=seen.row, rows=rows[:PAGE], following=next_key(rows),
        first=before is None, owned=owned, cited=cited, orders=orders, facts_=actions.facts_of(seen),
        law_=law,
        forms={
            "owner": OwnerForm(), "area": AreaForm(), "misplaced": MisplacedForm(), "lost": LossForm(),
            "renewal": RenewalForm(),
        },
    )  # fmt: skip


@pages.post(_HERE + "/owner")
@officer("fund-enter", page="houses.show")
def create_owner(unit_code: str) -> ResponseReturnValue:
    """录入业主变更：凭转移登记，余额随房屋转移。"""
    number, told, who = known_number(unit_code), dict[str, Any](posted(OwnerForm).data), g.officer.id
    try:
        named = read_owners(told["names"], told["numbers"])
    except ValueError as problem:
        raise Invalid({"numbers": str(problem)}) from None
    asked = Transfer(
        number, OwnerKind(told["kind"]), told["from_day"], told["certificate_no"], told["file_hash"], named
    )
    key_ring = settings()
    attempt(number, "house-owner.entered", lambda one: enter_owner(one, asked, key_ring, officer_id=who))
    return _back(number, "业主变更已录入，待另一人员确认。")


@pages.post(_HERE + "/area")
@officer("fund-enter", page="houses.show")
def create_area(unit_code: str) -> ResponseReturnValue:
    """录入面积更正：确认后按更正面积计应缴，已入账的不改。"""
    number, form, who = known_number(unit_code), posted(AreaForm), g.officer.id
    paper, after = form.paper(), dict[str, Any](form.data)["area"]
    attempt(number, "house-change.entered",
            lambda one: actions.enter_area(one, number, paper, after, officer_id=who))  # fmt: skip
    return _back(number, "面积更正已录入，待另一人员确认。")


@pages.post(_HERE + "/misplaced")
@officer("fund-enter", page="houses.show")
def create_misplaced(unit_code: str) -> ResponseReturnValue:
    """录入串户更正：确认后由新凭证转到应入的房屋。"""
    number, form, who = known_number(unit_code), posted(MisplacedForm), g.officer.id
    paper, told = form.paper(), dict[str, Any](form.data)
    attempt(number, "house-change.entered", lambda one: actions.enter_misplaced(
        one, number, paper, told["receipt_no"], told["other_code"], officer_id=who))  # fmt: skip
    return _back(number, "串户更正已录入，待另一人员确认。")


@pages.post(_HERE + "/lost")
@officer("fund-enter", page="houses.show")
def create_lost(unit_code: str) -> ResponseReturnValue:
    """录入灭失返还：余额返还业主，公房售房单位交存的部分返还售房单位。"""
    number, form, who, key_ring = known_number(unit_code), posted(LossForm), g.officer.id, settings()
    paper, seller = form.paper(), dict[str, Any](form.data)["seller_amount"]
    receivers = form.receiver("owner"), form.receiver("seller")
    attempt(number, "house-change.entered", lambda one: actions.enter_lost(
        one, number, paper, seller, *receivers, key_ring, officer_id=who))  # fmt: skip
    return _back(number, "灭失返还已录入，待另一人员确认。")


@pages.post(_HERE + "/renewal")
@officer("fund-enter", page="houses.show")
def create_renewal(unit_code: str) -> ResponseReturnValue:
    """录入续交：凭银行流水，确认后入户。"""
    number, form, who = known_number(unit_code), posted(RenewalForm), g.officer.id
    paper, told = form.paper(), dict[str, Any](form.data)
    attempt(number, "house-change.entered", lambda one: actions.enter_renewal(
        one, number, paper, told["amount"], told["value_date"], officer_id=who))  # fmt: skip
    return _back(number, "续交已录入，待另一人员确认。")


@pages.post(_HERE + "/<int:change_id>/confirm")
@officer("fund-decide", fresh=True, page="houses.show")
def confirm_change(unit_code: str, change_id: int) -> ResponseReturnValue:
    """确认一件事项：加锁后重新核对，更正或入账。"""
    number, who = known_number(unit_code), g.officer.id
    attempt(number, "house-change.confirmed",
            lambda one: deciding.confirm(one, number, change_id, officer_id=who))  # fmt: skip
    return _back(number, "已确认。")


@pages.post(_HERE + "/<int:change_id>/reject")
@officer("fund-decide", page="houses.show")
def reject_change(unit_code: str, change_id: int) -> ResponseReturnValue:
    """退回一件事项，说明理由。"""
    number, who, reason = known_number(unit_code), g.officer.id, posted_reason()
    attempt(number, "house-change.rejected",
            lambda one: deciding.reject(one, number, change_id, reason, officer_id=who))  # fmt: skip
    return _back(number, "已退回。")


@pages.post(_HERE + "/<int:change_id>/orders/<any(owner,seller):part>")
@officer("fund-cashier", fresh=True, page="houses.show")
def order_loss(unit_code: str, change_id: int, part: str) -> ResponseReturnValue:
    """签发灭失返还的付款指令，由确认人以外的人员办理。"""
    number, who, key_ring = known_number(unit_code), g.officer.id, settings()
    issued = attempt(number, "fund-order.issued", lambda one: issue_loss(
        one, number, change_id, part, key_ring, officer_id=who))  # fmt: skip
    return _back(number, f"付款指令 {issued.instruction_no} 已签发。")


@pages.post(_HERE + "/owner/<int:change_id>/confirm")
@officer("fund-decide", fresh=True, page="houses.show")
def confirm_transfer(unit_code: str, change_id: int) -> ResponseReturnValue:
    """确认业主变更；不动钱，余额随房屋。"""
    number, who = known_number(unit_code), g.officer.id
    attempt(number, "house-owner.confirmed",
            lambda one: confirm_owner(one, number, change_id, officer_id=who))  # fmt: skip
    return _back(number, "业主变更已确认。")


@pages.post(_HERE + "/owner/<int:change_id>/reject")
@officer("fund-decide", page="houses.show")
def reject_transfer(unit_code: str, change_id: int) -> ResponseReturnValue:
    """退回业主变更，说明理由。"""
    number, who, reason = known_number(unit_code), g.officer.id, posted_reason()
    attempt(number, "house-owner.rejected",
            lambda one: reject_owner(one, number, change_id, reason, officer_id=who))  # fmt: skip
    return _back(number, "业主变更已退回。")


def _registered_by(told: Any, seen: UnitSeen) -> str:
    """By which provision the register's word made the owner, on the day it was told (登记机构所报的依据)."""
    law = law_on(bureau_day(told.entered_at), actions.LAW, seen.row.region)
    return law["owner_by_registration"].citation


def _back(unit_code: str, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("houses.show", unit_code=unit_code), 303)
