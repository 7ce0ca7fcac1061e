"""A project and its unit register, taken as the platform sends them (楼盘登记). Lock, look, judge, write."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

from sqlalchemy import Row, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow.access import audit
from escrow.errors import Refusal, Refused
from escrow.outbox import canonical
from escrow.projects.models import PROJECT_STANDING, UNIT_STANDING, Building, Developer, Project, Unit
from escrow.projects.rules import (
    KnownUnit,
    Place,
    ProjectStatus,
    RegisterFacts,
    Seat,
    Structure,
    UnitStatus,
    UnitUse,
    refusals,
)

LAW = "presale_funds"


@dataclass(frozen=True, slots=True)
class AskedUnit:
    """A unit as the platform sends it (户)."""

    unit_code: str
    room_no: str
    area: Decimal
    use: UnitUse


@dataclass(frozen=True, slots=True)
class AskedBuilding:
    """A building as the platform sends it (幢)."""

    building_no: str
    structure: Structure
    floors: int
    units: tuple[AskedUnit, ...]


@dataclass(frozen=True, slots=True)
class Permit:
    """The presale permit (预售许可证)."""

    permit_no: str
    issued_on: date


@dataclass(frozen=True, slots=True)
class AskedProject:
    """A project with its unit register as the platform sends it (项目与楼盘表)."""

    project_no: str
    name: str
    region: str
    developer_id: str
    developer_name: str
    permit: Permit | None
    buildings: tuple[AskedBuilding, ...]

    def units(self) -> Iterator[tuple[AskedBuilding, AskedUnit]]:
        """Every unit with its building (全部房屋)."""
        return ((building, unit) for building in self.buildings for unit in building.units)


def register(session: Session, asked: AskedProject) -> bool:
    """Take a project and its register, whole (登记项目与楼盘表); whether it is new.

    What is no longer listed leaves the register but stays on record. Raises Refused with every reason.
    """
    before = _locked(session, asked.project_no)
    digest = sha256(canonical(asdict(asked))).digest()
    if before and before.digest == digest:
        return False

    known = _known_units(session, asked)
    facts = _facts(session, asked, before, known)
    law = law_on(bureau_day(), LAW, before.region if before else asked.region)
    if reasons := refusals(facts, law):
        raise Refused(reasons)

    project_id = _write_project(session, asked, digest)
    buildings = _write_buildings(session, asked, project_id)
    added = _write_units(session, asked, buildings, known, law)
    removed = _remove(session, asked, project_id)
    audit.record(
        session, "project.changed" if before else "project.registered", asked.project_no,
        units=sum(1 for _ in asked.units()), units_added=added, units_removed=removed,
    )  # fmt: skip
    return before is None


# --- looking ---


def _locked(session: Session, project_no: str) -> Project | None:
    """The project if it is known; whoever brings the same number waits."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"project:{project_no}", 0))))
    query = select(Project).where(Project.project_no == project_no)
    return session.scalar(query.with_for_update(key_share=True))


def _known_units(session: Session, asked: AskedProject) -> Sequence[Row[Any]]:
    """Every unit of this project, or under a code now sent: locked, then read with what became of it."""
    codes = [unit.unit_code for _, unit in asked.units()]
    ours = Project.project_no == asked.project_no
    held = (
        select(Unit.id)
        .join(Building, Building.id == Unit.building_id)
        .join(Project, Project.id == Building.project_id)
        .where(ours | Unit.unit_code.in_(codes))
        .order_by(Unit.id)
    )
    ids = session.scalars(held.with_for_update(key_share=True, of=Unit)).all()
    query = (
        select(
            Unit.id, Unit.unit_code, Unit.building_id, Unit.room_no, Unit.area, Unit.use, Unit.removed_at,
            Building.building_no, Project.project_no, UNIT_STANDING.c.status, UNIT_STANDING.c.has_history,
        )
        .join(Building, Building.id == Unit.building_id)
        .join(Project, Project.id == Building.project_id)
        .join(UNIT_STANDING, UNIT_STANDING.c.unit_id == Unit.id)
        .where(Unit.id == func.any(ids))
    )  # fmt: skip
    return session.execute(query).all() if ids else []


_RELEASED = text("""
SELECT b.building_no FROM released_building r JOIN building b ON b.id = r.building_id
  JOIN project p ON p.id = b.project_id WHERE p.project_no = :project_no
""")


