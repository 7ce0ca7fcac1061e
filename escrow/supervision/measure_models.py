"""Court holds and their documents, guarantees, takeovers (司法冻结、保函、接管各表)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.supervision.measures import ActKind, HoldStatus, OrderStatus
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


def _officer(**more: Any) -> Mapped[Any]:
    return mapped_column(ForeignKey("officer.id"), **more)


class CourtHold(Base):
    """Money a court has frozen on a supervised account (司法冻结)."""

    __tablename__ = "court_hold"

    id: Mapped[int] = mapped_column(primary_key=True)
    hold_no: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    court: Mapped[str]
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    is_whole: Mapped[bool]
    held_from: Mapped[date]
    held_until: Mapped[date]
    status: Mapped[HoldStatus] = mapped_column(term(HoldStatus))


class CourtAct(Base):
    """One court document about a hold: freeze, extend, lift, deduct (协助执行文书)."""

    __tablename__ = "court_act"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        Index("uq_court_act_waiting", "hold_id", unique=True, postgresql_where=text("status = 'entered'")),
        Index(
            "uq_court_act_bank_serial", "bank_serial", unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    hold_id: Mapped[int] = mapped_column(ForeignKey("court_hold.id"), index=True)
    kind: Mapped[ActKind] = mapped_column(term(ActKind))
    document_no: Mapped[str]
    dated_on: Mapped[date]
    file_hash: Mapped[str] = mapped_column(unique=True)
    held_until: Mapped[date | None]
    amount: Mapped[Yuan | None] = mapped_column(MoneyColumn)
    building_id: Mapped[int | None] = mapped_column(ForeignKey("building.id"))
    consent_no: Mapped[str | None]
    bank_serial: Mapped[str | None]
    status: Mapped[OrderStatus] = mapped_column(String(32))
    entered_by: Mapped[int] = _officer()
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = _officer()
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None]
    entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )


class Guarantee(Base):
    """A bank's guarantee in the place of a part of a building's cash (保函)."""

    __tablename__ = "guarantee"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("ending_by <> ended_by", name="two_officers_end"),
        Index(
            "uq_guarantee_no_live", "guarantee_no", unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
        Index("ix_guarantee_waiting", "id", postgresql_where=text("status IN ('entered', 'in-force')")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    guarantee_no: Mapped[str]
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"))
    issuer: Mapped[str]
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    valid_until: Mapped[date]
    file_hash: Mapped[str] = mapped_column(unique=True)
    status: Mapped[OrderStatus] = mapped_column(String(32))
    entered_by: Mapped[int] = _officer()
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = _officer()
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None]
    left_amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    ending_by: Mapped[int | None] = _officer()
    ending_reason: Mapped[str | None]
    ending_to: Mapped[OrderStatus | None] = mapped_column(String(32))
    ended_by: Mapped[int | None] = _officer()
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(True))


class Takeover(Base):
    """The bureau's order to take over a project's payments (接管)."""

    __tablename__ = "takeover"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("ending_by <> ended_by", name="two_officers_end"),
        Index(
            "uq_takeover_live", "account_id", unique=True,
            postgresql_where=text("status IN ('entered', 'in-force')"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"))
    order_no: Mapped[str]
    grounds: Mapped[str]
    file_hash: Mapped[str] = mapped_column(unique=True)
    status: Mapped[OrderStatus] = mapped_column(String(32))
    entered_by: Mapped[int] = _officer()
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = _officer()
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None]
    ending_by: Mapped[int | None] = _officer()
    ending_reason: Mapped[str | None]
    ended_by: Mapped[int | None] = _officer()
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(True))


class AccountSuspension(Base):
    """Why an account stopped paying and filing, and the two officers who reopened it (账户暂停)."""

    __tablename__ = "account_suspension"
    __table_args__ = (
        CheckConstraint("asked_by <> reopened_by", name="two_officers"),
        Index("ix_account_suspension_waiting", "id", postgresql_where=text("reopened_by IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    cause: Mapped[str]
    suspended_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    asked_by: Mapped[int | None] = _officer()
    reason: Mapped[str | None]
    reopened_by: Mapped[int | None] = _officer()
    reopened_at: Mapped[datetime | None] = mapped_column(DateTime(True))
