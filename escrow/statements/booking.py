"""A credit only the bank knows of is money in the account: booked as an unmatched receipt (对账补记不明入账)."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from config.database import Database
from config.regulations import law_on
from escrow import chart
from escrow.access import audit
from escrow.deposits.actions import serial_key
from escrow.deposits.facts import open_day
from escrow.errors import Refused
from escrow.statements.rules import TAKES_BY_STATEMENT
from escrow.supervision.books import account_of
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.moved import left_for, took_in
from escrow.supervision.rules import AccountStatus
from ledger.journal import Draft, Entry, post_many
from ledger.money import Yuan
from ledger.movements import Transfer

_BATCH = 1000
_ACCOUNT = text("""
SELECT a.id, a.book_id, a.bank_code, a.account_no, a.status, a.project_id, p.region
  FROM supervised_account a JOIN project p ON p.id = a.project_id WHERE a.id = :account FOR SHARE OF a
""")
# The key every door that books this serial claims first: whoever has it, books it.
_CLAIM = text("""
WITH line AS (
    SELECT l.statement_id, l.line_no, l.bank_serial, l.amount, l.value_date, l.memo
      FROM open_lines(:account) l
     WHERE l.direction = 'credit' AND NOT l.is_duplicate
       AND (l.statement_id, l.line_no) > (:statement, :line)
       AND NOT EXISTS (SELECT FROM answered_request a WHERE a.key = :prefix || l.bank_serial)
       -- What one of the project's accounts sends to another is no deposit: its own order's answer books it.
       AND NOT EXISTS (SELECT FROM instruction i JOIN onward_order o ON o.instruction_id = i.id
                        WHERE i.instruction_no = substring(l.memo FROM 'ZL[0-9]{10}')
                          AND o.to_account_id = :account)
     ORDER BY l.statement_id, l.line_no LIMIT :batch
), claimed AS (
    INSERT INTO answered_request (key, fingerprint)
    SELECT :prefix || l.bank_serial,
           sha256(convert_to(concat_ws(':', 'statement', l.statement_id, l.line_no), 'UTF8'))
      FROM line l ON CONFLICT DO NOTHING RETURNING key
)
SELECT l.*, s.statement_no FROM line l JOIN claimed c ON c.key = :prefix || l.bank_serial
  JOIN statement s ON s.id = l.statement_id ORDER BY l.statement_id, l.line_no
""")
# Never before the first day a statement tells of: what the book had by then is that statement's opening.
_OPEN_FROM = text("""
SELECT greatest(b.closed_through + 1, (SELECT min(s.business_date) FROM statement s
                                        WHERE s.account_id = :account))
  FROM ledger.balance b WHERE b.account_id = :bank
