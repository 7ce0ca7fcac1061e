"""House accounts are built in batches: proposed from the register, confirmed by another (成批建账). 锁、查、判、记."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow.access import audit
from escrow.errors import NotFound, Refused
from escrow.maintenance.batch_models import HouseBatch, HouseBatchLine
from escrow.maintenance.batch_rules import (
    BatchFacts,
    BatchStatus,
    Line,
    RegisterUnit,
    Verdict,
    batch_decider_refusals,
    batch_refusals,
    plan,
)
from escrow.maintenance.models import Community, FundAccount
from escrow.maintenance.rules import FundStatus
from escrow.projects.models import Project
from escrow.projects.rules import Structure, UnitUse

LAW = "maintenance_fund"
LAW_KEYS = ("house_batch", "residential_only", "basis", "standard")

# Units taken out of the register stay named, so that nothing is passed over.
_UNITS = text("""
SELECT u.id AS unit_id, u.unit_code, b.id AS building_id, b.building_no, b.structure, u.room_no, u.area,
       u.use, u.removed_at IS NOT NULL OR b.removed_at IS NOT NULL AS removed, h.id IS NOT NULL AS built
  FROM unit u JOIN building b ON b.id = u.building_id LEFT JOIN house h ON h.unit_code = u.unit_code
 WHERE b.project_id = :project_id
 ORDER BY b.id, u.id
""")


def propose(
    session: Session, project_no: str, fund_id: int, community_name: str, *, officer_id: int
) -> str:
    """One officer proposes house accounts for a project's register; the batch's number (录入建账批次).

    Raises NotFound, or Refused with every reason.
    """
    project = _locked(session, project_no)
    law = law_on(bureau_day(), LAW, project.region)
    lines = plan(register_units(session, project.id), law)
    if reasons := batch_refusals(_facts(session, project, fund_id, lines), law):
        raise Refused(reasons)
    number = f"JZ{bureau_day():%Y%m%d}{secrets.token_hex(4).upper()}"
    built = sum(line.verdict is Verdict.BUILD for line in lines)
    row = HouseBatch(
        batch_no=number, fund_account_id=fund_id, project_id=project.id, community_name=community_name,
        status=BatchStatus.ENTERED, to_build=built, left_out=len(lines) - built, entered_by=officer_id,
        law=law.stored(LAW_KEYS),
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.execute(insert(HouseBatchLine), [_row(row.id, line) for line in lines])
    audit.record(
        session, "fund.batch-entered", number, project_no=project_no, to_build=built,
        left_out=len(lines) - built,
    )  # fmt: skip
    return number


def confirm(session: Session, batch_no: str, *, officer_id: int) -> None:
    """Another officer: looked at again under the lock, then built whole (确认建账).

    Raises NotFound, or Refused with every reason.
    """
    row, project, law = _held(session, batch_no)
    changed = row.status is BatchStatus.ENTERED and _changed(session, row, law)
    if reasons := batch_decider_refusals(row.status, row.entered_by, officer_id, changed=changed, law=law):
        raise Refused(reasons)
    row.status, row.decided_by, row.decided_at = BatchStatus.CONFIRMED, officer_id, func.clock_timestamp()
    session.flush()
    community_id = _community(session, row, project)
    session.execute(_BUILDINGS, {"batch_id": row.id, "community_id": community_id})
    session.execute(_HOUSES, {"batch_id": row.id, "community_id": community_id, "who": officer_id})
    audit.record(session, "fund.batch-confirmed", batch_no, project_no=project.project_no, built=row.to_build)


def reject(session: Session, batch_no: str, reason: str, *, officer_id: int) -> None:
    """Another officer sends the batch back, saying why (退回). Raises NotFound or Refused."""
    row, _, law = _held(session, batch_no)
    if reasons := batch_decider_refusals(row.status, row.entered_by, officer_id, changed=False, law=law):
        raise Refused(reasons)
    row.status, row.reason = BatchStatus.REJECTED, reason
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "fund.batch-rejected", batch_no, reason=reason)


def register_units(session: Session, project_id: int) -> list[RegisterUnit]:
    """The register of a project, with what has its account already (楼盘表及建账情况)."""
    return [
        RegisterUnit(
            row.unit_id, row.unit_code, row.building_id, row.building_no,
            Structure(row.structure) if row.structure else None, row.room_no, row.area, UnitUse(row.use),
            removed=row.removed, built=row.built,
        )
        for row in session.execute(_UNITS, {"project_id": project_id})
    ]  # fmt: skip


# --- looking ---


def _locked(session: Session, project_no: str) -> Project:
    """The project, while nobody sends its register anew and nobody else proposes. Raises NotFound."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"project:{project_no}", 0))))
    project = session.scalars(select(Project).where(Project.project_no == project_no)).one_or_none()
    if project is None:
        raise NotFound("没有这个项目")
    return project


