"""What the page of the night shift shows: each task, what waits for it, its runs, the alarms (夜班查询)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from config.clock import now
from escrow.night.models import Alarm, TaskBell, TaskRun
from escrow.night.rules import AlarmKind, is_late
from escrow.tasks import SHIFT, Ring

_PREFIX = "escrow.tasks."
# What waits for each task now, and since when (各任务待办). What was never read is asked by its own index.
_DUE = text("""
SELECT 'bring-events' AS name, count(*) AS waiting, min(e.happened_at) AS since
  FROM delivery d JOIN outbox_event e ON e.id = d.event_id WHERE d.status IN ('waiting', 'sending')
UNION ALL
SELECT 'read-statements', count(*), min(stored_at) FROM statement_file WHERE status IN ('stored', 'reading')
UNION ALL
SELECT 'book-openings', count(*), min(decided_at) FROM account_opening WHERE status = 'approved'
UNION ALL
SELECT 'match-statements', count(*), min(received_at) FROM statement WHERE status IN ('received', 'matching')
UNION ALL
SELECT 'seal-books', count(*), min(e.booked_at) FROM ledger.journal_entry e
 WHERE (e.xid, e.id) > (SELECT s.through_xid, s.through_id FROM ledger.seal s ORDER BY s.no DESC LIMIT 1)
UNION ALL
SELECT 'ask-about-orders', count(*), min(issued_at)
  FROM (SELECT issued_at FROM instruction WHERE status = 'issued'
        UNION ALL SELECT issued_at FROM fund_order WHERE status = 'issued') o
UNION ALL
SELECT 'lapse-guarantees', count(*), min(valid_until)::timestamptz FROM guarantee
 WHERE status = 'in-force' AND valid_until < :today
UNION ALL
SELECT 'close-days', count(*), min(s.received_at) FROM live_statement s
 WHERE s.status = 'matched' AND s.business_date < :today
   AND NOT EXISTS (SELECT FROM account_day d WHERE d.account_id = s.account_id
                      AND d.business_date = s.business_date)
UNION ALL
SELECT 'match-differences', count(*), min(opened_at) FROM statement_difference WHERE status = 'open'
""")
_COUNTS = text("""
SELECT kind, count(*) AS count, min(raised_at) AS since FROM alarm WHERE cleared_at IS NULL
 GROUP BY kind ORDER BY kind
""")
_STANDS = text("SELECT max(rung_at) FROM task_bell")


@dataclass(frozen=True, slots=True)
class Duty:
    """One task as an officer sees it (一项定时任务)."""

    name: str
    ring: Ring
    bell: TaskBell | None
    waiting: int | None
    since: datetime | None
    next_at: datetime | None
    is_late: bool


def duties(session: Session, today: Any) -> list[Duty]:
    """Every task of the beat table: when it rang, what came of it, when it rings next (定时任务)."""
    bells = {one.task: one for one in session.scalars(select(TaskBell))}
    due = {row.name: row for row in session.execute(_DUE, {"today": today})}
    return [_duty(name, ring, bells.get(_PREFIX + ring.task), due.get(name)) for name, ring in SHIFT.items()]


def _duty(name: str, ring: Ring, bell: TaskBell | None, due: Row[Any] | None) -> Duty:
    next_at = None
    if bell is not None:
        left = ring.nightly.remaining_estimate(bell.rung_at) if ring.nightly else None
        next_at = now() + left if left is not None else bell.rung_at + ring.every
    return Duty(
        name, ring, bell, due.waiting if due else None, due.since if due else None, next_at,
        is_late(bell.rung_at if bell else None, ring.every, now()),
    )  # fmt: skip


def runs(session: Session, name: str, *, before: int | None, limit: int) -> list[TaskRun]:
    """Runs that did something or failed, newest first (运行记录)."""
    query = select(TaskRun).order_by(TaskRun.id.desc()).limit(limit)
    if name in SHIFT:
        query = query.where(TaskRun.task == _PREFIX + SHIFT[name].task)
    return list(session.scalars(query.where(TaskRun.id < before) if before else query))


def alarms(
    session: Session, kind: AlarmKind | None, *, over: bool, before: int | None, limit: int
) -> list[Alarm]:
    """What stands, or what is over too, newest first (报警清单)."""
    query = select(Alarm).order_by(Alarm.id.desc()).limit(limit)
    if not over:
        query = query.where(Alarm.cleared_at.is_(None))
    if kind is not None:
        query = query.where(Alarm.kind == kind)
    return list(session.scalars(query.where(Alarm.id < before) if before else query))


def alarm_counts(session: Session) -> list[Row[Any]]:
    """How many of each kind stand (未解除的报警)."""
    return list(session.execute(_COUNTS))


def last_sign(session: Session) -> datetime | None:
    """When any task last rang (最近一次运行)."""
    found: datetime | None = session.scalar(_STANDS)
    return found
