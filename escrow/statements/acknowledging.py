"""A debit that names an order nobody has answered is that order's answer (对账单补结果).

The bank forgot to report what it did: the statement says it, with its serial. It is recorded as the bank's
own answer would be, by the same rules: facts that differ move nothing and stop the account.
"""

from contextlib import suppress

from sqlalchemy import text

from config.database import Database
from config.settings import Settings
from escrow.access.sealing import unseal
from escrow.deposits.actions import serial_key
from escrow.doors import answered
from escrow.errors import EscrowError
from escrow.instructions.results import Result, record
from escrow.instructions.rules import Outcome
from ledger.money import Yuan

_NAMED = text("""
SELECT l.statement_id, l.line_no, l.bank_serial, l.amount, l.value_date, i.instruction_no, a.bank_code,
       s.account_sealed
  FROM open_lines(:account) l
  JOIN statement_line s ON s.statement_id = l.statement_id AND s.line_no = l.line_no
  JOIN instruction i ON i.instruction_no = substring(l.memo FROM 'ZL[0-9]{10}') AND i.account_id = :account
  JOIN supervised_account a ON a.id = i.account_id
 WHERE l.direction = 'debit' AND NOT l.is_duplicate AND i.status IN ('issued', 'unknown')
 ORDER BY l.statement_id, l.line_no LIMIT 500
""")


def acknowledge(database: Database, settings: Settings, account_id: int) -> None:
    """Record what the statement says became of unanswered orders, each in its own transaction (补记结果)."""
    with database.read() as session:
        lines = session.execute(_NAMED, {"account": account_id}).all()
    for line in lines:
        result = Result(
            line.instruction_no, Outcome.PAID, line.bank_serial, Yuan.from_fen(line.amount),
            unseal(bytes(line.account_sealed), settings), line.value_date,
        )  # fmt: skip
        with suppress(EscrowError):  # Used for something else already: the line stays a difference.
            _record(database, settings, line.bank_code, result)


def _record(database: Database, settings: Settings, bank_code: str, result: Result) -> None:
    key = serial_key(bank_code, result.bank_serial)
    database.transact(
        lambda session: answered(
            session, key, result.facts, lambda: record(session, result, bank_code, settings)
        )
    )
