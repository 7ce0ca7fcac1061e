"""Deliveries and subscribers for reading (推送查询)."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from escrow.deliveries.rules import DeliveryStatus

_COLUMNS = """
SELECT d.id, d.subscriber_id, d.event_id, d.subject, d.status, d.tries, d.due_at, d.ended_at,
       e.type, e.happened_at, e.data, s.url, s.algorithm, s.retired_at, s.rests_until,
       c.client_id, c.title, t.no AS last_no, t.at AS last_at, t.outcome AS last_outcome,
       t.http_status AS last_status,
       d.status = 'waiting' AND EXISTS (
           SELECT FROM delivery b
            WHERE b.subscriber_id = d.subscriber_id AND b.subject = d.subject
              AND b.event_id < d.event_id AND b.status IN ('waiting', 'sending', 'dead')) AS is_behind
  FROM delivery d JOIN outbox_event e ON e.id = d.event_id
  JOIN subscriber s ON s.id = d.subscriber_id JOIN api_client c ON c.id = s.api_client_id
  LEFT JOIN LATERAL (SELECT t.no, t.at, t.outcome, t.http_status FROM delivery_try t
                      WHERE t.delivery_id = d.id ORDER BY t.no DESC LIMIT 1) t ON true
"""
# What is not over yet has an index of its own.
_WHICH = {
    "open": "d.status IN ('waiting', 'sending', 'dead')",
    **{one.value: f"d.status = '{one.value}'" for one in DeliveryStatus},
    "all": "true",
}
_LISTS = {
    which: text(f"{_COLUMNS} WHERE {said} AND d.id < :before ORDER BY d.id DESC LIMIT :limit")
    for which, said in _WHICH.items()
}
_ONE = text(_COLUMNS + " WHERE d.id = :id")
_TRIES = text("""
SELECT no, at, outcome, http_status, took_ms FROM delivery_try
 WHERE delivery_id = :id ORDER BY no DESC LIMIT 100
""")
_STEPS = text("""
SELECT at, action, actor_name, detail FROM audit_event
 WHERE subject = :subject AND action LIKE 'delivery.%' AND (detail ->> 'delivery')::bigint = :id
 ORDER BY id DESC LIMIT 100
""")
_SUBSCRIBERS = text("""
SELECT s.id, s.url, s.types, s.algorithm, s.key_no, s.added_at, s.retired_at, s.failures,
       CASE WHEN s.rests_until > clock_timestamp() THEN s.rests_until END AS rests_until,
       c.client_id, c.title, c.scopes, c.bank_code, c.retired_at AS client_retired_at,
       a.full_name AS added_by, r.full_name AS retired_by,
       coalesce(o.waiting, 0) AS waiting, coalesce(o.dead, 0) AS dead
  FROM subscriber s JOIN api_client c ON c.id = s.api_client_id
  JOIN officer a ON a.id = s.added_by LEFT JOIN officer r ON r.id = s.retired_by
  LEFT JOIN (SELECT subscriber_id, count(*) FILTER (WHERE status <> 'dead') AS waiting,
                    count(*) FILTER (WHERE status = 'dead') AS dead
               FROM delivery WHERE status IN ('waiting', 'sending', 'dead') GROUP BY subscriber_id) o
    ON o.subscriber_id = s.id
 WHERE CAST(:with_retired AS boolean) OR s.retired_at IS NULL
 ORDER BY s.retired_at NULLS FIRST, s.id DESC LIMIT 200
""")
_CLIENTS = text("""
SELECT client_id, title FROM api_client
 WHERE retired_at IS NULL AND scopes && '{bank,filing,registration,platform}' ORDER BY client_id LIMIT 500
""")


def deliveries(session: Session, which: str, *, before: int | None, limit: int) -> list[Row[Any]]:
    """Newest first, from a key backwards; `which` is a status, "open" or "all" (推送清单)."""
    told = {"before": before or 2**63 - 1, "limit": limit}
    return list(session.execute(_LISTS[which], told))


def delivery(session: Session, delivery_id: int) -> Row[Any] | None:
    """One delivery with its event (一件推送)."""
    return session.execute(_ONE, {"id": delivery_id}).one_or_none()


def tries(session: Session, delivery_id: int) -> list[Row[Any]]:
    """What each try came to, the newest first (推送经过)."""
    return list(session.execute(_TRIES, {"id": delivery_id}))


def steps(session: Session, row: Row[Any]) -> list[Row[Any]]:
    """Who decided what about it (处理记录)."""
    return list(session.execute(_STEPS, {"id": row.id, "subject": row.subject}))


def subscribers(session: Session, *, with_retired: bool) -> list[Row[Any]]:
    """Subscribers with what is still under way to them (订阅清单)."""
    return list(session.execute(_SUBSCRIBERS, {"with_retired": with_retired}))


def clients(session: Session) -> list[Row[Any]]:
    """Clients that may see events at all (可订阅的客户端)."""
    return list(session.execute(_CLIENTS))
