"""What the pages of the fund show, level by level; each list is one statement, paged by key (维修资金各级清单)."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from ledger.tables import MoneyColumn

_AMOUNTS = (
    "balance", "at_bank", "bonds", "imprest", "liabilities", "undistributed", "in_houses", "undivided",
    "held", "owed", "first_due",
)  # fmt: skip
_SUMS = dict.fromkeys(_AMOUNTS, MoneyColumn())

_ACCOUNTS = text("""
SELECT f.*, e.full_name AS enterer, d.full_name AS decider,
       v.balance, v.at_bank, v.bonds, v.imprest, v.undistributed, v.liabilities
  FROM fund_account f
  JOIN officer e ON e.id = f.entered_by LEFT JOIN officer d ON d.id = f.decided_by
  LEFT JOIN fund_balance v ON v.fund_account_id = f.id
 WHERE f.id < :before AND (cast(:only AS integer) IS NULL OR f.id = :only) ORDER BY f.id DESC LIMIT :limit
""").columns(**_SUMS)

_COMMUNITIES = text("""
SELECT c.id, c.name, c.region, c.opened_at, p.project_no, p.name AS project_name, p.id AS project_id,
       f.id AS fund_id, f.account_no,
       v.buildings, v.houses, v.in_houses, v.undivided, v.balance, v.held, v.owed
  FROM (SELECT * FROM community
         WHERE (cast(:only AS integer) IS NULL AND fund_account_id = :fund_id AND id > :after OR id = :only)
         ORDER BY id LIMIT :limit) c
  JOIN fund_account f ON f.id = c.fund_account_id
  JOIN community_balance v ON v.community_id = c.id
  LEFT JOIN project p ON p.id = c.project_id
 ORDER BY c.id
""").columns(**_SUMS)

_BUILDINGS = text("""
SELECT g.id, g.building_no, g.structure, g.community_id, c.name AS community_name,
       c.fund_account_id AS fund_id, coalesce(v.houses, 0) AS houses, coalesce(v.balance, 0) AS balance,
       coalesce(v.held, 0) AS held, coalesce(v.owed, 0) AS owed
  FROM (SELECT * FROM community_building
         WHERE (cast(:only AS integer) IS NULL AND community_id = :community_id AND id > :after OR id = :only)
         ORDER BY id LIMIT :limit) g
  JOIN community c ON c.id = g.community_id
  LEFT JOIN LATERAL (SELECT count(*) AS houses, sum(b.balance)::bigint AS balance,
                            sum(b.held)::bigint AS held, sum(b.owed)::bigint AS owed
                       FROM house h JOIN house_balance b ON b.house_id = h.id
                      WHERE h.community_building_id = g.id) v ON true
 ORDER BY g.id
""").columns(**_SUMS)

_HOUSES = text("""
SELECT h.id, h.unit_code, h.room_no, h.area, h.use, h.nature, h.status, h.first_due, b.balance, b.held, b.owed
  FROM house h JOIN house_balance b ON b.house_id = h.id
 WHERE h.community_building_id = :building_id AND h.id > :after ORDER BY h.id LIMIT :limit
""").columns(**_SUMS)

_BATCHES = text("""
SELECT b.*, p.project_no, p.name AS project_name, f.account_no, f.account_name, f.region,
       e.full_name AS enterer, d.full_name AS decider, c.id AS community_id
  FROM house_batch b
  JOIN project p ON p.id = b.project_id JOIN fund_account f ON f.id = b.fund_account_id
  JOIN officer e ON e.id = b.entered_by LEFT JOIN officer d ON d.id = b.decided_by
  LEFT JOIN community c ON c.project_id = b.project_id
 WHERE b.id < :before AND (cast(:batch_no AS text) IS NULL OR b.batch_no = :batch_no)
   AND (cast(:project_id AS integer) IS NULL OR b.project_id = :project_id)
 ORDER BY b.id DESC LIMIT :limit
""")

_BATCH_LINES = text("""
SELECT l.* FROM house_batch_line l JOIN house_batch b ON b.id = l.batch_id
 WHERE b.batch_no = :batch_no AND (l.verdict = 'build') = :built AND l.unit_id > :after
 ORDER BY l.unit_id LIMIT :limit
""")

_COUNTS = text("""
SELECT l.verdict, count(*) AS units FROM house_batch_line l JOIN house_batch b ON b.id = l.batch_id
 WHERE b.batch_no = :batch_no GROUP BY l.verdict ORDER BY l.verdict
""")

# The register moved on after an account was built: named, to be corrected by its own procedure.
_STRAYED = text("""
SELECT h.unit_code, h.area, u.area AS register_area, h.use, u.use AS register_use, g.building_no,
       ub.building_no AS register_building_no, u.removed_at IS NOT NULL AS removed
  FROM community_building g JOIN house h ON h.community_building_id = g.id AND h.status = 'built'
  JOIN unit u ON u.id = h.unit_id JOIN building ub ON ub.id = u.building_id
 WHERE g.community_id = :community_id
   AND ((u.area, u.use) <> (h.area, h.use) OR u.building_id <> g.building_id OR u.removed_at IS NOT NULL)
 ORDER BY h.id LIMIT :limit
