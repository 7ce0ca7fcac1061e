"""Statements put straight to PostgreSQL: begun, prepared, asked ahead, cut off (预备语句)."""

import threading
import time
from contextlib import suppress

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from config.database import Database
from config.statement import Driver, run, run_ahead
from ledger.wire import ask, ask_ahead, ask_last
from tests.libpq import round_trips

ONE, TWO = "SELECT %s::int", "SELECT %(n)s::int + %(n)s::int AS twice, '%%' AS sign"
NOW = "SELECT pg_current_xact_id()::text WHERE %s"


@pytest.fixture
def driver(house):
    """A connection of the application's own."""
    with Driver.connect(house.settings.database_url) as connection:
        yield connection


def test_rows_are_tuples_or_named_by_their_columns(driver):
    """按位置与按名字的参数、百分号、按列名取值，都与驱动程序自己的读法一致。"""
    assert run(driver, ONE, (5,)) == [(5,)]
    [row] = run(driver, TWO, {"n": 21}, named=True)
    assert (row.twice, row.sign) == (42, "%")
    assert driver.pgconn.transaction_status == TransactionStatus.INTRANS


def test_a_statement_alone_opens_no_transaction(driver):
    """单句查询不开事务。"""
    assert run(driver, ONE, (5,), alone=True) == [(5,)]
    assert driver.pgconn.transaction_status == TransactionStatus.IDLE


def test_what_is_sure_to_be_asked_travels_together(driver, tmp_path):
    """事先知道要问的几句，连同开始事务，一次往来；之后问到时不再去问。"""
    for _ in range(2):
        driver.rollback()
        asked = (ONE, (1,)), (TWO, {"n": 2})
        sent = round_trips(driver, tmp_path / "trace", lambda asked=asked: run_ahead(driver, *asked))
    assert sent == 1
    found = []
    assert round_trips(driver, tmp_path / "trace", lambda: found.extend(run(driver, TWO, {"n": 2}))) == 0
    assert found == [(4, "%")]


def test_an_answer_ahead_is_given_once_and_only_to_the_same_question(driver):
    """先问到的答复只用一次；参数不同的，重新去问。"""
    run_ahead(driver, (ONE, (1,)))
    assert run(driver, ONE, (2,)) == [(2,)]
    run_ahead(driver, (ONE, (1,)))
    assert run(driver, ONE, (1,)) == [(1,)]
    assert run(driver, ONE, (1,)) == [(1,)]


def test_an_answer_ahead_does_not_outlive_its_transaction(driver):
    """上一个事务里先问到的答复，下一个事务不会用到：行可能已经变了。"""
    run_ahead(driver, (NOW, (True,)))
    driver.rollback()
    first = run(driver, NOW, (True,))
    assert first == run(driver, NOW, (True,))
    driver.rollback()
    run_ahead(driver, (NOW, (True,)))
    driver.commit()
    assert run(driver, NOW, (True,), alone=True) not in ([], first)


def test_a_refusal_ahead_is_the_servers_own_and_the_connection_lives(driver):
    """先问的一句被数据库拒绝，报的就是那一句的错；回滚之后连接照常使用。"""
    with pytest.raises(psycopg.errors.DivisionByZero):
        run_ahead(driver, (ONE, (1,)), ("SELECT 1 / %s::int", (0,)), (ONE, (2,)))
    driver.rollback()
    assert run(driver, ONE, (1,)) == [(1,)]


def test_what_is_prepared_survives_the_drivers_own_rollback(driver):
    """驱动程序自己预备过语句，它回滚时会清掉连接上的全部预备语句：我们的随之重新预备，不报错。"""
    for _ in range(8):
        driver.execute(ONE, (1,))
        assert run(driver, TWO, {"n": 1}) == [(2, "%")]
    driver.rollback()
    assert run(driver, TWO, {"n": 2}) == [(4, "%")]
    for _ in range(8):
        driver.execute(ONE, (1,))
    driver.execute("SAVEPOINT here")
    driver.execute("ROLLBACK TO here")
    assert run(driver, TWO, {"n": 3}) == [(6, "%")]


