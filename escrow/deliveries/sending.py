"""A subscriber's deliveries, taken one by one in order, sent outside any transaction, and written down (推送).

May run twice and at the same time as itself: each try holds a token and a lease by the database's clock.
Who comes back after the lease writes nothing; the event is then sent again: at least once.
"""

import random
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from config import outward
from config.clock import bureau_time
from config.database import Database
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import unseal
from escrow.deliveries.actions import allowed_place, sealing_context
from escrow.deliveries.rules import (
    AT_ONCE,
    LEASE,
    LONGEST_REST,
    LONGEST_TURN,
    MOST_TRIES,
    PATIENCE,
    Algorithm,
    DeliveryStatus,
    TryOutcome,
    status_outcome,
    tires,
    wait_after,
)
from escrow.deliveries.signing import CONTENT_TYPE, KEY, SIGNATURE, TIMESTAMP, body_of, signature
from escrow.deliveries.transport import Garbled, post

_SUBSCRIBER = text("""
SELECT s.id, s.url, s.algorithm, s.secret_sealed, s.key_no, c.client_id
  FROM subscriber s JOIN api_client c ON c.id = s.api_client_id
 WHERE s.id = :id AND s.retired_at IS NULL AND c.retired_at IS NULL
   AND (s.rests_until IS NULL OR s.rests_until <= clock_timestamp())
   FOR NO KEY UPDATE OF s
""")
_NEXT = text("""
SELECT d.id FROM delivery d
 WHERE d.subscriber_id = :id AND d.status IN ('waiting', 'sending') AND d.due_at <= clock_timestamp()
   AND NOT EXISTS (SELECT FROM delivery b
                    WHERE b.subscriber_id = d.subscriber_id AND b.subject = d.subject
                      AND b.event_id < d.event_id AND b.status IN ('waiting', 'sending', 'dead'))
   AND (SELECT count(*) FROM delivery w
         WHERE w.subscriber_id = :id AND w.status = 'sending' AND w.due_at > clock_timestamp()) < :at_once
 ORDER BY d.event_id LIMIT 1 FOR UPDATE OF d SKIP LOCKED
""")
_TAKE = text("""
UPDATE delivery d SET status = 'sending', token = token + 1, tries = tries + 1,
       due_at = clock_timestamp() + :lease
  FROM outbox_event e WHERE e.id = d.event_id AND d.id = :delivery_id
RETURNING d.id AS delivery_id, d.token, d.tries, clock_timestamp() AS now,
          e.id, e.type, e.subject, e.happened_at, e.data
""")
_STILL_MINE = text("""
SELECT id FROM delivery WHERE id = :id AND token = :token AND status = 'sending' FOR UPDATE
""")
_WRITE_TRY = text("""
INSERT INTO delivery_try (delivery_id, no, outcome, http_status, took_ms)
VALUES (:id, :token, :outcome, :http_status, :took_ms)
""")
_STEP = text("""
UPDATE delivery SET status = CAST(:status AS varchar), due_at = clock_timestamp() + :wait,
       ended_at = CASE WHEN CAST(:status AS varchar) = 'delivered' THEN clock_timestamp() END
 WHERE id = :id
""")
_ANSWERS = text("""
UPDATE subscriber SET failures = 0, rests_until = NULL WHERE id = :id AND failures > 0
""")
_IS_TIRED = text("""
UPDATE subscriber SET failures = :failures, rests_until = clock_timestamp() + :rest WHERE id = :id
""")
_LOCK = text("SELECT failures FROM subscriber WHERE id = :id FOR NO KEY UPDATE")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Turn:
    """One try at one delivery, with everything it needs (一次推送)."""

    subscriber: Row[Any]
    event: Row[Any]
    secret: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """What a try came to (推送结果)."""

    outcome: TryOutcome
    http_status: int | None
    took_ms: int


def deliver(database: Database, settings: Settings, subscriber_id: int) -> int:
    """Bring a subscriber what is due, in order, until nothing is or it is tired (推送); how many tries.

    After a while others have their turn, however much is left.
    """
    ends, count = time.monotonic() + LONGEST_TURN.total_seconds(), 0
    while time.monotonic() < ends:
        with database.begin() as session:
            turn = take(session, settings, subscriber_id)
        if turn is None:
            break
        sent, count = send(settings, turn), count + 1
        with database.begin() as session:
            settle(session, turn, sent)
        if tires(sent.outcome, sent.http_status):
            break
    return count


