"""Node claims for reading, with their building and who handled them, in one query each (节点申报查询)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session, aliased

from config.clock import bureau_day
from escrow.access.models import Officer
from escrow.projects.models import Building, Project
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.node_models import NodeClaim, NodePaper
from escrow.supervision.schedules import NodeStatus

_ENTERER, _DECIDER = aliased(Officer), aliased(Officer)
_ENTRY = text("SELECT id FROM ledger.journal_entry WHERE book_id = :book_id AND reference = :reference")
_HISTORY = 100


class Listed(StrEnum):
    """Which claims a list shows (清单范围)."""

    WAITING = "waiting"
    OVERDUE = "overdue"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which claims, from which key on (查询条件)."""

    listed: Listed = Listed.WAITING
    project_no: str = ""
    start: int | None = None


def claims(session: Session, wanted: Wanted, *, limit: int) -> list[Row[Any]]:
    """Those that wait, the oldest first: whose review ends first; or all, the newest first (节点申报清单)."""
    query = _claims().limit(limit)
    if wanted.project_no:
        query = query.where(Project.project_no == wanted.project_no)
    if wanted.listed is Listed.ALL:
        query = query.order_by(NodeClaim.id.desc())
        return _rows(session, query.where(NodeClaim.id < wanted.start) if wanted.start else query)
    query = query.where(NodeClaim.status == NodeStatus.ENTERED).order_by(NodeClaim.id)
    if wanted.listed is Listed.OVERDUE:
        query = query.where(NodeClaim.review_by < bureau_day())
    return _rows(session, query.where(NodeClaim.id > wanted.start) if wanted.start else query)


def overdue_count(session: Session) -> int:
    """How many wait past their review day (逾期未审核件数)."""
    query = select(func.count(NodeClaim.id)).where(
        NodeClaim.status == NodeStatus.ENTERED, NodeClaim.review_by < bureau_day()
    )
    return session.scalar(query) or 0


def claim(session: Session, claim_id: int) -> Any:
    """One claim, None when there is none (一件节点申报)."""
    return session.execute(_claims().where(NodeClaim.id == claim_id)).one_or_none()


def claims_of(session: Session, building_id: int) -> list[Row[Any]]:
    """What was claimed and corrected of a building, the newest first (一幢的节点经过)."""
    query = _claims().where(NodeClaim.building_id == building_id)
    return _rows(session, query.order_by(NodeClaim.id.desc()).limit(_HISTORY))


def papers_of(session: Session, claim_id: int) -> list[NodePaper]:
    """The files handed in with a claim (节点材料)."""
    query = select(NodePaper).where(NodePaper.claim_id == claim_id)
    return list(session.scalars(query.order_by(NodePaper.id)))


def entry_of(session: Session, book_id: int, claim_id: int) -> int | None:
    """The entry that the approval posted, if the level changed (核准的记账凭证)."""
    asked = {"book_id": book_id, "reference": f"node:{claim_id}"}
    found: int | None = session.scalar(_ENTRY, asked)
    return found


def _claims() -> Any:
    overdue = (NodeClaim.status == NodeStatus.ENTERED) & (NodeClaim.review_by < bureau_day())
    return (
        select(
            NodeClaim, Building.building_no, Project.project_no, Project.name.label("project_name"),
            SupervisedAccount.account_no, SupervisedAccount.book_id, overdue.label("is_overdue"),
            _ENTERER.full_name.label("enterer"), _DECIDER.full_name.label("decider"),
        )
        .join(Building, Building.id == NodeClaim.building_id)
        .join(Project, Project.id == Building.project_id)
        .join(SupervisedAccount, SupervisedAccount.id == NodeClaim.account_id)
        .join(_ENTERER, _ENTERER.id == NodeClaim.entered_by)
        .outerjoin(_DECIDER, _DECIDER.id == NodeClaim.decided_by)
    )  # fmt: skip


def _rows(session: Session, query: Any) -> list[Row[Any]]:
    return list(session.execute(query))
