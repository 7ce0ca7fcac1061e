"""The figures of the statements, read from the ledger by value date (报表取数)."""

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from escrow.fund_statements.rules import (
    Figures,
    Statement,
    balance_sheet,
    changes_statement,
    income_statement,
)
from escrow.maintenance import chart
from escrow.maintenance.chart import Nature

# Headings that both natures share: each fen is of the nature of the heading it came from or went to.
_POOLED = (chart.BANK_BONDS, chart.IMPREST, chart.UNCLAIMED, chart.PREPAID, chart.OVERPAID)

_STOOD = text(r"""
SELECT s.code,
       CASE WHEN s.code IN ('100102', '110102', '200102', '3002', '310102')
                 OR s.code ~ '^[45][0-9]{3}02$' AND s.code NOT LIKE '5001%' OR s.key LIKE '%\:public'
                 OR h.nature = 'public' THEN 'public' ELSE 'commodity' END AS nature,
       sum(s.fen)::bigint AS fen
  FROM (SELECT a.code, a.key, coalesce(
                   (SELECT d.opening FROM ledger.balance_day d
                     WHERE d.account_id = b.account_id AND d.day > :day ORDER BY d.day LIMIT 1),
                   b.balance) AS fen
          FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
         WHERE a.book_id = :book AND a.code !~ '^9') s
  LEFT JOIN house h ON s.code LIKE '5001%' AND h.id = substring(s.key FROM '^house:([0-9]+)$')::integer
 GROUP BY 1, 2
""")

# Of a pooled heading, what came from and went to headings of public housing; the rest is commodity housing's.
_PUBLIC = text(r"""
SELECT own.code, sum(CASE WHEN own.id = t.debit_account_id THEN t.amount ELSE -t.amount END)::bigint AS fen
  FROM ledger.account own
  JOIN ledger.transfer t ON own.id IN (t.debit_account_id, t.credit_account_id)
  JOIN ledger.journal_entry e ON e.id = t.entry_id AND e.effective_on <= :day
  JOIN ledger.account other
    ON other.id = CASE WHEN own.id = t.debit_account_id THEN t.credit_account_id ELSE t.debit_account_id END
 WHERE own.book_id = :book AND own.code = ANY (:pooled)
   AND (other.code IN ('100102', '110102', '200102', '3002', '310102', '400102', '410102', '410202', '510102')
        OR other.code LIKE '5001%' AND EXISTS (
               SELECT FROM house h WHERE 'house\:' || h.id = other.key AND h.nature = 'public'))
 GROUP BY own.code
""")

# What closing and sharing moved over the period: neither earns nor spends anything.
_MOVED = text(r"""
SELECT a.code,
       CASE WHEN a.code ~ '02$' AND a.code NOT LIKE '5001%' OR a.key LIKE '%\:public'
            THEN 'public' ELSE 'commodity' END AS nature,
       sum(CASE WHEN (a.id = t.credit_account_id) = (a.side = 'credit')
                THEN t.amount ELSE -t.amount END)::bigint AS fen
  FROM ledger.journal_entry e JOIN ledger.transfer t ON t.entry_id = e.id
  JOIN ledger.account a ON a.id IN (t.debit_account_id, t.credit_account_id)
 WHERE e.book_id = :book AND e.movement = :movement AND e.effective_on BETWEEN :start AND :end
   AND a.code = ANY (:codes)
 GROUP BY 1, 2
""")


def standing(session: Session, book_id: int, day: date) -> Figures:
    """What stood on every heading at the end of a day, by nature (期末余额)."""
    rows = session.execute(_STOOD, {"book": book_id, "day": day})
    found = {(row.code, Nature(row.nature)): int(row.fen) for row in rows}
    for row in session.execute(_PUBLIC, {"book": book_id, "day": day, "pooled": list(_POOLED)}):
        fen = row.fen if chart.HEADINGS[row.code].side.value == "debit" else -row.fen
        whole = found.get((row.code, Nature.COMMODITY), 0)
        found[row.code, Nature.COMMODITY], found[row.code, Nature.PUBLIC] = whole - fen, fen
    return found


def statements(session: Session, book_id: int, start: date, end: date) -> list[Statement]:
    """The three statements of one period (三张报表)."""
    closing = standing(session, book_id, end)
    opening = standing(session, book_id, start - timedelta(days=1))
    moving = [code for code in chart.HEADINGS if code[0] in "45"]
    closed = _moved(session, book_id, start, end, chart.CLOSE.code, moving)
    flows = {
        one: closing.get(one, 0) - opening.get(one, 0) - closed.get(one, 0)
        for one in {*closing, *opening} if one[0][0] in "45"
    }  # fmt: skip
    pools = list(chart.UNDISTRIBUTED.values())
    shared = _moved(session, book_id, start, end, chart.SHARE_INCOME.code, pools)
    given = {one: -fen for one, fen in shared.items()}
    return [
        balance_sheet(closing, opening), income_statement(flows),
        changes_statement(flows, closing, opening, given),
    ]  # fmt: skip


def _moved(
    session: Session, book_id: int, start: date, end: date, movement: str, codes: list[str]
) -> dict[tuple[str, Nature], int]:
    asked = {"book": book_id, "start": start, "end": end, "movement": movement, "codes": codes}
    return {(row.code, Nature(row.nature)): int(row.fen) for row in session.execute(_MOVED, asked)}
