"""Pages of what buyers owe: the ageing list, one unit with who paid what when, repayments by two (代缴归还页面)."""

from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access.guards import officer
from escrow.advances.facts import SUBJECT
from escrow.advances.forms import RepaymentForm
from escrow.advances.owing import ages, deposits, mispaid, owing, repayments, totals
from escrow.advances.repaying import confirm, enter, place_of, reject
from escrow.advances.repayment_rules import (
    ORIGIN_LABELS,
    STATUS_LABELS,
    RepaymentOrigin,
    RepaymentStatus,
    decider_refusals,
)
from escrow.advances.slip import slip
from escrow.doors import database, known_number, settings
from escrow.errors import NotFound
from escrow.forms import posted, posted_reason
from escrow.maintenance.pages import PAGE, attempt, key, next_key
from escrow.maintenance.reading import UnitSeen, holders, unit_seen

pages = Blueprint("fund_advances", __name__)

_TONES = {
    RepaymentStatus.ENTERED: "warning", RepaymentStatus.CONFIRMED: "success",
    RepaymentStatus.REJECTED: "secondary",
}  # fmt: skip
_ONE = "/fund/houses/<unit_code>/advance/repayments/<bigint:repayment_id>"


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "repayment_shown": {one.value: (STATUS_LABELS[one], _TONES[one]) for one in RepaymentStatus},
        "origin_shown": {one.value: ORIGIN_LABELS[one] for one in RepaymentOrigin},
    }


@pages.get("/fund/advances")
@officer("read")
def index() -> ResponseReturnValue:
    """代缴待收回账龄清单：购房人尚欠建设单位的，按代缴日起的天数分段，最久的在前。"""
    today, after, asked = bureau_day(), key("after") or 0, key("age")
    buckets = ages(law_on(today, SUBJECT, settings().region))
    bucket = buckets[asked] if asked is not None and asked < len(buckets) else None
    with database().read() as session:
        rows = owing(session, today, bucket, after=after, limit=PAGE + 1)
        sums = totals(session, today, law_on(today, SUBJECT, settings().region))
    return render_template(
        "advances/owing.html", rows=rows[:PAGE], following=next_key(rows), first=after == 0, today=today,
        buckets=list(zip(buckets, sums, strict=True)), asked=asked if bucket else None,
    )  # fmt: skip


@pages.get("/fund/houses/<unit_code>/advance")
@officer("read")
def show(unit_code: str) -> ResponseReturnValue:
    """一户：谁在何时缴了多少、归还了多少、尚欠多少；误缴的去处；归还由两人登记。"""
    with database().read() as session:
        seen = _seen(session, unit_code)
        place = place_of(session, seen.row.unit_code, locked=False)
        done, held = repayments(session, place.house_id), holders(session, place.house_id)
        paid, strays = deposits(session, place.house_id), mispaid(session, place.house_id)
    waiting = next((one for one in done if one.status == RepaymentStatus.ENTERED), None)
    return render_template(
        "advances/house.html", seen=seen, row=seen.row, place=place, held=held, deposits=paid,
        mispaid=strays,
        repayments=done, waiting=waiting, form=RepaymentForm(),
        faults=decider_refusals(
            False, entered_by=waiting.entered_by, officer_id=g.officer.id, law=place.law
        ) if waiting else [],
        citation=place.law["repaid_once"].citation,
    )  # fmt: skip


@pages.get("/fund/houses/<unit_code>/advance/slip")
@officer("read")
def print_slip(unit_code: str) -> ResponseReturnValue:
    """购房人凭单 PDF：谁缴的、还了多少、尚欠多少；每次打印均留痕。"""
    with database().begin() as session:
        seen = _seen(session, unit_code)
        place = place_of(session, seen.row.unit_code, locked=False)
        content = slip(session, seen, place, g.officer.full_name)
    named = {"Content-Disposition": f'attachment; filename="{seen.row.unit_code}.pdf"'}
    return Response(content, mimetype="application/pdf", headers=named)


@pages.post("/fund/houses/<unit_code>/advance/repayments")
@officer("fund-enter", page="fund_advances.show")
def enter_repayment(unit_code: str) -> ResponseReturnValue:
    """录入归还，附凭据编号与文件；待另一人员确认。"""
    code, form, who = known_number(unit_code), posted(RepaymentForm), g.officer.id
    asked, digest = form.asked(code), str(form.file_hash.data)
    attempt(code, "repayment.entered", lambda session: enter(session, asked, digest, officer_id=who))
    return _done(code, "归还已录入，待另一人员确认；确认之前仍记为尚欠。")


@pages.post(f"{_ONE}/confirm")
@officer("fund-decide", fresh=True, page="fund_advances.show")
def confirm_repayment(unit_code: str, repayment_id: int) -> ResponseReturnValue:
    """确认归还：代缴待收回相应了结，专户资金不动。"""
    number, who = _known(unit_code, repayment_id), g.officer.id
    attempt(unit_code, "repayment.confirmed", lambda session: confirm(session, number, officer_id=who))
    return _done(unit_code, "归还已登记。")


@pages.post(f"{_ONE}/reject")
@officer("fund-decide", page="fund_advances.show")
def reject_repayment(unit_code: str, repayment_id: int) -> ResponseReturnValue:
    """退回归还登记，说明理由；仍记为尚欠。"""
    number, who, reason = _known(unit_code, repayment_id), g.officer.id, posted_reason()
    attempt(unit_code, "repayment.rejected", lambda session: reject(session, number, reason, officer_id=who))
    return _done(unit_code, "已退回，仍记为尚欠。")


def _seen(session: Session, unit_code: str) -> UnitSeen:
    seen = unit_seen(session, known_number(unit_code))
    if seen is None or not seen.is_built:
        raise NotFound("没有这户房屋的维修资金分户账")
    return seen


def _known(unit_code: str, repayment_id: int) -> int:
    """The repayment's number, where it is one of this house. Raises NotFound."""
    with database().read() as session:
        place = place_of(session, known_number(unit_code), locked=False)
        if repayment_id not in [one.id for one in repayments(session, place.house_id)]:
            raise NotFound("没有这件归还登记")
    return repayment_id


def _done(unit_code: str, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("fund_advances.show", unit_code=unit_code), 303)
