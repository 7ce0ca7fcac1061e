"""Contract, its versions, parties, payment notices and cancellation (购房合同)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.contracts.rules import ContractStatus, IdType, PaymentKind, Source
from escrow.supervision.change_models import AccountChange
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class Contract(Base):
    """One sale of one unit; a unit has at most one live contract (购房合同)."""

    __tablename__ = "contract"
    __table_args__ = (
        CheckConstraint("price > 0", name="price"),
        Index(
            "uq_contract_live_unit", "unit_id", unique=True, postgresql_where=text("status <> 'cancelled'")
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contract_no: Mapped[str] = mapped_column(unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), index=True)
    status: Mapped[ContractStatus] = mapped_column(term(ContractStatus))
    version: Mapped[int]
    price: Mapped[Yuan] = mapped_column(MoneyColumn)
    drafted_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class ContractVersion(Base):
    """What the filing system sent, version by version; written once (合同版本)."""

    __tablename__ = "contract_version"

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    price: Mapped[Yuan] = mapped_column(MoneyColumn)
    payments: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    digest: Mapped[bytes] = mapped_column(comment="报送内容的摘要（含买受人，加密钥）")
    drafted_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class Party(Base):
    """A buyer of one contract version: the only place personal data stands, sealed (买受人)."""

    __tablename__ = "party"
    __table_args__ = (UniqueConstraint("contract_id", "version", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"))
    version: Mapped[int]
    position: Mapped[int]
    name_sealed: Mapped[bytes]
    name_masked: Mapped[str]
    id_type: Mapped[IdType] = mapped_column(term(IdType))
    id_no_sealed: Mapped[bytes]
    id_no_masked: Mapped[str]
    id_no_index: Mapped[bytes] = mapped_column(index=True, comment="加密钥的检索摘要")
    phone_sealed: Mapped[bytes | None]
    phone_masked: Mapped[str | None]


class PaymentNotice(Base):
    """One payment of the contract's plan, under a number never used again (缴款通知书)."""

    __tablename__ = "payment_notice"
    __table_args__ = (
        UniqueConstraint("id", "contract_id"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("paid BETWEEN 0 AND amount", name="paid_within_amount"),
        CheckConstraint("voided_at IS NULL OR paid = 0", name="void_unpaid"),
        CheckConstraint("account_change_id IS NULL OR voided_at IS NOT NULL", name="changed_is_void"),
        Index("ix_payment_notice_contract", "contract_id", "position"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    notice_no: Mapped[str] = mapped_column(unique=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"))
    version: Mapped[int] = mapped_column(comment="签发时的合同版本")
    position: Mapped[int]
    payment_kind: Mapped[PaymentKind] = mapped_column(term(PaymentKind))
    source: Mapped[Source] = mapped_column(term(Source))
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    paid: Mapped[Yuan] = mapped_column(MoneyColumn, server_default="0")
    due_on: Mapped[date]
    issued_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    voided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    account_change_id: Mapped[int | None] = mapped_column(
        ForeignKey(AccountChange.id), comment="因监管账户变更作废"
    )


class Cancellation(Base):
    """The end of a contract: draft dropped or filing revoked; written once (合同注销)."""

    __tablename__ = "contract_cancellation"

    id: Mapped[int] = mapped_column(primary_key=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), unique=True)
    event_id: Mapped[str]
    cancelled_on: Mapped[date]
    reason: Mapped[str]
    cancelled_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
