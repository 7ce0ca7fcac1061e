"""Officers' pages of paying out what was released, and of closing the account (划付与销户页面)."""

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form

from escrow.access.guards import officer
from escrow.doors import database, known_number, settings
from escrow.errors import Invalid
from escrow.fields import ACCOUNT_NO_PATTERN, ReadField, read_text
from escrow.instructions.actions import Payee
from escrow.release.payout import close, pay_out

payouts = Blueprint("payouts", __name__)


class PayeeForm(Form):
    """The developer's own account (开发企业本户)."""

    name = ReadField("收款人户名", lambda said: read_text(said, 100))
    account_no = ReadField("收款账号", lambda said: read_text(said, 34, ACCOUNT_NO_PATTERN))
    bank_name = ReadField("收款银行", lambda said: read_text(said, 100))


@payouts.post("/releases/<release_no>/payout")
@officer("issue-instruction", fresh=True)
def order(release_no: str) -> ResponseReturnValue:
    """签发解除监管款划付：逐幢一件通知书，付给开发企业本户。"""
    form, number = PayeeForm(request.form), known_number(release_no)
    if not form.validate():
        raise Invalid({name: "；".join(map(str, errors)) for name, errors in form.errors.items()})
    payee = Payee(**form.data)
    numbers = database().transact(
        lambda session: pay_out(session, number, payee, settings(), officer_id=g.officer.id)
    )
    flash(f"已签发 {len(numbers)} 件解除监管通知书。", "success")
    return redirect(url_for("release.show", release_no=number), 303)


@payouts.post("/releases/<release_no>/closing")
@officer("approve-release", fresh=True)
def shut(release_no: str) -> ResponseReturnValue:
    """付清之后销户。"""
    number = known_number(release_no)
    database().transact(lambda session: close(session, number, officer_id=g.officer.id))
    flash("账户已销户。", "success")
    return redirect(url_for("release.show", release_no=number), 303)
