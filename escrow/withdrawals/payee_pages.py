"""Pages of who may be paid: construction contracts and payees, entered by one, decided by another (白名单页面)."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms.fields import SelectChoice

from escrow.access.guards import officer
from escrow.doors import database, known_number
from escrow.forms import checked, filled_in, posted, posted_reason
from escrow.withdrawals.facts import place_of
from escrow.withdrawals.forms import ConstructionForm, PayeeForm, options
from escrow.withdrawals.lists import (
    Wanted,
    contracts,
    limits_by_building,
    over_account,
    payees,
    project_of,
    withdrawals,
)
from escrow.withdrawals.payee_rules import ListingStatus
from escrow.withdrawals.payees import (
    decide_contract,
    decide_payee,
    enter_contract,
    enter_payee,
    retire_contract,
    retire_payee,
)

registers = Blueprint("registers", __name__)


@registers.get("/withdrawals/accounts/<account_no>")
@officer("read")
def account(account_no: str) -> ResponseReturnValue:
    """一个监管账户：各幢可拨额度与算式、施工合同、收款人白名单、近来的用款。"""
    with database().read() as session:
        known = _known(session, known_number(account_no))
    form = PayeeForm()
    form.contract_id.choices = _choices(known["contracts"])
    return render_template(
        "withdrawals/account.html", **known, contract_form=ConstructionForm(), payee_form=form
    )


@registers.post("/withdrawals/accounts/<account_no>/contracts")
@officer("enter-payment", page="registers.account")
def create_contract(account_no: str) -> ResponseReturnValue:
    """录入施工合同，须由另一人员复核。"""
    number, who = known_number(account_no), g.officer.id
    asked = posted(ConstructionForm).asked(number)
    database().transact(lambda session: enter_contract(session, asked, officer_id=who))
    return _done(number, "施工合同已录入，须由另一人员复核。")


@registers.post("/withdrawals/accounts/<account_no>/payees")
@officer("enter-payment", page="registers.account")
def create_payee(account_no: str) -> ResponseReturnValue:
    """录入收款人，须由另一人员复核。"""
    number, who, form = known_number(account_no), g.officer.id, PayeeForm(filled_in())
    with database().read() as session:
        form.contract_id.choices = _choices(contracts(session, place_of(session, number).account.id))
    checked(form)
    asked = form.asked()
    database().transact(lambda session: enter_payee(session, asked, officer_id=who))
    return _done(number, "收款人已录入，须由另一人员复核。")


@registers.post("/withdrawals/accounts/<account_no>/contracts/<int:contract_id>/decision")
@officer("approve-payment", fresh=True, page="registers.account")
def contract_decision(account_no: str, contract_id: int) -> ResponseReturnValue:
    """另一人员登记施工合同，或说明理由退回。"""
    number, who, reason = known_number(account_no), g.officer.id, _sent_back()
    database().transact(
        lambda session: decide_contract(session, number, contract_id, officer_id=who, reason=reason)
    )  # fmt: skip
    return _done(number, "施工合同已退回。" if reason else "施工合同已登记。")


@registers.post("/withdrawals/accounts/<account_no>/payees/<int:payee_id>/decision")
@officer("approve-payment", fresh=True, page="registers.account")
def payee_decision(account_no: str, payee_id: int) -> ResponseReturnValue:
    """另一人员将收款人列入白名单，或说明理由退回。"""
    number, who, reason = known_number(account_no), g.officer.id, _sent_back()
    database().transact(
        lambda session: decide_payee(session, number, payee_id, officer_id=who, reason=reason)
    )  # fmt: skip
    said = "收款人已退回。" if reason else "收款人已列入白名单，冷静期满方可付款。"
    return _done(number, said)


@registers.post("/withdrawals/accounts/<account_no>/contracts/<int:contract_id>/retirement")
@officer("enter-payment", page="registers.account")
def contract_retirement(account_no: str, contract_id: int) -> ResponseReturnValue:
    """停用施工合同，即时生效。"""
    number, who, reason = known_number(account_no), g.officer.id, posted_reason()
    database().transact(
        lambda session: retire_contract(session, number, contract_id, officer_id=who, reason=reason)
    )  # fmt: skip
    return _done(number, "施工合同已停用，其名下不再付款。")


@registers.post("/withdrawals/accounts/<account_no>/payees/<int:payee_id>/retirement")
@officer("enter-payment", page="registers.account")
def payee_retirement(account_no: str, payee_id: int) -> ResponseReturnValue:
    """停用收款人，即时生效。"""
    number, who, reason = known_number(account_no), g.officer.id, posted_reason()
    database().transact(
        lambda session: retire_payee(session, number, payee_id, officer_id=who, reason=reason)
    )  # fmt: skip
    return _done(number, "收款人已停用，不再向其付款。")


def _known(session: Session, account_no: str) -> dict[str, Any]:
    place = place_of(session, account_no)
    id_ = place.account.id
    return {
        "place": place, "project": project_of(session, place), "over": over_account(session, place),
        "buildings": limits_by_building(session, place), "contracts": contracts(session, id_),
        "payees": payees(session, id_),
        "rows": withdrawals(session, Wanted(account_id=id_), limit=20),
    }  # fmt: skip


def _choices(rows: list[Any]) -> list[SelectChoice]:
    listed = [row.ConstructionContract for row in rows]
    return options(
        (str(one.id), f"{one.contract_no}（{one.contractor}）")
        for one in listed
        if one.status is ListingStatus.LISTED
    )


def _done(account_no: str, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("registers.account", account_no=account_no), 303)


def _sent_back() -> str | None:
    """A reason sends it back; the button that confirms carries none (退回理由)."""
    return posted_reason() if request.form.get("decision") == "reject" else None
