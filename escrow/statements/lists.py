"""Statements for reading: the list, one with its lines, what changed between its versions (对账单查询)."""

from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from config.clock import bureau_time
from ledger.money import yuan_of

_COLUMNS = """
SELECT s.*, a.account_no, a.account_name, a.bank_code, p.name AS project_name, p.region,
       encode(f.sha256, 'hex') AS sha256, f.size, f.bank_code AS sent_by_bank, o.full_name AS sent_by,
       (SELECT max(n.version) FROM statement n
         WHERE n.account_id = s.account_id AND n.business_date = s.business_date) AS newest
  FROM statement s JOIN supervised_account a ON a.id = s.account_id JOIN project p ON p.id = a.project_id
  JOIN statement_file f ON f.id = s.file_id LEFT JOIN officer o ON o.id = f.officer_id
"""
_BY_FILE = text(_COLUMNS + " WHERE s.file_id = :file_id")
_BY_NUMBER = text(_COLUMNS + " WHERE s.statement_no = :number")
_LIST = text(_COLUMNS + " WHERE s.id < :before ORDER BY s.id DESC LIMIT :limit")
_OF_ACCOUNT = text(
    _COLUMNS + " WHERE a.account_no = :account_no AND s.id < :before ORDER BY s.id DESC LIMIT :limit"
)
_VERSIONS = text("""
SELECT statement_no, version, lines, received_at FROM statement
 WHERE account_id = :account_id AND business_date = :business_date ORDER BY version
""")
_FILES = text("""
SELECT f.id, encode(f.sha256, 'hex') AS sha256, f.size, f.media, f.bank_code, f.stored_at, f.status,
       f.bytes_read, f.lines_read, f.faults, o.full_name AS officer, s.statement_no,
       CASE WHEN NOT EXISTS (SELECT FROM statement n WHERE n.account_id = s.account_id
                                AND n.business_date = s.business_date AND n.version > s.version)
            THEN s.status END AS stands,
       (SELECT count(*) FROM statement_match m
         WHERE m.statement_id = s.id AND s.status = 'matching') AS paired
  FROM statement_file f LEFT JOIN officer o ON o.id = f.officer_id LEFT JOIN statement s ON s.file_id = f.id
""")
_LINES = text("""
SELECT l.*, m.how, m.entry_id FROM statement_line l
  LEFT JOIN statement_match m ON m.statement_id = l.statement_id AND m.line_no = l.line_no
 WHERE l.statement_id = :id AND l.line_no > :after ORDER BY l.line_no LIMIT :limit
""")
# Line by line under the same serial, counted; what is the same on both sides is left out.
_CHANGES = text("""
WITH line AS (
    SELECT l.*, l.statement_id = :new AS is_new,
           row_number() OVER (PARTITION BY l.statement_id, l.bank_serial, l.direction
                              ORDER BY l.line_no) AS nth
      FROM statement_line l WHERE l.statement_id IN (:new, :old)
)
SELECT coalesce(n.bank_serial, o.bank_serial) AS bank_serial,
       coalesce(n.direction, o.direction) AS direction, n.amount, o.amount AS amount_before,
       n.value_date, o.value_date AS value_date_before,
       CASE WHEN o.line_no IS NULL THEN 'added' WHEN n.line_no IS NULL THEN 'removed'
            ELSE 'changed' END AS kind,
       count(*) OVER () AS total
  FROM (SELECT * FROM line WHERE is_new) n
  FULL JOIN (SELECT * FROM line WHERE NOT is_new) o USING (bank_serial, direction, nth)
 WHERE (n.amount, n.value_date, n.memo) IS DISTINCT FROM (o.amount, o.value_date, o.memo)
 ORDER BY coalesce(n.line_no, o.line_no) LIMIT 200
""")
_BEFORE = text("""
SELECT id FROM statement
 WHERE account_id = :account_id AND business_date = :business_date AND version = :version - 1
""")
CHANGE_LABELS = {"added": "新增", "removed": "撤去", "changed": "改动"}


def by_file(session: Session, file_id: int) -> Row[Any] | None:
    """The statement read from a file, if it was (由原文查对账单)."""
    return session.execute(_BY_FILE, {"file_id": file_id}).one_or_none()


def by_number(session: Session, number: str) -> Row[Any] | None:
    """One statement (对账单)."""
    return session.execute(_BY_NUMBER, {"number": number}).one_or_none()


def statements(
    session: Session, *, before: int | None, account_no: str | None, limit: int
) -> list[Row[Any]]:  # fmt: skip
    """Newest first, from a key backwards; of one account where it is named (对账单清单)."""
    asked = {"before": before or 2**31 - 1, "limit": limit}
    if account_no is None:
        return list(session.execute(_LIST, asked))
    return list(session.execute(_OF_ACCOUNT, {**asked, "account_no": account_no}))


def versions(session: Session, row: Row[Any]) -> list[Row[Any]]:
    """Every version of one account and day (各版本)."""
    told = {"account_id": row.account_id, "business_date": row.business_date}
    return list(session.execute(_VERSIONS, told))


def lines(session: Session, statement_id: int, *, after: int, limit: int) -> list[Row[Any]]:
    """Lines in their order, from a number onwards (逐笔)."""
    return list(session.execute(_LINES, {"id": statement_id, "after": after, "limit": limit}))


def changes(session: Session, row: Row[Any]) -> list[Row[Any]]:
    """What this version says otherwise than the one before it, two hundred at most (版本差别)."""
    told = {"account_id": row.account_id, "business_date": row.business_date, "version": row.version}
    earlier = session.scalar(_BEFORE, told)
    return list(session.execute(_CHANGES, {"new": row.id, "old": earlier})) if earlier else []


