"""What the pages of uses show; each list is one statement, paged by key (使用申请清单)."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from ledger.tables import MoneyColumn

_USE_MONEY = dict.fromkeys(("budget", "fund_part", "final"), MoneyColumn())
_SHARE_MONEY = dict.fromkeys(("amount", "from_fund", "lacking"), MoneyColumn())
_USES = text("""
SELECT u.*, c.name AS community_name, g.building_no, c.region, f.account_no, f.id AS fund_id,
       e.full_name AS enterer, p.full_name AS publisher, v.full_name AS voter, d.full_name AS decider,
       l.full_name AS filer, n.full_name AS ender, a.full_name AS accepter,
       (SELECT count(*) FROM use_share s WHERE s.use_id = u.id) AS houses
  FROM (SELECT * FROM fund_use
         WHERE id < :before AND (cast(:use_no AS text) IS NULL OR use_no = :use_no)
           AND (cast(:community AS integer) IS NULL OR community_id = :community)
         ORDER BY id DESC LIMIT :limit) u
  JOIN community c ON c.id = u.community_id JOIN fund_account f ON f.id = c.fund_account_id
  LEFT JOIN community_building g ON g.id = u.community_building_id
  JOIN officer e ON e.id = u.entered_by LEFT JOIN officer p ON p.id = u.published_by
  LEFT JOIN officer v ON v.id = u.voted_by LEFT JOIN officer d ON d.id = u.decided_by
  LEFT JOIN officer l ON l.id = u.filed_by LEFT JOIN officer n ON n.id = u.ended_by
  LEFT JOIN officer a ON a.id = u.accepted_by
 ORDER BY u.id DESC
""").columns(**_USE_MONEY)
_PAPERS = text("""
SELECT p.*, o.full_name AS recorder FROM use_paper p JOIN officer o ON o.id = p.recorded_by
 WHERE p.use_id = :use_id ORDER BY p.id
""")
_SHARES = text("""
SELECT s.house_id AS id, h.unit_code, h.room_no, g.building_no, s.area, s.bearer, s.amount, s.from_fund,
       greatest(s.from_fund - b.balance + b.held, 0) AS lacking, v.ballot
  FROM use_share s JOIN house_balance b ON b.house_id = s.house_id JOIN house h ON h.id = s.house_id
  JOIN community_building g ON g.id = h.community_building_id
  LEFT JOIN use_vote v ON (v.use_id, v.house_id) = (s.use_id, s.house_id)
 WHERE s.use_id = :use_id AND s.house_id > :after ORDER BY s.house_id LIMIT :limit
""").columns(**_SHARE_MONEY)
_OF_HOUSE = text("""
SELECT u.id, u.use_no, u.title, u.status, u.kind, s.area, s.bearer, s.amount, s.from_fund, v.ballot
  FROM use_share s JOIN fund_use u ON u.id = s.use_id JOIN house h ON h.id = s.house_id
  LEFT JOIN use_vote v ON (v.use_id, v.house_id) = (s.use_id, s.house_id)
 WHERE h.unit_code = :unit_code AND u.id < :before ORDER BY u.id DESC LIMIT :limit
""").columns(**_SHARE_MONEY)
_PAYMENTS = text("""
SELECT p.*, e.full_name AS enterer, d.full_name AS decider, o.instruction_no, o.status AS order_status,
       (SELECT count(*) FROM use_payment_part t WHERE t.payment_id = p.id) AS houses
  FROM use_payment p JOIN officer e ON e.id = p.entered_by LEFT JOIN officer d ON d.id = p.decided_by
  LEFT JOIN LATERAL (SELECT f.instruction_no, f.status FROM fund_order f
                      WHERE f.source = 'fund-use:' || p.use_id || ':payment:' || p.id
                      ORDER BY f.id DESC LIMIT 1) o ON true
 WHERE p.use_id = :use_id ORDER BY p.id
""").columns(**dict.fromkeys(("total", "amount"), MoneyColumn()))
_BUILDINGS = text("""
SELECT id, building_no FROM community_building WHERE community_id = :id ORDER BY id LIMIT 1000
""")
BEYOND = 2**31 - 1


def uses(
    session: Session, *, before: int | None, limit: int, community_id: int | None = None
) -> list[Row[Any]]:  # fmt: skip
    """Uses, newest first (使用申请清单)."""
    asked = {"before": before or BEYOND, "limit": limit, "use_no": None, "community": community_id}
    return list(session.execute(_USES, asked))


def use(session: Session, use_no: str) -> Row[Any] | None:
    """One use with everybody who had a hand in it (一件申请)."""
    asked = {"before": BEYOND, "limit": 1, "use_no": use_no, "community": None}
    return session.execute(_USES, asked).one_or_none()


def papers(session: Session, use_id: int) -> list[Row[Any]]:
    """What was handed in for it (材料)."""
    return list(session.execute(_PAPERS, {"use_id": use_id}))


def payments(session: Session, use_id: int) -> list[Row[Any]]:
    """What is paid for it, with the newest order of each (付款)."""
    return list(session.execute(_PAYMENTS, {"use_id": use_id}))


def shares(session: Session, use_id: int, *, after: int, limit: int) -> list[Row[Any]]:
    """Who bears what, house by house (分摊清册)."""
    return list(session.execute(_SHARES, {"use_id": use_id, "after": after, "limit": limit}))


def of_house(session: Session, unit_code: str, *, before: int | None, limit: int) -> list[Row[Any]]:
    """The uses a house has a share in (一户的分摊)."""
    asked = {"unit_code": unit_code, "before": before or BEYOND, "limit": limit}
    return list(session.execute(_OF_HOUSE, asked))


def buildings(session: Session, community_id: int) -> list[tuple[str, str]]:
    """The buildings of a community, for a choice (可选楼幢)."""
    rows = session.execute(_BUILDINGS, {"id": community_id})
    return [(str(row.id), f"{row.building_no} 幢") for row in rows]
