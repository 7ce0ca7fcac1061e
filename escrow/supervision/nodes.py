"""A construction node is claimed by one officer and approved by another (工程节点). Lock, look, judge, write.

What a reached node releases is 8203 = quota * (1 - locked ratio); the money is divided anew with it (P8).
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from sqlalchemy import func
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law
from escrow import chart
from escrow.access import audit
from escrow.errors import Invalid, Refusal, Refused
from escrow.supervision.funds import change_level, position
from escrow.supervision.levels import Position
from escrow.supervision.measures import decision_refusals
from escrow.supervision.node_facts import Known, claim_known, known_of
from escrow.supervision.node_models import NodeClaim, NodePaper
from escrow.supervision.papers import used_papers
from escrow.supervision.schedules import (
    ClaimKind,
    NodeStatus,
    Paper,
    PaperKind,
    claim_refusals,
    correction_refusals,
    released_of,
)
from escrow.workdays.actions import calendar

# The law that a claim is judged by and that its decision keeps (随决定存档的规定).
LAW_KEYS = (
    "node_schedule", "node_in_order", "node_papers", "node_acceptance", "node_by_record", "node_witnesses",
    "node_two_officers", "node_correction", "node_review_days", "account_active", "paper_used_once",
)  # fmt: skip


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


def enter(session: Session, claim: Claim, *, officer_id: int) -> int:
    """One officer writes the claim down; nothing is released yet (录入申报).

    Raises NotFound, Invalid or Refused with every reason.
    """
    _refuse_bad_papers(claim.papers)
    known = known_of(session, claim.account_no, claim.building_id, claim.node, claim.papers)
    hashes = [paper.file_hash for paper in claim.papers]
    _refuse([*claim_refusals(known.facts, known.law), *used_papers(session, hashes, known.law)])
    return _write(session, known, ClaimKind.REACH, claim.papers, officer_id=officer_id)


def enter_correction(session: Session, asked: Correction, *, officer_id: int) -> int:
    """One officer writes down the order to go back (录入更正). Raises NotFound, Invalid or Refused."""
    _refuse_bad_papers((asked.order,))
    known = known_of(session, asked.account_no, asked.building_id, asked.node, (asked.order,))
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
    claim, known = claim_known(session, claim_id)
    is_reach = claim.kind is ClaimKind.REACH
    if is_reach and (site_checked_on is None or site_checked_on > bureau_day()):
        raise Invalid({"site_checked_on": "须填现场核查日期，不晚于今天。"})
    faults = decider_refusals(claim, officer_id, known.law)
    _refuse([*faults, *approval_refusals(claim, known, site_checked_on)])
    claim.site_checked_on = site_checked_on if is_reach else None
    _decide(session, claim, NodeStatus.APPROVED, officer_id, known.law)
    _release(session, known, claim)
    _trail(session, claim, known)


def reject(session: Session, claim_id: int, *, officer_id: int, reason: str) -> None:
    """Another officer sends it back, saying why (退回). Its papers stay used. Raises NotFound or Refused."""
    claim, known = claim_known(session, claim_id)
    _refuse(decider_refusals(claim, officer_id, known.law))
    claim.reason = reason
    _decide(session, claim, NodeStatus.REJECTED, officer_id, known.law)
    _trail(session, claim, known, reason=reason)


# --- judging, by the pages beforehand as by the actions ---


def approval_refusals(claim: NodeClaim, known: Known, site_checked_on: date | None) -> list[Refusal]:
    """Every reason a claim or correction cannot be approved as things stand (不予核准的理由)."""
    facts = replace(known.facts, kept_schedule=claim.schedule, site_checked_on=site_checked_on)
    judge = claim_refusals if claim.kind is ClaimKind.REACH else correction_refusals
    return judge(facts, known.law)


def decider_refusals(claim: NodeClaim, officer_id: int, law: Law) -> list[Refusal]:
    """Why this officer does not decide it (不能由此人决定的理由)."""
    return decision_refusals(claim.status, claim.entered_by, officer_id, law, key="node_two_officers")


def level_after(before: Position, locked_ratio: Decimal) -> Position:
    """The building once the node is approved: another level, the same money (核准后的额度)."""
    return replace(before, released=released_of(before.quota, locked_ratio))


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
    session: Session, known: Known, kind: ClaimKind, papers: tuple[Paper, ...],
    *, officer_id: int, grounds: str | None = None,
) -> int:  # fmt: skip
    place = known.schedule.place(known.facts.asked) or 0
    claim = NodeClaim(
        account_id=known.account.id, building_id=known.building.id, kind=kind, node=known.facts.asked,
        locked_ratio=known.schedule.nodes[place - 1].locked_ratio if place else Decimal(1),
        schedule=known.schedule.stored(), grounds=grounds, status=NodeStatus.ENTERED, entered_by=officer_id,
        review_by=calendar(session).working_days_after(bureau_day(), known.law["node_review_days"].value),
    )  # fmt: skip
    session.add(claim)
    session.flush()
    session.add_all(
        NodePaper(
            claim_id=claim.id, kind=PaperKind(paper.kind), file_hash=paper.file_hash, note=paper.note,
            dated_on=paper.dated_on, firm=paper.firm, firm_no=paper.firm_no, signer=paper.signer,
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


def _release(session: Session, known: Known, claim: NodeClaim) -> None:
    book_id, building_id = known.account.book_id, known.building.id
    before = position(session, book_id, building_id, locked=True)
    after = level_after(before, claim.locked_ratio)
    change_level(
        session, book_id, building_id, before, after, movement=chart.REACH_NODE,
        reference=f"node:{claim.id}", on=bureau_day(),
        memo=f"{known.building.building_no} 幢，{claim.node or '第一个节点之前'}，留存 {claim.locked_ratio}",
    )  # fmt: skip


def _trail(session: Session, claim: NodeClaim, known: Known, reason: str | None = None) -> None:
    correction = "correction-" if claim.kind is ClaimKind.CORRECT else ""
    audit.record(
        session, f"node.{correction}{claim.status}", known.account.account_no, claim=claim.id,
        building_no=known.building.building_no, node=claim.node,
        locked_ratio=str(claim.locked_ratio), reason=reason,
    )  # fmt: skip
