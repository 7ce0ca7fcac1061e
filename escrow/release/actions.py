"""A release is applied for, approved by another officer, or sent back (解除监管办理). Lock, look, judge, write."""

import secrets
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow import chart
from escrow.access import audit
from escrow.errors import Invalid, NotFound, Refusal, Refused
from escrow.outbox import emit
from escrow.projects.models import Project
from escrow.registration.by_hand import paper_used_for
from escrow.registration.models import FirstRegistration
from escrow.registration.rules import RegistrationSource, RegistrationStatus, paper_refusals
from escrow.release.facts import LAW_KEYS, Known, known
from escrow.release.models import ReleaseApplication, ReleaseBuilding, ReleaseEvidence
from escrow.release.rules import (
    STEPS,
    Decider,
    EvidenceStatus,
    ReleaseStatus,
    approver_refusals,
    checklist,
    decider_refusals,
    entry_refusals,
    refusals,
)
from escrow.release.scope import chosen, mark_released
from escrow.supervision.books import account_of
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.papers import used_number
from escrow.supervision.rules import AccountStatus
from ledger.journal import Entry, post
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer


@dataclass(frozen=True, slots=True)
class Applied:
    """The developer's paper (解除监管申请书)."""

    account_no: str
    application_no: str
    applied_on: date
    file_hash: str
    # The buildings it asks for; none: the whole account.
    buildings: tuple[str, ...] = ()


def enter(session: Session, applied: Applied, *, officer_id: int) -> str:
    """One officer writes down that the developer has applied; returns the release's number (录入申请).

    What is still open does not stop the paper from being taken: it stops the approval.
    Raises NotFound, Invalid or Refused with every reason.
    """
    if applied.applied_on > bureau_day():
        raise Invalid({"applied_on": "申请日期不能晚于今天。"})
    account_id, project_id = account_named(session, applied.account_no)
    _hold(session, project_id, account_id)
    found = known(session, account_id)
    reasons = [
        *entry_refusals(found.facts, found.law),
        *paper_refusals(paper_used_for(session, applied.file_hash), found.law),
        *used_number(session, "release_application", account_id, applied.application_no, found.law),
    ]
    if reasons:
        raise Refused(reasons)
    release_no = f"JC{bureau_day():%Y%m%d}{secrets.token_hex(4).upper()}"
    scope = chosen(session, project_id, applied.buildings)
    application = ReleaseApplication(
        release_no=release_no, account_id=account_id, application_no=applied.application_no,
        applied_on=applied.applied_on, file_hash=applied.file_hash, status=ReleaseStatus.ENTERED,
        entered_by=officer_id, is_whole=not scope.is_partial,
        building_count=len(scope.building_ids) if scope.is_partial else None,
    )  # fmt: skip
    session.add(application)
    session.flush()
    session.add_all(
        ReleaseBuilding(release_id=application.id, building_id=one) for one in sorted(scope.building_ids)
    )
    session.flush()
    audit.record(
        session, "release.entered", release_no, account_no=applied.account_no,
        application_no=applied.application_no, file_hash=applied.file_hash,
        buildings=list(applied.buildings) if scope.is_partial else None,
    )  # fmt: skip
    return release_no


def approve(session: Session, release_no: str, *, officer_id: int) -> Yuan:
    """Another officer ends the supervision; the balance becomes payable to the developer (批准解除监管).

    Of chosen buildings, only their money goes and the account stays; with the last of them the account ends.

    Judged again under the lock on the account and on every account of its book, so that money arriving
    now has either arrived before, and is released with the rest, or is refused afterwards.
    Raises NotFound or Refused with every reason.
    """
    application = _locked(session, release_no)
    found = known(session, application.account_id, application_id=application.id, locked=True)
    decider = _decider(session, application, found, officer_id)
    reasons = decider_refusals(decider, application.status, found.law)
    if application.status is ReleaseStatus.ENTERED:
        reasons += [*approver_refusals(decider, found.law), *refusals(found.facts, found.law)]
    if reasons:
        raise Refused(reasons)
    amount, entry = _pay_over(session, found, release_no)
    _decide(session, application, officer_id, {
        "status": ReleaseStatus.APPROVED, "amount": amount, "entry_id": entry.id if entry else None,
        "law": found.law.stored(LAW_KEYS), "findings": _findings(found),
    })  # fmt: skip
    account = session.get_one(SupervisedAccount, application.account_id)
    mark_released(session, application, account)
    if application.is_whole:
        account.status = AccountStatus.RELEASING
        session.flush()
    _tell(session, found, release_no, amount=amount, entry=entry)
    return amount


def reject(session: Session, release_no: str, *, officer_id: int, reason: str) -> None:
    """Another officer sends the application back; the developer may apply anew (退回申请)."""
    application = _locked(session, release_no)
    found = known(session, application.account_id, application_id=application.id)
    decider = _decider(session, application, found, officer_id)
    if reasons := decider_refusals(decider, application.status, found.law):
        raise Refused(reasons)
    _decide(session, application, officer_id, {"status": ReleaseStatus.REJECTED, "reason": reason})
    audit.record(session, "release.rejected", release_no, account_no=found.account.account_no, reason=reason)


def decider_faults(
    session: Session, application: ReleaseApplication, found: Known, officer_id: int
) -> list[Refusal]:
    """Why this officer could not approve this application: for the page, beforehand (批准前回避提示)."""
    decider = _decider(session, application, found, officer_id)
    return [*decider_refusals(decider, application.status, found.law), *approver_refusals(decider, found.law)]


