"""Bank receipts, what they were matched to, and their reversals; all written once (入账与冲正)."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.deposits.rules import Channel
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class Receipt(Base):
    """One credit that a bank booked on a supervised account (入账)."""

    __tablename__ = "receipt"
    __table_args__ = (
        UniqueConstraint("bank_code", "bank_serial"),
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_receipt_account", "account_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    receipt_no: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"))
    bank_code: Mapped[str]
    bank_serial: Mapped[str]
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    value_date: Mapped[date]
    bank_booked_at: Mapped[datetime] = mapped_column(DateTime(True))
    notice_no: Mapped[str | None] = mapped_column(comment="银行所报通知书号，原样")
    payer_name_sealed: Mapped[bytes]
    payer_name_masked: Mapped[str]
    payer_account_sealed: Mapped[bytes]
    payer_account_masked: Mapped[str]
    channel: Mapped[Channel] = mapped_column(term(Channel))
    memo: Mapped[str | None]
    entry_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True)
    booked_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class ReceiptAllocation(Base):
    """The part of a receipt that belongs to one notice of one contract (匹配). No fen belongs to two."""

    __tablename__ = "receipt_allocation"
    __table_args__ = (
        UniqueConstraint("receipt_id", "notice_id"),
        ForeignKeyConstraint(
            ["notice_id", "contract_id"], ["payment_notice.id", "payment_notice.contract_id"]
        ),
        CheckConstraint("amount > 0", name="amount"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    receipt_id: Mapped[int] = mapped_column(ForeignKey("receipt.id"))
    notice_id: Mapped[int] = mapped_column(index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)


class UnmatchedReceipt(Base):
    """What of a receipt is nobody's yet; kept by the database alone (待认领余额)."""

    __tablename__ = "unmatched_receipt"
    __table_args__ = (
        CheckConstraint("remainder >= 0", name="remainder"),
        Index("ix_unmatched_receipt_open", "receipt_id", postgresql_where=text("remainder > 0")),
    )

    receipt_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("receipt.id"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"))
    remainder: Mapped[Yuan] = mapped_column(
        MoneyColumn, comment="尚待认领：入账减去已归合同与已决定退回的，冲正后为零"
    )


class LateMessage(Base):
    """What a bank told of a receipt after its statement had: whose money it is (迟到的入账通知)."""

    __tablename__ = "late_message"
    __table_args__ = (
        ForeignKeyConstraint(
            ["notice_id", "contract_id"], ["payment_notice.id", "payment_notice.contract_id"]
        ),
        CheckConstraint("matched >= 0", name="matched"),
        CheckConstraint(
            "(matched > 0) = (entry_id IS NOT NULL) AND (matched > 0) = (notice_id IS NOT NULL)"
            " AND (matched > 0) = (contract_id IS NOT NULL)",
            name="matched_whole",
        ),
    )

    receipt_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("receipt.id"), primary_key=True, autoincrement=False
    )
    notice_no: Mapped[str | None]
    bank_booked_at: Mapped[datetime] = mapped_column(DateTime(True))
    payer_name_sealed: Mapped[bytes]
    payer_name_masked: Mapped[str]
    payer_account_sealed: Mapped[bytes]
    payer_account_masked: Mapped[str]
    channel: Mapped[Channel] = mapped_column(term(Channel))
    memo: Mapped[str | None]
    notice_id: Mapped[int | None] = mapped_column(index=True)
    contract_id: Mapped[int | None]
    matched: Mapped[Yuan] = mapped_column(MoneyColumn, comment="依所报通知书归入合同的，分；其余仍待认领")
    entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )
    told_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class ReceiptReversal(Base):
    """A bank's own error taken back, whole and once (冲正)."""

    __tablename__ = "receipt_reversal"
    __table_args__ = (
        UniqueConstraint("bank_code", "bank_serial"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("uncovered BETWEEN 0 AND amount", name="uncovered_within_amount"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    receipt_id: Mapped[int] = mapped_column(ForeignKey("receipt.id"), unique=True)
    bank_code: Mapped[str]
    bank_serial: Mapped[str]
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    value_date: Mapped[date]
    reason: Mapped[str]
    uncovered: Mapped[Yuan] = mapped_column(
        MoneyColumn, server_default="0", comment="账内已无款可冲、记入 1301 的部分；账上尚欠多少，看 1301"
    )
    entry_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True)
    reversed_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
