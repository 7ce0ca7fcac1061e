"""Every line of the bank finds its entry of the book, and what finds none is a difference (勾对).

By serial, then by amount and day, then by the notice named; set by set, for one account at a time. Each step
may be run twice and at the same time as itself: what it writes is unique.
"""

from typing import Any

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from config.database import Database
from config.settings import Settings
from escrow.access import audit
from escrow.outbox import emit
from escrow.statements.acknowledging import acknowledge
from escrow.statements.booking import Place, book
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.rules import AccountStatus
from escrow.supervision.suspensions import suspend
from ledger.money import yuan_of

log = structlog.get_logger()

_BEGIN = text("""
UPDATE statement SET status = 'matching' WHERE account_id = :account AND status IN ('received', 'differences')
   AND EXISTS (SELECT FROM live_statement l WHERE l.account_id = :account AND l.id = statement.id)
""")
_LET_GO = (
    text("""
    UPDATE statement_match m SET live = false FROM statement s
     WHERE m.live AND s.id = m.statement_id AND s.account_id = :account
       AND EXISTS (SELECT FROM statement n WHERE n.account_id = s.account_id
                      AND n.business_date = s.business_date AND n.version > s.version)
    """),
    text("""
    UPDATE statement_difference d SET live = false,
           closed_at = coalesce(d.closed_at, clock_timestamp()),
           closed_how = coalesce(d.closed_how, 'superseded'), status = 'closed'
      FROM statement s
     WHERE d.live AND s.id = d.statement_id AND d.account_id = :account
       AND EXISTS (SELECT FROM statement n WHERE n.account_id = s.account_id
                      AND n.business_date = s.business_date AND n.version > s.version)
    """),
    text("""
    UPDATE difference_entry e SET live = false FROM statement_difference d
     WHERE e.live AND d.id = e.difference_id AND d.account_id = :account AND NOT d.live
    """),
)
_INTO = """
INSERT INTO statement_match (statement_id, line_no, account_id, entry_id, how, class)
SELECT p.statement_id, p.line_no, :account, p.entry_id, :how,
       CASE WHEN p.line_amount <> p.amount THEN 'amount-differs'
            WHEN p.line_date <> p.value_date THEN 'date-differs' ELSE 'matched' END
  FROM (SELECT l.statement_id, l.line_no, l.amount AS line_amount, l.value_date AS line_date,
               m.entry_id, m.amount, m.value_date,
               row_number() OVER (PARTITION BY l.statement_id, l.line_no ORDER BY m.entry_id) AS of_line,
               row_number() OVER (PARTITION BY m.entry_id ORDER BY l.business_date, l.line_no) AS of_entry
          FROM {lines} l JOIN {movements} m ON {same}) p
 WHERE p.of_line = 1 AND p.of_entry = 1
ON CONFLICT DO NOTHING
"""
_LINES, _MOVEMENTS = "lines_to_match(:account)", "movements_to_match(:account)"
# The first of several equal lines goes with the first of several equal movements, the second with the second.
_NTH = """
(SELECT *, row_number() OVER (PARTITION BY direction, amount, value_date ORDER BY {0}) AS nth FROM {1} q)
"""
_PASSES = {
    "serial": _INTO.format(
        lines=_LINES, movements=_MOVEMENTS,
        same="m.bank_serial = l.bank_serial AND m.direction = l.direction",
    ),
    "amount": _INTO.format(
        lines=_NTH.format("business_date, line_no", _LINES), movements=_NTH.format("entry_id", _MOVEMENTS),
        same="m.direction = l.direction AND m.amount = l.amount AND m.value_date = l.value_date"
             " AND m.nth = l.nth",
    ),
    "notice": _INTO.format(
        lines=_LINES, movements=_MOVEMENTS,
        same="m.notice_no = substring(l.memo FROM 'JK[0-9]{8,20}') AND m.direction = l.direction",
    ),
}  # fmt: skip
_GONE = text("""
UPDATE statement_difference d SET status = 'closed', closed_how = 'matched', closed_at = clock_timestamp()
 WHERE d.account_id = :account AND d.status = 'open' AND CASE d.kind
       WHEN 'ledger-only' THEN EXISTS (
           SELECT FROM statement_match m WHERE m.entry_id = d.entry_id AND m.live)
           OR EXISTS (SELECT FROM difference_entry x WHERE x.entry_id = d.entry_id AND x.live)
       WHEN 'balance-differs' THEN NOT EXISTS (
           SELECT FROM standing_differences(:account) s WHERE s.kind = d.kind
              AND s.statement_id = d.statement_id AND s.delta = d.delta)
       ELSE d.kind IN ('bank-only', 'duplicate') AND EXISTS (
           SELECT FROM statement_match m WHERE m.statement_id = d.statement_id
              AND m.line_no = d.line_no AND m.live) END
""")
_FOUND = text("""
INSERT INTO statement_difference (account_id, statement_id, line_no, entry_id, kind, direction, bank_amount,
                                  ledger_amount, delta, on_date, status)
SELECT :account, s.statement_id, s.line_no, s.entry_id, s.kind, s.direction, s.bank_amount, s.ledger_amount,
       s.delta, s.on_date, 'open'
  FROM standing_differences(:account) s
 WHERE NOT EXISTS (SELECT FROM statement_difference d WHERE d.status = 'open' AND d.account_id = :account
                      AND CASE WHEN s.kind = 'ledger-only' THEN d.kind = s.kind AND d.entry_id = s.entry_id
                               WHEN s.kind = 'balance-differs'
                               THEN d.kind = s.kind AND d.statement_id = s.statement_id
                               ELSE d.statement_id = s.statement_id AND d.line_no = s.line_no END)
ON CONFLICT DO NOTHING
RETURNING id, statement_id, line_no, kind, direction, delta
""")
_SETTLE = text("""
UPDATE statement s
   SET status = CASE WHEN EXISTS (SELECT FROM statement_difference d
                                   WHERE d.statement_id = s.id AND d.status = 'open')
                     THEN 'differences' ELSE 'matched' END,
       matched = (SELECT count(*) FROM statement_match m WHERE m.statement_id = s.id AND m.class = 'matched')
  FROM statement before
 WHERE before.id = s.id AND s.account_id = :account AND s.status = 'matching'
   AND EXISTS (SELECT FROM live_statement l WHERE l.account_id = :account AND l.id = s.id)
RETURNING s.id, s.statement_no, s.business_date, s.status, s.lines, s.matched,
          before.matched AS matched_before
""")
_REOPENED = text("""
UPDATE statement s SET status = 'matching' WHERE s.account_id = :account AND s.status = 'matched'
   AND EXISTS (SELECT FROM statement_difference d WHERE d.statement_id = s.id AND d.status = 'open')
""")
_LINE = text("""
SELECT s.statement_no, l.bank_serial FROM statement_line l JOIN statement s ON s.id = l.statement_id
 WHERE l.statement_id = :statement_id AND l.line_no = :line_no
""")
_LOOKED = text("""
SELECT coalesce(max(b.version), 0) AS version, clock_timestamp() AS judged_at
  FROM supervised_account a
  JOIN ledger.account l ON l.book_id = a.book_id AND l.code = '1101'
  JOIN ledger.balance b ON b.account_id = l.id WHERE a.id = :account
""")
_JUDGED = text("""
INSERT INTO account_judged (account_id, version, judged_at) VALUES (:account, :version, :judged_at)
ON CONFLICT (account_id) DO UPDATE SET version = excluded.version, judged_at = excluded.judged_at
""")


