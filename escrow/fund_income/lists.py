"""What the pages of the fund's income show (收益页面所列)."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

_FUNDS = text("""
SELECT f.id, f.account_no, f.account_name, f.region, f.opened_on, f.book_id,
       (SELECT max(p.month) FROM fund_period p WHERE p.fund_account_id = f.id) AS closed_month
  FROM fund_account f WHERE f.status = 'active' ORDER BY f.id LIMIT 200
""")
_POOLS = text("""
SELECT f.id AS fund_id, a.code, a.key, b.balance,
       coalesce((SELECT c.name FROM community c
                  WHERE c.id = substring(a.key FROM '^community:([0-9]+)')::integer), '全专户') AS place
  FROM fund_account f JOIN ledger.account a ON a.book_id = f.book_id
  JOIN ledger.balance b ON b.account_id = a.id
 WHERE f.id = :fund AND (a.code LIKE '3101%' OR a.code LIKE '41%' OR a.code LIKE '42%' OR a.code LIKE '43%'
                         OR a.code LIKE '49%' OR a.code LIKE '1101%' OR a.code = '100103')
   AND b.balance <> 0
 ORDER BY a.code, a.key LIMIT 200
""")
_SLIPS = text("""
SELECT i.*, c.name AS community, e.full_name AS enterer, d.full_name AS decider
  FROM fund_income i LEFT JOIN community c ON c.id = i.community_id
  JOIN officer e ON e.id = i.entered_by LEFT JOIN officer d ON d.id = i.decided_by
 WHERE i.fund_account_id = :fund AND i.id < :before ORDER BY i.id DESC LIMIT :limit
""")
_RUNS = text("""
SELECT r.*, c.name AS community, e.full_name AS proposer, d.full_name AS decider,
       (SELECT count(*) FROM income_batch b WHERE b.run_id = r.id AND b.amount > 0) AS batches,
       (SELECT count(*) FROM income_batch b WHERE b.run_id = r.id AND b.entry_id IS NOT NULL) AS booked
  FROM income_run r LEFT JOIN community c ON c.id = r.community_id
  JOIN officer e ON e.id = r.proposed_by LEFT JOIN officer d ON d.id = r.decided_by
 WHERE (r.fund_account_id = :fund OR r.run_no = :run_no) ORDER BY r.id DESC LIMIT 50
""")
_SHARES = text("""
SELECT s.house_id, h.unit_code, h.room_no, g.building_no, s.weight, s.amount, b.entry_id
  FROM income_share s JOIN income_run r ON r.id = s.run_id JOIN house h ON h.id = s.house_id
  JOIN community_building g ON g.id = h.community_building_id
  JOIN income_batch b ON (b.run_id, b.batch) = (s.run_id, s.batch)
 WHERE r.run_no = :run_no AND s.house_id > :after ORDER BY s.house_id LIMIT :limit
""")
_COMMUNITIES = text("SELECT id, name FROM community WHERE fund_account_id = :fund ORDER BY name LIMIT 2000")
BEYOND = 2**31 - 1


def funds(session: Session) -> list[Any]:
    """Fund accounts in use, with the last month closed (使用中的专户)."""
    return list(session.execute(_FUNDS))


def pools(session: Session, fund_id: int) -> list[Any]:
    """Income not yet closed, what is undistributed, bonds held (收益与国债余额)."""
    return list(session.execute(_POOLS, {"fund": fund_id}))


def slips(session: Session, fund_id: int, *, before: int, limit: int) -> list[Any]:
    """Slips of one fund, newest first (银行单据)."""
    return list(session.execute(_SLIPS, {"fund": fund_id, "before": before, "limit": limit}))


def runs(session: Session, fund_id: int) -> list[Any]:
    """The sharings of one fund, newest first, with how far they are (历次分配)."""
    return list(session.execute(_RUNS, {"fund": fund_id, "run_no": ""}))


def run(session: Session, run_no: str) -> Any:
    """One sharing, or None (一次分配)."""
    return session.execute(_RUNS, {"fund": 0, "run_no": run_no}).one_or_none()


def shares(session: Session, run_no: str, *, after: int, limit: int) -> list[Any]:
    """What each house gets of a run, by house (逐户应得)."""
    return list(session.execute(_SHARES, {"run_no": run_no, "after": after, "limit": limit}))


def communities(session: Session, fund_id: int) -> list[tuple[str, str]]:
    """The communities of a fund, for a choice (可选小区)."""
    return [(str(row.id), row.name) for row in session.execute(_COMMUNITIES, {"fund": fund_id})]