def account_named(session: Session, account_no: str) -> tuple[int, int]:
    """The ids of an account and of its project. Raises NotFound."""
    query = select(SupervisedAccount.id, SupervisedAccount.project_id)
    row = session.execute(query.where(SupervisedAccount.account_no == account_no)).one_or_none()
    if row is None:
        raise NotFound("没有这个监管账户")
    return row.id, row.project_id


def _locked(session: Session, release_no: str) -> ReleaseApplication:
    """The application, held together with its project and account, outermost first. Raises NotFound."""
    query = (
        select(SupervisedAccount.id, SupervisedAccount.project_id)
        .join(ReleaseApplication, ReleaseApplication.account_id == SupervisedAccount.id)
        .where(ReleaseApplication.release_no == release_no)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("没有这件解除监管申请")
    _hold(session, row.project_id, row.id)
    application = select(ReleaseApplication).where(ReleaseApplication.release_no == release_no)
    return session.scalars(
        application.with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one()


def _hold(session: Session, project_id: int, account_id: int) -> None:
    """Hold the project (registrations wait) and its account (deposits, filings wait).

    The account is held FOR UPDATE: even a row that only points at it, such as a receipt, waits.
    """
    session.execute(select(Project.id).where(Project.id == project_id).with_for_update(key_share=True))
    session.execute(select(SupervisedAccount.id).where(SupervisedAccount.id == account_id).with_for_update())


def _decider(session: Session, application: ReleaseApplication, found: Known, officer_id: int) -> Decider:
    registration = select(FirstRegistration.id).where(
        FirstRegistration.project_id == found.account.project_id,
        FirstRegistration.source == RegistrationSource.MANUAL,
        or_(
            FirstRegistration.entered_by == officer_id,
            (FirstRegistration.decided_by == officer_id)
            & FirstRegistration.status.in_((RegistrationStatus.CONFIRMED, RegistrationStatus.SUPERSEDED)),
        ),
    )
    evidence = select(ReleaseEvidence.id).where(
        ReleaseEvidence.account_id.in_(
            select(SupervisedAccount.id).where(SupervisedAccount.project_id == found.account.project_id)
        ),
        or_(
            ReleaseEvidence.entered_by == officer_id,
            (ReleaseEvidence.decided_by == officer_id) & (ReleaseEvidence.status == EvidenceStatus.CONFIRMED),
        ),
    )
    handled = session.execute(select(registration.exists(), evidence.exists())).one()
    return Decider(application.entered_by == officer_id, *handled)


def _pay_over(session: Session, found: Known, release_no: str) -> tuple[Yuan, Entry | None]:
    """Each building's balance to released, payable to the developer; no entry where nothing is held."""
    transfers = [
        Transfer(
            account, account_of(session, found.account.book_id, chart.RELEASED_PAYABLE, key=account.key), held
        )
        for account, held in found.payable()
    ]
    if not transfers:
        return ZERO, None
    movement = STEPS[ReleaseStatus.ENTERED, ReleaseStatus.APPROVED]
    if movement is None:
        raise RuntimeError("an approval moves money")
    entry = post(
        session, movement, transfers, reference=f"release:{release_no}", effective_on=found.facts.today,
        memo=f"解除监管 {found.account.project_no}",
    )  # fmt: skip
    return sum((transfer.amount for transfer in transfers), ZERO), entry


def _decide(
    session: Session, application: ReleaseApplication, officer_id: int, values: dict[str, Any]
) -> None:
    statement = update(ReleaseApplication).where(ReleaseApplication.id == application.id)
    decided = {"decided_by": officer_id, "decided_at": func.clock_timestamp()}
    session.execute(statement.values(**values, **decided), execution_options={"synchronize_session": False})


def _findings(found: Known) -> dict[str, Any]:
    """What was found when it was decided, so that the decision can be read without the present (核对存档)."""
    account = found.account
    released = dict.fromkeys(found.building_nos, ZERO)
    for held_on, held in found.payable():
        released[held_on.key] = released.get(held_on.key, ZERO) + held
    registered = dict(zip(found.building_nos, found.facts.buildings, strict=True))
    return {
        "project_no": account.project_no, "project_name": account.project_name,
        "developer_name": account.developer_name, "developer_id": account.developer_id,
        "account_name": account.account_name, "bank_code": account.bank_code,
        "agreement_no": account.agreement_no, "is_partial": found.scope.is_partial,
        "conditions": [condition.stored() for condition in checklist(found.facts, found.law)],
        "buildings": [
            {
                "building_no": registered[key].building_no if key in registered else key,
                "certificate_no": registered[key].certificate_no if key in registered else None,
                "registered_on": str(registered[key].registered_on) if key in registered else None,
                "amount": str(amount),
            }
            for key, amount in released.items()
        ],
    }  # fmt: skip


def _tell(session: Session, found: Known, release_no: str, *, amount: Yuan, entry: Entry | None) -> None:
    account = found.account
    told = {
        "release_no": release_no, "project_no": account.project_no, "account_no": account.account_no,
        "amount": str(amount), "released_on": found.facts.today.isoformat(),
        "building_nos": [one.building_no for one in found.facts.buildings],
        "remaining": found.scope.is_partial,
        "entry_no": entry.entry_no if entry else None,
    }  # fmt: skip
    audience = ["filing", "platform", "registration", f"bank:{account.bank_code}"]
    emit(session, "supervision.released", account.account_no, told, audience=audience)
    audit.record(session, "release.approved", release_no, **told)
