"""What a node claim is judged by: the account, the building, its nodes and where it stands (节点申报事实).

Order of locks: project, supervised account, claim, then balances by id inside the ledger.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow.errors import NotFound
from escrow.projects.models import Building, Developer, Project
from escrow.supervision.court_holds import account_locked
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.node_models import AgreementSchedule, NodeClaim, NodePaper
from escrow.supervision.rules import AccountStatus
from escrow.supervision.schedules import Node, NodeFacts, NodeStatus, Paper, Schedule

_REGISTERED = text(
    "SELECT EXISTS (SELECT FROM registered_building"
    " WHERE building_id = :building_id AND status = 'confirmed')"
)


@dataclass(frozen=True, slots=True)
class Known:
    """A building under its account, its law and its agreement's nodes (节点申报所涉)."""

    account: SupervisedAccount
    building: Building
    schedule: Schedule
    facts: NodeFacts
    law: Law


def schedule_in_force(session: Session, agreement_id: int) -> Schedule:
    """The nodes of a version in effect, as they stood when it took effect (现行节点表)."""
    kept = session.get_one(AgreementSchedule, agreement_id)
    nodes = tuple(Node(one["node"], Decimal(one["locked_ratio"])) for one in kept.nodes)
    return Schedule(nodes, kept.citation is None, kept.citation)


def keep_schedule(session: Session, agreement_id: int, schedule: Schedule) -> None:
    """A version takes effect with these nodes (存下节点表)."""
    session.add(
        AgreementSchedule(agreement_id=agreement_id, nodes=schedule.stored(), citation=schedule.citation)
    )
    session.flush()


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


def known_of(
    session: Session, account_no: str, building_id: int, node: str | None, papers: tuple[Paper, ...],
    *, besides: int | None = None, locked: bool = True,
) -> Known:  # fmt: skip
    """What is known of a building, locked when something will be written (楼幢现状). Raises NotFound."""
    account, law = account_locked(session, account_no) if locked else _account(session, account_no)
    query = select(Building).where(
        Building.id == building_id, Building.project_id == account.project_id, Building.removed_at.is_(None)
    )
    building = session.scalar(query)
    if building is None:
        raise NotFound("监管账户的项目中没有这一幢")
    waiting = select(NodeClaim.id).where(
        NodeClaim.building_id == building_id, NodeClaim.status == NodeStatus.ENTERED
    )
    schedule = schedule_in_force(session, account.agreement_id)
    developer = select(Developer.developer_id).join(Project, Project.developer_pk == Developer.id)
    facts = NodeFacts(
        schedule=schedule,
        reached=reached_by_building(session, account.project_id).get(building_id),
        asked=node,
        papers=papers,
        developer_no=session.scalars(developer.where(Project.id == account.project_id)).one(),
        is_active=account.status is AccountStatus.ACTIVE,
        is_registered=bool(session.scalar(_REGISTERED, {"building_id": building_id})),
        is_waiting=session.scalar(waiting) not in (None, besides),
    )
    return Known(account, building, schedule, facts, law)


def claim_known(session: Session, claim_id: int, *, locked: bool = True) -> tuple[NodeClaim, Known]:
    """A claim and what is known of its building, the account locked before it. Raises NotFound."""
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
        Paper(one.kind, one.file_hash, one.dated_on, one.firm, one.firm_no, one.signer, one.note)
        for one in filed
    )
    known = known_of(
        session, row.account_no, row.building_id, row.node, papers, besides=claim_id, locked=locked
    )
    held: Any = select(NodeClaim).where(NodeClaim.id == claim_id)
    if locked:
        held = held.with_for_update().execution_options(populate_existing=True)
    return session.scalars(held).one(), known


def _account(session: Session, account_no: str) -> tuple[SupervisedAccount, Law]:
    query = select(SupervisedAccount, Project.region).join(
        Project, Project.id == SupervisedAccount.project_id
    )
    row = session.execute(query.where(SupervisedAccount.account_no == account_no)).one_or_none()
    if row is None:
        raise NotFound("没有这个监管账户")
    return row.SupervisedAccount, law_on(bureau_day(), "presale_funds", row.region)
