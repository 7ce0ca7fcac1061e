"""The places of events, who wants them, each delivery and each try at it (推送各表)."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.deliveries.rules import Algorithm, DeliveryStatus, TryOutcome
from escrow.outbox import TransactionId
from ledger.tables import term

_NOW = func.clock_timestamp()


class EventPlace(Base):
    """The place of an event in the one order everybody is told them in (事件位次)."""

    __tablename__ = "event_place"

    place: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("outbox_event.id"), unique=True)


class EventRouting(Base):
    """How far events have their places; one row (分发进度)."""

    __tablename__ = "event_routing"
    __table_args__ = (CheckConstraint("is_whole", name="one"),)

    is_whole: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    routed_before: Mapped[str] = mapped_column(TransactionId)


class Subscriber(Base):
    """A client's own address for events, and the key they are signed with (推送订阅)."""

    __tablename__ = "subscriber"
    __table_args__ = (
        CheckConstraint("url ~ '^https?://[^/?#@]+(/[^?#]*)?$' AND length(url) <= 500", name="url"),
        CheckConstraint("key_no > 0", name="key_no"),
        CheckConstraint("failures >= 0", name="failures"),
        CheckConstraint("(retired_at IS NULL) = (retired_by IS NULL)", name="retired"),
        Index(
            "uq_subscriber_living", "api_client_id", "url", unique=True,
            postgresql_where=text("retired_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    api_client_id: Mapped[int] = mapped_column(ForeignKey("api_client.id"))
    url: Mapped[str]
    types: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="所要的事件种类；空为全部")
    algorithm: Mapped[Algorithm] = mapped_column(term(Algorithm))
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    key_no: Mapped[int] = mapped_column(server_default="1")
    added_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW)
    added_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    retired_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    failures: Mapped[int] = mapped_column(server_default="0")
    rests_until: Mapped[datetime | None] = mapped_column(DateTime(True), comment="对方连不上：此前不再推送")


class Delivery(Base):
    """One event on its way to one subscriber (推送)."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "event_id"),
        CheckConstraint("tries >= 0 AND token >= tries", name="tries"),
        CheckConstraint("(status IN ('delivered', 'dropped')) = (ended_at IS NOT NULL)", name="ended"),
        Index(
            "ix_delivery_due", "subscriber_id", "event_id",
            postgresql_where=text("status IN ('waiting', 'sending')"),
        ),
        Index("ix_delivery_sending", "subscriber_id", postgresql_where=text("status = 'sending'")),
        Index(
            "ix_delivery_before", "subscriber_id", "subject", "event_id",
            postgresql_where=text("status IN ('waiting', 'sending', 'dead')"),
        ),
        Index("ix_delivery_status", "status", "id"),
        Index(
            "ix_delivery_open", "id", postgresql_where=text("status IN ('waiting', 'sending', 'dead')")
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    event_id: Mapped[int] = mapped_column(ForeignKey("outbox_event.id"))
    subject: Mapped[str]
    status: Mapped[DeliveryStatus] = mapped_column(term(DeliveryStatus), server_default="waiting")
    tries: Mapped[int] = mapped_column(server_default="0")
    token: Mapped[int] = mapped_column(
        server_default="0", comment="推送令牌：逐次递增，迟到的推送者写不进来"
    )
    due_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW)
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(True))


class DeliveryTry(Base):
    """What one try came to; written once (推送经过)."""

    __tablename__ = "delivery_try"
    __table_args__ = (
        CheckConstraint("took_ms >= 0", name="took_ms"),
        CheckConstraint("http_status BETWEEN 100 AND 999", name="http_status"),
        CheckConstraint("outcome <> 'taken' OR http_status BETWEEN 200 AND 299", name="taken"),
    )

    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"), primary_key=True)
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW)
    outcome: Mapped[TryOutcome] = mapped_column(term(TryOutcome))
    http_status: Mapped[int | None]
    took_ms: Mapped[int]
