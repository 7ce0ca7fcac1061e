"""When tasks rang, what their runs came to, and what is warned of (夜班各表)."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.night.rules import AlarmKind, Outcome
from ledger.tables import term

_NOW = func.clock_timestamp()


class TaskBell(Base):
    """When a task last rang and what came of it (定时任务近况)."""

    __tablename__ = "task_bell"
    __table_args__ = (
        CheckConstraint("handled >= 0 AND took_ms >= 0 AND failures >= 0", name="figures"),
        CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended"),
    )

    task: Mapped[str] = mapped_column(primary_key=True)
    rung_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW)
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    outcome: Mapped[Outcome | None] = mapped_column(term(Outcome))
    handled: Mapped[int] = mapped_column(server_default="0")
    took_ms: Mapped[int | None]
    said: Mapped[str | None]
    failures: Mapped[int] = mapped_column(server_default="0", comment="连续失败次数，成功一次即归零")


class TaskRun(Base):
    """A run that did something or failed; written once, purged when old (运行记录)."""

    __tablename__ = "task_run"
    __table_args__ = (
        CheckConstraint("handled >= 0 AND took_ms >= 0", name="figures"),
        Index("ix_task_run_task", "task", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    task: Mapped[str]
    subject: Mapped[str] = mapped_column(comment="消息所带的编号，没有则为空")
    ended_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW, index=True)
    took_ms: Mapped[int]
    outcome: Mapped[Outcome] = mapped_column(term(Outcome))
    handled: Mapped[int]
    said: Mapped[str | None]


class Alarm(Base):
    """What somebody has to see to; raised once while it lasts (报警)."""

    __tablename__ = "alarm"
    __table_args__ = (
        CheckConstraint("place ~ '^/'", name="place"),
        Index("uq_alarm_living", "kind", "subject", unique=True, postgresql_where=text("cleared_at IS NULL")),
        Index("ix_alarm_kind", "kind", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[AlarmKind] = mapped_column(term(AlarmKind))
    subject: Mapped[str]
    said: Mapped[str]
    place: Mapped[str] = mapped_column(comment="到哪一页去办")
    due_on: Mapped[date | None]
    raised_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=_NOW)
    cleared_at: Mapped[datetime | None] = mapped_column(DateTime(True))
