"""A construction node is claimed by one officer and approved by another (工程节点). Lock, look, judge, write.

What a reached node releases is 8203 = quota * (1 - locked ratio); the money is divided anew with it (P8).
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day, working_days_after
from config.regulations import Law
from escrow import chart
from escrow.access import audit
from escrow.errors import Invalid, NotFound, Refusal, Refused
from escrow.projects.models import Building
from escrow.supervision.court_holds import account_locked
from escrow.supervision.funds import change_level, position
from escrow.supervision.measures import decision_refusals
from escrow.supervision.models import Agreement, SupervisedAccount
from escrow.supervision.node_models import NodeClaim, NodePaper
from escrow.supervision.papers import used_papers
from escrow.supervision.rules import AccountStatus
from escrow.supervision.schedules import (
    ClaimKind,
    Node,
    NodeFacts,
    NodeStatus,
    Paper,
    PaperKind,
    Schedule,
    claim_refusals,
    correction_refusals,
    released_of,
    schedule_of,
)

# The law that a claim is judged by and that its decision keeps (随决定存档的规定).
LAW_KEYS = (
    "node_schedule", "node_in_order", "node_papers", "node_acceptance", "node_by_record", "node_witnesses",
    "node_two_officers", "node_correction", "node_review_days", "account_active", "paper_used_once",
)  # fmt: skip
_REGISTERED = text(
    "SELECT EXISTS (SELECT FROM registered_building"
    " WHERE building_id = :building_id AND status = 'confirmed')"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A node as the developer declares it, with everything that proves it (节点申报)."""

    account_no: str
    building_id: int
    node: str
    papers: tuple[Paper, ...]


@dataclass(frozen=True, slots=True)
class Correction:
    """An order that puts a building back; `node` None: before the first (节点更正)."""

    account_no: str
    building_id: int
    node: str | None
    grounds: str
    order: Paper


@dataclass(frozen=True, slots=True)
class _Known:
    account: SupervisedAccount
    building: Building
    schedule: Schedule
    facts: NodeFacts
    law: Law


def enter(session: Session, claim: Claim, *, officer_id: int) -> int:
    """One officer writes the claim down; nothing is released yet (录入申报).

    Raises NotFound, Invalid or Refused with every reason.
    """
    _refuse_bad_papers(claim.papers)
    known = _known(session, claim.account_no, claim.building_id, claim.node, claim.papers)
    hashes = [paper.file_hash for paper in claim.papers]
    _refuse([*claim_refusals(known.facts, known.law), *used_papers(session, hashes, known.law)])
    return _write(session, known, ClaimKind.REACH, claim.papers, officer_id=officer_id)


def enter_correction(session: Session, asked: Correction, *, officer_id: int) -> int:
    """One officer writes down the order to go back (录入更正). Raises NotFound, Invalid or Refused."""
    _refuse_bad_papers((asked.order,))
    known = _known(session, asked.account_no, asked.building_id, asked.node, (asked.order,))
    reused = used_papers(session, [asked.order.file_hash], known.law)
    _refuse([*correction_refusals(known.facts, known.law), *reused])
    return _write(
        session, known, ClaimKind.CORRECT, (asked.order,), officer_id=officer_id, grounds=asked.grounds
    )


def approve(
    session: Session, claim_id: int, *, officer_id: int, site_checked_on: date | None = None
) -> None:
    """Another officer, having looked at the site, approves: the locked share changes at once (核准, P8).

    Raises NotFound, Invalid or Refused with every reason.
    """
    claim, known = _held(session, claim_id)
    is_reach = claim.kind is ClaimKind.REACH
    if is_reach and (site_checked_on is None or site_checked_on > bureau_day()):
        raise Invalid({"site_checked_on": "须填现场核查日期，不晚于今天。"})
    facts = replace(known.facts, kept_schedule=claim.schedule, site_checked_on=site_checked_on)
    judge = claim_refusals if is_reach else correction_refusals
    _refuse([*_decider_refusals(claim, officer_id, known.law), *judge(facts, known.law)])
    claim.site_checked_on = site_checked_on if is_reach else None
    _decide(session, claim, NodeStatus.APPROVED, officer_id, known.law)
    _release(session, known, claim)
    _trail(session, claim, known)


def reject(session: Session, claim_id: int, *, officer_id: int, reason: str) -> None:
    """Another officer sends it back, saying why (退回). Its papers stay used. Raises NotFound or Refused."""
    claim, known = _held(session, claim_id)
    _refuse(_decider_refusals(claim, officer_id, known.law))
    claim.reason = reason
    _decide(session, claim, NodeStatus.REJECTED, officer_id, known.law)
    _trail(session, claim, known, reason=reason)


# --- looking ---


def schedule_in_force(session: Session, account: SupervisedAccount, law: Law) -> Schedule:
    """The nodes of the agreement in force (现行节点表)."""
    clauses = session.scalars(select(Agreement.clauses).where(Agreement.id == account.agreement_id)).one()
    return schedule_of(clauses, law)


def reached_by_building(session: Session, project_id: int) -> dict[int, Node]:
    """The node that each building of a project stands at; none for one that reached none (已核准节点)."""
    query = (
        select(NodeClaim.building_id, NodeClaim.node, NodeClaim.locked_ratio)
        .join(Building, Building.id == NodeClaim.building_id)
        .where(Building.project_id == project_id, NodeClaim.status == NodeStatus.APPROVED)
        .order_by(NodeClaim.id)
    )
    latest = {row.building_id: row for row in session.execute(query)}
    return {
        building_id: Node(row.node, row.locked_ratio)
        for building_id, row in latest.items()
        if row.node is not None
    }


