"""One statement straight to PostgreSQL, prepared once per connection (预备语句).

Every door asks PostgreSQL several times; the driver's cursor around a question costs more than its answer.
What remains is the driver's own: its libpq, its reading and writing of values, its errors.
"""

import re
import select
from collections import namedtuple
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import count
from typing import Any, cast

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import namedtuple_row, tuple_row

Values = Sequence[Any] | dict[str, Any]

Asked = tuple[str, Values]
# A name, the values as they are sent, and in which formats.
Prepared = tuple[bytes, Sequence[bytes], Sequence[Any]]

_GOOD = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class Driver(psycopg.Connection[Any]):
    """A connection that knows what it has prepared, and what was already asked in its transaction (连接)."""

    def __init__(self, *told: Any, **more: Any) -> None:
        super().__init__(*told, **more)
        # By statement and the types of its values, as the driver does it for its cursors.
        self.names: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self.numbers = count()
        self.ahead: dict[str, tuple[Values, PGresult]] = {}
        # What is to travel with COMMIT.
        self.last: Asked | None = None
        self.transformer = Transformer(self)

    def prepared(self, statement: str, values: Values) -> Prepared:
        """The statement's name here, its values as they are sent, and in which formats."""
        spelled, names, formats = _spelled(statement)
        sent = [values[name] for name in names] if isinstance(values, dict) else values
        dumped = self.transformer.dump_sequence(sent, formats)
        types, sent_as = self.transformer.types or (), self.transformer.formats or ()
        if (name := self.names.get((statement, types))) is None:
            name = b"house_%d" % next(self.numbers)
            self.good(self.pgconn.prepare(name, spelled, types))
            self.names[statement, types] = name
        return name, cast(Sequence[bytes], dumped), sent_as

    def good(self, result: PGresult) -> PGresult:
        """The result, if it is one. Raises psycopg.Error."""
        if result.status in _GOOD:
            return result
        if self.closed:
            raise psycopg.OperationalError(result.error_message.decode(errors="replace").strip())
        raise error_from_result(result, "utf-8")

    def undo(self) -> None:
        """Roll back what is open, and keep what is prepared: the driver's own would throw it away (回滚)."""
        self.last = None
        if not self.closed and self.is_open:
            self.good(self.pgconn.exec_(b"ROLLBACK"))

    def start_afresh(self) -> None:
        """Roll back, and prepare everything anew: a table may have changed under a plan (重新预备)."""
        self.names.clear()
        self.last = None
        if not self.closed:
            self.rollback()

    def finish(self) -> None:
        """Commit, with what was kept for the end in the same round trip (提交). Raises psycopg.Error.

        To COMMIT after a fault that somebody passed over PostgreSQL answers ROLLBACK, and calls it done.
        """
        if self.last is not None:
            last, self.last = self.prepared(*self.last), None
            *_, done = self.together(last, b"COMMIT")
        elif self.is_open:
            done = self.good(self.pgconn.exec_(b"COMMIT"))
        else:
            return
        if done.command_status != b"COMMIT":
            raise psycopg.errors.InFailedSqlTransaction("nothing was committed")

    def together(self, *sent: bytes | Prepared) -> list[PGresult]:
        """Several statements in one round trip, each good or the first fault raised (一次往来)."""
        server = self.pgconn
        server.enter_pipeline_mode()
        for each in sent:
            if isinstance(each, bytes):
                server.send_query_params(each, None)
            else:
                server.send_query_prepared(*each)
        server.pipeline_sync()
        return [self.good(result) for result in _answers(server)]

    @property
    def is_open(self) -> bool:
        """Whether a transaction has begun (事务已开始)."""
        return self.pgconn.transaction_status != TransactionStatus.IDLE

    @property
    def beginning(self) -> bytes:
        """How its transactions begin: as the driver would, read-only if it is to be read only (开始事务)."""
        return self._get_tx_start_command()

    def _deallocate(self, name: bytes | None) -> PQGen[None]:
        # After a rollback of its own the driver deallocates ALL: ours go with its own.
        if name is None:
            self.names.clear()
        yield from super()._deallocate(name)


def run(
    driver: psycopg.Connection[Any], statement: str, values: Values = (), *, named: bool = False,
    alone: bool = False,
) -> list[Any]:  # fmt: skip
    """The rows of one statement with %s, %b or %(name)s in it, as tuples, or `named` by their columns.

    It begins the connection's transaction if none is open, unless it stands `alone`. Raises psycopg.Error.
    """
    if not isinstance(driver, Driver):
        cursor = driver.cursor(row_factory=namedtuple_row if named else tuple_row)
        return cursor.execute(statement, values).fetchall()
    if driver.last is not None:
        raise AssertionError("nothing is asked after the last")
    if not driver.is_open:
        driver.ahead.clear()
    asked, result = driver.ahead.pop(statement, (None, None))
    if result is None or asked != values:
        name, dumped, sent_as = driver.prepared(statement, values)
        if not (alone or driver.autocommit or driver.is_open):
            driver.good(driver.pgconn.exec_(driver.beginning))
        result = driver.good(driver.pgconn.exec_prepared(name, dumped, sent_as))
    driver.transformer.set_pgresult(result)
    make = _record(*(result.fname(at) for at in range(result.nfields))) if named else tuple
    return driver.transformer.load_rows(0, result.ntuples, make)


def run_ahead(driver: Driver, *asked: Asked) -> None:
    """Begin a transaction with statements that are sure to be put in it, in one round trip (先问).

    Each keeps its turn and its own snapshot; `run` then finds the answer there, once, in this transaction.
    """
    if driver.autocommit or driver.is_open:
        return
    _, *results = driver.together(driver.beginning, *(driver.prepared(*each) for each in asked))
    driver.ahead = {
        statement: (values, result) for (statement, values), result in zip(asked, results, strict=True)
    }


def array(values: Iterable[object]) -> str:
    """Values as PostgreSQL reads an array (数组): the driver's own way asks every single one for its type."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return "NULL" if value is None else str(value)


def _answers(server: PGconn) -> list[PGresult]:
    """What came back for everything sent since the pipeline was entered, which is left again."""
    found: list[PGresult] = []
    socket = select.poll()
    socket.register(server.socket, select.POLLIN)
    server.flush()
    while True:
        while server.is_busy():
            socket.poll()
            server.consume_input()
        result = server.get_result()
        if result is not None and result.status == ExecStatus.PIPELINE_SYNC:
            server.exit_pipeline_mode()
            return found
        if result is not None:
            found.append(result)


@cache
def _spelled(statement: str) -> tuple[bytes, list[str], list[PyFormat]]:
    """A statement as libpq reads it ($1, $2), the names of its values, and how each is sent (占位)."""
    names: list[str] = []
    formats: list[PyFormat] = []

    def numbered(found: re.Match[str]) -> str:
        name = found["name"] or str(len(names))
        if name not in names:
            names.append(name)
            formats.append(PyFormat(found["format"]))
        return f"${names.index(name) + 1}"

    spelled = re.sub(r"%(?:\((?P<name>\w+)\))?(?P<format>[sb])", numbered, statement)
    return spelled.replace("%%", "%").encode(), names, formats


@cache
def _record(*columns: bytes) -> Any:
    kind: Any = namedtuple("Record", [column.decode() for column in columns])  # type: ignore[misc]
    return kind._make
