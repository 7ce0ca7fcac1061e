"""What becomes of a house account after it is built, one row each (分户账事项)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Numeric, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.houses.change_rules import ChangeKind, ChangeStatus
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class HouseChange(Base):
    """One change of a house account: entered by one, decided once by another, on a paper (分户账事项)."""

    __tablename__ = "house_change"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint("(status = 'confirmed') = (booked_in IS NOT NULL)", name="confirmed_whole"),
        CheckConstraint(
            "(kind = 'area') = (area_after IS NOT NULL) AND (kind = 'area') = (area_before IS NOT NULL)"
            " AND (area_after IS NULL OR area_after > 0 AND area_after <> area_before)", name="of_area",
        ),
        CheckConstraint(
            "(kind = 'misplaced') = (deposit_id IS NOT NULL)"
            " AND (kind = 'misplaced') = (other_house_id IS NOT NULL)"
            " AND other_house_id IS DISTINCT FROM house_id", name="of_deposit",
        ),
        CheckConstraint(
            "(kind = 'area') = (amount IS NULL)"
            " AND (amount IS NULL OR amount > 0 OR kind = 'lost' AND amount = 0)", name="of_money",
        ),
        CheckConstraint(
            "(kind = 'lost') = (seller_amount IS NOT NULL)"
            " AND (seller_amount IS NULL OR seller_amount BETWEEN 0 AND amount)"
            " AND (seller_amount IS NULL OR (seller_amount < amount) = (payee_name_sealed IS NOT NULL))"
            " AND (seller_amount IS NULL OR (seller_amount > 0) = (seller_name_sealed IS NOT NULL))",
            name="of_loss",
        ),
        CheckConstraint(
            "num_nonnulls(payee_name_sealed, payee_name_masked, payee_account_sealed,"
            " payee_account_masked, payee_bank) IN (0, 5) AND num_nonnulls(seller_name_sealed, seller_name,"
            " seller_account_sealed, seller_account_masked, seller_bank) IN (0, 5)", name="payee_whole",
        ),
        CheckConstraint("(kind = 'renewal') = (effective_on IS NOT NULL)", name="of_renewal"),
        Index("ix_house_change_house_id", "house_id", "id"),
        Index(
            "uq_house_change_waiting", "house_id", "kind", unique=True,
            postgresql_where=text("status = 'entered'"),
        ),
        Index(
            "uq_house_change_deposit", "deposit_id", unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
        Index(
            "uq_house_change_serial", "fund_account_id", "document_no", unique=True,
            postgresql_where=text("kind = 'renewal' AND status <> 'rejected'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    house_id: Mapped[int] = mapped_column(ForeignKey("house.id"))
    fund_account_id: Mapped[int] = mapped_column(ForeignKey("fund_account.id"))
    kind: Mapped[ChangeKind] = mapped_column(term(ChangeKind))
    document_no: Mapped[str] = mapped_column(comment="依据文号；续交为银行流水号")
    file_hash: Mapped[str] = mapped_column(comment="依据材料 SHA-256")
    note: Mapped[str] = mapped_column(comment="情况说明")
    area_before: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    area_after: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    due_before: Mapped[Yuan | None] = mapped_column(MoneyColumn, comment="更正前首期应缴")
    due_after: Mapped[Yuan | None] = mapped_column(
        MoneyColumn, comment="更正后首期应缴；串户更正为转入户的首期应缴"
    )
    deposit_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("house_deposit.id"), comment="串户的那笔交存"
    )
    other_house_id: Mapped[int | None] = mapped_column(
        ForeignKey("house.id"), index=True, comment="应入的房屋"
    )
    contract_id: Mapped[int | None] = mapped_column(ForeignKey("contract.id"), comment="应入房屋的有效合同")
    amount: Mapped[Yuan | None] = mapped_column(MoneyColumn)
    seller_amount: Mapped[Yuan | None] = mapped_column(
        MoneyColumn, comment="灭失返还中属售房单位的部分"
    )
    effective_on: Mapped[date | None] = mapped_column(comment="续交的银行起息日")
    payee_name_sealed: Mapped[bytes | None]
    payee_name_masked: Mapped[str | None]
    payee_account_sealed: Mapped[bytes | None]
    payee_account_masked: Mapped[str | None]
    payee_bank: Mapped[str | None]
    seller_name_sealed: Mapped[bytes | None]
    seller_name: Mapped[str | None]
    seller_account_sealed: Mapped[bytes | None]
    seller_account_masked: Mapped[str | None]
    seller_bank: Mapped[str | None]
    status: Mapped[ChangeStatus] = mapped_column(term(ChangeStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")
    entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )
    booked_in: Mapped[int | None] = mapped_column(BigInteger, comment="确认事务号")
