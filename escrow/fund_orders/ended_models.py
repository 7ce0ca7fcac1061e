"""What became of first deposits whose contracts were cancelled (合同注销后首期交存的处置)."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.fund_orders.ended_rules import Bearer, EndKind, EndStatus
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class EndedDeposit(Base):
    """One share of a deposit of a cancelled contract: returned, or left with the unit; by two (一份处置)."""

    __tablename__ = "ended_deposit"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        Index("ix_ended_deposit_open", "id", postgresql_where=text("status IN ('entered', 'return-due')")),
        Index(
            "uq_ended_deposit_share", "deposit_id", "contract_id", "payee", unique=True,
            postgresql_where=text("status <> 'rejected'"), postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    deposit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("house_deposit.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    kind: Mapped[EndKind] = mapped_column(term(EndKind))
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    closes: Mapped[Yuan] = mapped_column(MoneyColumn, comment="随之了结的对原购房人债权（9101）")
    payee: Mapped[Bearer | None] = mapped_column(term(Bearer), comment="退还对象，由规定而定")
    payee_name_sealed: Mapped[bytes | None]
    payee_name_masked: Mapped[str | None]
    payee_account_sealed: Mapped[bytes | None]
    payee_account_masked: Mapped[str | None]
    payee_bank: Mapped[str | None]
    document_no: Mapped[str] = mapped_column(comment="依据文号")
    file_hash: Mapped[str] = mapped_column(unique=True, comment="依据文件 SHA-256")
    note: Mapped[str]
    status: Mapped[EndStatus] = mapped_column(term(EndStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")
