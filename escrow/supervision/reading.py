"""Agreements as officers see them before they accept: what waits, and what is in force (协议页面所读)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, or_, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from escrow.projects.models import Project
from escrow.supervision.models import LIVING_FIRST, SupervisedAccount
from escrow.supervision.quota_bases import Finding, quota_findings
from escrow.supervision.quotas import areas_of, proposed_quotas

_WAITING = text("""
SELECT g.id, g.version, g.agreement_no, g.bank_code, g.account_no, g.account_name, g.proposed_at,
       g.first_accepted_at, o.full_name AS first_officer, p.project_no, p.name AS project_name
  FROM agreement g
  JOIN project p ON p.id = g.project_id
  LEFT JOIN officer o ON o.id = g.first_officer_id
 WHERE g.status = 'proposed' AND g.id < :before
 ORDER BY g.id DESC LIMIT :limit
""")

_LIVING = text("""
SELECT g.*, o.full_name AS first_officer, t.full_name AS second_officer,
       p.project_no, p.name AS project_name, p.region, d.name AS developer_name, d.developer_id
  FROM project p
  JOIN developer d ON d.id = p.developer_pk
  LEFT JOIN agreement g ON g.project_id = p.id AND g.status IN ('proposed', 'effective')
  LEFT JOIN officer o ON o.id = g.first_officer_id
  LEFT JOIN officer t ON t.id = g.second_officer_id
 WHERE p.project_no = :project_no
""")


@dataclass(frozen=True, slots=True)
class AgreementsSeen:
    """A project with the version that waits and the one in force (监管协议现状)."""

    project: Row[Any]
    waiting: Row[Any] | None
    effective: Row[Any] | None
    findings: list[Finding]


def waiting_agreements(session: Session, *, before: int | None, limit: int) -> list[Row[Any]]:
    """Versions that wait for officers, the newest first (待受理清单)."""
    return list(session.execute(_WAITING, {"before": before or 2**31 - 1, "limit": limit}))


def agreements_seen(session: Session, project_no: str) -> AgreementsSeen | None:
    """What waits and what is in force for one project (查监管协议)."""
    rows = session.execute(_LIVING, {"project_no": project_no}).all()
    if not rows:
        return None
    by_status = {row.status: row for row in rows if row.id is not None}
    waiting = by_status.get("proposed")
    findings = []
    if waiting:
        law = law_on(bureau_day(), "presale_funds", waiting.region)
        areas = areas_of(session, waiting.project_id)
        findings = quota_findings(proposed_quotas(areas, waiting.clauses), law)
    return AgreementsSeen(rows[0], waiting, by_status.get("effective"), findings)


def living_account(session: Session, number: str) -> Any:
    """The living account by its own or its project's number (按账号或项目编号查账户)."""
    query = (
        select(SupervisedAccount, Project.project_no, Project.region, Project.name.label("project_name"))
        .join(Project, Project.id == SupervisedAccount.project_id)
        .where(or_(SupervisedAccount.account_no == number, Project.project_no == number))
    )
    return session.execute(query.order_by(*LIVING_FIRST).limit(1)).one_or_none()
