"""One contract, one notice, as they stand: what later rooms wrote is read, not imported (合同现状)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from config.regulations import law_on
from escrow.contracts.rules import NoticeFacts, NoticeStatus, notice_status
from escrow.projects.rules import Home, Structure, UnitUse, maintenance_required
from ledger.money import ZERO, Yuan

# One statement is one snapshot: the notices, the money and the filing are seen at the same moment.
_CONTRACT = text("""
SELECT c.id, c.contract_no, c.status, c.version, c.price, c.drafted_at,
       p.project_no, p.name AS project_name, p.region, u.unit_code, u.room_no, u.area, u.use,
       b.building_no, b.structure,
       a.account_no, a.account_name, a.bank_code, a.status AS account_status,
       ARRAY(SELECT jsonb_build_object(
                 'notice_no', n.notice_no, 'payment_kind', n.payment_kind, 'source', n.source,
                 'amount', n.amount, 'paid', n.paid, 'due_on', n.due_on, 'voided', n.voided_at IS NOT NULL)
               FROM payment_notice n
              WHERE n.contract_id = c.id AND (n.voided_at IS NULL OR n.version = c.version)
              ORDER BY n.position, n.id) AS notices,
       ARRAY(SELECT jsonb_build_object(
                 'receipt_no', r.receipt_no, 'bank_serial', r.bank_serial, 'notice_no', n.notice_no,
                 'amount', s.amount, 'unmatched', coalesce(w.remainder, 0),
                 'value_date', r.value_date, 'channel', r.channel,
                 'payer', r.payer_name_masked, 'booked_at', r.booked_at, 'reversed', v.id IS NOT NULL)
               FROM receipt_allocation s
               JOIN receipt r ON r.id = s.receipt_id
               JOIN payment_notice n ON n.id = s.notice_id
               LEFT JOIN receipt_reversal v ON v.receipt_id = r.id
               LEFT JOIN unmatched_receipt w ON w.receipt_id = r.id
              WHERE s.contract_id = c.id ORDER BY r.id) AS receipts,
       ARRAY(SELECT jsonb_build_object('name', y.name_masked, 'id_type', y.id_type,
                                       'id_no', y.id_no_masked, 'phone', y.phone_masked)
               FROM party y WHERE y.contract_id = c.id AND y.version = c.version
              ORDER BY y.position) AS buyers,
       (SELECT jsonb_build_object('check_no', k.check_no, 'decision', k.decision,
                                  'checked_at', k.checked_at, 'valid_until', k.valid_until)
          FROM deposit_check k WHERE k.contract_id = c.id ORDER BY k.id DESC LIMIT 1) AS last_check,
       coalesce(
           (SELECT jsonb_build_object('filing_no', f.filing_no, 'check_no', k.check_no,
                                      'filed_on', f.filed_on, 'filed_at', f.filed_at)
              FROM contract_filing f JOIN deposit_check k ON k.id = f.check_id
             WHERE f.contract_id = c.id),
           (SELECT jsonb_build_object('filing_no', o.filing_no, 'check_no', q.opening_no,
                                      'filed_on', o.filed_on, 'filed_at', q.decided_at)
              FROM opening_contract o JOIN account_opening q ON q.id = o.opening_id
             WHERE o.contract_id = c.id AND o.filing_no IS NOT NULL)) AS filing,
       (SELECT jsonb_build_object('cancelled_on', x.cancelled_on, 'reason', x.reason)
          FROM contract_cancellation x WHERE x.contract_id = c.id) AS cancellation,
       (SELECT coalesce(sum(f.amount), 0) FROM refund f
         WHERE f.contract_id = c.id AND f.status IN ('due', 'issued'))::bigint AS refunded,
       (SELECT v.advanced FROM unit_advance v
         WHERE v.unit_id = c.unit_id AND c.status <> 'cancelled') AS advanced,
       (SELECT v.first_due FROM unit_advance v WHERE v.unit_id = c.unit_id) AS first_due
  FROM contract c
  JOIN project p ON p.id = c.project_id
  JOIN unit u ON u.id = c.unit_id
  JOIN building b ON b.id = u.building_id
  LEFT JOIN LATERAL (SELECT * FROM supervised_account s WHERE s.project_id = p.id
                      ORDER BY s.status = 'closed', s.id DESC LIMIT 1) a ON true
 WHERE c.contract_no = :contract_no
""")

_NOTICE = text("""
SELECT n.notice_no, n.amount, n.paid, n.due_on, n.payment_kind,
       n.voided_at IS NOT NULL
       OR EXISTS (SELECT FROM released_building r WHERE r.building_id = u.building_id) AS voided,
       c.contract_no, c.status = 'cancelled' AS cancelled, u.unit_code, p.name AS project_name,
       a.account_no, a.account_name,
       (SELECT string_agg(y.name_masked, '、' ORDER BY y.position) FROM party y
         WHERE y.contract_id = c.id AND y.version = c.version) AS buyer_name_masked
  FROM payment_notice n
  JOIN contract c ON c.id = n.contract_id
  JOIN unit u ON u.id = c.unit_id
  JOIN project p ON p.id = c.project_id
  JOIN LATERAL (SELECT * FROM supervised_account s WHERE s.project_id = p.id
                 ORDER BY s.status = 'closed', s.id DESC LIMIT 1) a ON true
 WHERE n.notice_no = :notice_no AND a.bank_code = :bank_code
