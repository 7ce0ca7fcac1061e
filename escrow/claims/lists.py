"""Unmatched money for reading: the worklist with its suggestions, one receipt with its history (待认领查询)."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from config.settings import Settings
from escrow.access.sealing import SealBroken, unseal
from ledger.wire import ask

# A notice of the account's own contracts that still asks for money, and how it meets the receipt: by the
# number the bank or the payer wrote, by the amount, by what is shown of the payer's name.
_CANDIDATES = """
SELECT n.id, n.notice_no, c.contract_no, n.amount, n.paid, n.source, b.building_no, u.room_no,
       (SELECT min(p.name_masked) FROM party p
         WHERE p.contract_id = c.id AND p.version = c.version
           AND p.name_masked = r.payer_name_masked) AS name,
       coalesce(n.notice_no = r.notice_no, false)
       OR coalesce(strpos(r.memo, n.notice_no) > 0 OR strpos(r.memo, c.contract_no) > 0, false) AS by_number,
       n.amount - n.paid = w.remainder AS by_amount
  FROM contract c JOIN payment_notice n ON n.contract_id = c.id AND n.voided_at IS NULL AND n.paid < n.amount
  JOIN unit u ON u.id = c.unit_id JOIN building b ON b.id = u.building_id
 WHERE c.project_id = a.project_id AND c.status <> 'cancelled'
   AND NOT EXISTS (SELECT FROM released_building d WHERE d.building_id = b.id)
"""
_BEST = "(m.by_number::integer * 4 + m.by_amount::integer * 2 + (m.name IS NOT NULL)::integer)"
_OPEN = f"""
WITH listed AS (
    SELECT u.receipt_id, u.account_id, u.remainder FROM unmatched_receipt u
     WHERE u.remainder > 0 AND u.receipt_id > %(after)s ORDER BY u.receipt_id LIMIT %(limit)s
)
SELECT r.id, r.receipt_no, r.bank_serial, r.amount, w.remainder, r.value_date, r.booked_at, r.channel,
       r.payer_name_masked, r.memo, a.account_no, p.name AS project_name, p.region,
       k.id AS waiting, k.kind AS waiting_kind,
       best.notice_no AS best_no, best.contract_no AS best_contract, best.by_number, best.by_amount, best.name
  FROM listed w JOIN receipt r ON r.id = w.receipt_id
  JOIN supervised_account a ON a.id = w.account_id JOIN project p ON p.id = a.project_id
  LEFT JOIN receipt_claim k ON k.receipt_id = r.id AND k.status = 'entered'
  LEFT JOIN LATERAL (SELECT m.* FROM ({_CANDIDATES}) m WHERE {_BEST} > 0
                      ORDER BY {_BEST} DESC, m.id LIMIT 1) best ON true
 ORDER BY r.id
"""  # noqa: S608 - nothing but this page's own words is put together here
_ONE = """
SELECT r.id, r.receipt_no, r.bank_serial, r.amount, coalesce(w.remainder, 0) AS remainder, r.value_date,
       r.booked_at, r.channel, r.notice_no, r.payer_name_masked, r.payer_name_sealed, r.payer_account_masked,
       r.payer_account_sealed, r.memo, a.account_no, a.id AS account_id, p.name AS project_name, p.project_no,
       p.region, v.reversed_at
  FROM receipt r JOIN supervised_account a ON a.id = r.account_id JOIN project p ON p.id = a.project_id
  LEFT JOIN unmatched_receipt w ON w.receipt_id = r.id LEFT JOIN receipt_reversal v ON v.receipt_id = r.id
 WHERE r.receipt_no = %(receipt_no)s
"""
_SUGGESTED = f"""
SELECT m.*, {_BEST} AS score
  FROM receipt r JOIN unmatched_receipt w ON w.receipt_id = r.id
  JOIN supervised_account a ON a.id = r.account_id, LATERAL ({_CANDIDATES}) m
 WHERE r.id = %(receipt_id)s AND {_BEST} > 0 ORDER BY score DESC, m.id LIMIT 20
"""  # noqa: S608 - as above
_BUYERS = text("""
SELECT c.contract_no, p.version, p.position, p.name_sealed
  FROM party p JOIN contract c ON c.id = p.contract_id
 WHERE c.contract_no = ANY (:contracts) AND p.version = c.version
