"""Officers' pages of construction nodes: list, claim and decision, entry and correction (工程节点页面)."""

import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow.access import audit
from escrow.access.guards import officer
from escrow.doors import database
from escrow.errors import NotFound, Refused
from escrow.fields import KEY_PATTERN
from escrow.forms import checked, filled_in, posted, posted_reason
from escrow.supervision import nodes
from escrow.supervision.building_reading import BuildingSeen, building_seen
from escrow.supervision.funds import position
from escrow.supervision.levels import resplit
from escrow.supervision.node_facts import claim_known
from escrow.supervision.node_forms import (
    ROWS,
    ClaimForm,
    CorrectionForm,
    SiteForm,
    paper_forms,
)
from escrow.supervision.node_reading import (
    Listed,
    Wanted,
    claim,
    claims,
    entry_of,
    overdue_count,
    papers_of,
)
from escrow.supervision.schedules import PAPER_SHOWN, ClaimKind, NodeStatus

node_pages = Blueprint("nodes", __name__)

_PAGE = 50
NODE_SHOWN = {
    NodeStatus.ENTERED: ("待审核", "warning"),
    NodeStatus.APPROVED: ("已核准", "success"),
    NodeStatus.REJECTED: ("已退回", "secondary"),
}
KIND_SHOWN = {ClaimKind.REACH: "申报", ClaimKind.CORRECT: "更正"}
LISTED_SHOWN = {Listed.WAITING: "待审核", Listed.OVERDUE: "逾期未审核", Listed.ALL: "全部"}
LAW_SHOWN = {
    "node_schedule": "节点表与留存比例", "node_in_order": "逐个申报", "node_papers": "应附材料",
    "node_acceptance": "验收记录", "node_by_record": "首次登记以登记簿为准", "node_witnesses": "三家见证、现场核查",
    "node_two_officers": "录入与决定分人", "node_correction": "退回凭更正文书", "node_review_days": "审核期限",
    "account_active": "账户状态", "paper_used_once": "材料只用一次",
}  # fmt: skip


@node_pages.app_context_processor
def _words() -> dict[str, Any]:
    return {"node_shown": NODE_SHOWN, "claim_kind_shown": KIND_SHOWN, "paper_shown": PAPER_SHOWN}


@node_pages.get("/nodes")
@officer("read")
def index() -> ResponseReturnValue:
    """工程节点申报清单：待审核的按期限先后，逾期的另列。"""
    said, start = request.args.get("listed", ""), request.args.get("start", "")
    project_no = request.args.get("project", "").strip()
    wanted = Wanted(
        Listed(said) if said in list(Listed) else Listed.WAITING,
        project_no if re.fullmatch(KEY_PATTERN, project_no, re.ASCII) else "",
        int(start) if re.fullmatch(r"[0-9]{1,9}", start, re.ASCII) else None,
    )
    with database().read() as session:
        rows, late = claims(session, wanted, limit=_PAGE + 1), overdue_count(session)
    kept: dict[str, Any] = {"listed": wanted.listed.value, "project": wanted.project_no or None}
    following = rows[_PAGE - 1].NodeClaim.id if len(rows) > _PAGE else None
    return render_template(
        "supervision/nodes.html", rows=rows[:_PAGE], wanted=wanted, late=late, listed_shown=LISTED_SHOWN,
        following=url_for("nodes.index", **kept, start=following) if following else None,
        beginning=url_for("nodes.index", **kept),
    )  # fmt: skip


@node_pages.get("/nodes/<int:claim_id>")
@officer("read")
def show(claim_id: int) -> ResponseReturnValue:
    """一件申报或更正：材料、见证、释放多少、所据规定、谁在何时办理、此刻可否核准。"""
    with database().read() as session:
        row = claim(session, claim_id)
        if row is None:
            raise NotFound("没有这件节点申报")
        shown: dict[str, Any] = dict(
            row=row, one=row.NodeClaim, papers=papers_of(session, claim_id),
            entry=entry_of(session, row.book_id, claim_id), today=bureau_day(), law_shown=LAW_SHOWN,
            site_form=SiteForm(), **_standing(session, claim_id),
        )  # fmt: skip
    return render_template("supervision/node.html", **shown)


