"""Who subscribes and leaves; what an officer decides about a delivery that did not arrive (订阅与处理)."""

import secrets
from dataclasses import dataclass

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from config.outward import Place, PlaceRefused, read_place, settle
from config.settings import Settings
from escrow.access import audit
from escrow.access.models import ApiClient
from escrow.access.sealing import seal
from escrow.deliveries.models import Delivery, Subscriber
from escrow.deliveries.rules import Algorithm, DeliveryStatus
from escrow.errors import EscrowError, Invalid, NotFound
from escrow.outbox import KIND_LABELS

_OPEN = (DeliveryStatus.WAITING, DeliveryStatus.SENDING, DeliveryStatus.DEAD)
_MOST_AT_ONCE = 1000
_REASON = 200


class NotDead(EscrowError):
    """Only what did not arrive is sent again or given up (不是未送达的推送)."""

    code, label, status = "delivery-not-dead", "这件推送已不在“未送达”状态，未作任何更改", 409


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a client asks for (订阅申请)."""

    client_id: str
    url: str
    types: frozenset[str]
    algorithm: str


def allowed_place(url: str, settings: Settings) -> Place:
    """The address, if the settings' list covers it (是否在允许名单内). Raises PlaceRefused."""
    place = read_place(url)
    if not any(allowed.covers(place) for allowed in settings.subscriber_urls):
        raise PlaceRefused("不在运行参数 ESCROW_SUBSCRIBER_URLS 的允许名单内")
    return place


def is_allowed(url: str, settings: Settings) -> bool:
    """Whether the settings as they are now still cover a registered address (仍在名单)."""
    try:
        return bool(allowed_place(url, settings))
    except PlaceRefused:
        return False


def judge_place(url: str, settings: Settings) -> None:
    """Whether an address may be sent to, as it stands now (核对地址). Looks its name up: outside transactions."""
    try:
        settle(allowed_place(url, settings), settings.subscriber_networks)
    except PlaceRefused as refused:
        raise Invalid({"url": f"{refused}。"}) from None
    except OSError:
        raise Invalid({"url": "这个域名现在无法解析。"}) from None


def sealing_context(client_id: str, url: str) -> str:
    """Whose key it is: sealed for one client at one address (密钥用途)."""
    return f"subscriber:{client_id}:{url}"


def subscribe(session: Session, settings: Settings, asked: Subscription, *, officer_id: int) -> str:
    """Register an address that was judged, and draw its key, told only now (登记订阅)."""
    if faults := _faults(asked):
        raise Invalid(faults)
    living = select(ApiClient).where(ApiClient.client_id == asked.client_id, ApiClient.retired_at.is_(None))
    client = session.scalar(living.with_for_update(key_share=True))
    if client is None:
        raise Invalid({"client_id": "没有这个在用的接口客户端。"})
    here = select(Subscriber.id).where(Subscriber.api_client_id == client.id, Subscriber.url == asked.url)
    if session.scalar(here.where(Subscriber.retired_at.is_(None))):
        raise Invalid({"url": "这个客户端已经订阅到这个地址。"})
    secret = secrets.token_urlsafe(32)
    session.add(Subscriber(
        api_client_id=client.id, url=asked.url, types=sorted(asked.types),
        algorithm=Algorithm(asked.algorithm), added_by=officer_id,
        secret_sealed=seal(secret, settings, context=sealing_context(client.client_id, asked.url)),
    ))  # fmt: skip
    session.flush()
    audit.record(
        session, "subscriber.added", asked.client_id, url=asked.url, types=sorted(asked.types),
        algorithm=asked.algorithm,
    )  # fmt: skip
    return secret


def redraw(session: Session, settings: Settings, subscriber_id: int) -> str:
    """A new key under the next number, told only now (换发密钥)."""
    found, client_id = _living(session, subscriber_id)
    secret = secrets.token_urlsafe(32)
    found.secret_sealed = seal(secret, settings, context=sealing_context(client_id, found.url))
    found.key_no += 1
    session.flush()
    audit.record(session, "subscriber.redrawn", client_id, url=found.url, key_no=found.key_no)
    return secret


