"""Orders to the fund's banks, their answers, and why an account stopped paying (维修资金付款指令各表)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.fund_orders.rules import AccountStatus, FundOrderKind
from escrow.instructions.rules import InstructionStatus, Outcome
from escrow.maintenance.chart import Nature
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term

_BELIEVED = "verdict IN ('moves', 'early')"


class FundOrder(Base):
    """An order to the fund's bank to pay; numbered with all other orders (维修资金付款指令)."""

    __tablename__ = "fund_order"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("issued_by <> decided_by", name="decided_by_another"),
        CheckConstraint("cancel_asked_by <> cancelled_by", name="two_officers"),
        Index("ix_fund_order_source", "source"),
        Index(
            "ix_fund_order_open", "fund_account_id",
            postgresql_where=text("status IN ('issued', 'unknown')"),
        ),
        Index(
            "uq_fund_order_source", "source", unique=True,
            postgresql_where=text("status IN ('issued', 'unknown', 'paid')"),
        ),
    )  # fmt: skip

    # From the same sequence as all orders, so that the bank's list pages by one key.
    id: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, server_default=text("nextval('instruction_id_seq')")
    )
    instruction_no: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[FundOrderKind] = mapped_column(term(FundOrderKind))
    fund_account_id: Mapped[int] = mapped_column(ForeignKey("fund_account.id"), index=True)
    nature: Mapped[Nature] = mapped_column(
        term(Nature), comment="付款的专户分户：商品住宅或已售公有住房"
    )
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    payee_name_sealed: Mapped[bytes]
    payee_name_masked: Mapped[str]
    payee_account_sealed: Mapped[bytes]
    payee_account_masked: Mapped[str]
    payee_bank: Mapped[str]
    purpose: Mapped[str]
    source: Mapped[str] = mapped_column(comment="所付的那一笔应付，未付、退汇或撤销之前只签发一次")
    decided_by: Mapped[int] = mapped_column(
        ForeignKey("officer.id"), comment="决定付款的人员，不是签发人"
    )
    issued_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    issued_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    expires_on: Mapped[date]
    law: Mapped[dict[str, Any]] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")
    status: Mapped[InstructionStatus] = mapped_column(term(InstructionStatus))
    cancel_asked_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    cancel_reason: Mapped[str | None]
    cancelled_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))


class FundOrderResult(Base):
    """One message of a bank about an order; written once, believed or not (银行结果)."""

    __tablename__ = "fund_order_result"
    __table_args__ = (
        Index(
            "uq_fund_order_result_moves", "order_id", "outcome", unique=True,
            postgresql_where=text(_BELIEVED),
        ),
        Index(
            "uq_fund_order_result_serial", "bank_code", "bank_serial", unique=True,
            postgresql_where=text(f"{_BELIEVED} AND outcome IN ('paid', 'returned')"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("fund_order.id"), index=True)
    outcome: Mapped[Outcome] = mapped_column(term(Outcome))
    bank_code: Mapped[str]
    bank_serial: Mapped[str]
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    payee_account_masked: Mapped[str]
    value_date: Mapped[date]
    reason: Mapped[str | None]
    verdict: Mapped[str]
    entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )
    received_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class FundSuspension(Base):
    """Why a fund account stopped paying, and the two officers who let it go on (专户停付)."""

    __tablename__ = "fund_suspension"
    __table_args__ = (
        CheckConstraint("asked_by <> reopened_by", name="two_officers"),
        Index("ix_fund_suspension_open", "id", postgresql_where=text("reopened_by IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    fund_account_id: Mapped[int] = mapped_column(ForeignKey("fund_account.id"), index=True)
    cause: Mapped[str]
    suspended_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    reason: Mapped[str | None]
    reopened_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    reopened_at: Mapped[datetime | None] = mapped_column(DateTime(True))


class ReturnAccount(Base):
    """Another account of whoever is to be repaid, by two officers (改退账户)."""

    __tablename__ = "return_account"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        Index(
            "uq_return_account_waiting", "source", unique=True, postgresql_where=text("status = 'entered'")
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(index=True, comment="所退的那一笔应付")
    payee_account_sealed: Mapped[bytes]
    payee_account_masked: Mapped[str]
    payee_bank: Mapped[str]
    document_no: Mapped[str] = mapped_column(comment="依据文号")
    file_hash: Mapped[str] = mapped_column(unique=True, comment="依据文件 SHA-256")
    note: Mapped[str]
    status: Mapped[AccountStatus] = mapped_column(term(AccountStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")
