"""A first registration entered by one officer and confirmed by another; put right the same way (手工录入)."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access import audit
from escrow.errors import NotFound, Refused
from escrow.projects.models import Building, Project
from escrow.registration.actions import FirstAsked, hold_certificate, look, name_buildings
from escrow.registration.correcting import correction_facts, supersede
from escrow.registration.models import FiledPaper, FirstRegistration, RegisteredBuilding
from escrow.registration.rules import (
    PaperUse,
    RegistrationSource,
    RegistrationStatus,
    correction_refusals,
    decide_refusals,
    first_refusals,
    hand_refusals,
    paper_refusals,
)


@dataclass(frozen=True, slots=True)
class Decision:
    """Which entry, and who decides on it (所办记录与办理人)."""

    registration_id: int
    officer_id: int


@dataclass(frozen=True, slots=True)
class CorrectionAsked:
    """What a confirmed registration should have said, why, and on what paper (更正内容)."""

    registration_id: int
    building_nos: tuple[str, ...]
    certificate_no: str
    registered_on: date
    grounds: str
    file_hash: str


def enter(session: Session, asked: FirstAsked, *, file_hash: str, officer_id: int) -> int:
    """One officer writes down what the certificate says; it counts for nothing yet (录入).

    Raises Invalid or Refused with every reason.
    """
    found = look(session, asked)
    law = law_on(bureau_day(), "presale_funds", found.region)
    waiting = session.scalars(
        select(Building.building_no)
        .join(RegisteredBuilding, RegisteredBuilding.building_id == Building.id)
        .where(
            Building.project_id == found.project_id, RegisteredBuilding.status == RegistrationStatus.ENTERED
        )
    ).all()
    reasons = [
        *hand_refusals(found.facts, waiting, law),
        *paper_refusals(paper_used_for(session, file_hash), law),
    ]
    if reasons:
        raise Refused(reasons)
    registration = FirstRegistration(
        project_id=found.project_id, certificate_no=asked.certificate_no, registered_on=asked.registered_on,
        building_count=len(asked.building_nos), source=RegistrationSource.MANUAL,
        status=RegistrationStatus.ENTERED, file_hash=file_hash, entered_by=officer_id,
    )  # fmt: skip
    name_buildings(session, registration, list(found.buildings.values()))
    audit.record(
        session, "registration.entered", asked.certificate_no, project_no=asked.project_no,
        building_nos=asked.building_nos, file_hash=file_hash,
    )  # fmt: skip
    return registration.id


def enter_correction(session: Session, asked: CorrectionAsked, *, officer_id: int) -> int:
    """One officer writes down what a confirmed registration should have said; it stands until then (录入更正).

    Raises NotFound, Invalid or Refused with every reason.
    """
    wrong, was = _held(session, asked.registration_id)
    said = FirstAsked(was.project_no, asked.building_nos, asked.certificate_no, asked.registered_on)
    found = look(session, said, but=wrong.id)
    law = law_on(bureau_day(), "presale_funds", found.region)
    reasons = [
        *correction_refusals(correction_facts(session, wrong, said, law), law),
        *first_refusals(found.facts, law),
        *paper_refusals(paper_used_for(session, asked.file_hash), law),
    ]
    if reasons:
        raise Refused(reasons)
    correction = FirstRegistration(
        project_id=found.project_id, certificate_no=asked.certificate_no, registered_on=asked.registered_on,
        building_count=len(asked.building_nos), source=RegistrationSource.MANUAL,
        status=RegistrationStatus.ENTERED, file_hash=asked.file_hash, entered_by=officer_id,
        corrects=wrong.id, grounds=asked.grounds,
    )  # fmt: skip
    name_buildings(session, correction, list(found.buildings.values()))
    audit.record(
        session, "registration.correction-entered", was.certificate_no, project_no=was.project_no,
        certificate_no=asked.certificate_no, building_nos=asked.building_nos, entry=correction.id,
        reason=asked.grounds, file_hash=asked.file_hash,
    )  # fmt: skip
    return correction.id


def confirm(session: Session, decision: Decision) -> None:
    """Another officer has seen the same certificate; from now on it is a fact (确认)."""
    registration, asked = _held(session, decision.registration_id)
    found = look(session, asked, but=registration.corrects)
    law = law_on(bureau_day(), "presale_funds", found.region)
    same = registration.entered_by == decision.officer_id
    if reasons := decide_refusals(registration.status, same_person=same, law=law):
        raise Refused(reasons)
    wrong = session.get(FirstRegistration, registration.corrects) if registration.corrects else None
    reasons = first_refusals(found.facts, law)
    if wrong is not None:
        facts = correction_facts(session, wrong, asked, law, but=registration.id)
        reasons = [*correction_refusals(facts, law), *reasons]
    if reasons:
        raise Refused(reasons)
    if wrong is not None:
        supersede(session, wrong, registration)
    _decide(session, registration, RegistrationStatus.CONFIRMED, decision.officer_id)
    audit.record(
        session, "registration.corrected" if wrong else "registration.confirmed",
        wrong.certificate_no if wrong else asked.certificate_no, project_no=asked.project_no,
        certificate_no=asked.certificate_no, building_nos=asked.building_nos, entry=registration.id,
    )  # fmt: skip


def reject(session: Session, decision: Decision, *, reason: str) -> None:
    """Another officer found it wrong; it stays on record and counts for nothing (退回)."""
    registration, asked = _held(session, decision.registration_id)
    found = look(session, asked, but=registration.corrects)
    law = law_on(bureau_day(), "presale_funds", found.region)
    same = registration.entered_by == decision.officer_id
    if reasons := decide_refusals(registration.status, same_person=same, law=law):
        raise Refused(reasons)
    registration.reason = reason
    _decide(session, registration, RegistrationStatus.REJECTED, decision.officer_id)
    audit.record(
        session, "registration.rejected", asked.certificate_no, project_no=asked.project_no,
        entry=registration.id, reason=reason,
    )  # fmt: skip


def paper_used_for(session: Session, file_hash: str) -> PaperUse | None:
    """What this file was handed in for before (材料是否用过); whoever brings the same file now waits."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(file_hash, 1))))
    return session.scalar(select(FiledPaper.used_for).where(FiledPaper.file_hash == file_hash))


def _held(session: Session, registration_id: int) -> tuple[FirstRegistration, FirstAsked]:
    """The entry and what it says, its project locked before it as everywhere. Raises NotFound."""
    query = (
        select(
            FirstRegistration.certificate_no, FirstRegistration.registered_on, Project.project_no, Project.id
        )
        .join(Project, Project.id == FirstRegistration.project_id)
        .where(FirstRegistration.id == registration_id)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("没有这条首次登记")
    hold_certificate(session, row.certificate_no)
    session.execute(select(Project.id).where(Project.id == row.id).with_for_update(key_share=True))
    held = select(FirstRegistration).where(FirstRegistration.id == registration_id)
    registration = session.scalars(
        held.with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one()
    named = (
        select(Building.building_no)
        .join(RegisteredBuilding, RegisteredBuilding.building_id == Building.id)
        .where(RegisteredBuilding.registration_id == registration_id)
        .order_by(Building.id)
    )
    numbers = tuple(session.scalars(named))
    return registration, FirstAsked(row.project_no, numbers, row.certificate_no, row.registered_on)


def _decide(
    session: Session, registration: FirstRegistration, status: RegistrationStatus, officer_id: int
) -> None:
    registration.status = status
    registration.decided_by = officer_id
    registration.decided_at = func.clock_timestamp()
    session.flush()