""")
_WRITE = text("""
WITH told AS (
    SELECT * FROM unnest(CAST(:statements AS integer[]), CAST(:lines AS integer[]),
                         CAST(:entries AS bigint[]), CAST(:at AS timestamptz[]),
                         CAST(:receipts AS text[]), CAST(:answers AS text[]))
        AS t (statement_id, line_no, entry_id, at, receipt_no, answer)
), booked AS (
    INSERT INTO receipt (receipt_no, account_id, bank_code, bank_serial, amount, value_date, bank_booked_at,
                         notice_no, payer_name_sealed, payer_name_masked, payer_account_sealed,
                         payer_account_masked, channel, memo, entry_id, booked_at)
    SELECT t.receipt_no, l.account_id, :bank_code, l.bank_serial, l.amount, l.value_date, l.booked_at,
           substring(l.memo FROM 'JK[0-9]{8,20}'), l.name_sealed, l.name_masked, l.account_sealed,
           l.account_masked, 'transfer', nullif(left(l.memo, 200), ''), t.entry_id, t.at
      FROM told t JOIN statement_line l ON l.statement_id = t.statement_id AND l.line_no = t.line_no
), answered AS (
    UPDATE answered_request a SET answer = t.answer
      FROM told t JOIN statement_line l ON l.statement_id = t.statement_id AND l.line_no = t.line_no
     WHERE a.key = :prefix || l.bank_serial
), events AS (
    INSERT INTO outbox_event (type, subject, data, audience)
    SELECT 'deposit.confirmed', t.receipt_no, CAST(t.answer AS jsonb), CAST(:audience AS text[]) FROM told t
)
INSERT INTO statement_match (statement_id, line_no, account_id, entry_id, how, class)
SELECT t.statement_id, t.line_no, :account, t.entry_id, 'booked', 'matched' FROM told t
""")


@dataclass(frozen=True, slots=True)
class Place:
    """How far the booking has come, line by line (补记进度)."""

    statement_id: int = 0
    line_no: int = 0


def book(database: Database, account_id: int, after: Place) -> Place | None:
    """Book the next credits only the bank knows of; how far it came, None at the end (补记).

    Nothing on an account that takes no money any more: such a credit stays a difference. What reached an
    account that its project has left is owed to the one that lives.
    """
    with database.begin() as session:
        account = session.execute(_ACCOUNT, {"account": account_id}).one()
        living = _living(session, account)
        if living is None and account.status not in TAKES_BY_STATEMENT:
            return None
        prefix = serial_key(account.bank_code, "")
        asked = {"account": account_id, "prefix": prefix, "batch": _BATCH}
        asked |= {"statement": after.statement_id, "line": after.line_no}
        lines = session.execute(_CLAIM, asked).all()
        if not lines:
            return None
        _book(session, account, lines, prefix, living)
        return Place(lines[-1].statement_id, lines[-1].line_no)


def _living(session: Session, account: Row[Any]) -> SupervisedAccount | None:
    """The account for which this one was left, where it takes money; None leaves the credit a difference."""
    law = law_on(bureau_day(), "presale_funds", account.region)
    try:
        found = left_for(
            session, account.id, account.account_no, account.project_id, AccountStatus(account.status), law
        )
    except Refused:
        return None
    return found if found is not None and found.status in TAKES_BY_STATEMENT else None


def _entries(
    session: Session, account: Row[Any], lines: Any, living: SupervisedAccount | None
) -> list[Entry]:  # fmt: skip
    bank = account_of(session, account.book_id, chart.DEPOSITS_AT_BANK)
    open_from = session.execute(_OPEN_FROM, {"bank": bank.id, "account": account.id}).scalar_one()
    if living is not None:
        return [
            took_in(
                session, account.book_id, living, Yuan.from_fen(line.amount),
                reference=f"deposit:{account.bank_code}:{line.bank_serial}",
                on=(max(line.value_date, open_from), open_day(session, living.book_id, line.value_date)),
            )
            for line in lines
        ]  # fmt: skip
    unmatched = account_of(session, account.book_id, chart.UNMATCHED)
    return post_many(session, [
        Draft(
            chart.RECEIVE_DEPOSIT, [Transfer(bank, unmatched, Yuan.from_fen(line.amount))],
            f"deposit:{account.bank_code}:{line.bank_serial}", max(line.value_date, open_from),
            memo=f"对账单 {line.statement_no}",
        )
        for line in lines
    ])  # fmt: skip


def _book(
    session: Session, account: Row[Any], lines: Any, prefix: str, living: SupervisedAccount | None
) -> None:  # fmt: skip
    entries = _entries(session, account, lines, living)
    numbers = [f"RZ{bureau_day(entry.booked_at):%Y%m%d}{entry.entry_no}" for entry in entries]
    session.execute(_WRITE, {
        "statements": [line.statement_id for line in lines], "lines": [line.line_no for line in lines],
        "entries": [entry.id for entry in entries], "at": [entry.booked_at for entry in entries],
        "receipts": numbers, "prefix": prefix, "bank_code": account.bank_code, "account": account.id,
        "answers": [
            _answer(line, entry, number) for line, entry, number in zip(lines, entries, numbers, strict=True)
        ],
        "audience": [f"bank:{account.bank_code}", "filing"],
    })  # fmt: skip
    audit.record(
        session, "statement.receipts-booked", lines[0].statement_no, account_no=account.account_no,
        receipts=len(lines), first=numbers[0], last=numbers[-1],
        amount=Yuan.from_fen(sum(line.amount for line in lines)),
    )  # fmt: skip


def _answer(line: Any, entry: Entry, number: str) -> str:
    amount = str(Yuan.from_fen(line.amount))
    return json.dumps({
        "receipt_no": number, "status": "unmatched", "contract_no": None, "notice_no": None,
        "amount": amount, "matched": "0.00", "unmatched": amount, "entry_no": entry.entry_no,
        "booked_at": bureau_time(entry.booked_at).isoformat(),
    }, ensure_ascii=False)  # fmt: skip
