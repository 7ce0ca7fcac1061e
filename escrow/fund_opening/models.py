"""Files of running communities, and what they brought for each house (维修资金期初导入)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.fund_opening.rules import FundOpeningStatus
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class FundOpening(Base):
    """A file uploaded by one officer, booked whole by another's approval (期初导入)."""

    __tablename__ = "fund_opening"
    __table_args__ = (
        CheckConstraint(
            "bank_commodity >= 0 AND bank_public >= 0"
            " AND undistributed_commodity BETWEEN 0 AND bank_commodity"
            " AND undistributed_public BETWEEN 0 AND bank_public", name="amounts",
        ),
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint(
            "(status IN ('rejected', 'approved', 'booked', 'failed')) = (decided_by IS NOT NULL)",
            name="decided_by_someone",
        ),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint("(status IN ('faulty', 'failed')) = (faults IS NOT NULL)", name="faults"),
        CheckConstraint(
            "(status = 'booked') = (booked_in IS NOT NULL) AND (booked_in IS NULL) = (booked_at IS NULL)",
            name="booked_whole",
        ),
        Index(
            "uq_fund_opening_sheet", "sheet_hash", unique=True,
            postgresql_where=text("status IN ('stored', 'entered', 'approved', 'booked')"),
        ),
        Index("ix_fund_opening_waiting", "id", postgresql_where=text("status IN ('stored', 'approved')")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    opening_no: Mapped[str] = mapped_column(unique=True)
    fund_account_id: Mapped[int] = mapped_column(ForeignKey("fund_account.id"), index=True)
    as_of: Mapped[date] = mapped_column(comment="余额日期")
    bank_commodity: Mapped[Yuan] = mapped_column(MoneyColumn, comment="银行余额证明：商品住宅")
    bank_public: Mapped[Yuan] = mapped_column(MoneyColumn, comment="银行余额证明：已售公有住房")
    undistributed_commodity: Mapped[Yuan] = mapped_column(
        MoneyColumn, comment="其中待分配累计收益：商品住宅"
    )
    undistributed_public: Mapped[Yuan] = mapped_column(
        MoneyColumn, comment="其中待分配累计收益：已售公有住房"
    )
    certificate_no: Mapped[str]
    file_hash: Mapped[str] = mapped_column(comment="银行余额证明 SHA-256")
    sheet_name: Mapped[str]
    sheet_hash: Mapped[str] = mapped_column(comment="导入文件 SHA-256")
    sheet_sealed: Mapped[bytes] = mapped_column(comment="导入文件，加密", deferred=True)
    status: Mapped[FundOpeningStatus] = mapped_column(term(FundOpeningStatus))
    houses: Mapped[int] = mapped_column(server_default=text("0"))
    summary: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True), comment="逐幢户数与金额")
    faults: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True), comment="逐行逐列的错误")
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")
    booked_in: Mapped[int | None] = mapped_column(BigInteger, comment="入账事务号")
    booked_at: Mapped[datetime | None] = mapped_column(DateTime(True))


class FundOpeningProgress(Base):
    """How far the reading or booking of a file has come (进度)."""

    __tablename__ = "fund_opening_progress"

    opening_id: Mapped[int] = mapped_column(
        ForeignKey("fund_opening.id"), primary_key=True, autoincrement=False
    )
    total: Mapped[int] = mapped_column(server_default=text("0"))
    done: Mapped[int] = mapped_column(server_default=text("0"))
    turns: Mapped[int] = mapped_column(server_default=text("0"))
    touched_at: Mapped[datetime | None] = mapped_column(DateTime(True))


class HouseOpening(Base):
    """What an opening brought for one house; written once (逐户期初)."""

    __tablename__ = "house_opening"
    __table_args__ = (
        UniqueConstraint("opening_id", "row"),
        CheckConstraint("first_paid >= 0 AND balance >= 0", name="amounts"),
    )

    house_id: Mapped[int] = mapped_column(ForeignKey("house.id"), primary_key=True, autoincrement=False)
    opening_id: Mapped[int] = mapped_column(ForeignKey("fund_opening.id"))
    row: Mapped[int] = mapped_column(comment="文件行号")
    first_paid: Mapped[Yuan] = mapped_column(MoneyColumn, comment="首期已交存")
    balance: Mapped[Yuan] = mapped_column(MoneyColumn, comment="期初余额")
