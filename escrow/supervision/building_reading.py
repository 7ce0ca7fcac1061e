"""One building as its page shows it: money, level, limits, nodes, quota by version (楼幢页面所读)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow import chart
from escrow.supervision.funds import limits_of
from escrow.supervision.limits import Limits
from escrow.supervision.node_facts import reached_by_building, schedule_in_force
from escrow.supervision.node_reading import claims_of
from escrow.supervision.quota_bases import Basis, Finding, basis_of, quota_findings
from escrow.supervision.quotas import areas_of, proposed_quotas
from escrow.supervision.rules import QuotaMode
from escrow.supervision.schedules import ClaimKind, Node, NodeStatus, Schedule, released_of
from ledger.money import Yuan

_BUILDING = text("""
SELECT b.id, b.building_no, b.floors, b.structure, p.id AS project_id, p.project_no, p.region,
       p.name AS project_name, d.name AS developer_name, d.developer_id,
       a.id AS account_id, a.account_no, a.book_id, a.status AS account_status, a.agreement_id,
       g.clauses, g.agreement_no, g.version,
       (SELECT count(*) FROM unit u WHERE u.building_id = b.id AND u.removed_at IS NULL) AS units,
       (SELECT r.status FROM registered_building r
         WHERE r.building_id = b.id AND r.status = 'confirmed' LIMIT 1) AS registered,
       (SELECT r.released_at FROM released_building r WHERE r.building_id = b.id) AS released_at
  FROM building b
  JOIN project p ON p.id = b.project_id
  JOIN developer d ON d.id = p.developer_pk
  LEFT JOIN LATERAL (SELECT * FROM supervised_account x WHERE x.project_id = p.id
                      ORDER BY x.id DESC LIMIT 1) a ON true
  LEFT JOIN agreement g ON g.id = a.agreement_id
 WHERE b.removed_at IS NULL
   AND (b.id = :building_id OR p.project_no = :project_no AND b.building_no = :building_no)
""")
_VERSIONS = text("""
SELECT g.version, g.agreement_no, g.status, g.proposed_at, g.effective_at, q.one AS quota,
       g.clauses ->> 'quota_mode' AS quota_mode, f.full_name AS first_officer, s.full_name AS second_officer
  FROM agreement g
  LEFT JOIN LATERAL (SELECT one FROM jsonb_array_elements(g.clauses -> 'quotas') AS e (one)
                      WHERE one ->> 'building_no' = :building_no) q ON true
  LEFT JOIN officer f ON f.id = g.first_officer_id
  LEFT JOIN officer s ON s.id = g.second_officer_id
 WHERE g.project_id = :project_id ORDER BY g.version DESC LIMIT 50
""")
_PROJECT = text("""
SELECT p.id, p.project_no, p.name, p.region, w.clauses AS waiting, w.version AS waiting_version,
       e.clauses AS effective, e.version AS effective_version
  FROM project p
  LEFT JOIN agreement w ON w.project_id = p.id AND w.status = 'proposed'
  LEFT JOIN agreement e ON e.project_id = p.id AND e.status = 'effective'
 WHERE p.project_no = :project_no
""")


@dataclass(frozen=True, slots=True)
class Step:
    """One node of the schedule against where the building stands (节点进度)."""

    place: int
    node: Node
    releases: Yuan
    is_reached: bool
    is_next: bool
    claim: Row[Any] | None


@dataclass(frozen=True, slots=True)
class BuildingSeen:
    """A building with its money, its limits and its nodes (楼幢)."""

    row: Row[Any]
    law: Law
    claims: list[Row[Any]]
    versions: list[Row[Any]]
    finding: Finding
    limits: Limits | None = None
    schedule: Schedule | None = None
    reached: Node | None = None

    @property
    def waiting(self) -> Row[Any] | None:
        """The claim that waits, if any (在办申报)."""
        return next((one for one in self.claims if one.NodeClaim.status is NodeStatus.ENTERED), None)

    @property
    def judicial(self) -> Yuan | None:
        """What courts hold of the whole account, of what it has (账户司法冻结，以账户存款为限)."""
        if self.limits is None:
            return None
        funds = self.limits.account
        return min(funds.of(chart.JUDICIAL_HOLD), funds.of(chart.DEPOSITS_AT_BANK))

    def steps(self) -> list[Step]:
        """Each node in its order, with the approval it stands on (节点逐个)."""
        if self.schedule is None or self.limits is None:
            return []
        at = self.schedule.place(self.reached.name if self.reached else None) or 0
        approved = {
            row.NodeClaim.node: row
            for row in reversed(self.claims)
            if row.NodeClaim.status is NodeStatus.APPROVED and row.NodeClaim.kind is ClaimKind.REACH
        }
        return [
            Step(
                place, node, released_of(self.limits.position.quota, node.locked_ratio), place <= at,
                place == at + 1, approved.get(node.name) if place <= at else None,
            )
            for place, node in enumerate(self.schedule.nodes, 1)
        ]  # fmt: skip


def building_seen(session: Session, **named: Any) -> BuildingSeen | None:
    """One building by its id, or by its project and number (查楼幢): a fixed number of statements."""
    asked = {"building_id": None, "project_no": None, "building_no": None, **named}
    row = session.execute(_BUILDING, asked).one_or_none()
    if row is None:
        return None
    law = law_on(bureau_day(), "presale_funds", row.region)
    clauses: Mapping[str, Any] = row.clauses or {"quotas": []}
    areas = areas_of(session, row.project_id)
    (finding,) = quota_findings(proposed_quotas({row.building_no: areas[row.building_no]}, clauses), law)
    versions = session.execute(
        _VERSIONS, {"project_id": row.project_id, "building_no": row.building_no}
    ).all()
    seen = BuildingSeen(row, law, claims_of(session, row.id), list(versions), finding)
    if row.account_id is None:
        return seen
    return BuildingSeen(
        row, law, seen.claims, seen.versions, finding,
        limits=limits_of(session, row.book_id, row.id, mode=QuotaMode(clauses["quota_mode"])),
        schedule=schedule_in_force(session, row.agreement_id),
        reached=reached_by_building(session, row.project_id).get(row.id),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class QuotasSeen:
    """A project's quotas: as the versions state them, and what the law makes of them (额度核定)."""

    project: Row[Any]
    law: Law
    areas: dict[str, Any]
    waiting: list[Finding]
    effective: list[Finding]


def quotas_seen(session: Session, project_no: str) -> QuotasSeen | None:
    """What is proposed and what is in force, each building against its basis (查额度核定)."""
    project = session.execute(_PROJECT, {"project_no": project_no}).one_or_none()
    if project is None:
        return None
    law = law_on(bureau_day(), "presale_funds", project.region)
    areas = areas_of(session, project.id)
    return QuotasSeen(
        project, law, areas,
        *(
            quota_findings(proposed_quotas(areas, clauses), law) if clauses else []
            for clauses in (project.waiting, project.effective)
        ),
    )  # fmt: skip


def stated_basis(quota: Mapping[str, Any] | None) -> Basis | None:
    """The basis that a version states of a quota, for templates (协议所写依据)."""
    return basis_of((quota or {}).get("basis"))
