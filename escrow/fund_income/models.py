"""Income of the fund, its sharing to houses, and closed periods (维修资金收益各表)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Numeric, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.fund_income.rules import Basis, IncomeKind, IncomeStatus, RunStatus
from escrow.maintenance.chart import Nature
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class FundIncome(Base):
    """One slip of the bank: interest, bonds, income of common parts (收益与存款变动)."""

    __tablename__ = "fund_income"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("interest >= 0 AND (interest = 0 OR kind = 'bond-redeem')", name="interest"),
        CheckConstraint(
            "community_id IS NULL OR kind IN ('common', 'disposal', 'other')", name="community"
        ),
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint(
            "(status = 'entered') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="decided_whole",
        ),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint("(status = 'booked') = (entry_id IS NOT NULL)", name="booked_with_entry"),
        Index(
            "uq_fund_income_serial", "fund_account_id", "bank_serial", unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    fund_account_id: Mapped[int] = mapped_column(ForeignKey("fund_account.id"))
    kind: Mapped[IncomeKind] = mapped_column(term(IncomeKind))
    nature: Mapped[Nature] = mapped_column(term(Nature))
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"))
    amount: Mapped[Yuan] = mapped_column(MoneyColumn, comment="分；国债兑付为本金")
    interest: Mapped[Yuan] = mapped_column(
        MoneyColumn, server_default=text("0"), comment="分；国债兑付的利息"
    )
    bank_serial: Mapped[str]
    value_date: Mapped[date]
    paper_no: Mapped[str]
    file_hash: Mapped[str]
    status: Mapped[IncomeStatus] = mapped_column(term(IncomeStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None]
    entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class IncomeRun(Base):
    """One sharing of what is undistributed to the houses (收益分配)."""

    __tablename__ = "income_run"
    __table_args__ = (
        CheckConstraint("period_from <= period_to", name="period"),
        CheckConstraint("total > 0", name="total"),
        CheckConstraint(
            "(total IS NULL) = (houses IS NULL)"
            " AND (status NOT IN ('computed', 'approved', 'done') OR total IS NOT NULL)",
            name="computed",
        ),
        CheckConstraint("proposed_by <> decided_by", name="two_officers"),
        CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL)"
            " AND (status IN ('proposed', 'computed')) = (decided_by IS NULL)",
            name="decided_whole",
        ),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        Index(
            "uq_income_run_open", "fund_account_id", "nature", text("coalesce(community_id, 0)"), unique=True,
            postgresql_where=text("status IN ('proposed', 'computed', 'approved')"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    run_no: Mapped[str] = mapped_column(unique=True)
    fund_account_id: Mapped[int] = mapped_column(ForeignKey("fund_account.id"))
    nature: Mapped[Nature] = mapped_column(term(Nature))
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"))
    period_from: Mapped[date]
    period_to: Mapped[date]
    basis: Mapped[Basis] = mapped_column(term(Basis))
    total: Mapped[Yuan | None] = mapped_column(MoneyColumn)
    houses: Mapped[int | None]
    status: Mapped[RunStatus] = mapped_column(term(RunStatus))
    proposed_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    proposed_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None]
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class IncomeShare(Base):
    """What one house gets of a run; computed once (各户应得)."""

    __tablename__ = "income_share"
    __table_args__ = (
        CheckConstraint("weight >= 0", name="weight"),
        CheckConstraint("amount >= 0", name="amount"),
        Index("ix_income_share_run_id_batch", "run_id", "batch"),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("income_run.id"), primary_key=True)
    house_id: Mapped[int] = mapped_column(ForeignKey("house.id"), primary_key=True, index=True)
    batch: Mapped[int]
    weight: Mapped[Decimal] = mapped_column(Numeric(40, 0))
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)


class IncomeBatch(Base):
    """As many houses as one entry takes; without an entry it still waits (分配批次)."""

    __tablename__ = "income_batch"

    run_id: Mapped[int] = mapped_column(ForeignKey("income_run.id"), primary_key=True)
    batch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    houses: Mapped[int]
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )


class FundPeriod(Base):
    """A month that is closed, with its trial balance before and after (已结转的月份)."""

    __tablename__ = "fund_period"
    __table_args__ = (CheckConstraint("extract(day FROM month) = 1", name="month"),)

    fund_account_id: Mapped[int] = mapped_column(ForeignKey("fund_account.id"), primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True, comment="月份，记其首日")
    closed_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    closed_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    before: Mapped[list[Any]] = mapped_column(JSONB, comment="结转前试算平衡表")
    after: Mapped[list[Any]] = mapped_column(JSONB, comment="结转后试算平衡表")
    entry_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
