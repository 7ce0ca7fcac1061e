"""Officers' pages of the check: run it, read every reason, print the answer, record the filing (核对页面).

A county whose filing system is not connected works from here.
"""

from datetime import datetime
from typing import Any
from uuid import uuid4

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import Form

from config.clock import bureau_day, bureau_time, now
from escrow.access.guards import officer
from escrow.contracts.reading import contract_seen
from escrow.doors import answered, database, known_number
from escrow.errors import NotFound
from escrow.fields import KEY_PATTERN, ReadField, read_text
from escrow.filing.actions import Answer, Asked, Filing, check, file, find_check
from escrow.filing.models import ContractFiling, DepositCheck
from escrow.forms import posted

pages = Blueprint("filing", __name__)


class FilingForm(Form):
    """The number under which the contract was filed (备案号)."""

    filing_no = ReadField("备案号", lambda said: read_text(said, 64, KEY_PATTERN))


@pages.post("/contracts/<contract_no>/check")
@officer("check", page="contracts.show")
def run_check(contract_no: str) -> ResponseReturnValue:
    """核对这份合同能否备案，答复存档并可打印。"""
    number, whose = known_number(contract_no), f"officer:{g.officer.username}"
    request_id = uuid4().hex

    def unit(session: Session) -> Answer:
        seen = contract_seen(session, number)
        if seen is None:
            raise NotFound("没有这个合同号")
        return check(session, Asked(request_id, number, seen.row.unit_code, seen.price), whose)

    found = database().transact(unit)
    return redirect(url_for("filing.show_check", check_no=found.check_no), 303)


@pages.get("/checks/<check_no>")
@officer("read")
def show_check(check_no: str) -> ResponseReturnValue:
    """一次核对的答复：结论、每条理由及其依据。"""
    with database().read() as session:
        found = find_check(session, known_number(check_no))
        seen = contract_seen(session, found.body["contract_no"])
        kept = (
            select(DepositCheck.contract_version, ContractFiling.id.label("filing_id"))
            .outerjoin(ContractFiling, ContractFiling.check_id == DepositCheck.id)
            .where(DepositCheck.check_no == found.check_no)
        )
        version, filing_id = session.execute(kept).one()
    return render_template(
        "filing/check.html", body=found.body, seen=seen, form=FilingForm(), is_used=filing_id is not None,
        is_live=_is_live(found.body), is_outdated=seen is not None and seen.row.version != version,
    )  # fmt: skip


@pages.post("/checks/<check_no>/filing")
@officer("file", page="filing.show_check")
def record_filing(check_no: str) -> ResponseReturnValue:
    """凭这次核对记入备案：备案日即今天。"""
    form = posted(FilingForm)
    with database().read() as session:
        contract_no = find_check(session, known_number(check_no)).body["contract_no"]
    facts: dict[str, Any] = {
        "filing_no": form.filing_no.data, "check_no": check_no, "filed_on": bureau_day(),
    }  # fmt: skip
    asked = Filing(contract_no=contract_no, **facts)

    def unit(session: Session) -> tuple[str, int]:
        return answered(session, f"filing:{contract_no}", facts, lambda: file(session, asked))

    database().transact(unit)
    flash("备案已记入。", "success")
    return redirect(url_for("contracts.show", contract_no=contract_no), 303)


@pages.app_template_filter("said_instant")
def said_instant(said: str | None) -> str:
    """An instant out of a stored answer, as the page shows instants (时刻)."""
    return bureau_time(datetime.fromisoformat(said)).strftime("%Y-%m-%d %H:%M:%S") if said else "—"


def _is_live(body: dict[str, Any]) -> bool:
    """Whether a PASS has not run out yet (有效期内)."""
    until = body["valid_until"]
    return until is not None and now() <= datetime.fromisoformat(until)