def test_a_refused_step_keeps_what_is_prepared(house, tmp_path):
    """一件事未准而回滚，预备好的语句还在：下一件事不必重新预备。"""
    database = Database(house.settings)
    for _ in range(2):
        with suppress(LookupError), database.begin() as session:
            ask(session, ONE, (1,))
            raise LookupError
    with database.begin() as session:
        driver = session.info["driver"]
        sent = round_trips(driver, tmp_path / "trace", lambda: ask(session, ONE, (2,)))
    assert sent == 2  # BEGIN, and the statement
    database.dispose()


@pytest.mark.parametrize("orm", [False, True])
def test_a_migration_beside_a_running_release_breaks_no_plan(house, orm):
    """系统运行中迁移改了一列：预备过的语句随之重来，业务照常，不报错。"""
    database = Database(house.settings)
    look = "SELECT thing FROM public.changing WHERE %s"

    def unit(session):
        if orm:
            return [tuple(row) for row in session.connection().exec_driver_sql(look, (True,))]
        return ask(session, look, (True,))

    with house.connect("owner", autocommit=True) as owner:
        owner.execute("CREATE TABLE public.changing AS SELECT 7::integer AS thing")
        owner.execute("GRANT SELECT ON public.changing TO PUBLIC")
        try:
            before = [database.transact(unit) for _ in range(8)]
            owner.execute("ALTER TABLE public.changing ALTER COLUMN thing TYPE bigint")
            after = [database.transact(unit) for _ in range(8)]
            assert database.probe(look, (True,)) == [(7,)]
            owner.execute("ALTER TABLE public.changing ALTER COLUMN thing TYPE text")
            with pytest.raises(DBAPIError):
                database.probe(look, (True,))
            assert database.probe(look, (True,)) == [("7",)]
        finally:
            owner.execute("DROP TABLE public.changing")
    assert before == after == [[(7,)]] * 8
    database.dispose()