""")

_PROJECTS = text("""
SELECT p.id, p.project_no, p.name, p.region, c.id AS community_id, c.name AS community_name,
       c.fund_account_id AS fund_id, w.batch_no AS waiting
  FROM project p LEFT JOIN community c ON c.project_id = p.id
  LEFT JOIN house_batch w ON w.project_id = p.id AND w.status = 'entered'
 WHERE p.project_no = :project_no
""")

_OPEN_FUNDS = text("""
SELECT id, account_no, account_name, bank_code FROM fund_account
 WHERE region = :region AND status = 'active' ORDER BY id
""")


def fund_accounts(session: Session, *, before: int | None = None, limit: int = 50) -> list[Row[Any]]:
    """Every fund account, newest first, with what stands on it (专户清单)."""
    asked = {"before": before or 2**31 - 1, "limit": limit, "only": None}
    return list(session.execute(_ACCOUNTS, asked))


def fund_account(session: Session, fund_id: int) -> Row[Any] | None:
    """One fund account with its sums and who opened it (专户)."""
    asked = {"before": 2**31 - 1, "limit": 1, "only": fund_id}
    return session.execute(_ACCOUNTS, asked).one_or_none()


def communities(session: Session, fund_id: int, *, after: int, limit: int) -> list[Row[Any]]:
    """A fund's communities with their sums (小区清单)."""
    asked = {"fund_id": fund_id, "after": after, "limit": limit, "only": None}
    return list(session.execute(_COMMUNITIES, asked))


def community(session: Session, community_id: int) -> Row[Any] | None:
    """One community with its sums (小区)."""
    asked = {"fund_id": None, "after": 0, "limit": 1, "only": community_id}
    return session.execute(_COMMUNITIES, asked).one_or_none()


def buildings(session: Session, community_id: int, *, after: int, limit: int) -> list[Row[Any]]:
    """A community's buildings with their sums (楼幢清单)."""
    asked = {"community_id": community_id, "after": after, "limit": limit, "only": None}
    return list(session.execute(_BUILDINGS, asked))


def building(session: Session, building_id: int) -> Row[Any] | None:
    """One building with its sums (楼幢)."""
    asked = {"community_id": None, "after": 0, "limit": 1, "only": building_id}
    return session.execute(_BUILDINGS, asked).one_or_none()


def houses(session: Session, building_id: int, *, after: int, limit: int) -> list[Row[Any]]:
    """A building's house accounts with what stands on each (分户账清单)."""
    return list(session.execute(_HOUSES, {"building_id": building_id, "after": after, "limit": limit}))


def strayed(session: Session, community_id: int, *, limit: int) -> list[Row[Any]]:
    """House accounts that the register has moved away from (与楼盘表不符的分户账)."""
    return list(session.execute(_STRAYED, {"community_id": community_id, "limit": limit}))


def batches(
    session: Session, *, before: int | None = None, limit: int = 50, project_id: int | None = None
) -> list[Row[Any]]:
    """Batches, newest first (建账批次清单)."""
    asked = {"before": before or 2**31 - 1, "limit": limit, "batch_no": None, "project_id": project_id}
    return list(session.execute(_BATCHES, asked))


def batch(session: Session, batch_no: str) -> Row[Any] | None:
    """One batch, who proposed and who decided it (建账批次)."""
    asked = {"before": 2**31 - 1, "limit": 1, "batch_no": batch_no, "project_id": None}
    return session.execute(_BATCHES, asked).one_or_none()


def batch_lines(session: Session, batch_no: str, *, built: bool, after: int, limit: int) -> list[Row[Any]]:
    """A batch's units, to be built or left out (建账清单各行)."""
    asked = {"batch_no": batch_no, "built": built, "after": after, "limit": limit}
    return list(session.execute(_BATCH_LINES, asked))


def verdict_counts(session: Session, batch_no: str) -> dict[str, int]:
    """How many units of a batch came to which verdict (各类户数)."""
    return {row.verdict: row.units for row in session.execute(_COUNTS, {"batch_no": batch_no})}


def project_to_build(session: Session, project_no: str) -> Row[Any] | None:
    """A project with its community, if it has one (待建账项目)."""
    return session.execute(_PROJECTS, {"project_no": project_no}).one_or_none()


def open_funds(session: Session, region: str) -> list[Row[Any]]:
    """The fund accounts a region's houses may be built under (可选专户)."""
    return list(session.execute(_OPEN_FUNDS, {"region": region}))


def batch_of(session: Session, batch_id: int) -> Row[Any] | None:
    """The batch that built a house: who proposed, who confirmed (建账经过)."""
    asked = {"before": batch_id + 1, "limit": 1, "batch_no": None, "project_id": None}
    row = session.execute(_BATCHES, asked).one_or_none()
    return row if row is not None and row.id == batch_id else None
