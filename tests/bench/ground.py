"""The bench's own PostgreSQL, durable,
and a database that already holds 20,000 entries of each kind (基准场地)."""

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psycopg

from config.migrate import upgrade
from config.postgres import Server, find_programs
from config.roles import APP, OWNER, ROLES, VERIFIER, admit_roles, create_database, create_roles
from ledger import checks
from ledger.accounts import Account, open_account, open_book
from ledger.checks import Finding
from ledger.journal import Draft, post_many
from ledger.money import Yuan
from ledger.movements import Movement, Transfer
from ledger.seals import seal
from ledger.terms import Side

PAIRS = 1000
HELD = 20_000
DAY = date(2026, 6, 1)
TEMPLATE = "bench_template"
DEPOSIT = Movement("B1", "基准入账", frozenset({("1101", "2111")}))
# Larger than the machine's default, as a bureau would set them; durability is left exactly as it must be.
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "max_connections": "60",
"checkpoint_timeout": "30min"}

# A posting that checks nothing: keys, postings by account so that they can be read, and that is all (裸写).
BARE = """
CREATE SCHEMA bare;
CREATE TABLE bare.entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, reference text,
effective_on date,
    booked_at timestamptz DEFAULT clock_timestamp());
CREATE TABLE bare.posting (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entry_id bigint,
account_id bigint,
    amount bigint);
CREATE INDEX ON bare.posting (account_id, id);
CREATE TABLE bare.balance (account_id bigint PRIMARY KEY, balance bigint) WITH (fillfactor = 50);
CREATE FUNCTION bare.post(ref text, day date, debit bigint, credit bigint, sum bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE made bigint;
BEGIN
    INSERT INTO bare.entry (reference, effective_on) VALUES (ref, day) RETURNING id INTO made;
    INSERT INTO bare.posting (entry_id, account_id, amount) VALUES (made, debit, sum), (made, credit, -sum);
    UPDATE bare.balance SET balance = balance + sum WHERE account_id = debit;
    UPDATE bare.balance SET balance = balance - sum WHERE account_id = credit;
    RETURN made;
END $$;
CREATE FUNCTION bare.post_many(refs text[], day date, debits bigint[], credits bigint[], sums bigint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH given AS (
        SELECT * FROM unnest(refs, debits, credits, sums) WITH ORDINALITY AS g (ref, debit, credit, sum, n)
    ), headed AS (
        INSERT INTO bare.entry (reference, effective_on) SELECT ref, day FROM given ORDER BY n RETURNING id,
        reference
    ), leg AS (
        SELECT h.id, l.account_id, l.amount FROM given g JOIN headed h ON h.reference = g.ref
         CROSS JOIN LATERAL (VALUES (g.debit, g.sum), (g.credit, -g.sum)) AS l (account_id, amount)
    ), posted AS (
        INSERT INTO bare.posting (entry_id, account_id, amount) SELECT id, account_id, amount FROM leg
    )
    UPDATE bare.balance b SET balance = b.balance + m.amount
      FROM (SELECT account_id, sum(amount) AS amount FROM leg GROUP BY account_id) m
     WHERE b.account_id = m.account_id;
END $$;
GRANT USAGE ON SCHEMA bare TO escrow_app;
GRANT ALL ON ALL TABLES IN SCHEMA bare TO escrow_app;
"""


@dataclass(slots=True)
class Ground:
    """A server, and the pairs of accounts every copy of the template holds (场地)."""

    server: Server
    pairs: list[tuple[Account, Account]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def url(self, role: str, database: str = "postgres") -> str:
        """A URL for one role."""
        return self.server.url(role, database=database)

    def verify(self, database: str) -> None:
        """Seal what a cell booked and ask every check of the ledger (核验)."""
        with psycopg.connect(self.url(APP, database)) as connection:
            seal(connection)
        with psycopg.connect(self.url(VERIFIER, database)) as connection:
            self.findings = checks.run(connection)
        if wrong := [finding for finding in self.findings if not finding.ok]:
            raise SystemExit(f"核验不通过：{wrong}")

    def settle(self, database: str) -> None:
        """As a database stands after its night: tables known to the planner, pages written."""
        with psycopg.connect(self.url("postgres", database), autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")

    @contextlib.contextmanager
    def copy(self) -> Iterator[str]:
        """A fresh copy of the template, gone afterwards; its name."""
        name = f"bench_{secrets.token_hex(4)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
            admit_roles(connection, name)
            try:
                yield name
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def open_ground() -> Iterator[Ground]:
    """Start, migrate, fill; stop and leave nothing behind."""
    home = Path(tempfile.mkdtemp(prefix="escrow-bench-", dir="/var/tmp"))
    home.chmod(0o711)
    server = Server(home, find_programs())
    try:
        server.create("unused", trust=True)
        server.start(SETTINGS)
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            create_roles(connection, {role: secrets.token_hex(8) for role in ROLES})
            create_database(connection, TEMPLATE, OWNER)
            admit_roles(connection, TEMPLATE)
        upgrade(server.url(OWNER, database=TEMPLATE))
        ground = Ground(server)
        ground.pairs = _fill(ground)
        ground.settle(TEMPLATE)
        yield ground
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def _fill(ground: Ground) -> list[tuple[Account, Account]]:
    with psycopg.connect(ground.url(APP, TEMPLATE)) as connection:
        book = open_book(connection, "bench", "基准账套")
        pairs = [
            (
                open_account(connection, book.id, "1101", key=str(n), side=Side.DEBIT),
                open_account(connection, book.id, "2111", key=str(n), side=Side.CREDIT),
            )
            for n in range(PAIRS)
        ]
        for start in range(0, HELD, 1000):
            post_many(connection, [
                Draft(DEPOSIT, [Transfer(*pairs[n % PAIRS], Yuan(100))], f"held:{n}", DAY)
                for n in range(start, start + 1000)
            ])  # fmt: skip
    with psycopg.connect(ground.url(OWNER, TEMPLATE)) as connection:
        connection.execute(BARE)
        connection.execute("INSERT INTO bare.balance SELECT id, 0 FROM ledger.account")
        ids = [(debit.id, credit.id) for debit, credit in pairs]
        for start in range(0, HELD, 1000):
            batch = [(f"held:{n}", *ids[n % PAIRS], 10000) for n in range(start, start + 1000)]
            refs, debits, credits, sums = (list(column) for column in zip(*batch, strict=True))
            connection.execute("SELECT bare.post_many(%s, %s, %s, %s, %s)", (refs, DAY, debits, credits,
            sums))
    return pairs
