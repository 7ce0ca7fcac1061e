"""An agreement is proposed, accepted by two officers, takes effect (监管协议). Lock, look, judge, write."""

from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from config.regulations import Law, law_on
from escrow.access import audit
from escrow.errors import Invalid, NotFound, Refusal, Refused
from escrow.outbox import canonical
from escrow.projects.models import Building, Project
from escrow.supervision.books import open_set
from escrow.supervision.changing import moving_refusals
from escrow.supervision.models import LIVING_FIRST, Agreement, SupervisedAccount
from escrow.supervision.quotas import clause_refusals, put_in_force, quotas_of
from escrow.supervision.rules import (
    AcceptanceFacts,
    AccountNamed,
    AccountStatus,
    AgreementStatus,
    ProposalFacts,
    acceptance_refusals,
    proposal_refusals,
)

LAW = "presale_funds"
ENDED = (AccountStatus.RELEASING, AccountStatus.CLOSED)
LIVING = (AgreementStatus.PROPOSED, AgreementStatus.EFFECTIVE)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the platform proposes (报送的监管协议)."""

    agreement_no: str
    bank_code: str
    account_no: str
    account_name: str
    signed_on: date
    clauses: dict[str, Any]


def propose(session: Session, project_no: str, asked: Proposal) -> tuple[dict[str, Any], bool]:
    """A version waits for two officers (报送监管协议); what now stands, and whether it is the project's first.

    A changed proposal replaces the one that waits, whoever had accepted that. What is already in effect,
    sent again, withdraws the one that waits. Raises NotFound, Invalid or Refused.
    """
    project = _locked(session, project_no)
    versions = _versions(session, project.id, asked)
    living = {version.status: version for version in versions if version.status in LIVING}
    waiting, effective = living.get(AgreementStatus.PROPOSED), living.get(AgreementStatus.EFFECTIVE)
    digest = sha256(canonical(asdict(asked))).digest()
    if waiting and waiting.digest == digest:
        return body(project_no, waiting), False
    if effective and effective.digest == digest:
        if waiting:
            _supersede(session, waiting)
            audit.record(session, "supervision.withdrawn", project_no, version=waiting.version)
        return body(project_no, effective), False

    _refuse_unknown_buildings(session, project.id, asked)
    law = law_on(bureau_day(), LAW, project.region)
    clauses = [
        *_moving_refusals(session, project.id, law),
        *clause_refusals(session, project.id, asked.clauses, law),
    ]
    if reasons := [*proposal_refusals(_proposal_facts(session, project.id, asked), law), *clauses]:
        raise Refused(reasons)

    if waiting:
        _supersede(session, waiting)
    version = _propose(session, project.id, len(versions) + 1, asked, digest)
    audit.record(
        session, "supervision.proposed", project_no, version=version.version,
        agreement_no=asked.agreement_no, account_no=asked.account_no,
    )  # fmt: skip
    return body(project_no, version), not versions


def accept(session: Session, project_no: str, *, seen: bytes, officer_id: int) -> bool:
    """One officer accepts exactly what they saw; with the second, another one, it takes effect (受理).

    Whether it took effect. Raises NotFound or Refused with every reason.
    """
    project = _locked(session, project_no)
    query = select(Agreement).where(
        Agreement.project_id == project.id, Agreement.status == AgreementStatus.PROPOSED
    )
    waiting = session.scalar(query.with_for_update())
    facts = AcceptanceFacts(
        waiting=waiting.digest if waiting else None,
        seen=seen,
        first_officer_id=waiting.first_officer_id if waiting else None,
        officer_id=officer_id,
    )
    law = law_on(bureau_day(), LAW, project.region)
    reasons = acceptance_refusals(facts, law)
    if waiting:
        reasons += clause_refusals(session, project.id, waiting.clauses, law)
    if reasons or waiting is None:
        raise Refused(reasons)

    takes_effect = waiting.first_officer_id is not None
    if takes_effect:
        _put_in_force(session, waiting, officer_id, law)
    else:
        waiting.first_officer_id = officer_id
        waiting.first_accepted_at = func.clock_timestamp()
        session.flush()
    audit.record(
        session, "supervision.effective" if takes_effect else "supervision.accepted", project_no,
        version=waiting.version, agreement_no=waiting.agreement_no, account_no=waiting.account_no,
    )  # fmt: skip
    return takes_effect


def body(project_no: str, version: Agreement) -> dict[str, Any]:
    """A version as the platform sees it (监管协议答复)."""
    return {
        "project_no": project_no, "version": version.version, "status": version.status.value,
        "agreement_no": version.agreement_no, "bank_code": version.bank_code,
        "account_no": version.account_no, "account_name": version.account_name,
        "signed_on": version.signed_on.isoformat(), "clauses": version.clauses,
        "proposed_at": bureau_time(version.proposed_at).isoformat(timespec="seconds"),
    }  # fmt: skip


# --- looking ---


def _locked(session: Session, project_no: str) -> Row[int, str]:
    query = select(Project.id, Project.region).where(Project.project_no == project_no)
    project = session.execute(query.with_for_update(key_share=True, of=Project)).one_or_none()
    if project is None:
        raise NotFound("没有这个项目")
    return project


def _versions(session: Session, project_id: int, asked: Proposal) -> list[Agreement]:
    """Every version of the project's agreement; whoever names the same agreement or account waits."""
    for name in (f"agreement:{asked.agreement_no}", f"account:{asked.account_no}"):
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    query = select(Agreement).where(Agreement.project_id == project_id)
    return list(session.scalars(query.order_by(Agreement.version)))


