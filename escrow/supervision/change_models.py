"""A project's moves from one supervised account to another (监管账户变更)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.supervision.change_rules import ChangeStatus
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class AccountChange(Base):
    """Entered by one officer, approved by another, done when the bank has paid (监管账户变更)."""

    __tablename__ = "account_change"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint(
            "(status IN ('entered', 'rejected')) = (amount IS NULL) AND (amount IS NULL) = (law IS NULL)",
            name="approved_whole",
        ),
        CheckConstraint(
            "coalesce(amount >= 0 AND (amount > 0) = (instruction_id IS NOT NULL), instruction_id IS NULL)",
            name="ordered_amount",
        ),
        CheckConstraint(
            "(status IN ('done', 'failed', 'returned')) = (finished_at IS NOT NULL)", name="finished"
        ),
        Index(
            "uq_account_change_live", "account_id", unique=True,
            postgresql_where=text("status IN ('entered', 'ordered')"),
        ),
        Index("ix_account_change_document_no", "account_id", "document_no"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    change_no: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    document_no: Mapped[str] = mapped_column(comment="变更申请及新监管协议文号")
    file_hash: Mapped[str] = mapped_column(unique=True, comment="变更材料 SHA-256")
    agreement_no: Mapped[str] = mapped_column(comment="新监管协议编号")
    signed_on: Mapped[date]
    bank_code: Mapped[str]
    bank_name: Mapped[str]
    account_no: Mapped[str]
    account_name: Mapped[str]
    status: Mapped[ChangeStatus] = mapped_column(term(ChangeStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    amount: Mapped[Yuan | None] = mapped_column(MoneyColumn, comment="划转金额")
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")
    # The room of the orders, above this one, ties it to its table.
    instruction_id: Mapped[int | None] = mapped_column(unique=True)
    new_account_id: Mapped[int | None] = mapped_column(ForeignKey("supervised_account.id"), unique=True)
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(True))
