"""First registrations for reading, with their buildings and who handled them, in one query each (首次登记查询)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, aliased

from escrow.access.models import Officer
from escrow.projects.models import Building, Project
from escrow.registration.models import FirstRegistration, RegisteredBuilding
from escrow.registration.rules import RegistrationStatus

_ENTERER, _DECIDER = aliased(Officer), aliased(Officer)
_OTHER, _WRONG, _RIGHT = (aliased(FirstRegistration) for _ in range(3))


@dataclass(frozen=True, slots=True)
class Choice:
    """One building that an officer may tick, and why not (可选楼幢)."""

    building_no: str
    certificate_no: str | None
    waiting: bool
    registration_id: int | None


def first_registrations(
    session: Session,
    *,
    project_no: str = "",
    waiting: bool = False,
    before: int | None = None,
    limit: int = 50,
) -> list[Row[Any]]:
    """Newest first, from a key backwards (首次登记清单)."""
    query = _lines().order_by(FirstRegistration.id.desc()).limit(limit)
    if before is not None:
        query = query.where(FirstRegistration.id < before)
    if project_no:
        query = query.where(Project.project_no == project_no)
    if waiting:
        query = query.where(FirstRegistration.status == RegistrationStatus.ENTERED)
    return list(session.execute(query))


def first_registration(session: Session, registration_id: int) -> Row[Any] | None:
    """One first registration (首次登记)."""
    return session.execute(_lines().where(FirstRegistration.id == registration_id)).one_or_none()


def choices(session: Session, project_no: str) -> tuple[Any, list[Choice]]:
    """A project and its buildings, each with what is known of its registration (项目与楼幢)."""
    query = select(Project.id, Project.project_no, Project.name).where(Project.project_no == project_no)
    project = session.execute(query).one_or_none()
    if project is None:
        return None, []
    confirmed = func.max(FirstRegistration.certificate_no).filter(
        FirstRegistration.status == RegistrationStatus.CONFIRMED
    )
    registered = func.max(FirstRegistration.id).filter(
        FirstRegistration.status == RegistrationStatus.CONFIRMED
    )
    waits = func.bool_or(FirstRegistration.status == RegistrationStatus.ENTERED)
    rows = session.execute(
        select(
            Building.building_no, confirmed.label("certificate_no"), waits.label("waiting"),
            registered.label("registration_id"),
        )
        .outerjoin(RegisteredBuilding, RegisteredBuilding.building_id == Building.id)
        .outerjoin(FirstRegistration, FirstRegistration.id == RegisteredBuilding.registration_id)
        .where(Building.project_id == project.id, Building.removed_at.is_(None))
        .group_by(Building.id)
        .order_by(Building.id)
    )
    return project, [
        Choice(row.building_no, row.certificate_no, bool(row.waiting), row.registration_id) for row in rows
    ]


def _lines() -> Any:
    named = (
        select(func.array_agg(Building.building_no))
        .join(RegisteredBuilding, RegisteredBuilding.building_id == Building.id)
        .where(RegisteredBuilding.registration_id == FirstRegistration.id)
        .scalar_subquery()
    )
    return (
        select(
            FirstRegistration.id, FirstRegistration.certificate_no, FirstRegistration.registered_on,
            FirstRegistration.source, FirstRegistration.status, FirstRegistration.client_id,
            FirstRegistration.event_id, FirstRegistration.file_hash, FirstRegistration.entered_by,
            FirstRegistration.entered_at, FirstRegistration.decided_at, FirstRegistration.reason,
            FirstRegistration.overtaken_by, _OTHER.certificate_no.label("overtaken_certificate"),
            FirstRegistration.corrects, _WRONG.certificate_no.label("wrong_certificate"),
            FirstRegistration.grounds, FirstRegistration.superseded_by,
            _RIGHT.certificate_no.label("right_certificate"),
            Project.project_no, Project.name.label("project_name"), named.label("building_nos"),
            _ENTERER.full_name.label("enterer"), _DECIDER.full_name.label("decider"),
        )
        .join(Project, Project.id == FirstRegistration.project_id)
        .outerjoin(_ENTERER, _ENTERER.id == FirstRegistration.entered_by)
        .outerjoin(_DECIDER, _DECIDER.id == FirstRegistration.decided_by)
        .outerjoin(_OTHER, _OTHER.id == FirstRegistration.overtaken_by)
        .outerjoin(_WRONG, _WRONG.id == FirstRegistration.corrects)
        .outerjoin(_RIGHT, _RIGHT.id == FirstRegistration.superseded_by)
    )  # fmt: skip
