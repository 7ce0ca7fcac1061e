"""The daily list in one query, and outward events in order (清单查询)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from escrow.contracts.rules import Source
from escrow.oversight.rules import Arrears, Owed, arrears
from ledger.money import Yuan

_UNPAID = text("""
SELECT c.id, c.contract_no, c.status, u.unit_code, b.building_no, u.room_no, p.project_no,
p.name AS project_name,
       plan.notices
  FROM contract c
  JOIN unit u ON u.id = c.unit_id JOIN building b ON b.id = u.building_id JOIN project p ON p.id =
  c.project_id
  JOIN LATERAL (SELECT jsonb_agg(jsonb_build_array(n.amount, n.paid, n.due_on, n.source) ORDER BY n.position)
                          AS notices,
                       bool_or(n.due_on <= :today AND n.paid < n.amount) OR sum(n.paid) = 0 AS listed
                  FROM payment_notice n WHERE n.contract_id = c.id AND n.voided_at IS NULL) plan ON
                  plan.listed
 WHERE c.status IN ('drafted', 'filed', 'at-risk') AND (CAST(:before AS integer) IS NULL OR c.id < :before)
 ORDER BY c.id DESC LIMIT :limit
""")

# By their places, not their numbers: a lower number may be committed after a higher one was read.
_EVENTS = text("""
SELECT e.id, e.type, e.subject, e.data, e.happened_at
  FROM event_place p JOIN outbox_event e ON e.id = p.event_id
 WHERE p.place > coalesce((SELECT place FROM event_place WHERE event_id <= :after
                            ORDER BY event_id DESC LIMIT 1), 0)
   AND e.audience && CAST(:who AS text[])
 ORDER BY p.place LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Unpaid:
    """One line of the daily list (未到账清单一行)."""

    id: int
    contract_no: str
    status: str
    unit_code: str
    place: str
    project_no: str
    project_name: str
    arrears: Arrears


def unpaid(
    session: Session, today: date, *, before: int | None, limit: int
) -> tuple[list[Unpaid], int | None]:
    """Contracts whose money is not in, newest first, and the key of the next page (未到账清单)."""
    rows = session.execute(_UNPAID, {"today": today, "before": before, "limit": limit + 1}).all()
    found = [line for row in rows[:limit] if (line := _line(row, today))]
    return found, rows[limit - 1].id if len(rows) > limit else None


def _line(row: Any, today: date) -> Unpaid | None:
    notices = [
        Owed(Yuan.from_fen(amount), Yuan.from_fen(paid), date.fromisoformat(due_on), Source(source))
        for amount, paid, due_on, source in row.notices
    ]
    owed = arrears(notices, today)
    if owed is None:
        return None
    place = f"{row.building_no} 幢 {row.room_no} 室"
    return Unpaid(
        row.id, row.contract_no, row.status, row.unit_code, place, row.project_no, row.project_name, owed
    )


def events(session: Session, who: list[str], *, after: int, limit: int) -> list[Any]:
    """Outward events this caller may see, in order, after a position (对外事件)."""
    return list(session.execute(_EVENTS, {"who": who, "after": after, "limit": limit}))
