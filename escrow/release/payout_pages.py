"""Officers' pages of paying out what was released, and of closing the account (划付与销户页面)."""

from flask import Blueprint, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue

from escrow.access.guards import officer
from escrow.doors import database, known_number, settings
from escrow.release.payout import close, pay_out

payouts = Blueprint("payouts", __name__)


@payouts.post("/releases/<release_no>/payout")
@officer("issue-instruction", fresh=True, page="release.show")
def order(release_no: str) -> ResponseReturnValue:
    """签发解除监管款划付：逐幢一件通知书，付给开发企业已登记并经确认的收款账户。"""
    number, told, who = known_number(release_no), settings(), g.officer.id
    numbers = database().transact(lambda session: pay_out(session, number, told, officer_id=who))
    flash(f"已签发 {len(numbers)} 件解除监管通知书。", "success")
    return redirect(url_for("release.show", release_no=number), 303)


@payouts.post("/releases/<release_no>/closing")
@officer("approve-release", fresh=True, page="release.show")
def shut(release_no: str) -> ResponseReturnValue:
    """付清之后销户。"""
    number = known_number(release_no)
    database().transact(lambda session: close(session, number, officer_id=g.officer.id))
    flash("账户已销户。", "success")
    return redirect(url_for("release.show", release_no=number), 303)
