"""The agreement that names a project's next account takes effect (换户协议)."""

from dataclasses import asdict
from datetime import datetime
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from escrow.outbox import canonical
from escrow.supervision.actions import Proposal
from escrow.supervision.models import Agreement
from escrow.supervision.node_facts import keep_schedule, schedule_in_force
from escrow.supervision.rules import AgreementStatus


def name_account(
    session: Session, project_id: int, named: Proposal, officers: tuple[int, datetime, int]
) -> Agreement:
    """A version with the clauses in force and another account takes effect: the parties signed it (换户协议).

    `officers`: who entered it and when, and who approved it. The caller holds the project.
    """
    query = select(Agreement).where(Agreement.project_id == project_id)
    latest = select(func.max(Agreement.version)).where(Agreement.project_id == project_id)
    before = session.scalars(query.where(Agreement.status == AgreementStatus.EFFECTIVE)).one()
    before.status = AgreementStatus.SUPERSEDED
    session.flush()
    version = Agreement(
        project_id=project_id, version=(session.scalar(latest) or 0) + 1,
        digest=sha256(canonical(asdict(named))).digest(), status=AgreementStatus.PROPOSED, **asdict(named),
    )  # fmt: skip
    session.add(version)
    session.flush()
    version.first_officer_id, version.first_accepted_at = officers[0], officers[1]
    session.flush()
    version.status, version.second_officer_id = AgreementStatus.EFFECTIVE, officers[2]
    version.effective_at = func.clock_timestamp()
    session.flush()
    keep_schedule(session, version.id, schedule_in_force(session, before.id))
    return version