def _refuse_unknown_buildings(session: Session, project_id: int, asked: Proposal) -> None:
    """A quota is of a building that stands in the register. Raises Invalid naming the field."""
    query = select(Building.building_no).where(
        Building.project_id == project_id, Building.removed_at.is_(None)
    )
    known = set(session.scalars(query))
    unknown = {
        f"clauses.quotas[{at}].building_no": "楼盘表中没有这一幢。"
        for at, quota in enumerate(asked.clauses["quotas"])
        if quota["building_no"] not in known
    }
    if unknown:
        raise Invalid(unknown)


def _proposal_facts(session: Session, project_id: int, asked: Proposal) -> ProposalFacts:
    elsewhere = (
        select(Project.project_no, Agreement.agreement_no, Agreement.account_no)
        .join(Project, Project.id == Agreement.project_id)
        .where(Agreement.project_id != project_id, Agreement.status.in_(LIVING))
        .where((Agreement.agreement_no == asked.agreement_no) | (Agreement.account_no == asked.account_no))
    )
    others = session.execute(elsewhere).all()
    query = select(SupervisedAccount).where(SupervisedAccount.project_id == project_id)
    account = session.scalar(query.order_by(*LIVING_FIRST).limit(1).with_for_update(read=True))
    opened = AccountNamed(account.bank_code, account.account_no, account.account_name) if account else None
    return ProposalFacts(
        agreement_no=asked.agreement_no,
        asked=AccountNamed(asked.bank_code, asked.account_no, asked.account_name),
        opened=opened,
        ended=account is not None and account.status in ENDED,
        quotas_dropped=_dropped(session, account, asked) if account else (),
        agreement_project=next((o.project_no for o in others if o.agreement_no == asked.agreement_no), None),
        account_project=next((o.project_no for o in others if o.account_no == asked.account_no), None),
    )


def _moving_refusals(session: Session, project_id: int, law: Law) -> list[Refusal]:
    """No version is proposed while the account is being changed: another one may come of it."""
    query = select(SupervisedAccount).where(SupervisedAccount.project_id == project_id)
    account = session.scalar(query.order_by(*LIVING_FIRST).limit(1).with_for_update(read=True))
    if account is None or account.status is not AccountStatus.SUSPENDED:
        return []
    return moving_refusals(session, account.id, account.account_no, account.status, law)


def _dropped(session: Session, account: SupervisedAccount, asked: Proposal) -> tuple[str, ...]:
    """Buildings whose quota the new version leaves out (新版本漏列的楼幢)."""
    named = {quota["building_no"] for quota in asked.clauses["quotas"]}
    return tuple(number for number in quotas_of(session, account.book_id) if number not in named)


# --- writing ---


def _propose(session: Session, project_id: int, number: int, asked: Proposal, digest: bytes) -> Agreement:
    version = Agreement(
        project_id=project_id, version=number, digest=digest, status=AgreementStatus.PROPOSED, **asdict(asked)
    )
    session.add(version)
    session.flush()
    return version


def _supersede(session: Session, version: Agreement) -> None:
    version.status = AgreementStatus.SUPERSEDED
    session.flush()


def _put_in_force(session: Session, version: Agreement, officer_id: int, law: Law) -> None:
    """The second officer: the version before goes, the account and its book are opened or go on (生效)."""
    ours = Agreement.project_id == version.project_id
    before = update(Agreement).where(ours, Agreement.status == AgreementStatus.EFFECTIVE)
    session.execute(
        before.values(status=AgreementStatus.SUPERSEDED).execution_options(synchronize_session=False)
    )
    version.status = AgreementStatus.EFFECTIVE
    version.second_officer_id = officer_id
    version.effective_at = func.clock_timestamp()
    session.flush()
    query = select(SupervisedAccount).where(SupervisedAccount.project_id == version.project_id)
    account = session.scalar(query.order_by(*LIVING_FIRST).limit(1).with_for_update())
    if account:
        account.agreement_id = version.id
    else:
        buildings = select(Building.id).where(
            Building.project_id == version.project_id, Building.removed_at.is_(None)
        )
        book_id = open_set(
            session, account_no=version.account_no, account_name=version.account_name,
            building_ids=session.scalars(buildings.order_by(Building.id)),
        )  # fmt: skip
        session.add(
            SupervisedAccount(
                account_no=version.account_no, account_name=version.account_name, bank_code=version.bank_code,
                project_id=version.project_id, agreement_id=version.id, book_id=book_id,
                status=AccountStatus.ACTIVE,
            )
        )  # fmt: skip
    session.flush()
    put_in_force(session, version, law)
