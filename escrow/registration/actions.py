"""What the registration authority makes known is taken as a fact (登记机构报来的登记事实). Lock, look, judge, write."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from config.regulations import law_on
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import blind_index, mask_id, mask_name, seal
from escrow.errors import Invalid, Refused
from escrow.projects.models import Building, Project, Unit
from escrow.registration.models import FirstRegistration, RegisteredBuilding, TransferRegistration
from escrow.registration.rules import (
    Certificate,
    FirstFacts,
    RegistrationSource,
    RegistrationStatus,
    TransferFacts,
    first_refusals,
    transfer_refusals,
)


@dataclass(frozen=True, slots=True)
class FirstAsked:
    """Which buildings of a project, under which certificate, since when (首次登记内容)."""

    project_no: str
    building_nos: tuple[str, ...]
    certificate_no: str
    registered_on: date


@dataclass(frozen=True, slots=True)
class TransferAsked:
    """Which unit, under which certificate, since when, whose (转移登记内容)."""

    unit_code: str
    certificate_no: str
    registered_on: date
    owner_name: str
    owner_id_no: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Which system said so, under which event number (来源)."""

    client_id: str
    event_id: str


def register(session: Session, asked: FirstAsked, origin: Origin) -> dict[str, Any]:
    """A first registration, as the registration authority says; nobody here confirms it (首次登记).

    What an officer has entered by hand for the same buildings and is not confirmed yet is overtaken.
    Raises Invalid or Refused with every reason.
    """
    found = look(session, asked)
    if reasons := first_refusals(found.facts, law_on(bureau_day(), "presale_funds", found.region)):
        raise Refused(reasons)
    fresh = [number for number in asked.building_nos if number not in found.facts.confirmed]
    overtaken: list[int] = []
    if fresh:
        registration = FirstRegistration(
            project_id=found.project_id, certificate_no=asked.certificate_no,
            registered_on=asked.registered_on, building_count=len(fresh),
            source=RegistrationSource.SYSTEM, status=RegistrationStatus.CONFIRMED,
            client_id=origin.client_id, event_id=origin.event_id, decided_at=func.clock_timestamp(),
        )  # fmt: skip
        name_buildings(session, registration, [found.buildings[number] for number in fresh])
        overtaken = _overtake(session, registration.id)
    audit.record(
        session, "registration.received", asked.certificate_no, event_id=origin.event_id,
        project_no=asked.project_no, building_nos=asked.building_nos, overtaken=overtaken,
    )  # fmt: skip
    return {
        "event_id": origin.event_id, "status": RegistrationStatus.CONFIRMED.value,
        "project_no": asked.project_no, "building_nos": list(asked.building_nos),
        "certificate_no": asked.certificate_no, "registered_on": asked.registered_on.isoformat(),
        "received_at": _received(session),
    }  # fmt: skip


def register_transfer(
    session: Session, asked: TransferAsked, origin: Origin, *, settings: Settings
) -> dict[str, Any]:
    """A title to one unit; personal data is sealed, and masked in the answer (转移登记).

    Whoever owns the house in the maintenance fund is read from this row: nothing else need be told.
    """
    found = _look_at_unit(session, asked, blind_index(asked.owner_id_no, settings))
    if reasons := transfer_refusals(found.facts, law_on(bureau_day(), "presale_funds", found.region)):
        raise Refused(reasons)
    if not found.facts.is_same:
        session.execute(
            insert(TransferRegistration).values(**_sealed(asked, origin, found.unit_id, settings))
        )
    audit.record(
        session, "registration.transferred", asked.unit_code, event_id=origin.event_id,
        certificate_no=asked.certificate_no,
    )  # fmt: skip
    return {
        "event_id": origin.event_id, "status": RegistrationStatus.CONFIRMED.value,
        "unit_code": asked.unit_code, "certificate_no": asked.certificate_no,
        "registered_on": asked.registered_on.isoformat(),
        "owner_name_masked": mask_name(asked.owner_name), "owner_id_no_masked": mask_id(asked.owner_id_no),
        "received_at": _received(session),
    }  # fmt: skip


# --- shared with the entry by hand ---


@dataclass(frozen=True, slots=True)
class Found:
    """What is known under the lock of the project (加锁后所知)."""

    facts: FirstFacts
    region: str
    project_id: int
    buildings: dict[str, int]


def look(session: Session, asked: FirstAsked, *, but: int | None = None) -> Found:
    """Lock the project, then read what is registered already. Raises Invalid naming the field.

    `but`: a registration that is being corrected counts for nothing.
    """
    refuse_future(asked.registered_on)
    hold_certificate(session, asked.certificate_no)
    query = select(Project.id, Project.region).where(Project.project_no == asked.project_no)
    project = session.execute(query.with_for_update(key_share=True)).one_or_none()
    if project is None:
        raise Invalid({"project_no": "没有这个项目。"})
    buildings = _buildings(session, project.id, asked.building_nos)
    confirmed = select(Building.building_no, FirstRegistration.certificate_no)
    confirmed = confirmed.join(RegisteredBuilding, RegisteredBuilding.building_id == Building.id).join(
        FirstRegistration, FirstRegistration.id == RegisteredBuilding.registration_id
    )
    rows = session.execute(
        confirmed.where(
            Building.project_id == project.id, RegisteredBuilding.status == RegistrationStatus.CONFIRMED,
            FirstRegistration.id.is_distinct_from(but),
        )
    )
    facts = FirstFacts(
        asked=Certificate(asked.certificate_no, asked.project_no, asked.registered_on),
        building_nos=asked.building_nos,
        confirmed={row.building_no: row.certificate_no for row in rows},
        known=_certificate(session, asked.certificate_no, but),
    )
    return Found(facts, project.region, project.id, buildings)