""")

_NUMBERED = text("""
SELECT c.contract_no, c.status, u.unit_code, c.drafted_at
  FROM contract c JOIN unit u ON u.id = c.unit_id
 WHERE c.contract_no = :number OR u.unit_code = :number
    OR c.id = (SELECT n.contract_id FROM payment_notice n WHERE n.notice_no = :number)
 ORDER BY c.id DESC LIMIT 20
""")


@dataclass(frozen=True, slots=True)
class Seen:
    """A contract as it stands (合同现状)."""

    row: Row[Any]
    notices: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    deposited: Yuan
    maintenance: Yuan
    advanced: Yuan

    @property
    def price(self) -> Yuan:
        """The contract's price (总价)."""
        return Yuan.from_fen(self.row.price)

    @property
    def to_refund(self) -> Yuan:
        """What was paid and has not been made payable again (尚待退款)."""
        return self.deposited - Yuan.from_fen(self.row.refunded)


def contract_seen(session: Session, contract_no: str) -> Seen | None:
    """Everything there is to say of one contract, personal data masked (查合同)."""
    row = session.execute(_CONTRACT, {"contract_no": contract_no}).one_or_none()
    if row is None:
        return None
    today = bureau_day()
    cancelled = row.status == "cancelled"
    receipts = [_receipt(one) for one in row.receipts]
    home = Home(row.area, Structure(row.structure), UnitUse(row.use), Yuan.from_fen(row.price))
    return Seen(
        row=row,
        notices=[_notice(one, today, cancelled=cancelled) for one in row.notices],
        receipts=receipts,
        deposited=sum((one["amount"] for one in receipts if not one["reversed"]), ZERO),
        maintenance=_maintenance(row, home, today),
        advanced=Yuan.from_fen(row.advanced or 0),
    )


def notice_seen(session: Session, notice_no: str, bank_code: str) -> dict[str, Any] | None:
    """A payment notice as the bank that keeps the account may see it (核验通知书)."""
    row = session.execute(_NOTICE, {"notice_no": notice_no, "bank_code": bank_code}).one_or_none()
    if row is None:
        return None
    amount, paid = Yuan.from_fen(row.amount), Yuan.from_fen(row.paid)
    facts = NoticeFacts(amount, paid, row.due_on, voided=row.voided, cancelled=row.cancelled)
    return {
        "notice_no": row.notice_no, "status": notice_status(facts, bureau_day()).value,
        "contract_no": row.contract_no, "unit_code": row.unit_code, "project_name": row.project_name,
        "buyer_name_masked": row.buyer_name_masked, "account_no": row.account_no,
        "account_name": row.account_name, "payment_kind": row.payment_kind,
        "amount": str(amount), "paid": str(paid), "due_on": row.due_on.isoformat(),
    }  # fmt: skip


def numbered(session: Session, number: str) -> list[Row[Any]]:
    """Contracts found by their own, a notice's or a unit's number, the newest first (按号查合同)."""
    return list(session.execute(_NUMBERED, {"number": number}))


def body(seen: Seen) -> dict[str, Any]:
    """A contract as the filing system sees it (合同答复)."""
    row = seen.row
    return {
        "contract_no": row.contract_no, "status": row.status, "version": row.version,
        "price": str(seen.price), "deposited": str(seen.deposited),
        "notices": [
            {
                "notice_no": one["notice_no"], "payment_kind": one["payment_kind"],
                "amount": str(one["amount"]), "due_on": one["due_on"].isoformat(),
                "paid": str(one["paid"]), "status": one["status"].value,
            }
            for one in seen.notices
        ],
        "receipts": [
            {
                "receipt_no": one["receipt_no"], "bank_serial": one["bank_serial"],
                "notice_no": one["notice_no"], "amount": str(one["amount"]),
                "booked_at": shown(one["booked_at"]), "status": one["status"],
            }
            for one in seen.receipts
        ],
        "last_check": _instants(row.last_check, "checked_at", "valid_until"),
        "filing": _instants(row.filing, "filed_at"),
        "maintenance": {"required": str(seen.maintenance), "advanced": str(seen.advanced)},
    }  # fmt: skip


def shown(instant: datetime) -> str:
    """An instant as our answers show it (时刻)."""
    return bureau_time(instant).isoformat(timespec="seconds")


def _maintenance(row: Row[Any], home: Home, today: date) -> Yuan:
    """What filing asks for the maintenance fund; paid in full once, it stays as it was then (维修资金应缴)."""
    required = maintenance_required(home, law_on(today, "maintenance_fund", row.region))
    return Yuan.from_fen(row.first_due) if row.first_due is not None and required > ZERO else required


def _notice(one: dict[str, Any], today: date, *, cancelled: bool) -> dict[str, Any]:
    amount, paid = Yuan.from_fen(one["amount"]), Yuan.from_fen(one["paid"])
    due_on = date.fromisoformat(one["due_on"])
    status: NoticeStatus = notice_status(NoticeFacts(amount, paid, due_on, one["voided"], cancelled), today)
    return {**one, "amount": amount, "paid": paid, "due_on": due_on, "status": status}


def _receipt(one: dict[str, Any]) -> dict[str, Any]:
    amount = Yuan.from_fen(one["amount"])
    status = "reversed" if one["reversed"] else "partly_matched" if one["unmatched"] else "confirmed"
    booked_at = datetime.fromisoformat(one["booked_at"])
    return {**one, "amount": amount, "booked_at": booked_at, "status": status}


def _instants(found: dict[str, Any] | None, *names: str) -> dict[str, Any] | None:
    if found is None:
        return None
    said = {name: shown(datetime.fromisoformat(found[name])) for name in names if found[name] is not None}
    return {**found, **said}
