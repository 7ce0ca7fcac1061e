"""Payments of a use and what each house gives (使用付款各表)."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.fund_use.payment_rules import PaymentKind, PaymentStatus
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class UsePayment(Base):
    """An advance, the final account, or the end without works; entered by one, decided by another (使用付款)."""

    __tablename__ = "use_payment"
    __table_args__ = (
        CheckConstraint(
            "CASE kind WHEN 'advance' THEN amount > 0 AND total = amount WHEN 'end'"
            " THEN (total, amount) = (0, 0) ELSE total > 0 AND amount BETWEEN 0 AND total END",
            name="amount",
        ),
        CheckConstraint(
            "(amount > 0) = (payee_account_sealed IS NOT NULL)"
            " AND (payee_account_sealed IS NULL) = (payee_name_sealed IS NULL)"
            " AND (payee_account_sealed IS NULL) = (payee_account_masked IS NULL)"
            " AND (payee_account_sealed IS NULL) = (payee_bank IS NULL)",
            name="payee_whole",
        ),
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint(
            "(status = 'entered') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)"
            " AND (status IN ('due', 'paid')) = (law IS NOT NULL)",
            name="decided_whole",
        ),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        Index(
            "uq_use_payment_kind", "use_id", "kind", unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    use_id: Mapped[int] = mapped_column(ForeignKey("fund_use.id"), index=True)
    kind: Mapped[PaymentKind] = mapped_column(term(PaymentKind))
    total: Mapped[Yuan] = mapped_column(MoneyColumn, comment="结算总价，分；预付同付款额")
    amount: Mapped[Yuan] = mapped_column(MoneyColumn, comment="由专户付出，分")
    payee_name_sealed: Mapped[bytes | None]
    payee_account_sealed: Mapped[bytes | None]
    payee_account_masked: Mapped[str | None]
    payee_bank: Mapped[str | None]
    status: Mapped[PaymentStatus] = mapped_column(term(PaymentStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None]
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class UsePaymentPart(Base):
    """What one house gives to a payment; written once (逐户付款)."""

    __tablename__ = "use_payment_part"
    __table_args__ = (CheckConstraint("amount > 0", name="amount"),)

    payment_id: Mapped[int] = mapped_column(ForeignKey("use_payment.id"), primary_key=True)
    house_id: Mapped[int] = mapped_column(ForeignKey("house.id"), primary_key=True)
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
