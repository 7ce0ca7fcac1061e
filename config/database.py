"""Engine, roles and begin(): one block, one transaction; a whole unit is retried, never half of it (数据库)."""

import random
import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import psycopg
from sqlalchemy import Connection, MetaData, PoolProxiedConnection, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session

from config.settings import Settings
from config.statement import Driver, run

T = TypeVar("T")

RETRIES = 5
# Serialization failure, deadlock, and a plan that outlived a migration: PostgreSQL undid everything, so the
# whole unit may run again.
RETRYABLE = ("40001", "40P01", "0A000")
# Every lookup has its index; a plan made while a table was small must not go on reading it whole. Statements
# here are short: compiling one takes seconds where running it takes a millisecond.
OPTIONS = (
    "-c lock_timeout=3s -c statement_timeout={statement} -c idle_in_transaction_session_timeout=5s"
    " -c enable_seqscan=off -c jit=off"
)


class Base(DeclarativeBase):
    """All tables of the house; constraints are named so that errors can be told apart (表)."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )


class Database:
    """One role's way into PostgreSQL (数据库连接)."""

    def __init__(self, settings: Settings, role: str = "app", *, jobs: bool = False) -> None:
        urls = {
            "app": settings.database_url, "owner": settings.owner_url,
            "reader": settings.reader_url, "verifier": settings.verifier_url,
        }  # fmt: skip
        statement = "60s" if jobs or role != "app" else "5s"
        self.engine = create_engine(
            urls[role],
            # An error tells the statement, never the values: they may be somebody's name and number.
            hide_parameters=True,
            pool_size=8,
            max_overflow=4,
            pool_timeout=3,
            # The connection used last is warm: its plans are made and its pages near.
            pool_use_lifo=True,
            pool_pre_ping=False,
            pool_recycle=1800,
            connect_args={
                "connect_timeout": 2,
                "keepalives_idle": 5,
                "tcp_user_timeout": 3000,
                "application_name": f"escrow-{role}",
                "options": OPTIONS.format(statement=statement),
            },
        )
        event.listen(self.engine, "do_connect", lambda _, __, told, more: Driver.connect(*told, **more))
        event.listen(self.engine, "checkout", _refuse_closed_connection)
        event.listen(self.engine, "handle_error", _forget_lost_connections)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One block, one transaction: committed at its end, undone by any exception (事务).

        It begins with the first statement. The session is given the driver's own connection too, for those
        that `ledger.wire.ask` puts: a session that is asked nothing costs nothing.
        """
        with self._lent() as (lent, driver):
            same = Connection(self.engine, lent)
            session = Session(same, expire_on_commit=False, autoflush=False, info={"driver": driver})
            try:
                yield session
                if session.in_transaction():
                    session.flush()
                driver.finish()
                if session.in_transaction():
                    session.commit()
            except (DBAPIError, psycopg.Error):
                raise
            except BaseException:
                driver.undo()
                raise
            finally:
                if session.in_transaction():
                    session.invalidate() if driver.closed else session.close()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A read-only transaction (只读)."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session, session.begin():
            session.connection(execution_options={"postgresql_readonly": True})
            yield session

    @contextmanager
    def singly(self) -> Iterator[Driver]:
        """Each statement stands for itself (逐句提交), on the driver's own connection.

        For work that writes in one statement or in none, where a session around it would cost a tenth.
        """
        with self._lent() as (lent, driver):
            driver.autocommit = True
            try:
                yield driver
            finally:
                if lent.is_valid and not driver.closed:
                    driver.autocommit = False

    def probe(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Rows of one statement that stands for itself: every call of a door begins with one (单句查询)."""
        with self._lent() as (_, driver):
            return run(driver, statement, values, alone=True)

    @contextmanager
    def _lent(self) -> Iterator[tuple[PoolProxiedConnection, Driver]]:
        """A pooled connection and the driver's own; its errors are told as SQLAlchemy would (借用连接)."""
        try:
            lent = self.engine.raw_connection()
        except psycopg.Error as error:
            raise as_sqlalchemy(error) from error
        driver = cast(Driver, lent.driver_connection)
        try:
            yield lent, driver
        except DBAPIError:
            driver.start_afresh()
            raise
        except psycopg.Error as error:
            lost = driver.closed
            driver.start_afresh()
            raise as_sqlalchemy(error, lost=lost) from error
        finally:
            if driver.closed:
                # One lost connection, and the whole pool is stale: PostgreSQL restarted.
                if lent.is_valid:
                    lent.invalidate()
                self.engine.dispose()
            lent.close()

    def transact(self, unit: Callable[[Session], T]) -> T:
        """Run a whole unit in one transaction; again from its start when PostgreSQL undid it (整体重试).

        A connection found dead before anything was done counts as undone too. A COMMIT whose outcome
        is unknown does not: the caller asks again by its key.
        """
        for attempt in range(RETRIES):
            committing = False
            try:
                with self.begin() as session:
                    made = unit(session)
                    committing = True
                return made
            except DBAPIError as error:
                state = getattr(error.orig, "sqlstate", None) or ""
                stale = error.connection_invalidated and attempt == 0 and not committing
                if not (state in RETRYABLE or stale) or attempt == RETRIES - 1:
                    raise
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    def dispose(self) -> None:
        """Close every pooled connection (释放连接)."""
        self.engine.dispose()


def as_sqlalchemy(error: psycopg.Error, *, lost: bool = False) -> BaseException:
    """The driver's error as every other failure of the database is told (数据库错误)."""
    return DBAPIError.instance(
        None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=lost
    )


def _refuse_closed_connection(connection: Any, record: object, proxy: object) -> None:
    """A resting connection has nothing to read unless the server hung up (取用前探测).

    One poll of the socket instead of a round trip: the pool opens new connections by itself.
    """
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    if socket.poll(0):
        lost = DisconnectionError("the server hung up while the connection rested")
        lost.invalidate_pool = True
        raise lost


def _forget_lost_connections(context: object) -> None:
    """After one lost connection the whole pool is stale: PostgreSQL restarted (连接池失效)."""
    if getattr(context, "is_disconnect", False):
        context.invalidate_pool_on_disconnect = True  # type: ignore[attr-defined]
