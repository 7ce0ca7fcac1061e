"""Alarms are raised and cleared, and what is long over is purged (报警与清理). Lock, look, write."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from config.database import Database
from escrow.night.rules import AlarmKind
from escrow.night.watching import QUESTIONS

# One look at a time: the second sees what the first has written.
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('alarms', 0))")
_RAISE = text("""
INSERT INTO alarm (kind, subject, said, place, due_on)
SELECT :kind, * FROM unnest(CAST(:subjects AS text[]), CAST(:said AS text[]), CAST(:places AS text[]),
                            CAST(:due AS date[]))
ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING RETURNING id
""")
_CLEAR = text("""
UPDATE alarm SET cleared_at = clock_timestamp()
 WHERE kind = :kind AND cleared_at IS NULL AND subject <> ALL (CAST(:subjects AS text[])) RETURNING id
""")


def look(session: Session, kinds: Iterable[AlarmKind], region: str) -> int:
    """Raise what is due and nobody has seen to, clear what is over; how many changed (报警与解除)."""
    session.execute(_ALONE)
    changed = 0
    for kind in kinds:
        warned = QUESTIONS[kind](session, region)
        if warned is None:
            continue
        subjects = [one.subject for one in warned]
        changed += len(session.scalars(_CLEAR, {"kind": kind, "subjects": subjects}).all())
        changed += len(session.scalars(_RAISE, {
            "kind": kind, "subjects": subjects, "said": [one.said for one in warned],
            "places": [one.place for one in warned], "due": [one.due_on for one in warned],
        }).all())  # fmt: skip
    return changed


_AT_ONCE = 5000
# Only these may go, and only so long after they were over; PostgreSQL refuses any other (可清理的).
PURGED = {
    "officer_session": "coalesce(ended_at, opened_at) < clock_timestamp() - interval '91 days'",
    "api_token": "expires_at < clock_timestamp() - interval '1 day'",
    "answered_request":
        "key LIKE 'deposit-check:%' AND answered_at < clock_timestamp() - interval '367 days'",
    "task_run": "ended_at < clock_timestamp() - interval '91 days'",
}  # fmt: skip


def purge(database: Database, table: str) -> int:
    """Delete what is long over of one table, some thousand at once; how many (清理). Never a booked fact."""
    deleted, count = 0, _AT_ONCE
    statement = text(f"""
        DELETE FROM {table} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {table} WHERE {PURGED[table]} LIMIT {_AT_ONCE} FOR UPDATE SKIP LOCKED))
        RETURNING 1
    """)  # noqa: S608 - our own words
    while count == _AT_ONCE:
        with database.begin() as session:
            count = len(session.scalars(statement).all())
        deleted += count
    return deleted
