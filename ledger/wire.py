"""One statement to PostgreSQL by whichever connection the caller holds,
and its refusals in our words (语句与译错)."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import psycopg
from psycopg.rows import RowFactory, tuple_row
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ledger.errors import (
    AccountBelowFloor,
    AlreadyReversed,
    AlreadySettled,
    DayClosed,
    DayOutOfOrder,
    InvalidPosting,
    LedgerError,
    NotAMirror,
    OpenedOtherwise,
    ReferenceReused,
    SealsOutOfStep,
    UnknownAccount,
    UnknownEntry,
    WrongBook,
)

# The caller's transaction, in any of three shapes (调用方的事务).
Transaction = Session | Connection | psycopg.Connection[Any]

# What a constraint's name says, in the ledger's words (约束与错误).
REFUSALS: dict[str, type[LedgerError]] = {
    "ck_balance_floor": AccountBelowFloor,
    "uq_journal_entry_book_id_reference": ReferenceReused,
    "uq_journal_entry_reverses_id": AlreadyReversed,
    "uq_journal_entry_settles_id": AlreadySettled,
    "uq_journal_entry_resolves": AlreadySettled,
    "exact_mirror": NotAMirror,
    "same_hold_book": WrongBook,
    "same_book": WrongBook,
    "day_open": DayClosed,
    "days_in_order": DayOutOfOrder,
    "pk_day_close": DayClosed,
    "known_account": UnknownAccount,
    "seals_in_step": SealsOutOfStep,
    "account_as_opened": OpenedOtherwise,
    "fk_journal_entry_reverses_id": UnknownEntry,
    "fk_journal_entry_settles_id": UnknownEntry,
    "ck_journal_entry_transfers": InvalidPosting,
    "ck_journal_entry_reference": InvalidPosting,
    "ck_journal_entry_effective_on": InvalidPosting,
    "ck_journal_entry_links": InvalidPosting,
    "ck_transfer_amount": InvalidPosting,
    "ck_transfer_accounts": InvalidPosting,
}
NUMBER_OUT_OF_RANGE = "22003"


def ask(
    session: Transaction, statement: str, values: Sequence[Any] | Mapping[str, Any] = (),
    *, rows: RowFactory[Any] = tuple_row,
) -> list[Any]:  # fmt: skip
    """Run one statement in the caller's transaction; a refusal by the books is raised in their words (执行).

    A session lends its driver connection: what SQLAlchemy builds around a row costs as much as a probe.
    """
    try:
        if isinstance(session, Connection):
            return [tuple(row) for row in session.exec_driver_sql(statement, values).fetchall()]
        return _driver(session).cursor(row_factory=rows).execute(statement, values).fetchall()
    except DBAPIError as error:
        raise _refusal(error.orig) or error from error
    except psycopg.Error as error:
        raise _refusal(error) or _as_expected(session, error) from error


def _driver(session: Session | psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    if isinstance(session, psycopg.Connection):
        return session
    return cast(psycopg.Connection[Any], session.connection().connection.driver_connection)


def _as_expected(session: Transaction, error: psycopg.Error) -> BaseException:
    """The driver's error as the holder of a session expects it; of a lost connection the pool learns too."""
    if not isinstance(session, Session):
        return error
    if _driver(session).closed:
        session.connection().exec_driver_sql("SELECT")
    return DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True)


def _refusal(error: BaseException | None) -> LedgerError | None:
    if not isinstance(error, psycopg.Error):
        return None
    if error.sqlstate == NUMBER_OUT_OF_RANGE:
        return InvalidPosting("金额或余额超出范围")
    kind = REFUSALS.get(error.diag.constraint_name or "")
    return kind() if kind else None