_CAME = text("""
SELECT EXISTS (SELECT FROM statement s JOIN live_statement l ON l.id = s.id
                WHERE s.account_id = :account AND s.status = 'received')
""")
# One connection does nothing but hold the turn: a worker that dies lets go of it by dying. It holds back
# nobody's rows, so it may stand for as long as the largest statement takes.
_TURN = (
    text("SET LOCAL idle_in_transaction_session_timeout = 0"),
    text("SELECT pg_try_advisory_xact_lock(20261, :account)"),
)


def match(database: Database, settings: Settings, account_id: int) -> bool:
    """Match what is open of an account: its living statements against its book (勾对一户).

    False where somebody is at it: two would book the same lines by turns, and the one that finds the other's
    lines taken would write down what the other has yet to book as differences.
    """
    if not _in_turn(database, settings, account_id):
        return False
    # Whose statement came while this one had the turn was sent away. Looked for after the turn has ended,
    # so that nobody is sent away behind the look; whoever has the next turn looks behind theirs.
    while _came(database, account_id) and _in_turn(database, settings, account_id):
        pass
    return True


def _in_turn(database: Database, settings: Settings, account_id: int) -> bool:
    with database.begin() as turn:
        turn.execute(_TURN[0])
        if not turn.scalar(_TURN[1], {"account": account_id}):
            return False
        _match(database, settings, account_id)
    return True


