"""One statement to PostgreSQL by whichever connection the caller holds,
and its refusals in our words (语句与译错)."""

from typing import Any, cast

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from config.database import as_sqlalchemy
from config.statement import Asked, Driver, Values, run, run_ahead
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
    session: Transaction, statement: str, values: Values = (), *, named: bool = False
) -> list[Any]:
    """Run one statement in the caller's transaction; a refusal by the books is raised in their words (执行).

    Rows are tuples, or `named` by their columns. A session lends its driver connection: what SQLAlchemy
    builds around a row costs as much as a probe.
    """
    try:
        if isinstance(session, Connection):
            return [tuple(row) for row in session.exec_driver_sql(statement, values).fetchall()]
        return run(_driver(session), statement, values, named=named)
    except DBAPIError as error:
        raise _refusal(error.orig) or error from error
    except psycopg.Error as error:
        raise _refusal(error) or _as_expected(session, error) from error


def ask_ahead(session: Session, *asked: Asked) -> None:
    """Put what is sure to be asked in its first round trip; `ask` finds the answers there (先问)."""
    try:
        if isinstance(driver := _driver(session), Driver):
            run_ahead(driver, *asked)
    except psycopg.Error as error:
        raise _refusal(error) or _as_expected(session, error) from error


def ask_last(session: Transaction, statement: str, values: Values = ()) -> None:
    """Put what is asked last together with COMMIT: nobody reads its rows, its faults are a commit's (末句)."""
    if isinstance(session, Session) and "driver" in session.info:
        session.info["driver"].last = (statement, values)
    else:
        ask(session, statement, values)


def _driver(session: Session | psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    if isinstance(session, psycopg.Connection):
        return session
    return session.info.get("driver") or cast(
        psycopg.Connection[Any], session.connection().connection.driver_connection
    )


def _as_expected(session: Transaction, error: psycopg.Error) -> BaseException:
    """The driver's error as the holder of a session expects it."""
    return as_sqlalchemy(error, lost=_driver(session).closed) if isinstance(session, Session) else error


def _refusal(error: BaseException | None) -> LedgerError | None:
    if not isinstance(error, psycopg.Error):
        return None
    if error.sqlstate == NUMBER_OUT_OF_RANGE:
        return InvalidPosting("金额或余额超出范围")
    kind = REFUSALS.get(error.diag.constraint_name or "")
    return kind() if kind else None
