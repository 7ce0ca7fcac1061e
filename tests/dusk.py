"""An evening at the bureau: something is waiting for every task of the night shift (夜班之前)."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flask import Flask

from config.clock import bureau_day
from config.settings import Settings
from escrow.application import create_app
from escrow.opening import actions
from escrow.rehearsal.banking import CREDENTIALS
from escrow.statements.files import Sender, arriving, keep
from escrow.statements.matching import match
from escrow.statements.reading import read
from escrow.supervision import guarantees
from escrow.supervision.guarantees import Offered
from escrow.supervision.measures import months_after
from ledger.money import Yuan
from tests.cluster import Cluster
from tests.conftest import House, settings_for, settle
from tests.estate import Estate, build, file_hash, paid_by, sold
from tests.listening import Listener, admitted, happen, listening
from tests.opening import approved, asked, estate_of, rows_of, uploaded
from tests.stating import Day, Told, as_csv, paid_in
from tests.withdrawing import force, listed, people_of

TODAY = bureau_day()
YESTERDAY = TODAY - timedelta(days=1)
# What a run leaves of itself, and what only tells when: not compared.
OWN_MARKS = {"task_bell", "task_run", "alembic_version"}


def fall(house: Any, listener: Listener, folder: Path) -> Settings:
    """Leave something for every task; the settings under which they run."""
    settings = replace(listener.settings(house.settings), data_dir=folder)
    (folder / CREDENTIALS).write_text("{}")
    people = people_of(house)
    estate = build(house, [people.clerk, people.reviewer], quotas={"1": "0.01", "2": "1000.00"})
    for _ in range(2):
        paid_in(estate)
    _leave_order(estate, people)
    _leave_guarantee(estate, people)
    for day in (Day(estate.account_no, day=YESTERDAY), Day(estate.account_no, (Told("U1", 777),))):
        stored(house, day, reading=day.on == YESTERDAY)
    match(house.database, house.settings, estate.account_id)
    _leave_statements(house, people)
    _leave_demo_bank(house, people)
    _leave_opening(house, people)
    admitted(house, listener)
    happen(house, "SK1", "SK2")
    _leave_old_things(house)
    return settings


def stored(house: Any, day: Day, *, reading: bool) -> int:
    """A day's file kept, and read where that is asked (留存对账单)."""
    with arriving(BytesIO(as_csv(day))) as arrived, house.database.begin() as session:
        kept = keep(session, arrived, Sender(bank_code="ABC"), house.settings)
    if reading:
        read(house.database, house.settings, kept.id)
    return kept.id


def _leave_opening(house: Any, people: Any) -> None:
    estate = estate_of(house, people)
    number = uploaded(estate, asked(estate, rows_of(estate)), people.clerk)
    with patch.object(actions, "AT_ONCE", 0):
        approved(estate, number, people.reviewer)


def _leave_order(estate: Estate, people: Any) -> None:
    site = listed(estate, people)
    site.issue(site.approved("60.00"))
    site.enter("1.00")
    force(estate.house, "UPDATE instruction SET issued_at = now() - interval '30 days'")
    force(estate.house, f"UPDATE withdrawal SET review_by = '{YESTERDAY}' WHERE status = 'entered'")


def _leave_guarantee(estate: Estate, people: Any) -> None:
    estate.put("2", "950.00")
    offered = Offered(
        estate.account_no, "2", "BH-1", "某银行", Yuan("100.00"), months_after(TODAY, 12), file_hash("BH-1")
    )
    home = estate.account_no
    one = estate.do(lambda session: guarantees.enter(session, offered, officer_id=people.clerk))
    estate.do(lambda session: guarantees.decide(session, home, one, officer_id=people.reviewer))
    force(estate.house, f"UPDATE guarantee SET valid_until = '{YESTERDAY}'")


def _leave_statements(house: Any, people: Any) -> None:
    """One account received and not matched, one that differs, money nobody has claimed for a month."""
    fresh, known = (Told("U2", 500), Told("U3", 9, "debit")), (Told("U4", 5),)
    for lines, matching in ((fresh, False), (known, True)):
        estate = build(house, [people.clerk, people.reviewer])
        if matching:
            paid_by(estate, sold(estate)[1][0], "测试置业有限公司")
            lines = (*lines, Told("U5", 3, "debit"))
        stored(house, Day(estate.account_no, lines), reading=True)
        if matching:
            match(house.database, house.settings, estate.account_id)
    force(house, "UPDATE account_judged SET judged_at = judged_at - interval '1 hour'")
    month = "booked_at = now() - interval '40 days'"
    force(house, f"UPDATE receipt SET {month} WHERE bank_serial = 'U4'")