def _known(
    session: Session, account_no: str, building_id: int, node: str | None, papers: tuple[Paper, ...],
    *, besides: int | None = None,
) -> _Known:  # fmt: skip
    account, law = account_locked(session, account_no)
    query = select(Building).where(
        Building.id == building_id, Building.project_id == account.project_id, Building.removed_at.is_(None)
    )
    building = session.scalar(query)
    if building is None:
        raise NotFound("监管账户的项目中没有这一幢")
    waiting = select(NodeClaim.id).where(
        NodeClaim.building_id == building_id, NodeClaim.status == NodeStatus.ENTERED
    )
    schedule = schedule_in_force(session, account, law)
    facts = NodeFacts(
        schedule=schedule,
        reached=reached_by_building(session, account.project_id).get(building_id),
        asked=node,
        papers=papers,
        is_active=account.status is AccountStatus.ACTIVE,
        is_registered=bool(session.scalar(_REGISTERED, {"building_id": building_id})),
        is_waiting=session.scalar(waiting) not in (None, besides),
    )
    return _Known(account, building, schedule, facts, law)


def _held(session: Session, claim_id: int) -> tuple[NodeClaim, _Known]:
    """The claim and what is known of its building, the account locked before it. Raises NotFound."""
    query = (
        select(SupervisedAccount.account_no, NodeClaim.building_id, NodeClaim.node)
        .join(NodeClaim, NodeClaim.account_id == SupervisedAccount.id)
        .where(NodeClaim.id == claim_id)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("没有这件节点申报")
    filed = session.scalars(select(NodePaper).where(NodePaper.claim_id == claim_id).order_by(NodePaper.id))
    papers = tuple(
        Paper(one.kind, one.file_hash, one.dated_on, one.firm, one.signer, one.note) for one in filed
    )
    known = _known(session, row.account_no, row.building_id, row.node, papers, besides=claim_id)
    locked = select(NodeClaim).where(NodeClaim.id == claim_id).with_for_update()
    return session.scalars(locked.execution_options(populate_existing=True)).one(), known


# --- judging ---


def _decider_refusals(claim: NodeClaim, officer_id: int, law: Law) -> list[Refusal]:
    return decision_refusals(claim.status, claim.entered_by, officer_id, law, key="node_two_officers")


def _refuse(found: list[Refusal]) -> None:
    if found:
        raise Refused(found)


def _refuse_bad_papers(papers: tuple[Paper, ...]) -> None:
    hashes = [paper.file_hash for paper in papers]
    found = {}
    if any(paper.dated_on > bureau_day() for paper in papers):
        found["dated_on"] = "材料日期不能晚于今天。"
    if len(set(hashes)) < len(hashes):
        found["file_hash"] = "同一个文件在这件申报中出现两次。"
    if found:
        raise Invalid(found)


# --- writing ---


def _write(
    session: Session, known: _Known, kind: ClaimKind, papers: tuple[Paper, ...],
    *, officer_id: int, grounds: str | None = None,
) -> int:  # fmt: skip
    place = known.schedule.place(known.facts.asked) or 0
    claim = NodeClaim(
        account_id=known.account.id, building_id=known.building.id, kind=kind, node=known.facts.asked,
        locked_ratio=known.schedule.nodes[place - 1].locked_ratio if place else Decimal(1),
        schedule=known.schedule.stored(), grounds=grounds, status=NodeStatus.ENTERED, entered_by=officer_id,
        review_by=working_days_after(bureau_day(), known.law["node_review_days"].value),
    )  # fmt: skip
    session.add(claim)
    session.flush()
    session.add_all(
        NodePaper(
            claim_id=claim.id, kind=PaperKind(paper.kind), file_hash=paper.file_hash, note=paper.note,
            dated_on=paper.dated_on, firm=paper.firm, signer=paper.signer,
        )
        for paper in papers
    )  # fmt: skip
    session.flush()
    _trail(session, claim, known)
    return claim.id


def _decide(session: Session, claim: NodeClaim, status: NodeStatus, officer_id: int, law: Law) -> None:
    claim.status, claim.law = status, law.stored(LAW_KEYS)
    claim.decided_by, claim.decided_at = officer_id, func.clock_timestamp()
    session.flush()


def _release(session: Session, known: _Known, claim: NodeClaim) -> None:
    book_id, building_id = known.account.book_id, known.building.id
    before = position(session, book_id, building_id, locked=True)
    after = replace(before, released=released_of(before.quota, claim.locked_ratio))
    change_level(
        session, book_id, building_id, before, after, movement=chart.REACH_NODE,
        reference=f"node:{claim.id}", on=bureau_day(),
        memo=f"{known.building.building_no} 幢，{claim.node or '第一个节点之前'}，留存 {claim.locked_ratio}",
    )  # fmt: skip


def _trail(session: Session, claim: NodeClaim, known: _Known, reason: str | None = None) -> None:
    correction = "correction-" if claim.kind is ClaimKind.CORRECT else ""
    audit.record(
        session, f"node.{correction}{claim.status}", known.account.account_no, claim=claim.id,
        building_no=known.building.building_no, node=claim.node,
        locked_ratio=str(claim.locked_ratio), reason=reason,
    )  # fmt: skip
