"""Every event gets its place, and a delivery for each subscriber that may see it and wants it (分发)."""

from sqlalchemy import text
from sqlalchemy.orm import Session

_IS_NEW = text("""
SELECT EXISTS (SELECT FROM outbox_event e
                WHERE e.xid >= (SELECT routed_before FROM event_routing)
                  AND NOT EXISTS (SELECT FROM event_place p WHERE p.event_id = e.id))
""")
_TURN = text("SELECT FROM event_routing FOR UPDATE SKIP LOCKED")
# Whatever is committed and has no place yet gets one, so that a long transaction keeps nobody else's back;
# the mark only tells below which everything has its place. Two events of one subject are written under its
# lock: where the later one is seen, the earlier one is too. What was told before somebody subscribed is for
# the pull door.
_ROUTE = text("""
WITH edge AS MATERIALIZED (
    SELECT routed_before AS since, pg_snapshot_xmin(pg_current_snapshot()) AS upto FROM event_routing
), fresh AS MATERIALIZED (
    SELECT e.id, e.type, e.subject, e.audience, e.happened_at FROM edge, outbox_event e
     WHERE e.xid >= edge.since AND NOT EXISTS (SELECT FROM event_place p WHERE p.event_id = e.id)
     ORDER BY e.id
), placed AS (
    INSERT INTO event_place (event_id) SELECT id FROM fresh ORDER BY id
), addressed AS (
    INSERT INTO delivery (subscriber_id, event_id, subject)
    SELECT s.id, e.id, e.subject
      FROM fresh e
      JOIN subscriber s ON s.retired_at IS NULL AND (s.types = '{}' OR e.type = ANY (s.types))
                       AND s.added_at <= e.happened_at
      JOIN api_client c ON c.id = s.api_client_id AND c.retired_at IS NULL
       AND e.audience && CASE WHEN c.bank_code IS NULL THEN c.scopes ELSE ARRAY['bank:' || c.bank_code] END
     ORDER BY e.id, s.id
)
UPDATE event_routing SET routed_before = edge.upto FROM edge WHERE edge.upto > edge.since
""")
_DUE = text("""
SELECT s.id FROM subscriber s JOIN api_client c ON c.id = s.api_client_id
 WHERE s.retired_at IS NULL AND c.retired_at IS NULL
   AND (s.rests_until IS NULL OR s.rests_until <= clock_timestamp())
   AND EXISTS (SELECT FROM delivery d WHERE d.subscriber_id = s.id AND d.status IN ('waiting', 'sending')
                  AND d.due_at <= clock_timestamp())
 ORDER BY s.id
""")


def route(session: Session) -> None:
    """Route what is new, one router at a time; who comes meanwhile leaves it to the other (分发新事件).

    Writes nothing when nothing is new, so that everybody may ask before reading.
    """
    if session.scalar(_IS_NEW) and session.execute(_TURN).first() is not None:
        session.execute(_ROUTE)


def due(session: Session) -> list[int]:
    """Subscribers with something to bring now (有待推送的订阅)."""
    return list(session.scalars(_DUE))
