"""What the pages of cancelled contracts' deposits show (注销合同首期交存清单)."""

from typing import Any

from sqlalchemy.orm import Session

from ledger.wire import ask

# What is decided is compared with what was paid: the rest waits.
_WAITING = """
SELECT c.id, c.contract_no, h.unit_code, m.name AS community_name, g.building_no, h.room_no,
       x.cancelled_on, x.reason, p.paid, p.decided, p.repaid, p.due_back
  FROM contract c JOIN house h ON h.unit_id = c.unit_id
  JOIN community_building g ON g.id = h.community_building_id JOIN community m ON m.id = g.community_id
  JOIN contract_cancellation x ON x.contract_id = c.id
  CROSS JOIN LATERAL (
       SELECT sum(d.amount)::bigint AS paid,
              (SELECT coalesce(sum(k.amount), 0)::bigint FROM ended_deposit k
                WHERE k.contract_id = c.id AND k.status NOT IN ('entered', 'rejected')) AS decided,
              (SELECT coalesce(sum(k.amount), 0)::bigint FROM ended_deposit k
                WHERE k.contract_id = c.id AND k.status = 'return-due') AS due_back,
              (SELECT coalesce(sum(r.amount), 0)::bigint FROM advance_repayment r
                WHERE r.contract_id = c.id AND r.status = 'confirmed') AS repaid
         FROM house_deposit d JOIN deposit_holder o ON o.deposit_id = d.id
        WHERE o.house_id = h.id AND o.contract_id = c.id) p
 WHERE c.status = 'cancelled' AND c.id > %(after)s AND (p.paid > p.decided OR p.due_back > 0)
 ORDER BY c.id LIMIT %(limit)s
"""
_DECISIONS = """
SELECT k.*, c.contract_no, h.unit_code, e.full_name AS enterer, d.full_name AS decider, r.receipt_no,
       f.account_no, o.instruction_no, o.status AS order_status
  FROM ended_deposit k JOIN contract c ON c.id = k.contract_id JOIN house_deposit g ON g.id = k.deposit_id
  JOIN deposit_place l ON l.deposit_id = g.id JOIN house h ON h.id = l.house_id
  JOIN fund_receipt r ON r.id = g.receipt_id
  JOIN fund_account f ON f.id = r.fund_account_id JOIN officer e ON e.id = k.entered_by
  LEFT JOIN officer d ON d.id = k.decided_by
  LEFT JOIN LATERAL (SELECT instruction_no, status FROM fund_order WHERE source = 'ended:' || k.id
                      ORDER BY id DESC LIMIT 1) o ON true
"""


def waiting(session: Session, *, after: int, limit: int) -> list[Any]:
    """Cancelled contracts whose deposits are not all dealt with, the oldest first (待处置清单)."""
    return ask(session, _WAITING, {"after": after, "limit": limit}, named=True)


def decisions(session: Session, contract_id: int) -> list[Any]:
    """What was decided of one contract's deposits, by whom, when, by which law (处置经过)."""
    return ask(session, f"{_DECISIONS} WHERE k.contract_id = %s ORDER BY k.id", (contract_id,),
               named=True)  # fmt: skip


def decision(session: Session, ended_id: int) -> Any:
    """One decision, None when there is no such number (一件处置)."""
    rows = ask(session, f"{_DECISIONS} WHERE k.id = %s", (ended_id,), named=True)
    return rows[0] if rows else None