def retire(session: Session, subscriber_id: int, *, officer_id: int) -> None:
    """Nothing more goes there; what is still under way is given up (停用订阅)."""
    found, client_id = _living(session, subscriber_id)
    found.retired_at, found.retired_by = func.clock_timestamp(), officer_id
    session.flush()
    mine = (Delivery.subscriber_id == subscriber_id, Delivery.status.in_(_OPEN))
    dropped = session.scalars(
        update(Delivery).where(*mine).values(status=DeliveryStatus.DROPPED, ended_at=func.clock_timestamp())
        .returning(Delivery.id).execution_options(synchronize_session=False)
    ).all()  # fmt: skip
    audit.record(session, "subscriber.retired", client_id, url=found.url, dropped=len(dropped))


def send_again(session: Session, delivery_id: int) -> None:
    """From its first try once more, without waiting (再次发送). Raises NotFound or NotDead."""
    subscriber_id = _owner(session, delivery_id)
    _wake(session, subscriber_id)
    if _again(session, [delivery_id]) == 0:
        raise NotDead


def send_all_again(session: Session, subscriber_id: int) -> int:
    """Everything that did not arrive there, a thousand at most (全部再次发送); how many."""
    client_id = _wake(session, subscriber_id)
    if client_id is None:
        raise NotFound("没有这个订阅")
    dead = select(Delivery.id).where(
        Delivery.subscriber_id == subscriber_id, Delivery.status == DeliveryStatus.DEAD
    )
    return _again(session, list(session.scalars(dead.order_by(Delivery.id).limit(_MOST_AT_ONCE))))


def drop(session: Session, delivery_id: int, reason: str) -> None:
    """No longer brought, and what waits behind it may go (放弃推送). Raises Invalid, NotFound, NotDead."""
    plain = audit.one_line(reason.strip())
    if not 2 <= len(plain) <= _REASON:
        raise Invalid({"reason": f"请写明理由，2 至 {_REASON} 字。"})
    _wake(session, _owner(session, delivery_id))
    values = {"status": DeliveryStatus.DROPPED, "ended_at": func.clock_timestamp()}
    subject = session.scalar(
        update(Delivery).where(Delivery.id == delivery_id, Delivery.status == DeliveryStatus.DEAD)
        .values(values).returning(Delivery.subject).execution_options(synchronize_session=False)
    )  # fmt: skip
    if subject is None:
        raise NotDead
    audit.record(session, "delivery.dropped", subject, delivery=delivery_id, reason=plain)


def _faults(asked: Subscription) -> dict[str, str]:
    found = {}
    if strange := sorted(asked.types - set(KIND_LABELS)):
        found["types"] = f"没有这种事件：{audit.one_line('、'.join(strange))}。"
    if asked.algorithm not in set(Algorithm):
        found["algorithm"] = f"签名算法须为 {' 或 '.join(Algorithm)}。"
    return found


def _living(session: Session, subscriber_id: int) -> tuple[Subscriber, str]:
    query = select(Subscriber).where(Subscriber.id == subscriber_id, Subscriber.retired_at.is_(None))
    found = session.scalar(query.with_for_update(key_share=True))
    if found is None:
        raise NotFound("没有这个在用的订阅")
    client = select(ApiClient.client_id).where(ApiClient.id == found.api_client_id)
    return found, session.scalars(client).one()


def _owner(session: Session, delivery_id: int) -> int:
    found = session.scalar(select(Delivery.subscriber_id).where(Delivery.id == delivery_id))
    if found is None:
        raise NotFound("没有这件推送")
    return found


def _wake(session: Session, subscriber_id: int) -> str | None:
    """Under the subscriber's lock, as every sender; somebody says it answers again (解除停歇)."""
    woken = text("""
    UPDATE subscriber s SET rests_until = NULL FROM api_client c
     WHERE c.id = s.api_client_id AND s.id = :id RETURNING c.client_id
    """)
    found: str | None = session.scalar(woken, {"id": subscriber_id})
    return found


def _again(session: Session, delivery_ids: list[int]) -> int:
    dead = (Delivery.id.in_(delivery_ids), Delivery.status == DeliveryStatus.DEAD)
    values = {"status": DeliveryStatus.WAITING, "tries": 0, "due_at": func.clock_timestamp()}
    found = session.execute(
        update(Delivery).where(*dead).values(values).returning(Delivery.id, Delivery.subject)
        .execution_options(synchronize_session=False)
    ).all()  # fmt: skip
    for row in found:
        audit.record(session, "delivery.again", row.subject, delivery=row.id)
    return len(found)
