"""Construction contracts, listed payees, applications and their lines (施工合同、收款人、用款)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.withdrawals.payee_rules import ListingStatus, PayeeKind, Purpose
from escrow.withdrawals.rules import Channel, WithdrawalStatus
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term

_LIVE = text("status IN ('entered', 'listed')")
_ENTRY = "ledger.journal_entry.id"


def _at() -> Mapped[Any]:
    return mapped_column(DateTime(True), server_default=func.clock_timestamp())


def _listing() -> tuple[CheckConstraint, ...]:
    """What both registers ask of two officers (两人登记)."""
    return (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(status IN ('rejected', 'retired')) = (reason IS NOT NULL)", name="with_reason"),
        CheckConstraint("(status = 'retired') = (retired_by IS NOT NULL)", name="retired_by_someone"),
    )


class ConstructionContract(Base):
    """A construction, material or equipment contract of a project (施工合同)."""

    __tablename__ = "construction_contract"
    __table_args__ = (
        *_listing(),
        CheckConstraint("price > 0", name="price"),
        Index("ix_construction_contract_waiting", "id", postgresql_where=text("status = 'entered'")),
        UniqueConstraint("id", "account_id"),
        Index("uq_construction_contract_live", "contract_no", unique=True, postgresql_where=_LIVE),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    contract_no: Mapped[str]
    contractor: Mapped[str]
    price: Mapped[Yuan] = mapped_column(MoneyColumn)
    signed_on: Mapped[date]
    file_hash: Mapped[str] = mapped_column(unique=True, comment="合同文件 SHA-256")
    status: Mapped[ListingStatus] = mapped_column(term(ListingStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = _at()
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    retired_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    reason: Mapped[str | None]


class ListedPayee(Base):
    """An account that may be paid, tied to a construction contract (收款人白名单)."""

    __tablename__ = "listed_payee"
    __table_args__ = (
        *_listing(),
        CheckConstraint(
            "(status IN ('listed', 'retired')) <= (usable_on IS NOT NULL)", name="usable_when_listed"
        ),
        Index("ix_listed_payee_waiting", "id", postgresql_where=text("status = 'entered'")),
        ForeignKeyConstraint(
            ["contract_id", "account_id"], ["construction_contract.id", "construction_contract.account_id"]
        ),
        Index(
            "uq_listed_payee_live", "contract_id", "account_no", "kind", unique=True, postgresql_where=_LIVE
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    contract_id: Mapped[int] = mapped_column(index=True)
    kind: Mapped[PayeeKind] = mapped_column(term(PayeeKind))
    name: Mapped[str]
    account_no: Mapped[str] = mapped_column(index=True)
    bank_name: Mapped[str]
    file_hash: Mapped[str] = mapped_column(unique=True, comment="开户证明 SHA-256")
    status: Mapped[ListingStatus] = mapped_column(term(ListingStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = _at()
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    usable_on: Mapped[date | None] = mapped_column(comment="最早付款日")
    retired_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    reason: Mapped[str | None]


class Withdrawal(Base):
    """One application to pay from one building's money (用款申请)."""

    __tablename__ = "withdrawal"
    __table_args__ = (
        UniqueConstraint("id", "account_id"),
        Index("ix_withdrawal_application_no", "account_id", "application_no"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("entered_by <> reviewed_by", name="two_officers"),
        CheckConstraint("entered_by <> decided_by AND reviewed_by <> decided_by", name="another_decides"),
        CheckConstraint("entered_by <> revoked_by", name="another_revokes"),
        CheckConstraint("issued_by <> decided_by AND issued_by <> reviewed_by", name="another_issues"),
        CheckConstraint(
            "court_order_by <> entered_by AND court_order_by <> decided_by"
            " AND court_order_by <> reviewed_by AND court_order_by <> issued_by", name="another_attaches",
        ),
        CheckConstraint(
            "(court_order_no IS NULL) = (court_order_hash IS NULL)"
            " AND (court_order_by IS NULL OR court_order_no IS NOT NULL)", name="court_order_whole",
        ),
        CheckConstraint("(reviewed_by IS NULL) = (reviewed_at IS NULL)", name="reviewed_whole"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint(
            "(status IN ('entered', 'reviewed')) = (decided_by IS NULL)", name="decided_by_someone"
        ),
        CheckConstraint("status <> 'reviewed' OR reviewed_by IS NOT NULL", name="reviewed_by_someone"),
        CheckConstraint(
            "(status IN ('approved', 'uncovered', 'issued', 'revoked', 'closed'))"
            " = (law IS NOT NULL AND held IS NOT NULL AND key_amount IS NOT NULL AND levels IS NOT NULL)",
            name="approved_with_law",
        ),
        CheckConstraint(
            "held >= 0 AND key_amount >= 0 AND held + key_amount = amount", name="parts_of_amount"
        ),
        CheckConstraint("(coalesce(held, 0) > 0) = (hold_entry_id IS NOT NULL)", name="held_with_entry"),
        CheckConstraint("levels = '[]' OR reviewed_by IS NOT NULL", name="second_level"),
        CheckConstraint(
            "(status IN ('rejected', 'revoked', 'closed')) = (reason IS NOT NULL)", name="with_reason"
        ),
        CheckConstraint(
            "(status IN ('revoked', 'closed')) = (revoked_by IS NOT NULL)", name="revoked_by_someone"
        ),
        CheckConstraint(
            "status <> 'revoked' OR (held > 0 AND issued_by IS NULL) = (revoke_entry_id IS NOT NULL)",
            name="revoked_with_entry",
        ),
        CheckConstraint(
            "(status IN ('issued', 'closed')) <= (issued_by IS NOT NULL)", name="issued_by_someone"
        ),
        Index("ix_withdrawal_building_open", "building_id", postgresql_where=text(
            "status IN ('entered', 'reviewed', 'approved', 'uncovered')")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    withdrawal_no: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"), index=True)
    channel: Mapped[Channel] = mapped_column(term(Channel))
    application_no: Mapped[str] = mapped_column(comment="用款申请文号")
    applied_on: Mapped[date]
    file_hash: Mapped[str] = mapped_column(unique=True, comment="申请及监理进度证明 SHA-256")
    court_order_no: Mapped[str | None] = mapped_column(comment="冻结期间准予支付工程用款的决定文号")
    court_order_hash: Mapped[str | None] = mapped_column(comment="决定文件 SHA-256")
    court_order_by: Mapped[int | None] = mapped_column(
        ForeignKey("officer.id"), comment="核准之后附决定的人员"
    )
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    review_by: Mapped[date] = mapped_column(comment="复核截止日")
    status: Mapped[WithdrawalStatus] = mapped_column(term(WithdrawalStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = _at()
    reviewed_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    reviewed_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    held: Mapped[Yuan | None] = mapped_column(MoneyColumn, comment="占用的一般监管资金")
    key_amount: Mapped[Yuan | None] = mapped_column(MoneyColumn, comment="拟用的重点监管资金")
    levels: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True), comment="须二级复核的理由")
    takeover_no: Mapped[str | None] = mapped_column(comment="核准时的接管决定")
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")
    hold_entry_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(_ENTRY), unique=True)
    issued_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    revoked_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    revoke_entry_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(_ENTRY), unique=True)
    reason: Mapped[str | None] = mapped_column(comment="退回、撤销或了结理由")


class WithdrawalLine(Base):
    """One payee to be paid, with its invoice; written once (用款明细)."""

    __tablename__ = "withdrawal_line"
    __table_args__ = (
        UniqueConstraint("withdrawal_id", "invoice_no"),
        ForeignKeyConstraint(["withdrawal_id", "account_id"], ["withdrawal.id", "withdrawal.account_id"]),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("progress > 0 AND progress <= 1", name="progress"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    withdrawal_id: Mapped[int]
    account_id: Mapped[int]
    payee_id: Mapped[int] = mapped_column(ForeignKey("listed_payee.id"), index=True)
    purpose: Mapped[Purpose] = mapped_column(term(Purpose))
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    progress: Mapped[Decimal] = mapped_column(Numeric(5, 4), comment="监理确认的累计进度")
    invoice_no: Mapped[str] = mapped_column(index=True)
    invoice_hash: Mapped[str] = mapped_column(index=True, comment="发票 SHA-256")


class WithdrawalOrder(Base):
    """Which order to the bank pays which line; written once (用款签发)."""

    __tablename__ = "withdrawal_order"

    instruction_id: Mapped[int] = mapped_column(
        ForeignKey("instruction.id"), primary_key=True, autoincrement=False
    )
    line_id: Mapped[int] = mapped_column(ForeignKey("withdrawal_line.id"), index=True)
