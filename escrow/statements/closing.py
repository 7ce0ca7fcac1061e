"""A day of an account is closed: bank and book agree, the root of the seals is signed and leaves (日结)."""

from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from config.database import Database
from config.regulations import law_on
from escrow.access import audit
from escrow.errors import NotFound, Refused
from escrow.filing.signing import sign
from escrow.outbox import emit
from escrow.statements.day_rules import DayFacts, day_refusals
from escrow.statements.rules import StatementStatus
from ledger.journal import close_day
from ledger.money import yuan_of
from ledger.seals import day_root, seal

_FACTS = text("""
SELECT a.id, a.account_no, a.book_id, a.bank_code, p.region, s.id AS statement_id, s.statement_no, s.status,
       coalesce(s.closing, 0) AS closing,
       EXISTS (SELECT FROM account_day d WHERE d.account_id = a.id AND d.business_date = :day) AS is_closed,
       (SELECT count(*) FROM statement_difference d WHERE d.account_id = a.id AND d.status = 'open'
           AND d.on_date <= :day) AS open_differences,
       (SELECT min(e.business_date) FROM statement e WHERE e.account_id = a.id AND e.business_date < :day
           AND NOT EXISTS (SELECT FROM account_day d WHERE d.account_id = a.id
                              AND d.business_date = e.business_date)) AS earlier_open,
       ledger_at_bank(a.id, :day) AS ledger, in_transit(a.id, :day) AS transit
  FROM supervised_account a JOIN project p ON p.id = a.project_id
  LEFT JOIN live_statement s ON s.account_id = a.id AND s.business_date = :day
 WHERE a.id = :account
""")
_CLOSE = text("""
INSERT INTO account_day (account_id, business_date, statement_id, closing, transit, ledger, seal_no, root,
                         signature, closed_by)
VALUES (:account, :day, :statement_id, :closing, :transit, :ledger, :seal_no, :root, :signature, :officer_id)
RETURNING closed_at
""")
_READY = text("""
SELECT s.account_id, min(s.business_date) AS day FROM live_statement s
 WHERE s.business_date < :today
   AND NOT EXISTS (SELECT FROM account_day d WHERE d.account_id = s.account_id
                      AND d.business_date = s.business_date)
 GROUP BY s.account_id HAVING min(s.business_date) FILTER (WHERE s.status <> 'matched') IS NULL
     OR min(s.business_date) FILTER (WHERE s.status <> 'matched') > min(s.business_date)
 ORDER BY s.account_id
""")


def ready(session: Session) -> list[tuple[int, date]]:
    """The earliest open day of each account, where its statement is matched (可日结的账户)."""
    return [(row.account_id, row.day) for row in session.execute(_READY, {"today": bureau_day()})]


def close(database: Database, account_id: int, day: date, *, officer_id: int | None = None) -> str:
    """Close a day (日结); the root that was signed. Raises NotFound or Refused with every reason."""
    with database.begin() as session:
        seal(session)
    return database.transact(lambda session: _close(session, account_id, day, officer_id))


def facts_of(session: Session, account_id: int, day: date) -> tuple[DayFacts, Row[Any]]:
    """What a day is judged by (日结事实). Raises NotFound."""
    row = session.execute(_FACTS, {"account": account_id, "day": day}).one_or_none()
    if row is None:
        raise NotFound("没有这个监管账户")
    status = StatementStatus(row.status) if row.status else None
    return DayFacts(
        day, bureau_day(), status, row.is_closed, row.open_differences, row.earlier_open, row.closing,
        row.ledger, row.transit,
    ), row  # fmt: skip


def _close(session: Session, account_id: int, day: date, officer_id: int | None) -> str:
    query = text("SELECT FROM supervised_account WHERE id = :account FOR UPDATE")
    session.execute(query, {"account": account_id})
    facts, row = facts_of(session, account_id, day)
    if reasons := day_refusals(facts, law_on(bureau_day(), "presale_funds", row.region)):
        raise Refused(reasons)
    close_day(session, row.book_id, day)
    root = day_root(session, row.book_id, day)
    report = {
        "account_no": row.account_no, "business_date": day.isoformat(), "statement_no": row.statement_no,
        "closing": yuan_of(facts.closing), "in_transit": yuan_of(facts.transit),
        "ledger": yuan_of(facts.ledger),
        "seal_no": root.head.no, "seal_hash": root.head.hash, "root": root.digest,
    }  # fmt: skip
    signature = sign(report)
    closed_at = session.scalar(_CLOSE, {
        "account": account_id, "day": day, "statement_id": row.statement_id, "closing": facts.closing,
        "transit": facts.transit, "ledger": facts.ledger, "seal_no": root.head.no, "root": root.digest,
        "signature": signature, "officer_id": officer_id,
    })  # fmt: skip
    told = {**report, "signature": signature, "closed_at": bureau_time(closed_at).isoformat()}
    emit(session, "day.closed", f"{row.account_no}:{day}", told, audience=[f"bank:{row.bank_code}"])
    audit.record(
        session, "day.closed", f"{row.account_no}:{day}", statement_no=row.statement_no, root=root.digest
    )
    return root.digest
