"""How far each account is reconciled: what its bank still owes, what differs, which day is closed (对账情况)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from config.clock import bureau_day, now
from config.regulations import law_on
from escrow.supervision.freshness import missing_statement
from escrow.workdays.actions import calendar
from escrow.workdays.rules import WorkingYearUnknown

_STANDING = text("""
SELECT a.account_no, a.bank_code, a.opened_at, p.name AS project_name, p.region,
       s.stated_through, s.newest_no, d.differences, c.closed_through
  FROM supervised_account a JOIN project p ON p.id = a.project_id
  LEFT JOIN LATERAL (
      SELECT max(s.business_date) FILTER (WHERE s.status IN ('matched', 'differences')) AS stated_through,
             (array_agg(s.statement_no ORDER BY s.business_date DESC, s.version DESC))[1] AS newest_no
        FROM live_statement s WHERE s.account_id = a.id) s ON true
  LEFT JOIN LATERAL (SELECT count(*) AS differences FROM statement_difference d
                      WHERE d.account_id = a.id AND d.status = 'open') d ON true
  LEFT JOIN LATERAL (SELECT max(c.business_date) AS closed_through FROM account_day c
                      WHERE c.account_id = a.id) c ON true
 WHERE a.status IN ('active', 'suspended', 'releasing') ORDER BY a.id
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """One account as the evening finds it (一个账户的对账情况)."""

    row: Row[Any]
    missing: date | None

    @property
    def is_fine(self) -> bool:
        """Nothing is owed and nothing differs (无事)."""
        return self.missing is None and not self.row.differences


def standing(session: Session) -> list[Standing]:
    """Every living account, those somebody has to see to first (各账户对账情况)."""
    days, today, at, laws = calendar(session), bureau_day(), now(), dict[str, Any]()
    found = []
    for row in session.execute(_STANDING):
        law = laws.setdefault(row.region, law_on(today, "presale_funds", row.region))
        try:
            missing = missing_statement(row.opened_at, row.stated_through, law, at, lambda: days)
        except WorkingYearUnknown:
            missing = None
        found.append(Standing(row, missing))
    return sorted(found, key=lambda one: one.is_fine)
