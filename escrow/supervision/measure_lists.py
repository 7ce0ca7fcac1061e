"""The measures of all accounts, kind by kind, and the history of those of one (措施清单)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access.models import AuditEvent
from escrow.supervision.measure_reading import Measures


class MeasureKind(StrEnum):
    """What stands over an account (措施种类)."""

    HOLDS = "holds"
    GUARANTEES = "guarantees"
    TAKEOVERS = "takeovers"


KIND_LABELS = {
    MeasureKind.HOLDS: "司法冻结", MeasureKind.GUARANTEES: "保函", MeasureKind.TAKEOVERS: "接管",
}  # fmt: skip
# Whatever one officer entered and another has not decided yet (待另一人确认).
WAITING = "waiting"
_ENDING = "t.status = 'entered' OR t.status = 'in-force' AND t.ending_by IS NOT NULL"
_DECIDERS = (
    "t.entered_by AS enterer_id, t.entered_at, coalesce(t.ended_by, t.decided_by) AS decider_id,"
    " coalesce(t.ended_at, t.decided_at) AS decided_at"
)
_SOURCES = {
    MeasureKind.HOLDS: """
        SELECT t.id, t.hold_no AS number, t.status, t.account_id, t.court AS said, t.is_whole,
               t.amount, t.held_until AS until_on, f.entered_by AS enterer_id, f.entered_at,
               l.decided_by AS decider_id, l.decided_at,
               EXISTS (SELECT FROM court_act w WHERE w.hold_id = t.id AND w.status = 'entered') AS waiting
          FROM court_hold t JOIN court_act f ON f.hold_id = t.id AND f.kind = 'freeze'
          LEFT JOIN LATERAL (SELECT c.decided_by, c.decided_at FROM court_act c
                              WHERE c.hold_id = t.id AND c.decided_by IS NOT NULL
                              ORDER BY c.id DESC LIMIT 1) l ON true""",
    MeasureKind.GUARANTEES: f"""
        SELECT t.id, t.guarantee_no AS number, t.status, t.account_id, t.issuer AS said, false AS is_whole,
               t.left_amount AS amount, t.valid_until AS until_on, {_DECIDERS}, {_ENDING} AS waiting
          FROM guarantee t""",  # noqa: S608 - the words of this page alone
    MeasureKind.TAKEOVERS: f"""
        SELECT t.id, t.order_no AS number, t.status, t.account_id, t.grounds AS said, false AS is_whole,
               NULL::bigint AS amount, NULL::date AS until_on, {_DECIDERS}, {_ENDING} AS waiting
          FROM takeover t""",  # noqa: S608 - as above
}  # fmt: skip
# By which provision each step was taken (每一步所据).
_BASIS = {
    "hold.frozen": "hold_longest_months", "hold.extended": "hold_longest_months",
    "hold.lift-entered": "hold_two_officers", "hold.lifted": "hold_two_officers",
    "hold.deduction-entered": "deduction_consent", "hold.deducted": "deduction_consent",
    "hold.rejected": "hold_two_officers", "guarantee.entered": "guarantee_share",
    "guarantee.in-force": "guarantee_cash", "guarantee.rejected": "guarantee_two_officers",
    "guarantee.end-entered": "guarantee_two_officers", "guarantee.ended": "guarantee_two_officers",
    "guarantee.end-rejected": "guarantee_two_officers", "guarantee.shrunk": "guarantee_share",
    "guarantee.lapsed": "guarantee_share", "takeover.end-rejected": "takeover_two_officers",
    "takeover.entered": "takeover_two_officers",
    "takeover.in-force": "takeover_two_officers", "takeover.rejected": "takeover_two_officers",
    "takeover.end-entered": "takeover_two_officers", "takeover.ended": "takeover_two_officers",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which measures are asked for (查询条件)."""

    kind: MeasureKind
    status: str = ""
    find: str = ""
    before: int | None = None


def measures(session: Session, wanted: Wanted, *, limit: int) -> list[Row[Any]]:
    """Newest first, from a key backwards (措施清单)."""
    query = (
        "SELECT s.*, a.account_no, p.project_no, p.name AS project_name,"  # noqa: S608 - as above
        " e.full_name AS enterer,"
        f" d.full_name AS decider FROM ({_SOURCES[wanted.kind]}) s"
        " JOIN supervised_account a ON a.id = s.account_id JOIN project p ON p.id = a.project_id"
        " JOIN officer e ON e.id = s.enterer_id LEFT JOIN officer d ON d.id = s.decider_id"
        " WHERE s.id < :before AND (:find = '' OR :find IN (s.number, a.account_no, p.project_no))"
        " AND (:status = '' OR s.status = :status OR :status = 'waiting' AND s.waiting)"
        " ORDER BY s.id DESC LIMIT :limit"
    )
    told = {
        "before": wanted.before or 2**31 - 1, "find": wanted.find, "status": wanted.status, "limit": limit,
    }  # fmt: skip
    return list(session.execute(text(query), told))


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a measure's life: what the trail says, and by which provision it was taken (一步)."""

    event: AuditEvent
    citation: str


def history(session: Session, found: Measures) -> list[Step]:
    """Every step over an account, refused ones too: who, when, by which law; oldest first (办理经过)."""
    numbers = [one.hold_no for one in found.holds]
    numbers += [one.guarantee_no for one in found.guarantees] + [one.order_no for one in found.takeovers]
    query = (
        select(AuditEvent)
        .where(AuditEvent.subject.in_(numbers), AuditEvent.action.in_(_BASIS))
        .order_by(AuditEvent.id)
        .limit(500)
    )
    return [Step(one, _citation(one.action, one.at, found.account.region)) for one in session.scalars(query)]


def _citation(action: str, at: datetime, region: str) -> str:
    """The provision in force on the day of the step: dated law can be asked again (依据)."""
    return law_on(bureau_day(at), "presale_funds", region)[_BASIS[action]].citation