def take(session: Session, settings: Settings, subscriber_id: int) -> Turn | None:
    """The earliest delivery that is due and has nothing of its subject before it (取一件)."""
    found = session.execute(_SUBSCRIBER, {"id": subscriber_id}).one_or_none()
    if found is None:
        return None
    delivery_id = session.scalar(_NEXT, {"id": subscriber_id, "at_once": AT_ONCE})
    if delivery_id is None:
        return None
    secret = unseal(found.secret_sealed, settings, context=sealing_context(found.client_id, found.url))
    event = session.execute(_TAKE, {"delivery_id": delivery_id, "lease": LEASE}).one()
    return Turn(found, event, secret, event.now)


def send(settings: Settings, turn: Turn) -> Sent:
    """One POST, or why there was none (推送一次). No transaction is open."""
    begun = time.monotonic()
    outcome, status = _outcome(settings, turn, begun + PATIENCE.total_seconds())
    sent = Sent(outcome, status, int((time.monotonic() - begun) * 1000))
    log.info(
        "delivery_tried", delivery=turn.event.delivery_id, subscriber=turn.subscriber.id,
        event_id=turn.event.id, no=turn.event.token, outcome=outcome.value, status=status, ms=sent.took_ms,
    )  # fmt: skip
    return sent


def settle(session: Session, turn: Turn, sent: Sent) -> None:
    """Write the try down and what follows from it; nothing when the turn is over (记录推送结果)."""
    subscriber_id, delivery_id = turn.subscriber.id, turn.event.delivery_id
    failures = session.scalar(_LOCK, {"id": subscriber_id}) or 0
    mine = {"id": delivery_id, "token": turn.event.token}
    if session.scalar(_STILL_MINE, mine) is None:
        log.warning("delivery_late", delivery=delivery_id, no=turn.event.token)
        return
    told = {"outcome": sent.outcome.value, "http_status": sent.http_status, "took_ms": sent.took_ms}
    session.execute(_WRITE_TRY, {**mine, **told})
    status = _after(sent.outcome, turn.event.tries)
    wait = wait_after(turn.event.tries, random.random())  # noqa: S311 - jitter, not a secret
    session.execute(_STEP, {"id": delivery_id, "status": status.value, "wait": wait})
    if tires(sent.outcome, sent.http_status):
        rest = wait_after(failures + 1, random.random(), LONGEST_REST)  # noqa: S311
        session.execute(_IS_TIRED, {"id": subscriber_id, "failures": failures + 1, "rest": rest})
    elif sent.outcome is TryOutcome.TAKEN:
        session.execute(_ANSWERS, {"id": subscriber_id})
    if status is DeliveryStatus.DEAD:
        audit.record(
            session, "delivery.dead", turn.event.subject, result="refused", delivery=delivery_id,
            client=turn.subscriber.client_id, event=turn.event.id, tries=turn.event.tries,
            outcome=sent.outcome.value,
        )  # fmt: skip


def _after(outcome: TryOutcome, tries: int) -> DeliveryStatus:
    if outcome is TryOutcome.TAKEN:
        return DeliveryStatus.DELIVERED
    return DeliveryStatus.DEAD if tries >= MOST_TRIES else DeliveryStatus.WAITING


def _outcome(settings: Settings, turn: Turn, until: float) -> tuple[TryOutcome, int | None]:
    try:
        place = allowed_place(turn.subscriber.url, settings)
        addresses = outward.settle(place, settings.subscriber_networks)
        body = body_of(turn.event)
        status = post(place, addresses, _headers(turn, body), body, until)
        return status_outcome(status), status
    except outward.PlaceRefused:
        return TryOutcome.NOT_ALLOWED, None
    except socket.gaierror:
        return TryOutcome.UNKNOWN_NAME, None
    except TimeoutError:
        return TryOutcome.TOO_SLOW, None
    except ssl.SSLCertVerificationError:
        return TryOutcome.NO_TRUST, None
    except Garbled:
        return TryOutcome.GARBLED, None
    except OSError:
        return TryOutcome.UNREACHABLE, None


def _headers(turn: Turn, body: bytes) -> dict[str, str]:
    timestamp = bureau_time(turn.now).isoformat(timespec="seconds")
    algorithm = Algorithm(turn.subscriber.algorithm)
    return {
        "Content-Type": CONTENT_TYPE, "User-Agent": "presale-escrow", TIMESTAMP: timestamp,
        KEY: str(turn.subscriber.key_no), SIGNATURE: signature(turn.secret, algorithm, timestamp, body),
    }  # fmt: skip
