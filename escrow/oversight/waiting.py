"""What waits for the officer signed in, counted in one statement and listed kind by kind (待办)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow.oversight.waiting_kinds import KINDS, Kind

# More than anybody does in a day: what is beyond is not counted.
MOST = 99


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much of one kind waits, and how much of it is late (待办件数)."""

    name: str
    kind: Kind
    count: int
    late: int

    @property
    def shown(self) -> str:
        """As the front page says it: 99+ where there is more (件数)."""
        return f"{MOST}+" if self.count > MOST else str(self.count)


def counted(session: Session, names: Iterable[str], officer_id: int) -> list[Waiting]:
    """The kinds of which something waits, each looked at no further than needed (待办清点)."""
    asked = [
        f"SELECT '{name}' AS name, count(*) AS many,"  # noqa: S608 - the names are ours
        " count(*) FILTER (WHERE due_on < :today) AS late"
        f" FROM (SELECT due_on FROM ({KINDS[name].source}) s LIMIT {MOST + 1}) c"
        for name in names
    ]
    if not asked:
        return []
    told = {"me": officer_id, "today": bureau_day()}
    rows = session.execute(text("\nUNION ALL ".join(asked)), told)
    found = {row.name: row for row in rows}
    return [
        Waiting(name, KINDS[name], found[name].many, found[name].late) for name in KINDS
        if name in found and found[name].many
    ]  # fmt: skip


def listed(session: Session, name: str, officer_id: int, *, after: int, limit: int) -> list[Row[Any]]:
    """What waits of one kind, oldest first, from a key on (待办清单)."""
    query = (
        "SELECT s.*, a.account_no, p.name AS project_name, o.full_name AS enterer,"  # noqa: S608 - as above
        " s.due_on < :today AS late"
        f" FROM (SELECT * FROM ({KINDS[name].source}) w WHERE w.id > :after ORDER BY w.id LIMIT :limit) s"
        " LEFT JOIN supervised_account a ON a.id = s.account_id"
        " LEFT JOIN project p ON p.id = coalesce(s.project_id, a.project_id)"
        " LEFT JOIN officer o ON o.id = s.entered_by ORDER BY s.id"
    )
    told = {"me": officer_id, "today": bureau_day(), "after": after, "limit": limit}
    return list(session.execute(text(query), told))