def test_waiting_for_postgres_holds_up_nobody_else(house):
    """一个线程等数据库时，别的线程照常运行。"""
    begun = time.monotonic()

    def wait() -> None:
        with house.database.begin() as session:
            ask(session, "SELECT pg_sleep(%s)::text", (0.4,))

    def wait_ahead() -> None:
        with house.database.begin() as session:
            ask_ahead(session, ("SELECT pg_sleep(%s)::text", (0.4,)))

    threads = [threading.Thread(target=each) for each in (wait, wait, wait_ahead, wait_ahead)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begun < 1.2


@pytest.mark.parametrize(("ahead", "orm"), [(False, False), (True, False), (False, True)])
def test_a_connection_lost_in_between_is_told_and_replaced(house, ahead, orm):
    """连接中途断开：如实报连接已断，连接池换新，下一个事务照常；整体重试的从头再来。"""
    database = Database(house.settings)
    with pytest.raises(OperationalError) as told, database.begin() as session:
        if orm:
            session.execute(text("SELECT 1"))
        _cut(house, session)
        ask_ahead(session, (ONE, (1,))) if ahead else ask(session, ONE, (1,))
    assert told.value.connection_invalidated
    turns = []

    def unit(session):
        turns.append(session)
        if len(turns) == 1:
            _cut(house, session)
        return ask(session, ONE, (7,))

    assert database.transact(unit) == [(7,)]
    assert len(turns) == 2
    database.dispose()


def test_what_only_reads_cannot_write(house):
    """只读的事务，第一句无论怎么问，都写不进去。"""
    write = "INSERT INTO answered_request (key, fingerprint) VALUES (%s, '') RETURNING key"
    with pytest.raises(DBAPIError) as told, house.database.read() as session:
        ask(session, write, ("k",))
    assert told.value.orig.sqlstate == "25006"


def test_a_commit_that_postgres_refuses_is_told_as_the_databases_error(house):
    """提交时才查的规矩拒绝了，报数据库的错，什么也没留下。"""
    owner = Database(house.settings, "owner")
    with pytest.raises(DBAPIError) as told, owner.begin() as session:
        ask(session, "CREATE TABLE public.late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        ask(session, "INSERT INTO public.late VALUES (1), (1) RETURNING id")
    assert told.value.orig.sqlstate == "23505"
    assert owner.probe("SELECT to_regclass('public.late')::text WHERE %s", (True,)) == [(None,)]
    owner.dispose()


CLAIM = "INSERT INTO answered_request (key, fingerprint) VALUES (%s, '') RETURNING key"
KEYS = "SELECT key FROM answered_request WHERE key = ANY(%s)"


def test_what_is_asked_last_travels_with_the_commit(house, tmp_path):
    """末句与提交一次往来：连同开始事务与前一句，共三次。"""
    database = Database(house.settings)

    def told(key):
        with database.begin() as session:
            ask(session, ONE, (1,))
            ask_last(session, CLAIM, (key,))
            return session.info["driver"]

    driver = told("last-1")
    assert round_trips(driver, tmp_path / "trace", lambda: told("last-2")) == 3
    assert sorted(database.probe(KEYS, (["last-1", "last-2"],))) == [("last-1",), ("last-2",)]
    database.dispose()


def test_a_last_statement_that_is_refused_leaves_nothing(house):
    """末句被数据库拒绝：如实报错，同一事务先写的也没有留下，连接照常使用。"""
    database = Database(house.settings)
    with database.begin() as session:
        ask(session, CLAIM, ("taken",))
    with pytest.raises(DBAPIError) as told, database.begin() as session:
        ask(session, CLAIM, ("first",))
        ask_last(session, CLAIM, ("taken",))
    assert told.value.orig.sqlstate == "23505"
    assert database.probe(KEYS, (["first", "taken"],)) == [("taken",)]
    database.dispose()


def test_a_last_statement_given_up_is_never_put(house):
    """事务中途放弃：末句没有送出，下一个事务也不会带上它。"""
    database = Database(house.settings)
    with suppress(LookupError), database.begin() as session:
        ask_last(session, CLAIM, ("given-up",))
        raise LookupError
    with database.begin() as session:
        ask(session, ONE, (1,))
    assert database.probe(KEYS, (["given-up"],)) == []
    database.dispose()


def test_nothing_is_asked_after_the_last(house):
    """末句之后不得再问：所问的看不到末句写下的。"""
    with pytest.raises(AssertionError), house.database.begin() as session:
        ask_last(session, CLAIM, ("before",))
        ask(session, ONE, (1,))
    assert house.database.probe(KEYS, (["before"],)) == []


def test_a_commit_whose_outcome_is_unknown_is_not_run_again(house):
    """末句与提交送出之时连接断开：办成与否不知道，不擅自再办一次，由来电方凭原号再问。"""
    turns = []

    def unit(session):
        turns.append(session)
        ask(session, ONE, (1,))
        ask_last(session, CLAIM, ("unknown",))
        _cut(house, session)

    with pytest.raises(OperationalError):
        house.database.transact(unit)
    assert len(turns) == 1


def test_a_fault_passed_over_is_not_called_committed(house):
    """中途的错被放过、照样提交：数据库其实全部撤销，如实报错，不当作办成。"""
    with pytest.raises(DBAPIError) as told, house.database.begin() as session:
        ask(session, CLAIM, ("lost",))
        with suppress(DBAPIError):
            ask(session, "SELECT 1 / %s::int", (0,))
    assert told.value.orig.sqlstate == "25P02"
    assert house.database.probe(KEYS, (["lost"],)) == []


def _cut(house, session):
    """The session's own server process is ended from outside."""
    pid = session.info["driver"].info.backend_pid
    with house.connect("superuser") as above:
        above.execute("SELECT pg_terminate_backend(%s)", (pid,))
        above.commit()
    time.sleep(0.1)
