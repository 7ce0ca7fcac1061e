"""Pages of a change of payee: entered beside its part, decided by two others (改退账户页面)."""

from flask import Blueprint, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form

from escrow.access.guards import officer
from escrow.doors import database, known_number, settings
from escrow.errors import NotFound
from escrow.fields import ReadField, read_text
from escrow.forms import DigestField, posted, posted_reason
from escrow.refunds.actions import OtherPayee, Proof
from escrow.refunds.forms import read_account
from escrow.refunds.redirect_rules import REDIRECT_LABELS
from escrow.refunds.redirecting import (
    RedirectAsked,
    approve_redirect,
    enter_redirect,
    number_of,
    reject_redirect,
)

redirects_blueprint = Blueprint("redirects", __name__)


class RedirectForm(Form):
    """To whom instead, and why (改退申请)."""

    name = ReadField("改退收款人", lambda said: read_text(said, 100))
    account_no = ReadField("改退账号", read_account)
    bank_name = ReadField("改退开户行", lambda said: read_text(said, 100))
    paper_no = ReadField("证明文号", lambda said: read_text(said, 64))
    file_hash = DigestField("证明文件")


@redirects_blueprint.post("/refunds/<refund_no>/parts/<int:part_id>/redirect")
@officer("enter-payment", page="refunds.show")
def enter(refund_no: str, part_id: int) -> ResponseReturnValue:
    """录入改退账户：银行未付、退汇或尚未签发的一笔，改退另一账户。"""
    number = known_number(refund_no)
    said, who, told = posted(RedirectForm).data, g.officer.id, settings()
    asked = RedirectAsked(
        number, part_id, OtherPayee(said["name"], said["account_no"], said["bank_name"]),
        Proof(said["paper_no"], said["file_hash"]),
    )  # fmt: skip
    database().transact(lambda session: enter_redirect(session, asked, told, officer_id=who))
    flash("改退账户已录入，须由另外两名人员先后复核。", "success")
    return redirect(url_for("refunds.show", refund_no=number), 303)


@redirects_blueprint.post("/refunds/<refund_no>/redirects/<int:redirect_id>/approve")
@officer("approve-payment", fresh=True, page="refunds.show")
def approve(refund_no: str, redirect_id: int) -> ResponseReturnValue:
    """复核改退账户：第一次为一级，另一人第二次为二级。"""
    which, who = _of(refund_no, redirect_id), g.officer.id
    status = database().transact(lambda session: approve_redirect(session, which, officer_id=who))
    flash(f"改退账户{REDIRECT_LABELS[status]}。", "success")
    return redirect(url_for("refunds.show", refund_no=refund_no), 303)


@redirects_blueprint.post("/refunds/<refund_no>/redirects/<int:redirect_id>/reject")
@officer("approve-payment", page="refunds.show")
def reject(refund_no: str, redirect_id: int) -> ResponseReturnValue:
    """退回改退申请，说明理由。"""
    which, who, reason = _of(refund_no, redirect_id), g.officer.id, posted_reason()
    database().transact(lambda session: reject_redirect(session, which, officer_id=who, reason=reason))
    flash("改退申请已退回。", "success")
    return redirect(url_for("refunds.show", refund_no=refund_no), 303)


def _of(refund_no: str, redirect_id: int) -> int:
    """The change, where it is one of this refund. Raises NotFound."""
    with database().read() as session:
        if number_of(session, redirect_id) != refund_no:
            raise NotFound("没有这一项")
    return redirect_id
