"""Pages of findings: the queue, one with what it rests on, the decision and its reason (风险提示页面)."""

import re
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access import audit
from escrow.access.guards import officer
from escrow.doors import database, settings
from escrow.errors import NotFound, Refused
from escrow.fields import ReadField, read_text
from escrow.forms import posted
from escrow.oversight.finding_lists import Place, finding, findings, payees, withdrawals
from escrow.oversight.finding_rules import decider_refusals
from escrow.oversight.finding_terms import KIND_LABELS, STATUS_LABELS, FindingKind, FindingStatus
from escrow.oversight.findings import concerned, decide

findings_blueprint = Blueprint("findings", __name__)

_PAGE = 50
_TONES = {
    FindingStatus.OPEN: "warning", FindingStatus.CLEARED: "secondary", FindingStatus.CONFIRMED: "danger",
}  # fmt: skip


class DecisionForm(Form):
    """What came of it, and why (核查结论)."""

    reason = ReadField("核查情况及理由", lambda said: read_text(said, 500))


@findings_blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "finding_kinds": KIND_LABELS,
        "finding_shown": {one: (STATUS_LABELS[one], _TONES[one]) for one in FindingStatus},
    }


@findings_blueprint.get("/findings")
@officer("read")
def index() -> str:
    """风险提示：待核查的在前，可按种类查看。"""
    kind = _kind(request.args.get("kind", ""))
    said = re.fullmatch(r"([od])([0-9]{1,9})", request.args.get("after", ""), re.ASCII)
    after = Place(said[1] == "d", int(said[2])) if said else None
    with database().read() as session:
        rows = findings(session, kind=kind, after=after, limit=_PAGE + 1)
    following = None
    if len(rows) > _PAGE:
        last = rows[_PAGE - 1].Finding
        mark = f"{'o' if last.status is FindingStatus.OPEN else 'd'}{last.id}"
        following = url_for("findings.index", kind=kind, after=mark)
    return render_template(
        "oversight/findings.html", rows=rows[:_PAGE], kind=kind, following=following, first=after is None,
        start=url_for("findings.index", kind=kind),
    )  # fmt: skip


@findings_blueprint.get("/findings/<int:finding_id>")
@officer("read")
def show(finding_id: int) -> str:
    """一条提示：情形、所涉款项、所据规定、谁在何时如何决定。"""
    with database().read() as session:
        row = finding(session, finding_id)
        if row is None:
            raise NotFound("没有这条风险提示")
        one = row.Finding
        law = law_on(bureau_day(), "presale_funds", settings().region)
        faults = decider_refusals(one.status, concerned(session, one), g.officer.id, law)
        shown: dict[str, Any] = {
            "row": row, "one": one, "faults": faults, "form": DecisionForm(),
            "withdrawals": withdrawals(session, one), "payees": payees(session, one),
        }  # fmt: skip
    return render_template("oversight/finding.html", **shown)


@findings_blueprint.post("/findings/<int:finding_id>/clear")
@officer("decide-finding", fresh=True, page="findings.show")
def clear(finding_id: int) -> ResponseReturnValue:
    """排除：核查后没有问题，说明理由。"""
    return _decide(finding_id, FindingStatus.CLEARED)


@findings_blueprint.post("/findings/<int:finding_id>/confirm")
@officer("decide-finding", fresh=True, page="findings.show")
def confirm(finding_id: int) -> ResponseReturnValue:
    """确认：情况属实，说明理由；账务与合同不因此自动变动。"""
    return _decide(finding_id, FindingStatus.CONFIRMED)


def _decide(finding_id: int, status: FindingStatus) -> ResponseReturnValue:
    who, told = g.officer.id, settings()
    reason = str(posted(DecisionForm).reason.data)
    try:
        database().transact(
            lambda session: decide(session, finding_id, status, reason, told=told, officer_id=who)
        )
    except Refused as refused:
        with database().begin() as session:
            audit.record(
                session, "finding.cleared" if status is FindingStatus.CLEARED else "finding.confirmed",
                finding_id, result="refused", codes=[refusal.code for refusal in refused.refusals],
            )  # fmt: skip
        raise
    flash(f"提示{STATUS_LABELS[status]}。", "success")
    return redirect(url_for("findings.show", finding_id=finding_id), 303)


def _kind(said: str) -> FindingKind | None:
    return FindingKind(said) if said in set(FindingKind) else None
