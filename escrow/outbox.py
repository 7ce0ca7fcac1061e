"""What the outside is told, in order, and what it was answered before (对外事件与应答存底)."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary, func, insert, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text, UserDefinedType

from config.clock import bureau_time
from config.database import Base

# What the outside is told of, and how an officer reads it (对外事件种类).
KIND_LABELS = {
    "deposit.confirmed": "入账确认",
    "deposit.reversed": "入账冲正",
    "filing.at-risk": "备案存疑",
    "instruction.issued": "签发指令",
    "instruction.cancelled": "撤销指令",
    "supervision.released": "解除监管",
    "statement.differences": "对账差异",
    "day.closed": "账户日结",
}


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's xid8: which transaction wrote a row (事务号)."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class OutboxEvent(Base):
    """One outward event, written with the step it tells of; written once (对外事件)."""

    __tablename__ = "outbox_event"
    __table_args__ = (
        Index("ix_outbox_event_audience", "audience", postgresql_using="gin"),
        Index("ix_outbox_event_xid", "xid"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    type: Mapped[str]
    subject: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    audience: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="可见者：filing、bank:<代码> 等")
    happened_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    xid: Mapped[str] = mapped_column(TransactionId, server_default=text("pg_current_xact_id()"))


class AnsweredRequest(Base):
    """The first answer to a key, given again to whoever asks again (应答存底). Keys for money never expire."""

    __tablename__ = "answered_request"
    __table_args__ = (
        Index(
            "ix_answered_request_checks", "answered_at",
            postgresql_where=text("key LIKE 'deposit-check:%'"),
        ),
    )  # fmt: skip

    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[str | None]
    answered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


def canonical(facts: Any) -> bytes:
    """The same facts are the same bytes: sorted, compact JSON in the spirit of RFC 8785 (规范字节)."""
    return json.dumps(
        facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str
    ).encode()


def emit(session: Session, kind: str, subject: str, data: dict[str, Any], *, audience: Sequence[str]) -> None:
    """Write one outward event in the caller's transaction (登记对外事件)."""
    session.execute(
        insert(OutboxEvent).values(type=kind, subject=subject, data=data, audience=list(audience))
    )


def cloud_event(row: Any) -> dict[str, Any]:
    """One event as the outside is told it: CloudEvents 1.0, by the door and by delivery alike (对外事件)."""
    return {
        "specversion": "1.0",
        "id": str(row.id),
        "source": "urn:escrow:supervision",
        "type": row.type,
        "subject": row.subject,
        "time": bureau_time(row.happened_at).isoformat(),
        "datacontenttype": "application/json",
        "data": row.data,
    }
