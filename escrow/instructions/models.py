"""Orders to the bank, its answers, and the counter their numbers come from (付款指令各表)."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.instructions.rules import InstructionKind, InstructionStatus, Outcome
from escrow.supervision.change_models import AccountChange
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class InstructionCounter(Base):
    """The last number drawn in a year: drawn in the order's own transaction, so none is missing (编号)."""

    __tablename__ = "instruction_counter"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Instruction(Base):
    """An order to the account's bank to pay (付款指令)."""

    __tablename__ = "instruction"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("cancel_asked_by <> cancelled_by", name="two_officers"),
        Index("ix_instruction_open", "account_id", postgresql_where=text("status IN ('issued', 'unknown')")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    instruction_no: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[InstructionKind] = mapped_column(term(InstructionKind))
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    building_id: Mapped[int | None] = mapped_column(ForeignKey("building.id"))
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    key_amount: Mapped[Yuan] = mapped_column(MoneyColumn, comment="支用制下计入重点已拨的部分")
    payee_name_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    payee_name_masked: Mapped[str]
    payee_account_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    payee_account_masked: Mapped[str]
    payee_bank: Mapped[str]
    purpose: Mapped[str]
    source_code: Mapped[str]
    source_key: Mapped[str]
    issued_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    issued_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    expires_on: Mapped[date]
    status: Mapped[InstructionStatus] = mapped_column(term(InstructionStatus))
    entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )
    cancel_asked_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    cancel_reason: Mapped[str | None]
    cancelled_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))


# The transfer that a change of account ordered: tied here, where orders are known.
AccountChange.__table__.append_constraint(  # type: ignore[attr-defined]
    ForeignKeyConstraint([AccountChange.instruction_id], [Instruction.id])
)


class InstructionResult(Base):
    """One message of a bank about an order; written once, believed or not (银行结果)."""

    __tablename__ = "instruction_result"
    __table_args__ = (
        Index(
            "uq_instruction_result_moves", "instruction_id", "outcome", unique=True,
            postgresql_where=text("verdict IN ('moves', 'early')"),
        ),
        Index(
            "uq_instruction_result_serial", "bank_code", "bank_serial", unique=True,
            postgresql_where=text("verdict IN ('moves', 'early') AND outcome IN ('paid', 'returned')"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    instruction_id: Mapped[int] = mapped_column(ForeignKey("instruction.id"), index=True)
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


class OnwardOrder(Base):
    """An order that moves what an account left behind takes in, or owes its bank; written once (余款划转与退回)."""

    __tablename__ = "onward_order"

    instruction_id: Mapped[int] = mapped_column(
        ForeignKey("instruction.id"), primary_key=True, autoincrement=False
    )
    from_account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    to_account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    # The receipt of the old account that its bank reversed, where the living one sends the money back.
    receipt_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("receipt.id"), index=True)


class BankOutflow(Base):
    """An entry that lowers 1101 without an order: PostgreSQL writes it and asks for its paper (不经指令的出账)."""

    __tablename__ = "bank_outflow"
    __table_args__ = ({"comment": "不经指令的出账，逐笔须有凭据"},)

    entry_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), primary_key=True, autoincrement=False
    )
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    from_transit: Mapped[bool] = mapped_column(comment="仅自户间划转在途（1102）转出")
