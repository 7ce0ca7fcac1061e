"""The quotas of an agreement version enter the book when it takes effect (监管额度核定)."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law
from escrow import chart
from escrow.errors import Refusal
from escrow.projects.models import Building, Unit
from escrow.supervision.funds import change_level, position
from escrow.supervision.guarantees import shrink
from escrow.supervision.models import Agreement, SupervisedAccount
from escrow.supervision.node_facts import keep_schedule, reached_by_building
from escrow.supervision.quota_bases import Proposed, basis_of, quota_refusals
from escrow.supervision.rules import QuotaMode
from escrow.supervision.schedules import released_of, schedule_of, schedule_refusals
from ledger.money import Yuan

_QUOTAS = text("""
SELECT b.building_no, l.balance FROM ledger.account a
  JOIN ledger.balance l ON l.account_id = a.id
  JOIN building b ON a.key = 'building:' || b.id
 WHERE a.book_id = :book_id AND a.code = '8201' ORDER BY b.id
""")


def quotas_of(session: Session, book_id: int) -> dict[str, Yuan]:
    """Quotas in force by building number (现行监管额度)."""
    rows = session.execute(_QUOTAS, {"book_id": book_id})
    return {row.building_no: Yuan.from_fen(row.balance) for row in rows}


def areas_of(session: Session, project_id: int) -> dict[str, Decimal]:
    """Building area by number, as the register's homes add up to (各幢建筑面积)."""
    query = (
        select(Building.building_no, func.coalesce(func.sum(Unit.area), 0))
        .outerjoin(Unit, (Unit.building_id == Building.id) & Unit.removed_at.is_(None))
        .where(Building.project_id == project_id, Building.removed_at.is_(None))
        .group_by(Building.id)
        .order_by(Building.id)
    )
    return {number: Decimal(area) for number, area in session.execute(query)}


def proposed_quotas(areas: Mapping[str, Decimal], clauses: Mapping[str, Any]) -> list[Proposed]:
    """Each building with what a version proposes of it; what it does not name is kept whole (拟定额度)."""
    named = {quota["building_no"]: quota for quota in clauses["quotas"]}
    return [
        Proposed(number, area, Yuan(quota["amount"]) if quota else None, basis_of((quota or {}).get("basis")))
        for number, area in areas.items()
        for quota in [named.get(number)]
    ]


def clause_refusals(
    session: Session, project_id: int, clauses: Mapping[str, Any], law: Law
) -> list[Refusal]:
    """Why a version's quotas and nodes cannot be (额度、节点条款不予受理的理由)."""
    quotas = quota_refusals(proposed_quotas(areas_of(session, project_id), clauses), law)
    return [*quotas, *node_refusals(session, project_id, clauses, law)]


def node_refusals(session: Session, project_id: int, clauses: Mapping[str, Any], law: Law) -> list[Refusal]:
    """Why the nodes of a version cannot follow those already reached (节点条款不予受理的理由)."""
    query = select(Building.id, Building.building_no).where(Building.project_id == project_id)
    numbers = {row.id: row.building_no for row in session.execute(query)}
    stood = reached_by_building(session, project_id)
    reached = {numbers[building_id]: node.name for building_id, node in stood.items()}
    return schedule_refusals(schedule_of(clauses, law), reached, law)


def put_in_force(session: Session, version: Agreement, law: Law) -> None:
    """Each building's quota as this version says, its money divided anew (P7); without one all stays locked.

    Reached nodes stay reached, and release of the new quota what this version says of them; guarantees
    fall to their share of it. The caller holds the account FOR UPDATE: no deposit is under way.
    """
    ours = select(SupervisedAccount).where(SupervisedAccount.agreement_id == version.id)
    account = session.scalars(ours).one()
    book_id = account.book_id
    mode = QuotaMode(version.clauses["quota_mode"])
    asked = {quota["building_no"]: Yuan(quota["amount"]) for quota in version.clauses["quotas"]}
    query = select(Building.id, Building.building_no).where(
        Building.project_id == version.project_id, Building.building_no.in_(asked)
    )
    schedule, stood = schedule_of(version.clauses, law), reached_by_building(session, version.project_id)
    keep_schedule(session, version.id, schedule)
    for building_id, number in session.execute(query.order_by(Building.id)).all():
        before = position(session, book_id, building_id, mode=mode, locked=True)
        released = released_of(asked[number], schedule.ratio_of(stood.get(building_id)))
        change_level(
            session, book_id, building_id, before, replace(before, quota=asked[number], released=released),
            movement=chart.SET_QUOTA, reference=f"quota:{version.id}:{building_id}", on=bureau_day(),
            memo=f"监管协议 {version.agreement_no} 第 {version.version} 版，{number} 幢",
        )  # fmt: skip
        said = f"{version.agreement_no} 第 {version.version} 版，{number} 幢"
        shrink(session, account, building_id, law, cause=said, why="额度调低")
