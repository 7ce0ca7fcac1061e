"""Deposit checks, the receipts a PASS stands on, and the filing that used it; written once (核对与备案)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.filing.rules import Decision
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class DepositCheck(Base):
    """One answered question, kept as it was answered and with the law it was judged by (备案前核对)."""

    __tablename__ = "deposit_check"
    __table_args__ = (
        UniqueConstraint("id", "contract_id", "contract_version", "decision"),
        CheckConstraint(
            "decision = 'fail' OR (contract_id IS NOT NULL AND contract_version IS NOT NULL"
            " AND valid_until IS NOT NULL AND required > 0 AND deposited >= required"
            " AND maintenance_advanced >= maintenance_required)",
            name="pass_is_whole",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    check_no: Mapped[str] = mapped_column(unique=True)
    contract_no: Mapped[str] = mapped_column(index=True, comment="所问合同号，原样")
    contract_id: Mapped[int | None] = mapped_column(ForeignKey("contract.id"), index=True)
    contract_version: Mapped[int | None]
    decision: Mapped[Decision] = mapped_column(term(Decision))
    required: Mapped[Yuan] = mapped_column(MoneyColumn)
    deposited: Mapped[Yuan] = mapped_column(MoneyColumn)
    maintenance_required: Mapped[Yuan] = mapped_column(
        MoneyColumn, server_default="0", comment="备案时维修资金应缴"
    )
    maintenance_advanced: Mapped[Yuan] = mapped_column(
        MoneyColumn, server_default="0", comment="核对时维修资金已缴"
    )
    checked_at: Mapped[datetime] = mapped_column(DateTime(True))
    valid_until: Mapped[datetime | None] = mapped_column(DateTime(True))
    answer: Mapped[str] = mapped_column(comment="答复全文，逐字保存")
    law: Mapped[dict[str, Any]] = mapped_column(JSONB, comment="所据规定及其取值")


class CheckReceipt(Base):
    """A receipt that a check counted; it can only be one allocated to that contract (核对所列入账)."""

    __tablename__ = "deposit_check_receipt"

    check_id: Mapped[int] = mapped_column(ForeignKey("deposit_check.id"), primary_key=True)
    receipt_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("receipt.id"), primary_key=True)
    contract_id: Mapped[int]
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)


class ContractFiling(Base):
    """The filing of a contract; stands on one PASS, used once (网签备案)."""

    __tablename__ = "contract_filing"
    __table_args__ = (
        ForeignKeyConstraint(
            ["check_id", "contract_id", "contract_version", "decision"],
            [
                "deposit_check.id", "deposit_check.contract_id",
                "deposit_check.contract_version", "deposit_check.decision",
            ],
        ),
        CheckConstraint("decision = 'pass'", name="needs_pass"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), unique=True)
    contract_version: Mapped[int]
    filing_no: Mapped[str] = mapped_column(unique=True)
    check_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    decision: Mapped[Decision] = mapped_column(term(Decision))
    filed_on: Mapped[date]
    filed_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
