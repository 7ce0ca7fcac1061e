"""Refunds, what each takes back of which receipt, and the papers that send it elsewhere (退款)."""

from datetime import date, datetime
from typing import Any

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
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.contracts.rules import Source
from escrow.refunds.redirect_rules import RedirectStatus
from escrow.refunds.rules import RefundStatus
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class Refund(Base):
    """One refund of one cancelled contract, entered by one officer and decided by others (退款)."""

    __tablename__ = "refund"
    __table_args__ = (
        UniqueConstraint("id", "contract_id"),
        Index("ix_refund_application_no", "account_id", "application_no"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("entered_by <> reviewed_by", name="two_officers"),
        Index(
            "ix_refund_waiting", "id",
            postgresql_where=text("status IN ('entered', 'reviewed', 'approved', 'due')"),
        ),
        CheckConstraint("entered_by <> decided_by AND reviewed_by <> decided_by", name="another_decides"),
        CheckConstraint("(reviewed_by IS NULL) = (reviewed_at IS NULL)", name="reviewed_whole"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint(
            "(status IN ('entered', 'reviewed')) = (decided_by IS NULL)", name="decided_by_someone"
        ),
        CheckConstraint(
            "NOT other_payee OR status IN ('entered', 'rejected') OR reviewed_by IS NOT NULL",
            name="another_needs_second_level",
        ),
        CheckConstraint(
            "(status IN ('approved', 'due', 'issued', 'revoked'))"
            " = (hold_entry_id IS NOT NULL AND ready_on IS NOT NULL AND law IS NOT NULL)",
            name="approved_with_hold",
        ),
        CheckConstraint("(status IN ('due', 'issued')) = (due_entry_id IS NOT NULL)", name="due_with_entry"),
        CheckConstraint(
            "(status IN ('rejected', 'revoked')) = (reason IS NOT NULL)", name="rejected_with_reason"
        ),
        CheckConstraint(
            "(status = 'revoked') = (revoked_by IS NOT NULL AND revoke_entry_id IS NOT NULL)",
            name="revoked_with_entry",
        ),
        CheckConstraint("entered_by <> revoked_by", name="another_revokes"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    refund_no: Mapped[str] = mapped_column(unique=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"), index=True)
    application_no: Mapped[str] = mapped_column(comment="退款申请文号")
    applied_on: Mapped[date]
    file_hash: Mapped[str] = mapped_column(unique=True, comment="申请及注销证明 SHA-256")
    other_payee: Mapped[bool] = mapped_column(comment="有改退他人的部分")
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    status: Mapped[RefundStatus] = mapped_column(term(RefundStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    reviewed_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    reviewed_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    ready_on: Mapped[date | None] = mapped_column(comment="最早签发日")
    reason: Mapped[str | None] = mapped_column(comment="退回或撤销理由")
    revoked_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    hold_entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )
    due_entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )
    revoke_entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")


class RefundPart(Base):
    """What goes back of one receipt, to its payer or to somebody else; written once (退款明细)."""

    __tablename__ = "refund_part"
    __table_args__ = (
        UniqueConstraint("refund_id", "receipt_id"),
        ForeignKeyConstraint(["refund_id", "contract_id"], ["refund.id", "refund.contract_id"]),
        CheckConstraint("amount > 0", name="amount"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    refund_id: Mapped[int]
    contract_id: Mapped[int]
    receipt_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("receipt.id"), index=True)
    source: Mapped[Source] = mapped_column(term(Source))
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    to_original: Mapped[bool] = mapped_column(comment="退回原付款账户")
    payee_name_sealed: Mapped[bytes]
    payee_name_masked: Mapped[str]
    payee_account_sealed: Mapped[bytes]
    payee_account_masked: Mapped[str]
    payee_bank: Mapped[str]


class RefundPaper(Base):
    """Why money goes to somebody else than its payer; written once (改退他人的证明)."""

    __tablename__ = "refund_paper"

    refund_id: Mapped[int] = mapped_column(ForeignKey("refund.id"), primary_key=True)
    paper_no: Mapped[str]
    file_hash: Mapped[str] = mapped_column(unique=True, comment="证明文件 SHA-256")


class RefundOrder(Base):
    """Which order to the bank pays which part; written once (退款签发)."""

    __tablename__ = "refund_order"

    instruction_id: Mapped[int] = mapped_column(
        ForeignKey("instruction.id"), primary_key=True, autoincrement=False
    )
    part_id: Mapped[int] = mapped_column(ForeignKey("refund_part.id"), index=True)


class RefundRedirect(Base):
    """Another payee for a part its own cannot take: three people, a paper, a day's delay (改退账户)."""

    __tablename__ = "refund_redirect"
    __table_args__ = (
        CheckConstraint(
            "entered_by <> reviewed_by AND entered_by <> decided_by AND reviewed_by <> decided_by",
            name="three_officers",
        ),
        CheckConstraint("entered_by <> decided_by", name="another_decides"),
        CheckConstraint(
            "status IN ('entered', 'rejected') OR reviewed_by IS NOT NULL", name="reviewed_first"
        ),
        CheckConstraint("(reviewed_by IS NULL) = (reviewed_at IS NULL)", name="reviewed_whole"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint(
            "(status IN ('entered', 'reviewed')) = (decided_by IS NULL)", name="decided_by_someone"
        ),
        CheckConstraint("(status = 'approved') = (ready_on IS NOT NULL)", name="ready_when_approved"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        Index(
            "uq_refund_redirect_open",
            "part_id",
            unique=True,
            postgresql_where=text("status IN ('entered', 'reviewed')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    part_id: Mapped[int] = mapped_column(ForeignKey("refund_part.id"), index=True)
    paper_no: Mapped[str]
    file_hash: Mapped[str] = mapped_column(unique=True, comment="改退证明 SHA-256")
    payee_name_sealed: Mapped[bytes]
    payee_name_masked: Mapped[str]
    payee_account_sealed: Mapped[bytes]
    payee_account_masked: Mapped[str]
    payee_bank: Mapped[str]
    status: Mapped[RedirectStatus] = mapped_column(term(RedirectStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    reviewed_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    reviewed_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    ready_on: Mapped[date | None] = mapped_column(comment="最早签发日")
    reason: Mapped[str | None]
