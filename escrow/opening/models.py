"""Openings of running projects, and the contracts they brought (期初导入)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.opening.rules import OpeningStatus
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class AccountOpening(Base):
    """A file uploaded by one officer, booked whole by another's approval (期初导入)."""

    __tablename__ = "account_opening"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        Index("ix_account_opening_waiting", "id", postgresql_where=text("status = 'entered'")),
        Index("ix_account_opening_approved", "id", postgresql_where=text("status = 'approved'")),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint(
            "(status = 'booked') = (law IS NOT NULL AND booked_in IS NOT NULL)", name="booked_whole"
        ),
        CheckConstraint(
            "bank_balance >= 0 AND unmatched >= 0 AND paid_in >= 0 AND paid_out >= 0"
            " AND paid_in - paid_out + unmatched = bank_balance", name="adds_up",
        ),
        Index(
            "uq_account_opening_live", "account_id", unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    opening_no: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"))
    as_of: Mapped[date] = mapped_column(comment="余额日期")
    bank_balance: Mapped[Yuan] = mapped_column(MoneyColumn, comment="银行存款余额")
    unmatched: Mapped[Yuan] = mapped_column(MoneyColumn, comment="其中待认领款")
    paid_in: Mapped[Yuan] = mapped_column(MoneyColumn, comment="合同累计缴存")
    paid_out: Mapped[Yuan] = mapped_column(MoneyColumn, comment="导入前已拨付")
    units: Mapped[int]
    contracts: Mapped[int]
    certificate_no: Mapped[str] = mapped_column(comment="银行余额证明文号")
    file_hash: Mapped[str] = mapped_column(unique=True, comment="银行余额证明 SHA-256")
    sheet_hash: Mapped[str] = mapped_column(comment="导入文件 SHA-256")
    sheet_sealed: Mapped[bytes] = mapped_column(comment="导入文件，加密")
    status: Mapped[OpeningStatus] = mapped_column(term(OpeningStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")
    booked_in: Mapped[int | None] = mapped_column(BigInteger, comment="入账事务号")


class OpeningProgress(Base):
    """How far the booking of a large opening has come, and how often it was begun (入账进度)."""

    __tablename__ = "opening_progress"

    opening_id: Mapped[int] = mapped_column(ForeignKey("account_opening.id"), primary_key=True)
    turns: Mapped[int] = mapped_column(server_default="1", comment="第几次入账")
    done: Mapped[int] = mapped_column(server_default="0", comment="已办步数")
    total: Mapped[int] = mapped_column(comment="总步数")
    touched_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class OpeningContract(Base):
    """A contract an opening brought, with its filing of the time before (期初合同)."""

    __tablename__ = "opening_contract"
    __table_args__ = (
        CheckConstraint("(filing_no IS NULL) = (filed_on IS NULL)", name="filed_whole"),
    )

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), primary_key=True)
    opening_id: Mapped[int] = mapped_column(ForeignKey("account_opening.id"), index=True)
    row: Mapped[int] = mapped_column(comment="文件行号")
    filing_no: Mapped[str | None] = mapped_column(unique=True)
    filed_on: Mapped[date | None]