def _came(database: Database, account_id: int) -> bool:
    with database.read() as session:
        return bool(session.scalar(_CAME, {"account": account_id}))


def match_at_once(database: Database, settings: Settings, account_id: int) -> None:
    """Match while somebody waits; what goes wrong here the next beat does, and tells of (当场勾对).

    The statement is received either way: nobody is told that nothing was done.
    """
    try:
        match(database, settings, account_id)
    except DBAPIError as fault:
        log.warning("left_to_the_bell", account=account_id, error=type(fault).__name__)


def _match(database: Database, settings: Settings, account_id: int) -> None:
    told = {"account": account_id}
    with database.begin() as session:
        alone(session, account_id)
        looked = session.execute(_LOOKED, told).one()
        session.execute(_BEGIN, told)
        for step in _LET_GO:
            session.execute(step, told)
    _pair(database, account_id)
    acknowledge(database, settings, account_id)
    place: Place | None = Place()
    while place is not None:
        place = book(database, account_id, place)
    _pair(database, account_id)
    with database.begin() as session:
        alone(session, account_id)
        _conclude(session, account_id)
        session.execute(_JUDGED, {**told, **looked._mapping})


def alone(session: Session, account_id: int) -> None:
    """One matcher for an account at a time, with a job's patience (独占)."""
    session.execute(text("SET LOCAL statement_timeout = '120s'"))
    session.execute(text("SET LOCAL lock_timeout = '60s'"))
    session.execute(text("SELECT pg_advisory_xact_lock(20260, :account)"), {"account": account_id})


def _pair(database: Database, account_id: int) -> None:
    for how, statement in _PASSES.items():
        with database.begin() as session:
            alone(session, account_id)
            session.execute(text(statement), {"account": account_id, "how": how})


def _conclude(session: Session, account_id: int) -> None:
    """What is left differs: written down, the account stopped where the bank paid without an order."""
    told = {"account": account_id}
    query = text("SELECT FROM supervised_account WHERE id = :account FOR UPDATE")
    session.execute(query, told)
    session.execute(_GONE, told)
    found = session.execute(_FOUND, told).all()
    account = session.get_one(SupervisedAccount, account_id)
    for one in found:
        if one.direction == "debit" and one.kind != "ledger-only" and one.delta < 0:
            line = session.execute(_LINE, {"statement_id": one.statement_id, "line_no": one.line_no}).one()
            cause = (
                f"对账单 {line.statement_no} 有银行自行付出 {yuan_of(-one.delta)} 元（流水 {line.bank_serial}），"
                "没有本局指令"
            )
            suspend(session, _stands_for(session, account), cause)
    session.execute(_REOPENED, told)
    for row in session.execute(_SETTLE, told).all():
        _tell(session, account, row, [one for one in found if one.statement_id == row.id])


def _stands_for(session: Session, account: SupervisedAccount) -> SupervisedAccount:
    """The account to stop: of one that its project has left, the one that lives (应予暂停的账户)."""
    if account.status is not AccountStatus.CLOSED:
        return account
    living = select(SupervisedAccount).where(
        SupervisedAccount.project_id == account.project_id, SupervisedAccount.status != AccountStatus.CLOSED
    )
    return session.scalar(living.with_for_update()) or account


def _tell(session: Session, account: SupervisedAccount, row: Any, found: list[Any]) -> None:
    if found:
        data = {
            "statement_no": row.statement_no, "account_no": account.account_no,
            "business_date": row.business_date.isoformat(), "differences": len(found),
            "kinds": sorted({one.kind for one in found}),
        }  # fmt: skip
        emit(
            session, "statement.differences", row.statement_no, data, audience=[f"bank:{account.bank_code}"]
        )
    elif row.status != "matched" and row.matched == row.matched_before:
        return  # Asked again, and nothing is new.
    audit.record(
        session, "statement.matched", row.statement_no, result="done", status=row.status, lines=row.lines,
        matched=row.matched, differences=len(found),
    )  # fmt: skip
