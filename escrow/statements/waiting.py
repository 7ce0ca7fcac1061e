"""Which accounts are worth a matcher's turn: statements not worked through, differences with news (待勾对)."""

from sqlalchemy import text
from sqlalchemy.orm import Session

_WAITING = text("""
SELECT DISTINCT s.account_id FROM statement s
 WHERE (s.status IN ('received', 'matching') OR s.status = 'differences'
        -- Its last one was closed while somebody else had the turn: nobody has said so yet.
        AND NOT EXISTS (SELECT FROM statement_difference d WHERE d.statement_id = s.id AND d.status = 'open'))
   AND NOT EXISTS (SELECT FROM statement n WHERE n.account_id = s.account_id
                      AND n.business_date = s.business_date AND n.version > s.version)
 ORDER BY s.account_id LIMIT 20
""")
# Since it was last looked at, the book has moved or a difference was closed; the rest every half hour.
_DIFFERING = text("""
SELECT DISTINCT d.account_id FROM statement_difference d
  JOIN supervised_account a ON a.id = d.account_id
  LEFT JOIN ledger.account l ON l.book_id = a.book_id AND l.code = '1101'
  LEFT JOIN ledger.balance b ON b.account_id = l.id
  LEFT JOIN account_judged j ON j.account_id = d.account_id
 WHERE d.status = 'open'
   AND (j.version IS DISTINCT FROM coalesce(b.version, 0)
        OR j.judged_at < clock_timestamp() - interval '30 minutes'
        OR EXISTS (SELECT FROM statement_difference e
                    WHERE e.account_id = d.account_id AND e.closed_at > j.judged_at))
 ORDER BY d.account_id
""")


def accounts_waiting(session: Session) -> list[int]:
    """Accounts with statements not worked through (待勾对的账户)."""
    return list(session.scalars(_WAITING))


def accounts_differing(session: Session) -> list[int]:
    """Accounts with open differences, worth another look (有差异、有新情况的账户)."""
    return list(session.scalars(_DIFFERING))
