"""The page on which an application is entered, with what its building may pay (用款录入页面)."""

import re
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from escrow.access.guards import officer
from escrow.doors import database, known_number
from escrow.forms import checked, filled_in
from escrow.withdrawals.actions import enter
from escrow.withdrawals.facts import place_of
from escrow.withdrawals.forms import (
    LINES,
    MOST_LINES,
    ApplicationForm,
    LineForm,
    application_of,
    line_forms,
    options,
)
from escrow.withdrawals.lists import limits_by_building, over_account, payees, project_of
from escrow.withdrawals.payee_rules import KIND_LABELS
from escrow.withdrawals.rules import Channel

applications = Blueprint("applications", __name__)


@applications.get("/withdrawals/accounts/<account_no>/new")
@officer("enter-payment")
def new(account_no: str) -> ResponseReturnValue:
    """录入用款申请：各幢可拨额度与算式、有效白名单。"""
    number = known_number(account_no)
    with database().read() as session:
        known = _known(session, number)
    form, lines = _forms(known, None, _many(request.values.get("lines", "")))
    return render_template("withdrawals/new.html", **known, form=form, lines=lines, most=MOST_LINES)


@applications.post("/withdrawals/accounts/<account_no>/new")
@officer("enter-payment", page="applications.new")
def create(account_no: str) -> ResponseReturnValue:
    """录入一件用款申请；填错、不予拨付的，逐条说明，已填的留在表上。"""
    number, who = known_number(account_no), g.officer.id
    with database().read() as session:
        known = _known(session, number)
    form, lines = _forms(known, filled_in(), _many(request.form.get("lines", "")))
    filled = [line for line in lines if not line.is_blank] or lines[:1]
    checked(form, *filled)
    application = application_of(number, form, lines)
    withdrawal_no = database().transact(lambda session: enter(session, application, officer_id=who))
    flash("用款已录入，须由另一人员核准。", "success")
    return redirect(url_for("withdrawals.show", withdrawal_no=withdrawal_no), 303)


def _known(session: Session, account_no: str) -> dict[str, Any]:
    place = place_of(session, account_no)
    return {
        "place": place, "project": project_of(session, place), "over": over_account(session, place),
        "buildings": limits_by_building(session, place),
        "listed": payees(session, place.account.id, only_listed=True),
    }  # fmt: skip


def _forms(known: dict[str, Any], typed: Any, many: int) -> tuple[ApplicationForm, list[LineForm]]:
    form = ApplicationForm(typed)
    form.building_no.choices = options((no, f"{no} 幢") for no, _ in known["buildings"])
    if typed is None and len(known["buildings"]) == 1:
        form.building_no.data = known["buildings"][0][0]
    if typed is None:
        form.channel.data = Channel.GENERAL.value
    listed = [
        (str(payee.id), f"{payee.name}（{KIND_LABELS[payee.kind]}，{contract_no}）")
        for payee, contract_no in ((row.ListedPayee, row.contract_no) for row in known["listed"])
    ]
    return form, line_forms(many, listed, typed)


def _many(said: str) -> int:
    return min(max(int(said), 1), MOST_LINES) if re.fullmatch(r"[0-9]{1,2}", said, re.ASCII) else LINES
