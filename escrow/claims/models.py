"""What officers do with unmatched money, its parts and its orders (待认领款的处理)."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.claims.rules import ClaimKind, ClaimStatus
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class ReceiptClaim(Base):
    """Unmatched money of one receipt: claimed for notices, returned, or the bank's correction (认领、退回、冲抵)."""

    __tablename__ = "receipt_claim"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint(
            "(status = 'confirmed') = (entry_id IS NOT NULL) AND (entry_id IS NULL) = (law IS NULL)",
            name="confirmed_whole",
        ),
        CheckConstraint("(kind = 'settle') = (receivable_key IS NOT NULL)", name="settles_something"),
        Index(
            "uq_receipt_claim_waiting", "receipt_id", unique=True, postgresql_where=text("status = 'entered'")
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    receipt_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("receipt.id"), index=True)
    kind: Mapped[ClaimKind] = mapped_column(term(ClaimKind))
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    document_no: Mapped[str] = mapped_column(comment="认领或退回的依据文号")
    file_hash: Mapped[str] = mapped_column(unique=True, comment="依据文件 SHA-256")
    note: Mapped[str]
    status: Mapped[ClaimStatus] = mapped_column(term(ClaimStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")
    receivable_key: Mapped[str | None] = mapped_column(comment="所冲 1301 的辅助核算；空串为银行少款")


class ReceiptClaimPart(Base):
    """What of a claim is for one notice; written once (认领份额)."""

    __tablename__ = "receipt_claim_part"
    __table_args__ = (
        ForeignKeyConstraint(
            ["notice_id", "contract_id"], ["payment_notice.id", "payment_notice.contract_id"]
        ),
        CheckConstraint("amount > 0", name="amount"),
    )

    claim_id: Mapped[int] = mapped_column(ForeignKey("receipt_claim.id"), primary_key=True)
    notice_id: Mapped[int] = mapped_column(primary_key=True, index=True)
    contract_id: Mapped[int]
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)


class ReceiptReturnOrder(Base):
    """Which order to the bank returns which receipt's money (退回指令)."""

    __tablename__ = "receipt_return_order"

    instruction_id: Mapped[int] = mapped_column(ForeignKey("instruction.id"), primary_key=True)
    claim_id: Mapped[int] = mapped_column(ForeignKey("receipt_claim.id"), index=True)
