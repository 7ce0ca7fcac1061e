"""What stands over one supervised account, for its page (账户上的司法冻结、保函、接管)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from escrow.supervision.funds import position
from ledger.money import ZERO, Yuan

_ACCOUNT = text("""
SELECT a.id, a.account_no, a.account_name, a.book_id, a.status, p.project_no, p.name AS project_name,
       p.region, d.name AS developer_name,
       (SELECT c.account_no FROM account_change c WHERE c.account_id = a.id AND c.status = 'done') AS moved_to
  FROM supervised_account a JOIN project p ON p.id = a.project_id JOIN developer d ON d.id = p.developer_pk
 WHERE a.account_no = :account_no
""")
_HOLDS = text("""
SELECT h.*, coalesce(b.balance, 0) AS left_fen
  FROM court_hold h JOIN supervised_account s ON s.id = h.account_id
  LEFT JOIN ledger.account a ON a.book_id = s.book_id AND a.code = '8303' AND a.key = 'hold:' || h.id
  LEFT JOIN ledger.balance b ON b.account_id = a.id
 WHERE h.account_id = :account_id ORDER BY h.id DESC LIMIT 200
""")
_ACTS = text("""
SELECT c.*, b.building_no, e.full_name AS enterer, o.full_name AS decider
  FROM court_act c JOIN court_hold h ON h.id = c.hold_id
  JOIN officer e ON e.id = c.entered_by LEFT JOIN officer o ON o.id = c.decided_by
  LEFT JOIN building b ON b.id = c.building_id
 WHERE h.account_id = :account_id ORDER BY c.id DESC LIMIT 200
""")
_GUARANTEES = text("""
SELECT g.*, b.building_no, e.full_name AS enterer, o.full_name AS decider, n.full_name AS ender
  FROM guarantee g JOIN building b ON b.id = g.building_id JOIN officer e ON e.id = g.entered_by
  LEFT JOIN officer o ON o.id = g.decided_by LEFT JOIN officer n ON n.id = g.ended_by
 WHERE g.account_id = :account_id ORDER BY g.id DESC LIMIT 200
""")
_TAKEOVERS = text("""
SELECT t.*, e.full_name AS enterer, o.full_name AS decider, n.full_name AS ender
  FROM takeover t JOIN officer e ON e.id = t.entered_by
  LEFT JOIN officer o ON o.id = t.decided_by LEFT JOIN officer n ON n.id = t.ended_by
 WHERE t.account_id = :account_id ORDER BY t.id DESC LIMIT 200
""")
_FUNDS = text("""
SELECT b.building_no, b.id, s.code, l.balance
  FROM building b JOIN project p ON p.id = b.project_id
  JOIN supervised_account v ON v.project_id = p.id AND v.id = :account_id
  LEFT JOIN ledger.account s ON s.book_id = v.book_id AND s.key = 'building:' || b.id
       AND s.code IN ('2111', '2112', '8201', '8202', '8203', '8204')
  LEFT JOIN ledger.balance l ON l.account_id = s.id
 WHERE b.removed_at IS NULL ORDER BY b.id
""")


@dataclass(frozen=True, slots=True)
class Measures:
    """One account and everything ordered over it (账户与其上的措施)."""

    account: Row[Any]
    holds: list[Row[Any]]
    acts: list[Row[Any]]
    guarantees: list[Row[Any]]
    takeovers: list[Row[Any]]
    funds: dict[str, dict[str, int]]


def measures_of(session: Session, account_no: str) -> Measures | None:
    """Six statements whatever the number of rows (查账户措施)."""
    account = session.execute(_ACCOUNT, {"account_no": account_no}).one_or_none()
    if account is None:
        return None
    holds, acts, guarantees, takeovers = (
        list(session.execute(query, {"account_id": account.id}))
        for query in (_HOLDS, _ACTS, _GUARANTEES, _TAKEOVERS)
    )
    funds: dict[str, dict[str, int]] = {}
    for row in session.execute(_FUNDS, {"account_id": account.id}):
        held = funds.setdefault(row.building_no, {})
        if row.code:
            held[row.code] = row.balance
    return Measures(account, holds, acts, guarantees, takeovers, funds)


def stopped_by(session: Session, found: Measures) -> dict[int, Yuan]:
    """Lapsed guarantees that stop their building's payments, and how much is lacking (停付)."""
    lapsed = {one.building_id: one.id for one in reversed(found.guarantees) if one.status == "lapsed"}
    held = {
        guarantee_id: position(session, found.account.book_id, building_id).shortfall
        for building_id, guarantee_id in lapsed.items()
    }
    return {guarantee_id: lacking for guarantee_id, lacking in held.items() if lacking > ZERO}