def _facts(session: Session, project: Project, fund_id: int, lines: Sequence[Line]) -> BatchFacts:
    fund = session.get(FundAccount, fund_id)
    waiting = select(HouseBatch.batch_no).where(
        HouseBatch.project_id == project.id, HouseBatch.status == BatchStatus.ENTERED
    )
    other = (
        select(FundAccount.account_no)
        .join(Community, Community.fund_account_id == FundAccount.id)
        .where(Community.project_id == project.id, FundAccount.id != fund_id)
    )
    return BatchFacts(
        lines=lines, waiting=session.scalar(waiting),
        fund_active=bool(fund and fund.status is FundStatus.ACTIVE),
        same_region=bool(fund and fund.region == project.region), other_fund=session.scalar(other),
    )  # fmt: skip


def _held(session: Session, batch_no: str) -> tuple[HouseBatch, Project, Law]:
    """The batch under its project's lock, which comes first for everybody. Raises NotFound."""
    query = select(Project.project_no).join(HouseBatch, HouseBatch.project_id == Project.id)
    project_no = session.scalar(query.where(HouseBatch.batch_no == batch_no))
    if project_no is None:
        raise NotFound("没有这个建账批次")
    project = _locked(session, project_no)
    held = select(HouseBatch).where(HouseBatch.batch_no == batch_no).with_for_update()
    row = session.scalars(held.execution_options(populate_existing=True)).one()
    return row, project, law_on(bureau_day(), LAW, project.region)


def _changed(session: Session, row: HouseBatch, law: Law) -> bool:
    """Whether the register would say something else today than when the batch was proposed."""
    kept = select(HouseBatchLine.__table__).where(HouseBatchLine.batch_id == row.id)
    before = {one.unit_id: one._asdict() for one in session.execute(kept)}
    lines = plan(register_units(session, row.project_id), law)
    after = {line.unit.unit_id: _row(row.id, line) for line in lines}
    return before != after


# --- writing ---


def _row(batch_id: int, line: Line) -> dict[str, object]:
    said = asdict(line.unit)
    return {
        "batch_id": batch_id, "verdict": line.verdict, "note": line.note,
        **{name: said[name] for name in said if name not in ("removed", "built")},
    }  # fmt: skip


def _community(session: Session, row: HouseBatch, project: Project) -> int:
    """The project's community, opened with its first batch (小区)."""
    found = session.scalar(select(Community.id).where(Community.project_id == project.id))
    if found is not None:
        return found
    opened = Community(
        fund_account_id=row.fund_account_id, name=row.community_name, region=project.region,
        project_id=project.id,
    )  # fmt: skip
    session.add(opened)
    session.flush()
    return opened.id


_BUILDINGS = text("""
INSERT INTO community_building (community_id, building_no, structure, building_id)
SELECT DISTINCT ON (l.building_id) :community_id, l.building_no, l.structure, l.building_id
  FROM house_batch_line l
 WHERE l.batch_id = :batch_id AND l.verdict = 'build'
   AND NOT EXISTS (SELECT FROM community_building g WHERE g.building_id = l.building_id)
 ORDER BY l.building_id
""")
_HOUSES = text("""
INSERT INTO house (community_building_id, unit_code, room_no, area, use, nature, unit_id, status, built_by,
                   batch_id)
SELECT g.id, l.unit_code, l.room_no, l.area, l.use, 'commodity', l.unit_id, 'built', :who, l.batch_id
  FROM house_batch_line l JOIN community_building g ON g.building_id = l.building_id
 WHERE l.batch_id = :batch_id AND l.verdict = 'build' AND g.community_id = :community_id
 ORDER BY g.id, l.unit_id
""")