def hold_certificate(session: Session, certificate_no: str) -> None:
    """Whoever brings the same certificate number waits (证书号占用); the database takes the same lock."""
    key = func.hashtextextended(certificate_no, 0)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def name_buildings(session: Session, registration: FirstRegistration, building_ids: list[int]) -> None:
    """Write a registration together with the buildings it names (登记及其楼幢)."""
    session.add(registration)
    session.flush()
    rows = [
        {"registration_id": registration.id, "building_id": building_id, "status": registration.status}
        for building_id in building_ids
    ]
    if rows:
        session.execute(insert(RegisteredBuilding), rows)


def refuse_future(registered_on: date) -> None:
    """A registration that has not happened yet is none. Raises Invalid."""
    if registered_on > bureau_day():
        raise Invalid({"registered_on": "登记日期不能晚于今天。"})


def _buildings(session: Session, project_id: int, building_nos: tuple[str, ...]) -> dict[str, int]:
    query = select(Building.building_no, Building.id).where(
        Building.project_id == project_id,
        Building.building_no.in_(building_nos),
        Building.removed_at.is_(None),
    )
    found: dict[str, int] = {row.building_no: row.id for row in session.execute(query)}
    if unknown := [number for number in building_nos if number not in found]:
        raise Invalid({"building_nos": f"项目没有这些楼幢：{'、'.join(unknown)}。"})
    return found


def _certificate(session: Session, certificate_no: str, but: int | None) -> Certificate | None:
    query = (
        select(Project.project_no, FirstRegistration.registered_on)
        .join(Project, Project.id == FirstRegistration.project_id)
        .where(
            FirstRegistration.certificate_no == certificate_no,
            FirstRegistration.status == RegistrationStatus.CONFIRMED,
            FirstRegistration.building_count > 0, FirstRegistration.id.is_distinct_from(but),
        )
    )
    row = session.execute(query.limit(1)).one_or_none()
    return Certificate(certificate_no, row.project_no, row.registered_on) if row else None


def _overtake(session: Session, registration_id: int) -> list[int]:
    """Entries by hand for the same buildings need no second officer any more (以登记机构所报为准)."""
    named = select(RegisteredBuilding.building_id).where(
        RegisteredBuilding.registration_id == registration_id
    )
    waiting = select(RegisteredBuilding.registration_id).where(
        RegisteredBuilding.building_id.in_(named), RegisteredBuilding.status == RegistrationStatus.ENTERED
    )
    statement = update(FirstRegistration).where(FirstRegistration.id.in_(waiting)).values(
        status=RegistrationStatus.OVERTAKEN, overtaken_by=registration_id, decided_at=func.clock_timestamp()
    )  # fmt: skip
    returning = statement.returning(FirstRegistration.id).execution_options(synchronize_session=False)
    return sorted(session.scalars(returning))


def _received(session: Session) -> str:
    at = session.scalar(select(func.clock_timestamp()))
    if at is None:
        raise RuntimeError("the database has no clock")
    return bureau_time(at).isoformat(timespec="seconds")


# --- transfer registration ---


@dataclass(frozen=True, slots=True)
class _FoundUnit:
    facts: TransferFacts
    region: str
    unit_id: int


def _look_at_unit(session: Session, asked: TransferAsked, owner: bytes) -> _FoundUnit:
    """Lock the unit, then read what is registered already. Raises Invalid naming the field."""
    refuse_future(asked.registered_on)
    hold_certificate(session, asked.certificate_no)
    query = (
        select(Unit.id, Unit.building_id, Project.region)
        .join(Building, Building.id == Unit.building_id)
        .join(Project, Project.id == Building.project_id)
        .where(Unit.unit_code == asked.unit_code, Unit.removed_at.is_(None))
    )
    unit = session.execute(query.with_for_update(key_share=True, of=Unit)).one_or_none()
    if unit is None:
        raise Invalid({"unit_code": "楼盘表中没有这一户。"})
    used = session.execute(
        select(
            Unit.unit_code, TransferRegistration.registered_on, TransferRegistration.owner_id_no_index
        )
        .join(TransferRegistration, TransferRegistration.unit_id == Unit.id)
        .where(TransferRegistration.certificate_no == asked.certificate_no)
    ).one_or_none()  # fmt: skip
    is_same = used is not None and tuple(used) == (asked.unit_code, asked.registered_on, owner)
    first = (
        select(FirstRegistration.registered_on)
        .join(RegisteredBuilding, RegisteredBuilding.registration_id == FirstRegistration.id)
        .where(
            RegisteredBuilding.building_id == unit.building_id,
            RegisteredBuilding.status == RegistrationStatus.CONFIRMED,
        )
    )
    facts = TransferFacts(
        unit_code=asked.unit_code,
        certificate_no=asked.certificate_no,
        registered_on=asked.registered_on,
        first_registered_on=session.scalar(first),
        certificate_unit=used.unit_code if used else None,
        is_same=is_same,
    )
    return _FoundUnit(facts, unit.region, unit.id)


def _sealed(asked: TransferAsked, origin: Origin, unit_id: int, settings: Settings) -> dict[str, Any]:
    context = f"transfer_registration:{asked.unit_code}"
    return {
        "unit_id": unit_id, "client_id": origin.client_id, "event_id": origin.event_id,
        "certificate_no": asked.certificate_no, "registered_on": asked.registered_on,
        "owner_name_sealed": seal(asked.owner_name, settings, context=f"{context}:name"),
        "owner_name_masked": mask_name(asked.owner_name),
        "owner_id_no_sealed": seal(asked.owner_id_no, settings, context=f"{context}:id_no"),
        "owner_id_no_masked": mask_id(asked.owner_id_no),
        "owner_id_no_index": blind_index(asked.owner_id_no, settings),
    }  # fmt: skip