""")
_HISTORY = text("""
SELECT k.*, e.full_name AS enterer, d.full_name AS decider,
       ARRAY(SELECT jsonb_build_object('notice_no', n.notice_no, 'contract_no', c.contract_no,
                                       'amount', s.amount)
               FROM receipt_claim_part s JOIN payment_notice n ON n.id = s.notice_id
               JOIN contract c ON c.id = s.contract_id WHERE s.claim_id = k.id ORDER BY n.id) AS parts,
       ARRAY(SELECT jsonb_build_object('instruction_no', i.instruction_no, 'status', i.status)
               FROM receipt_return_order o JOIN instruction i ON i.id = o.instruction_id
              WHERE o.claim_id = k.id ORDER BY i.id) AS orders
  FROM receipt_claim k JOIN officer e ON e.id = k.entered_by LEFT JOIN officer d ON d.id = k.decided_by
 WHERE k.receipt_id = :receipt_id ORDER BY k.id
""")
_MATCHED = text("""
SELECT n.notice_no, c.contract_no, s.amount FROM receipt_allocation s
  JOIN payment_notice n ON n.id = s.notice_id JOIN contract c ON c.id = s.contract_id
 WHERE s.receipt_id = :receipt_id ORDER BY s.id
""")


# What the bank owes the account, by the reversal that left it owing, or none (应收银行更正款).
_RECEIVABLES = text("""
SELECT a.key, b.balance, r.receipt_no, v.reversed_at
  FROM supervised_account s
  JOIN ledger.account a ON a.book_id = s.book_id AND a.code = '1301'
  JOIN ledger.balance b ON b.account_id = a.id AND b.balance > 0
  LEFT JOIN receipt r ON a.key = 'receipt:' || r.id
  LEFT JOIN receipt_reversal v ON v.receipt_id = r.id
 WHERE s.id = living_account(:account_id) ORDER BY a.id
""")


def receivables(session: Session, account_id: int) -> list[Row[Any]]:
    """What the bank still owes the account, each by itself (应收银行更正款)."""
    return list(session.execute(_RECEIVABLES, {"account_id": account_id}))


def open_receipts(session: Session, *, after: int, limit: int) -> list[Any]:
    """What waits longest first, from a key on, each with the notice it most likely belongs to (待认领清单)."""
    return ask(session, _OPEN, {"after": after, "limit": limit}, named=True)


def receipt(session: Session, receipt_no: str) -> Any:
    """One receipt, None when there is no such number (入账)."""
    rows = ask(session, _ONE, {"receipt_no": receipt_no}, named=True)
    return rows[0] if rows else None


def suggestions(session: Session, row: Any, told: Settings) -> list[tuple[Any, bool]]:
    """Notices that meet the receipt, the names compared in full; whether a buyer is who paid (建议)."""
    found = ask(session, _SUGGESTED, {"receipt_id": row.id}, named=True)
    named = _payers(session, row, [one.contract_no for one in found if one.name], told)
    ranked = [(one, one.contract_no in named) for one in found]
    # What only looked alike by the first character of a name is no suggestion.
    kept = [(one, same) for one, same in ranked if one.by_number or one.by_amount or same]
    return sorted(kept, key=lambda pair: -(4 * pair[0].by_number + 2 * pair[0].by_amount + 3 * pair[1]))


def _payers(session: Session, row: Any, contracts: list[str], told: Settings) -> set[str]:
    """The contracts of which a buyer bears the payer's name (付款人即买受人的合同)."""
    found = set()
    try:
        paid = "".join(unseal(bytes(row.payer_name_sealed), told).split())
        for buyer in session.execute(_BUYERS, {"contracts": contracts}):
            context = f"party:{buyer.contract_no}:{buyer.version}:{buyer.position}:name"
            if paid and "".join(unseal(bytes(buyer.name_sealed), told, context=context).split()) == paid:
                found.add(buyer.contract_no)
    except SealBroken:
        return set()
    return found


def history(session: Session, receipt_id: int) -> list[Row[Any]]:
    """What was done with it, by whom and when, oldest first (办理经过)."""
    return list(session.execute(_HISTORY, {"receipt_id": receipt_id}))


def matched(session: Session, receipt_id: int) -> list[Row[Any]]:
    """Which notices it belongs to already (已归合同)."""
    return list(session.execute(_MATCHED, {"receipt_id": receipt_id}))