def _leave_demo_bank(house: Any, people: Any) -> None:
    estate = build(house, [people.clerk, people.reviewer], bank_code="102")
    week = "UPDATE supervised_account SET opened_at = now() - interval '8 days'"
    force(house, f"{week} WHERE id = {estate.account_id}")


def _leave_old_things(house: Any) -> None:
    for statement in (
        "INSERT INTO officer_session (token_hash, officer_id, opened_at, ended_at, address, device) SELECT"
        " decode(repeat('0', 63) || n, 'hex'), 1, now() - interval '200 days',"
        " now() - n * interval '60 days', 'x', 'x' FROM generate_series(1, 3) n",
        "INSERT INTO api_token SELECT decode(repeat('1', 64), 'hex'), id, scopes, now() - interval '9 days',"
        " now() - interval '8 days' FROM api_client LIMIT 1",
        "INSERT INTO wrong_tries VALUES ('x', 3, now() - interval '3 hours')",
        "INSERT INTO answered_request VALUES ('deposit-check:a:1', 'x', '{}', now() - interval '2 years'),"
        " ('serial:a:1', 'x', '{}', now() - interval '2 years'),"
        " ('deposit-check:a:2', 'x', '{}', now() - interval '2 days')",
        "INSERT INTO task_run (task, subject, ended_at, took_ms, outcome, handled)"
        " VALUES ('escrow.tasks.purge', '', now() - interval '200 days', 1, 'done', 1)",
    ):
        force(house, statement)


@contextmanager
def prepared(cluster: Cluster, blank: Settings, folder: Path) -> Iterator[tuple[House, Listener]]:
    """One evening, prepared once and not touched: each test has copies of it (备好的傍晚)."""
    name = f"evening_{secrets.token_hex(4)}"
    cluster.clone(name)
    house = House(name, cluster, settings_for(cluster, name, blank))
    with listening() as listener:
        house.settings = fall(house, listener, folder)
        settle(house.database)
        house.database.dispose()
        yield house, listener
    cluster.drop(name)


@contextmanager
def copied(house: House) -> Iterator[House]:
    """The same evening once more, in a database of its own (同一个傍晚的副本)."""
    name = f"dusk_{secrets.token_hex(4)}"
    house.cluster.clone(name, house.name)
    copy = House(name, house.cluster, settings_for(house.cluster, name, house.settings))
    yield copy
    copy.database.dispose()
    house.cluster.drop(name)


@contextmanager
def staffed(house: House) -> Iterator[Flask]:
    """The application over a copy of the evening (副本上的应用)."""
    with copied(house) as copy:
        app = create_app(copy.settings)
        yield app
        app.extensions["database"].dispose()


def standing(app: Flask) -> dict[str, Any]:
    """How many rows each table has, by status where there is one, and every balance (现状)."""
    from sqlalchemy import text

    found: dict[str, Any] = {}
    with app.extensions["database"].read() as session:
        tables = session.execute(text(
            "SELECT t.schemaname || '.' || t.tablename, EXISTS (SELECT FROM information_schema.columns c"
            " WHERE c.table_name = t.tablename AND c.column_name = 'status'"
            " AND c.table_schema = t.schemaname)"
            " FROM pg_tables t WHERE t.schemaname IN ('public', 'ledger') ORDER BY 1"
        )).all()  # fmt: skip
        for table, has_status in tables:
            if table.partition(".")[2] in OWN_MARKS:
                continue
            by = "status" if has_status else "''"
            # That a file came again is noted each time; nothing else follows from it.
            some = "WHERE action <> 'statement.sent-again'" if table == "public.audit_event" else ""
            query = text(f"SELECT {by}, count(*) FROM {table} {some} GROUP BY 1 ORDER BY 1")
            found[table] = [tuple(row) for row in session.execute(query)]
        balances = "SELECT a.book_id, a.code, a.key, b.balance FROM ledger.account a" \
                   " JOIN ledger.balance b ON b.account_id = a.id ORDER BY 1, 2, 3"  # fmt: skip
        found["balances"] = [tuple(row) for row in session.execute(text(balances))]
    return found
