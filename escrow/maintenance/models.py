"""The fund's account, communities, buildings, houses and what stands on each house (维修资金各级账)."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Numeric,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.maintenance.chart import Nature
from escrow.maintenance.rules import FundStatus, HouseStatus
from escrow.projects.rules import Structure, UnitUse
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term

_LIVE = "status IN ('entered', 'active')"


class FundAccount(Base):
    """One bank account of the maintenance fund, opened by two officers, with its book (维修资金专户)."""

    __tablename__ = "fund_account"
    __table_args__ = (
        CheckConstraint("region ~ '^[0-9]{6}$'", name="region"),
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint(
            "(status IN ('active', 'closed')) = (book_id IS NOT NULL)"
            " AND (book_id IS NULL) = (opened_on IS NULL)",
            name="opened_whole",
        ),
        Index(
            "uq_fund_account_account_no", "account_no", unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
        Index("uq_fund_account_place", "region", "bank_code", unique=True, postgresql_where=text(_LIVE)),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    account_no: Mapped[str]
    account_name: Mapped[str]
    bank_code: Mapped[str]
    region: Mapped[str] = mapped_column(comment="县级行政区划代码")
    document_no: Mapped[str] = mapped_column(comment="开户依据文号")
    status: Mapped[FundStatus] = mapped_column(term(FundStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    book_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("ledger.book.id"), unique=True)
    opened_on: Mapped[date | None]


class Community(Base):
    """The homes that share common parts; it stays with one fund account (小区)."""

    __tablename__ = "community"
    __table_args__ = (CheckConstraint("region ~ '^[0-9]{6}$'", name="region"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    fund_account_id: Mapped[int] = mapped_column(ForeignKey("fund_account.id"), index=True)
    name: Mapped[str]
    region: Mapped[str]
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"), unique=True)
    opened_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class CommunityBuilding(Base):
    """One building of a community (小区内楼幢)."""

    __tablename__ = "community_building"
    __table_args__ = (UniqueConstraint("community_id", "building_no"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"))
    building_no: Mapped[str]
    structure: Mapped[Structure] = mapped_column(term(Structure))
    building_id: Mapped[int | None] = mapped_column(ForeignKey("building.id"), unique=True)


class House(Base):
    """One house account: where its home stands and how large it is (分户账)."""

    __tablename__ = "house"
    __table_args__ = (
        CheckConstraint("area > 0", name="area"),
        CheckConstraint("char_length(unit_code) = 28", name="unit_code"),
        CheckConstraint("first_due >= 0", name="first_due"),
        CheckConstraint(
            "(first_due IS NULL) = (first_due_on IS NULL)"
            " AND (first_due IS NULL) = (first_due_standard IS NULL)"
            " AND (first_due IS NULL) = (first_due_citation IS NULL)",
            name="first_due_whole",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    community_building_id: Mapped[int] = mapped_column(ForeignKey("community_building.id"), index=True)
    unit_code: Mapped[str] = mapped_column(unique=True)
    room_no: Mapped[str]
    area: Mapped[Decimal] = mapped_column(Numeric(10, 2), comment="平方米")
    use: Mapped[UnitUse] = mapped_column(term(UnitUse))
    nature: Mapped[Nature] = mapped_column(term(Nature))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"), unique=True)
    first_due: Mapped[Yuan | None] = mapped_column(
        MoneyColumn, comment="首期应缴，缴足之日所定，不溯及既往"
    )
    first_due_on: Mapped[date | None] = mapped_column(comment="首期缴足之日")
    first_due_standard: Mapped[str | None] = mapped_column(comment="缴足之日的标准")
    first_due_citation: Mapped[str | None] = mapped_column(comment="该标准的依据")
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("house_batch.id"), index=True)
    status: Mapped[HouseStatus] = mapped_column(term(HouseStatus))
    built_by: Mapped[int] = mapped_column(ForeignKey("officer.id"), comment="建账确认人")
    built_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class HouseBalance(Base):
    """What stands on a house: read here, written by the ledger's guard alone (分户账余额)."""

    __tablename__ = "house_balance"
    __table_args__ = (
        CheckConstraint("balance >= 0", name="balance"),
        CheckConstraint("held BETWEEN 0 AND balance", name="held"),
        CheckConstraint("owed >= 0", name="owed"),
    )

    house_id: Mapped[int] = mapped_column(ForeignKey("house.id"), primary_key=True, autoincrement=False)
    balance: Mapped[Yuan] = mapped_column(
        MoneyColumn, server_default=text("0"),
        comment="分户账余额：3001、3002、4001、5001、5101 各科目该户的贷方减借方",
    )  # fmt: skip
    held: Mapped[Yuan] = mapped_column(MoneyColumn, server_default=text("0"), comment="使用占用（9201）")
    owed: Mapped[Yuan] = mapped_column(
        MoneyColumn, server_default=text("0"), comment="建设单位代缴、尚待购房人归还（9101）"
    )


class FundOutflow(Base):
    """An entry that lowers the bank account, written by the guard; its paper is asked for at the end (出账)."""

    __tablename__ = "fund_outflow"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        {"comment": "维修资金专户出账，逐笔须有凭据"},
    )

    entry_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), primary_key=True, autoincrement=False
    )
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)


class FundBankLine(Base):
    """A line of the fund's bank that is booked, by whichever room; written by the database (已入账流水)."""

    __tablename__ = "fund_bank_line"
    __table_args__ = ({"comment": "维修资金专户已入账的银行流水，一笔只入账一次"},)

    fund_account_id: Mapped[int] = mapped_column(ForeignKey("fund_account.id"), primary_key=True)
    bank_serial: Mapped[str] = mapped_column(primary_key=True)
    booked_as: Mapped[str] = mapped_column(String(32))
