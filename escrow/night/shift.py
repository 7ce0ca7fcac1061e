"""Every run of a task is noted: when it rang, what it handled, how it ended (运行记录)."""

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.database import Database
from escrow.errors import EscrowError
from escrow.night.rules import Outcome

T = TypeVar("T")
log = structlog.get_logger()

_RINGS = text("""
INSERT INTO task_bell (task) VALUES (:task)
ON CONFLICT (task) DO UPDATE SET rung_at = clock_timestamp()
""")
_ENDS = text("""
UPDATE task_bell SET ended_at = clock_timestamp(), outcome = CAST(:outcome AS varchar), handled = :handled,
       took_ms = :took_ms, said = :said,
       failures = CASE WHEN CAST(:outcome AS varchar) = 'done' THEN 0 ELSE failures + 1 END
 WHERE task = :task
""")
_RAN = text("""
INSERT INTO task_run (task, subject, took_ms, outcome, handled, said)
VALUES (:task, :subject, :took_ms, :outcome, :handled, :said)
""")


class PartlyFailed(Exception):
    """Some rows were handled and others were not (部分出错)."""

    def __init__(self, handled: int, faults: list[Exception]) -> None:
        self.handled = handled
        super().__init__(f"办结 {handled} 件，{len(faults)} 件出错：{_worded(faults[0])}")


def each(rows: Iterable[T], handle: Callable[[T], object]) -> int:
    """Handle row by row; how many. A row that fails keeps no other waiting; a refused one says why itself.

    False for an answer: there was nothing left to do. Raises PartlyFailed at the end.
    """
    handled, faults = 0, list[Exception]()
    for row in rows:
        try:
            handled += handle(row) is not False
        except EscrowError:
            continue
        except Exception as fault:
            log.error("row_failed", row=str(row), error=type(fault).__name__, exc_info=fault)
            faults.append(fault)
    if faults:
        raise PartlyFailed(handled, faults)
    return handled


def noted(database: Database, task: str, subject: str, work: Callable[[], int | None]) -> int:
    """Run a task between two notes of its own transactions; how much it handled (记下一次运行)."""
    with database.begin() as session:
        session.execute(_RINGS, {"task": task})
    begun = time.monotonic()
    told: dict[str, Any] = {
        "task": task, "subject": subject, "said": "未做完即中断", "outcome": Outcome.FAILED.value, "handled": 0,
    }  # fmt: skip
    try:
        told |= {"handled": work() or 0, "said": None, "outcome": Outcome.DONE.value}
    except Exception as fault:
        told |= {"handled": getattr(fault, "handled", 0), "said": _worded(fault)}
        raise
    finally:
        told["took_ms"] = int((time.monotonic() - begun) * 1000)
        _end(database, told)
    return int(told["handled"])


def _end(database: Database, told: dict[str, Any]) -> None:
    """A database that is away is no reason to hide why the task failed."""
    try:
        with database.begin() as session:
            session.execute(_ENDS, {name: value for name, value in told.items() if name != "subject"})
            if told["handled"] or told["outcome"] == Outcome.FAILED:
                session.execute(_RAN, told)
    except DBAPIError as fault:
        log.error("run_not_noted", task=told["task"], error=type(fault).__name__)


def _worded(fault: Exception) -> str:
    """What may be shown of a fault: its kind, and our own words; never the values of a row."""
    if isinstance(fault, PartlyFailed | EscrowError):
        return str(fault)[:200]
    state = getattr(getattr(fault, "orig", None), "sqlstate", None)
    return f"{type(fault).__name__}{f'（{state}）' if state else ''}，详见日志"