def file(session: Session, file_id: int) -> Row[Any] | None:
    """A file and how far it is read (原文)."""
    return session.execute(text(f"{_FILES.text} WHERE f.id = :id"), {"id": file_id}).one_or_none()


def unread_files(session: Session) -> list[Row[Any]]:
    """Files not accepted, the newest first: waiting, being read, refused (未接收的文件)."""
    query = text(f"{_FILES.text} WHERE f.status <> 'accepted' ORDER BY f.id DESC LIMIT 20")
    return list(session.execute(query))


def told(session: Session, row: Row[Any]) -> dict[str, Any]:
    """A statement as its door answers (接口应答)."""
    found = changes(session, row)
    return {
        "statement_no": row.statement_no, "account_no": row.account_no,
        "business_date": row.business_date.isoformat(), "version": row.version, "lines": row.lines,
        "opening": yuan_of(row.opening), "closing": yuan_of(row.closing), "status": row.status,
        "received_at": bureau_time(row.received_at).isoformat(),
        "changes": [
            {
                "kind": one.kind, "bank_serial": one.bank_serial,
                "amount": None if one.amount is None else yuan_of(one.amount),
                "amount_before": None if one.amount_before is None else yuan_of(one.amount_before),
            }
            for one in found
        ],
    }  # fmt: skip


_MOST = 500
_DIFFERENCES = text("""
SELECT d.id, d.kind, d.status, d.direction, d.bank_amount, d.ledger_amount, d.delta, d.closed_how, d.line_no,
       coalesce(l.bank_serial, r.bank_serial, v.bank_serial, x.bank_serial) AS bank_serial,
       NULL AS receipt_no, count(*) OVER () AS total
  FROM statement_difference d
  LEFT JOIN statement_line l ON l.statement_id = d.statement_id AND l.line_no = d.line_no
  LEFT JOIN receipt r ON r.entry_id = d.entry_id
  LEFT JOIN receipt_reversal v ON v.entry_id = d.entry_id
  LEFT JOIN instruction_result x ON x.entry_id = d.entry_id
 WHERE d.statement_id = :id AND d.live ORDER BY d.status DESC, d.id LIMIT :most
""")
_BOOKED = text("""
SELECT NULL::integer AS id, 'bank-only' AS kind, 'closed' AS status, l.direction, l.amount AS bank_amount,
       l.amount AS ledger_amount, 0 AS delta, 'booked' AS closed_how, l.line_no, l.bank_serial, r.receipt_no,
       count(*) OVER () AS total
  FROM statement_match m
  JOIN statement_line l ON l.statement_id = m.statement_id AND l.line_no = m.line_no
  JOIN receipt r ON r.entry_id = m.entry_id
 WHERE m.statement_id = :id AND m.how = 'booked' ORDER BY m.line_no LIMIT :most
""")


def differing(session: Session, statement_id: int) -> list[Row[Any]]:
    """What differs on a statement, the open first, then the credits booked from it (差异及补记)."""
    told = {"id": statement_id, "most": _MOST}
    return [*session.execute(_DIFFERENCES, told), *session.execute(_BOOKED, told)]


def total_of(found: list[Row[Any]]) -> int:
    """How many there are, also of those not listed (总件数)."""
    return sum({one.closed_how == "booked": one.total for one in found}.values())


def compared(session: Session, row: Row[Any]) -> dict[str, Any]:
    """How a statement stands against the book, as its door answers (勾对结果)."""
    found = differing(session, row.id)
    return {
        "matched": row.matched, "differences_total": total_of(found),
        "differences": [
            {
                "kind": one.kind, "status": one.status, "bank_serial": one.bank_serial,
                "direction": one.direction, "amount": _fen(one.bank_amount),
                "ledger_amount": _fen(one.ledger_amount), "message": difference_says(one),
            }
            for one in found
        ],
    }  # fmt: skip


def difference_says(one: Any) -> str:
    """A difference in one sentence (差异说明)."""
    if one.closed_how == "booked":
        return f"账簿原无此笔，已补记为不明入账 {one.receipt_no}，待认领"
    said = {
        "bank-only": "银行自行付出，没有本局指令；账户已暂停付款"
        if one.direction == "debit" else "银行已收，账簿未能补记，须人工查明",
        "ledger-only": "账簿已记，银行对账单没有这一笔",
        "amount-differs": "同一笔，银行与账簿金额不符",
        "duplicate": "同一流水号在对账单上重复出现",
        "date-differs": "同一笔，银行与账簿起息日不符",
        "balance-differs": "期初余额与上一份对账单（或账簿）不符：可能缺少中间日期的对账单，或账户尚未期初导入",
    }[one.kind]  # fmt: skip
    ended = {"matched": "；已勾对，或已用于解释另一件差异", "entries": "；已由新凭证解释", "superseded": "；已有新版对账单"}
    return said + ended.get(one.closed_how or "", "")


def _fen(fen: int | None) -> str | None:
    return None if fen is None else yuan_of(fen)


_DAY = text("""
SELECT d.*, o.full_name AS closer FROM account_day d LEFT JOIN officer o ON o.id = d.closed_by
 WHERE d.account_id = :account_id AND d.business_date = :day
""")


def day_report(session: Session, account_id: int, day: date) -> Row[Any] | None:
    """What a closed day of an account came to (日结报告)."""
    return session.execute(_DAY, {"account_id": account_id, "day": day}).one_or_none()
