"""Papers that agreement clauses ask for: entered by one officer, confirmed by another (附加条款佐证材料)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow.access import audit
from escrow.errors import Invalid, NotFound, Refused
from escrow.projects.models import Project
from escrow.registration.by_hand import paper_used_for
from escrow.registration.rules import paper_refusals
from escrow.release.actions import account_named
from escrow.release.clauses import BY_PAPER
from escrow.release.facts import SUBJECT, known
from escrow.release.models import ReleaseEvidence
from escrow.release.rules import EVIDENCE_STEPS, EvidenceStatus, evidence_refusals
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.rules import ClauseKind


@dataclass(frozen=True, slots=True)
class Evidence:
    """A paper and the clause it is to meet (佐证材料)."""

    account_no: str
    kind: ClauseKind
    clause: str
    paper_no: str
    dated_on: date
    file_hash: str
    ratio: Decimal | None = None


def enter_evidence(session: Session, paper: Evidence, *, officer_id: int) -> int:
    """One officer files a paper; it meets nothing yet (录入). Raises NotFound, Invalid or Refused."""
    account_id, _ = account_named(session, paper.account_no)
    found = known(session, account_id)
    if faults := _faults(paper, {(clause.kind, clause.text) for clause in found.clauses}):
        raise Invalid(faults)
    if reasons := paper_refusals(paper_used_for(session, paper.file_hash), found.law):
        raise Refused(reasons)
    filed = ReleaseEvidence(
        account_id=account_id, kind=paper.kind, clause=paper.clause, ratio=paper.ratio,
        paper_no=paper.paper_no, dated_on=paper.dated_on, file_hash=paper.file_hash,
        status=EvidenceStatus.ENTERED, entered_by=officer_id,
    )  # fmt: skip
    session.add(filed)
    session.flush()
    audit.record(
        session, "evidence.entered", paper.paper_no, account_no=paper.account_no, clause=paper.clause,
        file_hash=paper.file_hash, entry=filed.id,
    )  # fmt: skip
    return filed.id


def decide_evidence(
    session: Session, evidence_id: int, to: EvidenceStatus, *, officer_id: int, reason: str | None = None
) -> str:
    """Another officer confirms a paper or sends it back; returns its account (确认或退回). Raises Refused."""
    filed, account_no, law = _held(session, evidence_id)
    same = filed.entered_by == officer_id
    if reasons := evidence_refusals(filed.status, same_person=same, law=law):
        raise Refused(reasons)
    if (filed.status, to) not in EVIDENCE_STEPS:
        raise ValueError(to)
    values = {"status": to, "decided_by": officer_id, "decided_at": func.clock_timestamp(), "reason": reason}
    statement = update(ReleaseEvidence).where(ReleaseEvidence.id == evidence_id).values(**values)
    session.execute(statement.execution_options(synchronize_session=False))
    audit.record(
        session, f"evidence.{to}", filed.paper_no, account_no=account_no, entry=filed.id, reason=reason
    )
    return account_no


def _faults(paper: Evidence, agreed: set[tuple[str, str]]) -> dict[str, str]:
    found = {}
    if paper.kind not in BY_PAPER or (paper.kind, paper.clause) not in agreed:
        found["clause"] = "生效的监管协议没有这一条须凭材料的约定。"
    if paper.dated_on > bureau_day():
        found["dated_on"] = "材料日期不能晚于今天。"
    if (paper.kind is ClauseKind.HANDOVER_RATIO) != (paper.ratio is not None):
        found["ratio"] = "交付比例条款须填材料所载比例，其他条款不填。"
    return found


def _held(session: Session, evidence_id: int) -> tuple[ReleaseEvidence, str, Law]:
    query = (
        select(
            SupervisedAccount.id, SupervisedAccount.account_no, SupervisedAccount.project_id, Project.region
        )
        .join(ReleaseEvidence, ReleaseEvidence.account_id == SupervisedAccount.id)
        .join(Project, Project.id == SupervisedAccount.project_id)
        .where(ReleaseEvidence.id == evidence_id)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("没有这份材料")
    # The project first, as everywhere: an approval of this account waits for the paper, or the paper for it.
    session.execute(select(Project.id).where(Project.id == row.project_id).with_for_update(key_share=True))
    held = select(ReleaseEvidence).where(ReleaseEvidence.id == evidence_id)
    filed = session.scalars(
        held.with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one()
    return filed, row.account_no, law_on(bureau_day(), SUBJECT, row.region)
