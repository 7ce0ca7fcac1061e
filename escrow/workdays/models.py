"""What two officers entered of each year's notice (工作日历)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, DateTime, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.workdays.rules import YearStatus
from ledger.tables import term


class WorkingYear(Base):
    """One year's days off and exchanged weekends, by the notice they come from (年度放假安排)."""

    __tablename__ = "working_year"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(entered_by IS NULL) = (file_hash IS NULL)", name="with_its_notice"),
        CheckConstraint(
            "(status = 'entered') = (decided_by IS NULL) OR entered_by IS NULL AND decided_by IS NULL",
            name="decided_by_someone",
        ),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint(
            "(law IS NOT NULL) = (status IN ('in-force', 'superseded') AND entered_by IS NOT NULL)",
            name="in_force_by_law",
        ),
        Index("uq_working_year_in_force", "year", unique=True, postgresql_where=text("status = 'in-force'")),
        Index("uq_working_year_entered", "year", unique=True, postgresql_where=text("status = 'entered'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    year: Mapped[int]
    status: Mapped[YearStatus] = mapped_column(term(YearStatus))
    notice_no: Mapped[str] = mapped_column(comment="国务院办公厅放假通知文号")
    file_hash: Mapped[str | None] = mapped_column(comment="通知文件 SHA-256")
    holidays: Mapped[list[date]] = mapped_column(
        ARRAY(Date), server_default=text("'{}'"), comment="放假的日子，周末在内"
    )
    working_weekends: Mapped[list[date]] = mapped_column(
        ARRAY(Date), server_default=text("'{}'"), comment="调休上班的周末"
    )
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")