@node_pages.post("/nodes/<int:claim_id>/approval")
@officer("approve-node", fresh=True, page="nodes.show")
def approve(claim_id: int) -> ResponseReturnValue:
    """另一人员现场核查后核准申报；更正不须现场核查。"""
    who, seen_on = g.officer.id, None
    if "site_checked_on" in request.form:
        seen_on = posted(SiteForm).site_checked_on.data

    def unit(session: Session) -> None:
        nodes.approve(session, claim_id, officer_id=who, site_checked_on=seen_on)

    _try(claim_id, "node.approved", unit)
    flash("已核准，应留存额随即调整。", "success")
    return redirect(url_for("nodes.show", claim_id=claim_id), 303)


@node_pages.post("/nodes/<int:claim_id>/rejection")
@officer("approve-node", page="nodes.show")
def reject(claim_id: int) -> ResponseReturnValue:
    """另一人员说明理由退回；用过的材料不能再用。"""
    who, reason = g.officer.id, posted_reason()

    def unit(session: Session) -> None:
        nodes.reject(session, claim_id, officer_id=who, reason=reason)

    _try(claim_id, "node.rejected", unit)
    flash("已退回，额度未作任何更改。", "success")
    return redirect(url_for("nodes.show", claim_id=claim_id), 303)


@node_pages.get("/buildings/<int:building_id>/nodes/new")
@officer("enter-node")
def new(building_id: int) -> ResponseReturnValue:
    """录入一幢的下一节点申报，或凭文书更正。"""
    seen = _building(building_id)
    return render_template(
        "supervision/node_new.html", seen=seen, row=seen.row, rows=paper_forms(), kinds=ROWS,
        today=bureau_day(), correction_form=CorrectionForm(),
    )  # fmt: skip


@node_pages.post("/buildings/<int:building_id>/nodes")
@officer("enter-node", page="nodes.new")
def create(building_id: int) -> ResponseReturnValue:
    """录入节点申报及其各份材料，等待另一人员审核。"""
    form, rows = ClaimForm(filled_in()), paper_forms(filled_in())
    checked(form, *rows.values())
    seen, who = _building(building_id), g.officer.id
    papers = tuple(row.paper() for row in rows.values() if not row.is_blank)
    asked = nodes.Claim(seen.row.account_no or "", seen.row.id, str(form.node.data), papers)
    claim_id = database().transact(lambda session: nodes.enter(session, asked, officer_id=who))
    flash("申报已录入，须由另一人员审核。", "success")
    return redirect(url_for("nodes.show", claim_id=claim_id), 303)


@node_pages.post("/buildings/<int:building_id>/corrections")
@officer("enter-node", page="nodes.new")
def correct(building_id: int) -> ResponseReturnValue:
    """录入更正文书，等待另一人员审核。"""
    form = posted(CorrectionForm)
    seen, who = _building(building_id), g.officer.id
    back, grounds = form.node.data, str(form.grounds.data)
    asked = nodes.Correction(seen.row.account_no or "", seen.row.id, back, grounds, form.order())
    claim_id = database().transact(lambda session: nodes.enter_correction(session, asked, officer_id=who))
    flash("更正已录入，须由另一人员审核。", "success")
    return redirect(url_for("nodes.show", claim_id=claim_id), 303)


# --- what several of these do ---


def _building(building_id: int) -> BuildingSeen:
    with database().read() as session:
        seen = building_seen(session, building_id=building_id)
    if seen is None:
        raise NotFound("没有这一幢")
    return seen


def _standing(session: Session, claim_id: int) -> dict[str, Any]:
    """What the approval would change, and why it may not be given now (此刻)."""
    one, known = claim_known(session, claim_id, locked=False)
    law = one.law or known.law.stored(nodes.LAW_KEYS)
    if one.status is not NodeStatus.ENTERED:
        return {"law": law}
    before = position(session, known.account.book_id, known.building.id)
    after = nodes.level_after(before, one.locked_ratio)
    return {
        "law": law, "before": before, "after": after, "moved": resplit(after),
        "reasons": nodes.approval_refusals(one, known, None),
        "faults": nodes.decider_refusals(one, g.officer.id, known.law),
    }  # fmt: skip


def _try(claim_id: int, step: str, unit: Callable[[Session], None]) -> None:
    """A refused decision leaves its row in the trail (未准亦留痕)."""
    try:
        database().transact(unit)
    except Refused as refused:
        with database().begin() as session:
            row = claim(session, claim_id)
            codes = [refusal.code for refusal in refused.refusals]
            audit.record(session, step, row.account_no, result="refused", claim=claim_id, codes=codes)
        raise
