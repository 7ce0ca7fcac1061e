"""What the pages of fund orders show: orders, stopped accounts, what is due to be returned (付款指令清单)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from escrow.access.sealing import mask_name
from escrow.instructions.rules import OPEN
from ledger.wire import ask

_BEYOND = 2**31 - 1
_ORDERS = """
SELECT o.id, o.instruction_no, o.kind, o.amount, o.payee_name_masked, o.payee_account_masked, o.payee_bank,
       o.purpose, o.status, o.issued_at, o.expires_on, f.account_no, f.id AS fund_id, i.full_name AS issuer
  FROM fund_order o JOIN fund_account f ON f.id = o.fund_account_id JOIN officer i ON i.id = o.issued_by
 WHERE o.id < %(before)s AND (%(statuses)s::text[] IS NULL OR o.status = ANY (%(statuses)s))
   AND (%(find)s = '' OR %(find)s IN (o.instruction_no, f.account_no, o.source, o.payee_name_masked)
        OR o.payee_name_masked = %(name)s)
 ORDER BY o.id DESC LIMIT %(limit)s
"""
_ORDER = """
SELECT o.*, f.account_no, f.account_name, f.bank_code, i.full_name AS issuer, d.full_name AS decider,
       q.full_name AS cancel_asker, c.full_name AS canceller
  FROM fund_order o JOIN fund_account f ON f.id = o.fund_account_id JOIN officer i ON i.id = o.issued_by
  JOIN officer d ON d.id = o.decided_by LEFT JOIN officer q ON q.id = o.cancel_asked_by
  LEFT JOIN officer c ON c.id = o.cancelled_by
 WHERE o.instruction_no = %s
"""
_RESULTS = "SELECT * FROM fund_order_result WHERE order_id = %s ORDER BY id"
_ACCOUNTS = """
SELECT r.*, e.full_name AS enterer, d.full_name AS decider FROM return_account r
  JOIN officer e ON e.id = r.entered_by LEFT JOIN officer d ON d.id = r.decided_by
 WHERE r.source = %s ORDER BY r.id
"""
_STOPPED = """
SELECT s.id, s.fund_account_id, s.cause, s.suspended_at, s.asked_by, s.reason, f.account_no, f.account_name,
       o.full_name AS asker
  FROM fund_suspension s JOIN fund_account f ON f.id = s.fund_account_id
  LEFT JOIN officer o ON o.id = s.asked_by
 WHERE s.reopened_by IS NULL ORDER BY s.id DESC LIMIT 50
"""
# What two officers have decided to return, with the order that pays it or last tried to.
_DUE = """
SELECT k.id, k.apart_id, k.amount, k.payee, k.payee_name_masked, k.payee_account_masked, k.payee_bank,
       k.document_no, k.decided_by, k.decided_at, d.full_name AS decider, a.unit_code, a.message,
       r.receipt_no, f.account_no, o.instruction_no, o.status AS order_status
  FROM apart_decision k JOIN apart_money a ON a.id = k.apart_id JOIN fund_receipt r ON r.id = a.receipt_id
  JOIN fund_account f ON f.id = r.fund_account_id JOIN officer d ON d.id = k.decided_by
  LEFT JOIN LATERAL (SELECT instruction_no, status FROM fund_order WHERE source = 'apart:' || k.id
                      ORDER BY id DESC LIMIT 1) o ON true
 WHERE k.status = 'return-due' AND k.id > %(after)s ORDER BY k.id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders are asked for (查询条件)."""

    find: str = ""
    status: str = ""
    before: int | None = None


def orders(session: Session, wanted: Wanted, *, limit: int) -> list[Any]:
    """Newest first; a person is found by the whole name's mask (指令清单)."""
    statuses = {"": None, "open": [one.value for one in OPEN]}.get(wanted.status, [wanted.status])
    told = {
        "before": wanted.before or _BEYOND, "statuses": statuses, "find": wanted.find, "limit": limit,
        "name": mask_name(wanted.find),
    }  # fmt: skip
    return ask(session, _ORDERS, told, named=True)


def order(session: Session, number: str) -> Any:
    """One order, None when there is no such number (指令)."""
    rows = ask(session, _ORDER, (number,), named=True)
    return rows[0] if rows else None


def results(session: Session, order_id: int) -> list[Any]:
    """What the bank said of it, message by message (银行历次答复)."""
    return ask(session, _RESULTS, (order_id,), named=True)


def accounts(session: Session, source: str) -> list[Any]:
    """Other accounts that were named for a return, by whom and when (改退经过)."""
    return ask(session, _ACCOUNTS, (source,), named=True)


def stopped(session: Session) -> list[Any]:
    """Accounts that pay nobody now, and why (已停付的专户)."""
    return ask(session, _STOPPED, (), named=True)


def returns_due(session: Session, *, after: int, limit: int) -> list[Any]:
    """What is to be returned and not yet paid, the oldest first (应退待付清单)."""
    return ask(session, _DUE, {"after": after, "limit": limit}, named=True)
