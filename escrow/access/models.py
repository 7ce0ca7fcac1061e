"""Officers, their sessions, API clients, their tokens, failed tries and the audit trail (人员、终端与留痕)."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base

_NOW = func.clock_timestamp()


class Officer(Base):
    """One person, one login; retired, never deleted (工作人员)."""

    __tablename__ = "officer"
    __table_args__ = (
        CheckConstraint("username ~ '^[a-z][a-z0-9._-]{1,31}$'", name="username"),
        CheckConstraint("cardinality(roles) > 0", name="has_role"),
        CheckConstraint(
            "roles <@ ARRAY['register','cashier','reviewer','release','auditor','admin']::text[]",
            name="roles",
        ),
        CheckConstraint(
            "cardinality(roles) = 1 OR NOT roles && ARRAY['auditor','admin']::text[]", name="separate_duties"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    full_name: Mapped[str]
    staff_no: Mapped[str] = mapped_column(unique=True, comment="工号：一人一号")
    password_hash: Mapped[str]
    totp_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    totp_last_step: Mapped[int] = mapped_column(
        BigInteger, server_default=text("0"), comment="已用的动态口令时步"
    )
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    added_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW)
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(True))


class OfficerSession(Base):
    """One sign-in on one machine; only the token's hash is kept (登录会话)."""

    __tablename__ = "officer_session"
    __table_args__ = (Index("ix_officer_session_officer", "officer_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    opened_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW)
    seen_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW)
    verified_at: Mapped[datetime] = mapped_column(
        DateTime(True), server_default=_NOW, comment="最近一次通过动态口令"
    )
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    address: Mapped[str]
    device: Mapped[str]


class ApiClient(Base):
    """One outside system (接口客户端); a bank's client speaks for that bank alone."""

    __tablename__ = "api_client"
    __table_args__ = (
        CheckConstraint("cardinality(scopes) > 0", name="has_scope"),
        CheckConstraint(
            "scopes <@ ARRAY['bank','platform','filing','registration','payment']::text[]", name="scopes"
        ),
        CheckConstraint("('bank' = ANY (scopes)) = (bank_code IS NOT NULL)", name="bank_has_code"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    bank_code: Mapped[str | None]
    added_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW)
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(True))


class ApiToken(Base):
    """One bearer token, kept as a hash until it has long expired (访问令牌)."""

    __tablename__ = "api_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    api_client_id: Mapped[int] = mapped_column(ForeignKey("api_client.id"), index=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    issued_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW)
    expires_at: Mapped[datetime] = mapped_column(DateTime(True), index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(True))


class WrongTries(Base):
    """How often somebody has been wrong lately; the name is kept as a keyed hash (失败次数)."""

    __tablename__ = "wrong_tries"

    whose: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    tries: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW)
    wait_until: Mapped[datetime | None] = mapped_column(DateTime(True))


class AuditEvent(Base):
    """Who did what, when, from where, with what result; written once (审计事件)."""

    __tablename__ = "audit_event"
    __table_args__ = (
        CheckConstraint("actor_kind IN ('officer', 'client', 'system', 'nobody')", name="actor_kind"),
        CheckConstraint("result IN ('done', 'refused')", name="result"),
        Index("ix_audit_event_subject", "subject", "id"),
        Index("ix_audit_event_actor", "actor_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW)
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject: Mapped[str]
    result: Mapped[str] = mapped_column(server_default=text("'done'"))
    actor_kind: Mapped[str]
    actor_id: Mapped[str]
    actor_name: Mapped[str]
    address: Mapped[str]
    request_id: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
