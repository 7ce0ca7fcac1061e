"""Pages of the developer's receiving account: registered by one officer, confirmed by another (收款账户页面)."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access.guards import officer
from escrow.doors import database, known_number, settings
from escrow.errors import NotFound
from escrow.fields import ACCOUNT_NO_PATTERN, ReadField, read_day, read_text
from escrow.forms import DigestField, posted, posted_reason
from escrow.release.lists import account_shown
from escrow.release.receiving import (
    SUBJECT,
    ReceivingAsked,
    decide_receiving,
    enter_receiving,
    receiving_of,
    retire_receiving,
)
from escrow.release.receiving_rules import LIVE, RECEIVING_LABELS, TWO_OFFICERS, ReceivingStatus

receivers = Blueprint("receivers", __name__)

SHOWN = {
    one: (RECEIVING_LABELS[one], tone)
    for one, tone in zip(ReceivingStatus, ("warning", "success", "danger", "secondary"), strict=True)
}


class ReceivingForm(Form):
    """The account and the paper that proves it (登记收款账户)."""

    account_no = ReadField("收款账号", lambda said: read_text(said, 34, ACCOUNT_NO_PATTERN))
    bank_name = ReadField("开户银行", lambda said: read_text(said, 100))
    paper_no = ReadField("开户证明文号", lambda said: read_text(said, 64))
    dated_on = ReadField("证明日期", read_day)
    file_hash = DigestField("开户证明")


@receivers.get("/releases/accounts/<account_no>/receiving")
@officer("read")
def show(account_no: str) -> ResponseReturnValue:
    """开发企业的收款账户：现在有效的、等待确认的、曾经登记的，谁在何时凭什么办理。"""
    with database().read() as session:
        place = account_shown(session, known_number(account_no))
        if place is None:
            raise NotFound("没有这个监管账户")
        rows = receiving_of(session, place.account_no)
    live: list[Any] = [row for row in rows if row.ReceivingAccount.status in LIVE]
    return render_template(
        "release/receiving.html", place=place, rows=rows, live=bool(live), form=ReceivingForm(), shown=SHOWN,
        grounds=law_on(bureau_day(), SUBJECT, place.region)[TWO_OFFICERS],
    )  # fmt: skip


@receivers.post("/releases/accounts/<account_no>/receiving")
@officer("enter-release", page="receivers.show")
def create(account_no: str) -> ResponseReturnValue:
    """登记开发企业的收款账户，须由另一人员确认。"""
    number, who, told = known_number(account_no), g.officer.id, settings()
    asked = ReceivingAsked(number, **posted(ReceivingForm).data)
    database().transact(lambda session: enter_receiving(session, asked, told, officer_id=who))
    return _done(number, "收款账户已登记，须由另一人员确认。")


@receivers.post("/releases/accounts/<account_no>/receiving/<int:receiving_id>/confirm")
@officer("approve-release", fresh=True, page="receivers.show")
def confirm(account_no: str, receiving_id: int) -> ResponseReturnValue:
    """另一人员核对开户证明无误，予以确认。"""
    number, which, who = known_number(account_no), _own(account_no, receiving_id), g.officer.id
    database().transact(lambda session: decide_receiving(session, which, officer_id=who))
    return _done(number, "收款账户已确认，解除监管款只付这个账户。")


@receivers.post("/releases/accounts/<account_no>/receiving/<int:receiving_id>/reject")
@officer("approve-release", page="receivers.show")
def reject(account_no: str, receiving_id: int) -> ResponseReturnValue:
    """另一人员核对有误，说明理由退回。"""
    number, which, who = known_number(account_no), _own(account_no, receiving_id), g.officer.id
    why = posted_reason()
    database().transact(lambda session: decide_receiving(session, which, officer_id=who, reason=why))
    return _done(number, "收款账户已退回。")


@receivers.post("/releases/accounts/<account_no>/receiving/<int:receiving_id>/retirement")
@officer("enter-release", page="receivers.show")
def retire(account_no: str, receiving_id: int) -> ResponseReturnValue:
    """停用收款账户，即时生效。"""
    number, which, who = known_number(account_no), _own(account_no, receiving_id), g.officer.id
    why = posted_reason()
    database().transact(lambda session: retire_receiving(session, which, officer_id=who, reason=why))
    return _done(number, "收款账户已停用，不再向其付款。")


def _own(account_no: str, receiving_id: int) -> int:
    """The entry, where it is of this account's developer (本企业的登记). Raises NotFound."""
    with database().read() as session:
        rows = receiving_of(session, known_number(account_no))
    if receiving_id not in {row.ReceivingAccount.id for row in rows}:
        raise NotFound("没有这个收款账户")
    return receiving_id


def _done(account_no: str, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("receivers.show", account_no=account_no), 303)
