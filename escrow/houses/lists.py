"""What the pages of houses' changes show: one house's, all that wait, funds that run low (分户账事项清单)."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from ledger.tables import MoneyColumn

_AMOUNTS = ("amount", "seller_amount", "due_before", "due_after", "balance", "first_due", "renewable")
_SUMS = dict.fromkeys(_AMOUNTS, MoneyColumn())
_CHANGES = text("""
SELECT k.id, k.kind, k.document_no, k.file_hash, k.note, k.area_before, k.area_after, k.due_before,
       k.due_after, k.amount, k.seller_amount, k.effective_on, k.payee_name_masked, k.payee_account_masked,
       k.payee_bank, k.seller_name, k.seller_account_masked, k.seller_bank, k.status, k.entered_by,
       k.entered_at, k.decided_at, k.reason, k.law, k.entry_id, h.unit_code, o.unit_code AS other_code,
       r.receipt_no, e.full_name AS enterer, d.full_name AS decider, c.name AS community_name,
       g.building_no, h.room_no
  FROM house_change k JOIN house h ON h.id = k.house_id
  JOIN community_building g ON g.id = h.community_building_id JOIN community c ON c.id = g.community_id
  LEFT JOIN house o ON o.id = k.other_house_id
  LEFT JOIN house_deposit p ON p.id = k.deposit_id LEFT JOIN fund_receipt r ON r.id = p.receipt_id
  JOIN officer e ON e.id = k.entered_by LEFT JOIN officer d ON d.id = k.decided_by
 WHERE k.id < :before
   AND (cast(:house_id AS integer) IS NULL OR k.house_id = :house_id OR k.other_house_id = :house_id)
 ORDER BY k.id DESC LIMIT :limit
""").columns(**_SUMS)
# What the register told stands beside what two officers entered; the first in force is whose it is today.
_OWNERS = text("""
WITH known AS (
    SELECT k.id, NULL AS event_id, NULL AS client_id, k.kind, k.from_day, k.certificate_no, k.status,
           k.entered_by, k.entered_at, k.decided_at, coalesce(k.decided_at, k.entered_at) AS known_at,
           k.reason, k.law, e.full_name AS enterer, d.full_name AS decider,
           (SELECT string_agg(w.name_masked || coalesce('（' || w.id_no_masked || '）', ''), '、'
                              ORDER BY w.position) FROM house_owner w WHERE w.change_id = k.id) AS owners
      FROM owner_change k JOIN officer e ON e.id = k.entered_by LEFT JOIN officer d ON d.id = k.decided_by
     WHERE k.house_id = :house_id
    UNION ALL
    SELECT t.id, t.event_id, t.client_id, s.kind, t.registered_on, t.certificate_no, 'confirmed', NULL,
           t.received_at, t.received_at, t.received_at, NULL, NULL, NULL, NULL,
           t.owner_name_masked || '（' || t.owner_id_no_masked || '）'
      FROM house_ownership s JOIN transfer_registration t ON t.id = s.transfer_id WHERE s.house_id = :house_id
)
SELECT * FROM known ORDER BY status <> 'entered', from_day DESC, known_at DESC LIMIT 50
""")
# Below the threshold of its first deposit, and by how much (余额不足清单).
_LOW = text("""
SELECT h.id, h.unit_code, h.room_no, g.building_no, b.balance, h.first_due,
       h.first_due - b.balance AS renewable, c.id AS community_id, c.name AS community_name,
       (SELECT string_agg(w.name_masked, '、' ORDER BY w.place) FROM house_owners(h.id) w) AS owners
  FROM community c JOIN community_building g ON g.community_id = c.id
  JOIN house h ON h.community_building_id = g.id JOIN house_balance b ON b.house_id = h.id
 WHERE c.id = :community_id AND h.status = 'built' AND h.id > :after AND h.first_due > 0
   AND b.balance < round(h.first_due * cast(:threshold AS numeric))
 ORDER BY h.id LIMIT :limit
""").columns(**_SUMS)


def changes(
    session: Session, *, house_id: int | None = None, before: int | None = None, limit: int = 50
) -> list[Row[Any]]:
    """Changes of one house or of all, newest first (事项清单)."""
    asked = {"house_id": house_id, "before": before or 2**31 - 1, "limit": limit}
    return list(session.execute(_CHANGES, asked))


def owners(session: Session, house_id: int) -> list[Row[Any]]:
    """Who owned the house since when, latest day first, masked; what waits before all (业主沿革)."""
    return list(session.execute(_OWNERS, {"house_id": house_id}))


def low(session: Session, community_id: int, threshold: str, *, after: int, limit: int) -> list[Row[Any]]:
    """Houses of a community whose fund runs low (余额不足清单)."""
    asked = {"community_id": community_id, "threshold": threshold, "after": after, "limit": limit}
    return list(session.execute(_LOW, asked))
