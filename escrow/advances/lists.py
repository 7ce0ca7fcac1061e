"""What the pages of deposits show: bank lines, sums apart (交存清单)."""

from typing import Any

from sqlalchemy.orm import Session

from ledger.wire import ask

_BEYOND = 2**63 - 1
_RECEIPTS = """
SELECT r.id, r.receipt_no, r.bank_serial, r.amount, r.value_date, r.booked_at, r.payer_kind,
       r.payer_name_masked, f.account_no, f.bank_code,
       (SELECT count(*) FROM fund_receipt_line l WHERE l.receipt_id = r.id) AS units,
       (SELECT coalesce(sum(a.remainder), 0)::bigint FROM apart_money a WHERE a.receipt_id = r.id) AS waiting
  FROM fund_receipt r JOIN fund_account f ON f.id = r.fund_account_id
 WHERE r.id < %(before)s ORDER BY r.id DESC LIMIT %(limit)s
"""
_RECEIPT = """
SELECT r.*, f.id AS fund_id, f.account_no, f.account_name FROM fund_receipt r
  JOIN fund_account f ON f.id = r.fund_account_id WHERE r.receipt_no = %s
"""
_LINES = """
SELECT l.*, h.room_no, g.building_no, c.name AS community_name
  FROM fund_receipt_line l LEFT JOIN house h ON h.id = l.house_id
  LEFT JOIN community_building g ON g.id = h.community_building_id
  LEFT JOIN community c ON c.id = g.community_id
 WHERE l.receipt_id = %(receipt_id)s AND l.position > %(after)s ORDER BY l.position LIMIT %(limit)s
"""
_APARTS = "SELECT * FROM apart_money WHERE receipt_id = %s ORDER BY id LIMIT 200"
_OPEN = """
SELECT a.id, a.aside, a.amount, a.remainder, a.unit_code, a.message, a.code, r.receipt_no, r.value_date,
       r.payer_kind, r.payer_name_masked, f.account_no, k.id AS waiting, k.kind AS waiting_kind
  FROM apart_money a JOIN fund_receipt r ON r.id = a.receipt_id
  JOIN fund_account f ON f.id = r.fund_account_id
  LEFT JOIN apart_decision k ON k.apart_id = a.id AND k.status = 'entered'
 WHERE a.remainder > 0 AND a.id > %(after)s AND (%(aside)s::text IS NULL OR a.aside = %(aside)s)
 ORDER BY a.id LIMIT %(limit)s
"""
_DECISIONS = """
SELECT k.*, e.full_name AS enterer, d.full_name AS decider,
       ARRAY(SELECT jsonb_build_object('unit_code', h.unit_code, 'amount', p.amount)
               FROM apart_decision_part p JOIN house h ON h.id = p.house_id
              WHERE p.decision_id = k.id ORDER BY h.id LIMIT 200) AS parts,
       (SELECT count(*) FROM apart_decision_part p WHERE p.decision_id = k.id) AS houses
  FROM apart_decision k JOIN officer e ON e.id = k.entered_by LEFT JOIN officer d ON d.id = k.decided_by
 WHERE k.apart_id = %s ORDER BY k.id
"""
# Where a lump sum may be spread: buildings of the fund, by community or by the project's number.
_BUILDINGS = """
SELECT g.id, c.name AS community_name, g.building_no, p.project_no
  FROM community c JOIN community_building g ON g.community_id = c.id
  LEFT JOIN project p ON p.id = c.project_id
 WHERE c.fund_account_id = %(fund_id)s
   AND (p.project_no = %(wanted)s OR c.name LIKE '%%' || %(wanted)s || '%%')
 ORDER BY c.id, g.id LIMIT 60
"""
_CODES = """
SELECT unit_code FROM house WHERE community_building_id = %s AND status = 'built' ORDER BY id LIMIT 1000
"""


def receipts(session: Session, *, before: int | None, limit: int) -> list[Any]:
    """Bank lines, newest first, each with what of it still waits (入账清单)."""
    return ask(session, _RECEIPTS, {"before": before or _BEYOND, "limit": limit}, named=True)


def receipt(session: Session, receipt_no: str) -> Any:
    """One bank line, None when there is no such number (入账)."""
    rows = ask(session, _RECEIPT, (receipt_no,), named=True)
    return rows[0] if rows else None


def lines(session: Session, receipt_id: int, *, after: int, limit: int) -> list[Any]:
    """Its units as the bank named them and what became of each (各户结果)."""
    told = {"receipt_id": receipt_id, "after": after, "limit": limit}
    return ask(session, _LINES, told, named=True)


def aparts(session: Session, receipt_id: int) -> list[Any]:
    """What of it stands apart (另列)."""
    return ask(session, _APARTS, (receipt_id,), named=True)


def open_aparts(session: Session, *, aside: str | None, after: int, limit: int) -> list[Any]:
    """Sums that are no house's and nobody has dealt with, the oldest first (另列款清单)."""
    return ask(session, _OPEN, {"aside": aside, "after": after, "limit": limit}, named=True)


def decisions(session: Session, apart_id: int) -> list[Any]:
    """What was done with one, by whom, when and by which law (办理经过)."""
    return ask(session, _DECISIONS, (apart_id,), named=True)


def buildings(session: Session, fund_id: int, wanted: str) -> list[Any]:
    """Buildings whose houses a lump sum may be spread to (可分户的楼幢)."""
    return ask(session, _BUILDINGS, {"fund_id": fund_id, "wanted": wanted}, named=True)


def codes_of(session: Session, building_id: int) -> list[str]:
    """The houses of a building (一幢各户)."""
    return [code for (code,) in ask(session, _CODES, (building_id,))]
