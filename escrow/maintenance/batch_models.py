"""Batches of house accounts with every unit that was looked at, and what became of it (建账批次)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Numeric, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.maintenance.batch_rules import BatchStatus, Verdict
from escrow.projects.rules import Structure, UnitUse
from ledger.tables import term


class HouseBatch(Base):
    """House accounts of one project, proposed by one officer and built by another's word (建账批次)."""

    __tablename__ = "house_batch"
    __table_args__ = (
        CheckConstraint("to_build > 0 AND left_out >= 0", name="counts"),
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        Index(
            "uq_house_batch_waiting", "project_id", unique=True, postgresql_where=text("status = 'entered'")
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_no: Mapped[str] = mapped_column(unique=True)
    fund_account_id: Mapped[int] = mapped_column(ForeignKey("fund_account.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    community_name: Mapped[str]
    status: Mapped[BatchStatus] = mapped_column(term(BatchStatus))
    to_build: Mapped[int] = mapped_column(comment="本批建账户数")
    left_out: Mapped[int] = mapped_column(comment="未列入户数，逐户说明")
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    law: Mapped[dict[str, Any]] = mapped_column(JSONB, comment="所据规定及其取值")


class HouseBatchLine(Base):
    """One unit of the register as it stood when the batch was proposed; written once (建账清单一行)."""

    __tablename__ = "house_batch_line"
    __table_args__ = (
        CheckConstraint(
            "verdict <> 'build' OR area IS NOT NULL AND structure IS NOT NULL", name="buildable"
        ),
    )

    batch_id: Mapped[int] = mapped_column(ForeignKey("house_batch.id"), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    unit_code: Mapped[str]
    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"))
    building_no: Mapped[str]
    structure: Mapped[Structure | None] = mapped_column(term(Structure))
    room_no: Mapped[str]
    area: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    use: Mapped[UnitUse] = mapped_column(term(UnitUse))
    verdict: Mapped[Verdict] = mapped_column(term(Verdict), comment="建账，或未列入的原因")
    note: Mapped[str]