def _facts(
    session: Session, asked: AskedProject, before: Project | None, known: Sequence[Row[Any]]
) -> RegisterFacts:
    standing = None
    if before:
        query = select(PROJECT_STANDING.c.status, PROJECT_STANDING.c.account_status)
        standing = session.execute(query.where(PROJECT_STANDING.c.project_id == before.id)).one()
    listed = {building.building_no for building in asked.buildings}
    bought_in = {row.building_no for row in known if row.project_no == asked.project_no and row.has_history}
    return RegisterFacts(
        project_no=asked.project_no,
        asked={unit.unit_code: Place(building.building_no, unit.area) for building, unit in asked.units()},
        known=[
            KnownUnit(
                row.unit_code, row.project_no, Place(row.building_no, row.area), row.removed_at is not None,
                UnitStatus(row.status), row.has_history,
            )
            for row in known
        ],
        seat=Seat(asked.region, asked.developer_id),
        seat_before=Seat(before.region, before.developer.developer_id) if before else None,
        status=ProjectStatus(standing.status) if standing else ProjectStatus.PROPOSED,
        account_opened=standing is not None and standing.account_status not in (None, "proposed"),
        kept_buildings=sorted(bought_in - listed),
        released_buildings=session.scalars(_RELEASED, {"project_no": asked.project_no}).all(),
    )  # fmt: skip


# --- writing ---


def _write_project(session: Session, asked: AskedProject, digest: bytes) -> int:
    developer = insert(Developer).values(developer_id=asked.developer_id, name=asked.developer_name)
    developer_pk = session.scalar(
        developer.on_conflict_do_update(
            index_elements=[Developer.developer_id], set_={"name": developer.excluded.name}
        ).returning(Developer.id)
    )
    values = {
        "name": asked.name, "region": asked.region, "developer_pk": developer_pk, "digest": digest,
        "permit_no": asked.permit.permit_no if asked.permit else None,
        "permit_issued_on": asked.permit.issued_on if asked.permit else None,
    }  # fmt: skip
    project = insert(Project).values(project_no=asked.project_no, **values)
    written = project.on_conflict_do_update(index_elements=[Project.project_no], set_=values)
    return session.execute(written.returning(Project.id)).scalar_one()


def _write_buildings(session: Session, asked: AskedProject, project_id: int) -> dict[str, int]:
    rows = [
        {
            "project_id": project_id, "building_no": building.building_no,
            "structure": building.structure, "floors": building.floors,
        }
        for building in asked.buildings
    ]  # fmt: skip
    statement = insert(Building)
    statement = statement.on_conflict_do_update(
        index_elements=[Building.project_id, Building.building_no],
        set_={
            "structure": statement.excluded.structure,
            "floors": statement.excluded.floors,
            "removed_at": None,
        },
    )
    written = session.execute(statement.returning(Building.building_no, Building.id), rows)
    return {row.building_no: row.id for row in written}


def _write_units(
    session: Session, asked: AskedProject, buildings: dict[str, int], known: Sequence[Row[Any]], law: Law
) -> int:
    """New units come in, changed ones change; a code that another project took meanwhile is refused."""
    before = {row.unit_code: row for row in known}
    fresh, changed = [], []
    for building, unit in asked.units():
        row = {
            "building_id": buildings[building.building_no], "room_no": unit.room_no,
            "area": unit.area, "use": unit.use, "removed_at": None,
        }  # fmt: skip
        earlier = before.get(unit.unit_code)
        if earlier is None:
            fresh.append({**row, "unit_code": unit.unit_code})
        elif any(getattr(earlier, name) != value for name, value in row.items()):
            changed.append({**row, "id": earlier.id})
    if fresh:
        # In one order whoever writes: two bodies with the same codes wait, and do not lock each other out.
        fresh.sort(key=lambda row: str(row["unit_code"]))
        taken = insert(Unit).on_conflict_do_nothing().returning(Unit.unit_code)
        written = set(session.scalars(taken, fresh))
        if missing := [row["unit_code"] for row in fresh if row["unit_code"] not in written]:
            source = law["unit_code_once"].citation
            raise Refused(
                [
                    Refusal("unit-code-taken", f"房屋 {code} 已在其他项目的楼盘表内", source)
                    for code in missing
                ]
            )
    if changed:
        session.execute(update(Unit), changed)
    return len(fresh)


def _remove(session: Session, asked: AskedProject, project_id: int) -> int:
    """What is no longer listed leaves the register and stays on record (移出楼盘表)."""
    now = func.clock_timestamp()
    codes = [unit.unit_code for _, unit in asked.units()]
    ours = select(Building.id).where(Building.project_id == project_id)
    units = update(Unit).where(
        Unit.building_id.in_(ours), Unit.unit_code.not_in(codes), Unit.removed_at.is_(None)
    )
    removed = session.scalars(
        units.values(removed_at=now).returning(Unit.id).execution_options(synchronize_session=False)
    ).all()
    listed = [building.building_no for building in asked.buildings]
    buildings = update(Building).where(
        Building.project_id == project_id, Building.building_no.not_in(listed), Building.removed_at.is_(None)
    )
    session.execute(buildings.values(removed_at=now).execution_options(synchronize_session=False))
    return len(removed)
