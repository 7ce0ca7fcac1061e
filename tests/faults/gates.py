"""Named crash points, seen and held from outside (具名崩溃点).

No test code is in the product. Triggers of the superuser let every transaction pass, unless a test holds the
lock of their name: then the transaction waits there, is seen waiting in pg_locks, and somebody is killed.

  table:<name>     before the first row is written to a table
  after:<name>     the rows of a table are written, what follows is not
  audit:<action>   the trail of a step is written: everything but COMMIT was said, and of a deposit COMMIT too
  commit:<action>  COMMIT was said, every check passed, nothing is written yet
  told:<action>    the commit is on disk, and nobody has been told
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg

BEFORE = (
    "answered_request", "ledger.journal_entry", "ledger.day_close", "ledger.seal", "statement_file",
    "statement_line", "statement_match", "delivery_try", "officer_session", "fund_order",
)  # fmt: skip
AFTER = ("ledger.transfer", "ledger.day_close", "statement_line", "delivery", "fund_order")
_KEY, _TOLD_KEY = 7100, 7101

GATES = (
    f"""
CREATE SCHEMA faults;
CREATE FUNCTION faults.gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({_KEY}, hashtext(TG_ARGV[0]));
    RETURN NULL;
END $$;
CREATE FUNCTION faults.audited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({_KEY}, hashtext(TG_ARGV[0] || NEW.action));
    -- Held for this name: the commit waits for a standby that is not there, after it is on disk.
    IF TG_ARGV[0] = 'commit:' AND NOT
       pg_try_advisory_xact_lock_shared({_TOLD_KEY}, hashtext('told:' || NEW.action)) THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER zz_fault_audit AFTER INSERT ON audit_event
    FOR EACH ROW EXECUTE FUNCTION faults.audited('audit:');
CREATE CONSTRAINT TRIGGER zz_fault_commit AFTER INSERT ON audit_event DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION faults.audited('commit:');
"""
    + "".join(
        f"CREATE TRIGGER aa_fault_{when.lower()} {when} INSERT OR UPDATE ON {table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION faults.gate('{name}:{table}');\n"
        for when, name, tables in (("BEFORE", "table", BEFORE), ("AFTER", "after", AFTER))
        for table in tables
    )
)

_WAITING = """
SELECT pid FROM pg_locks
 WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND classid = %s AND objid = (hashtext(%s)::bigint & 4294967295)::oid AND NOT granted
"""
_TOLD = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep'"
_LIVES = "SELECT pid FROM pg_stat_activity WHERE pid = ANY(%s)"


@dataclass(slots=True)
class Gate:
    """One point that is held: whoever comes there waits (守住的崩溃点)."""

    point: str
    connection: psycopg.Connection[Any]

    def waiting(self) -> list[int]:
        """The backends that have come to the point (到达的会话)."""
        asked = (_TOLD, ()) if self.point.startswith("told:") else (_WAITING, (_KEY, self.point))
        return [pid for (pid,) in self.connection.execute(*asked)]

    def lives(self, pids: list[int]) -> bool:
        """Whether any of those backends is still there."""
        return bool(self.connection.execute(_LIVES, [pids]).fetchall())

    def open(self) -> None:
        """Let everybody pass again; a commit that was on disk is told, for what it is worth."""
        if self.point.startswith("told:"):
            self.connection.execute(f"SELECT pg_cancel_backend(pid) FROM ({_TOLD}) w")
        self.connection.execute("SELECT pg_advisory_unlock_all()")


@contextmanager
def held(connection: psycopg.Connection[Any], point: str) -> Iterator[Gate]:
    """Hold one point for as long as the block lasts, or until the server is killed (守住)."""
    key = _TOLD_KEY if point.startswith("told:") else _KEY
    connection.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [key, point])
    gate = Gate(point, connection)
    try:
        yield gate
    finally:
        with suppress(psycopg.OperationalError):
            gate.open()
