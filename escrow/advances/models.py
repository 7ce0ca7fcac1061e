"""Credits on the fund account, what became of them, and what buyers repaid (维修资金入账、另列款与归还)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    UniqueConstraint,
    column,
    func,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.advances.apart_rules import DecisionKind, DecisionStatus, Payee
from escrow.advances.repayment_rules import RepaymentOrigin, RepaymentStatus
from escrow.advances.rules import Aside, Fate, PayerKind
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term

_ENTRY = "ledger.journal_entry.id"
_WAITING = "status = 'entered'"

# What still counts of the deposits, told by a view: what was paid for a contract that ended does not.
STANDING = table(
    "standing_deposit",
    column("id"), column("house_id"), column("payer_kind"), column("is_advance"), column("amount"),
    column("contract_id"),
)  # fmt: skip


class FundReceipt(Base):
    """One credit that a bank booked on a fund account (维修资金入账)."""

    __tablename__ = "fund_receipt"
    __table_args__ = (
        UniqueConstraint("bank_code", "bank_serial"),
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_fund_receipt_account", "fund_account_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    receipt_no: Mapped[str] = mapped_column(unique=True)
    fund_account_id: Mapped[int] = mapped_column(ForeignKey("fund_account.id"))
    bank_code: Mapped[str]
    bank_serial: Mapped[str]
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    value_date: Mapped[date]
    payer_kind: Mapped[PayerKind] = mapped_column(term(PayerKind))
    payer_name_sealed: Mapped[bytes]
    payer_name_masked: Mapped[str]
    entry_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(_ENTRY), unique=True)
    booked_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class FundReceiptLine(Base):
    """What the bank said of one unit, and what became of it; written once (入账所报各户)."""

    __tablename__ = "fund_receipt_line"
    __table_args__ = (
        UniqueConstraint("receipt_id", "unit_code"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("booked BETWEEN 0 AND amount", name="booked"),
        CheckConstraint(
            "(booked = amount) = (fate = 'booked') AND (fate = 'booked') = (code IS NULL)"
            " AND (code IS NULL) = (message IS NULL) AND (code IS NULL) = (citation IS NULL)"
            " AND (booked = 0 OR house_id IS NOT NULL)",
            name="reason",
        ),
    )

    receipt_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("fund_receipt.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    unit_code: Mapped[str] = mapped_column(comment="银行所报不动产单元代码，原样")
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    booked: Mapped[Yuan] = mapped_column(MoneyColumn)
    house_id: Mapped[int | None] = mapped_column(ForeignKey("house.id"))
    fate: Mapped[Fate] = mapped_column(term(Fate))
    code: Mapped[str | None]
    message: Mapped[str | None]
    citation: Mapped[str | None]


class ApartMoney(Base):
    """A sum that is no house's, on its own account of 2901, 2902 or 2903 (另列款)."""

    __tablename__ = "apart_money"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("remainder BETWEEN 0 AND amount", name="remainder"),
        Index("ix_apart_money_open", "id", postgresql_where=text("remainder > 0")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    receipt_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("fund_receipt.id"), index=True)
    aside: Mapped[Aside] = mapped_column(term(Aside))
    unit_code: Mapped[str | None]
    house_id: Mapped[int | None] = mapped_column(ForeignKey("house.id"))
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    remainder: Mapped[Yuan] = mapped_column(
        MoneyColumn, comment="尚待处理：另列之数减去已归入、已决定退还的"
    )
    code: Mapped[str]
    message: Mapped[str]
    citation: Mapped[str]


class ApartDecision(Base):
    """What two officers did with such a sum: claimed for houses, or to be returned (另列款的处理)."""

    __tablename__ = "apart_decision"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint(
            "(status IN ('confirmed', 'return-due', 'returned')) = (entry_id IS NOT NULL)"
            " AND (entry_id IS NULL) = (law IS NULL)",
            name="confirmed_whole",
        ),
        CheckConstraint(
            "status IN ('entered', 'rejected') OR (kind = 'claim') = (status = 'confirmed')",
            name="decided_kind",
        ),
        CheckConstraint("(kind = 'claim') = (payer_kind IS NOT NULL)", name="claim_whole"),
        CheckConstraint(
            "num_nonnulls(payee, payee_name_sealed, payee_name_masked, payee_account_sealed,"
            " payee_account_masked, payee_bank) = CASE kind WHEN 'return' THEN 6 ELSE 0 END",
            name="return_whole",
        ),
        Index("uq_apart_decision_waiting", "apart_id", unique=True, postgresql_where=text(_WAITING)),
        Index("ix_apart_decision_due", "id", postgresql_where=text("status = 'return-due'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    apart_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("apart_money.id"), index=True)
    kind: Mapped[DecisionKind] = mapped_column(term(DecisionKind))
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    payer_kind: Mapped[PayerKind | None] = mapped_column(term(PayerKind), comment="归入时按谁的交存记")
    payee: Mapped[Payee | None] = mapped_column(term(Payee), comment="退还对象，由规定而定")
    payee_name_sealed: Mapped[bytes | None]
    payee_name_masked: Mapped[str | None]
    payee_account_sealed: Mapped[bytes | None]
    payee_account_masked: Mapped[str | None]
    payee_bank: Mapped[str | None]
    document_no: Mapped[str] = mapped_column(comment="依据文号")
    file_hash: Mapped[str] = mapped_column(unique=True, comment="依据文件 SHA-256")
    note: Mapped[str]
    status: Mapped[DecisionStatus] = mapped_column(term(DecisionStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    entry_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(_ENTRY), unique=True)
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")


class ApartDecisionPart(Base):
    """What of a claim is for one house; written once (归入份额)."""

    __tablename__ = "apart_decision_part"
    __table_args__ = (CheckConstraint("amount > 0", name="amount"),)

    decision_id: Mapped[int] = mapped_column(ForeignKey("apart_decision.id"), primary_key=True)
    house_id: Mapped[int] = mapped_column(ForeignKey("house.id"), primary_key=True, index=True)
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)


class HouseDeposit(Base):
    """What a house was given, first deposit or renewal, by whom, for which contract; written once (交存)."""

    __tablename__ = "house_deposit"
    __table_args__ = (
        UniqueConstraint("entry_id", "house_id"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("amount <= due", name="within_due"),
        CheckConstraint("payer_kind = 'developer' OR NOT is_advance", name="advance_by_developer"),
        CheckConstraint(
            "NOT is_renewal OR payer_kind = 'owner' AND contract_id IS NULL", name="renewal_by_owner"
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    house_id: Mapped[int] = mapped_column(ForeignKey("house.id"), index=True)
    payer_kind: Mapped[PayerKind] = mapped_column(term(PayerKind))
    is_advance: Mapped[bool] = mapped_column(comment="建设单位代购房人缴纳，购房人应归还")
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    due: Mapped[Yuan] = mapped_column(MoneyColumn, comment="交存之日的首期应缴；续交的为当日容得下之数")
    contract_id: Mapped[int | None] = mapped_column(
        ForeignKey("contract.id"), index=True, comment="交存时房屋的有效合同"
    )
    receipt_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("fund_receipt.id"), index=True)
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("apart_decision.id"))
    entry_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(_ENTRY))
    paid_on: Mapped[date] = mapped_column(comment="银行起息日")
    booked_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    is_renewal: Mapped[bool] = mapped_column(server_default=text("false"), comment="续交或为使用自筹，不计首期")


class AdvanceRepayment(Base):
    """What a buyer gave back to the developer, outside the fund (归还代缴款)."""

    __tablename__ = "advance_repayment"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint(
            "(origin = 'page') = (entered_by IS NOT NULL) AND (origin = 'page') = (file_hash IS NOT NULL)"
            " AND (origin = 'returned') = (decision_id IS NOT NULL)"
            " AND (origin = 'page' AND status <> 'entered') = (decided_by IS NOT NULL)"
            " AND (origin = 'page' OR status = 'confirmed')",
            name="origin_whole",
        ),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint(
            "(status = 'confirmed') = (entry_id IS NOT NULL) AND (entry_id IS NULL) = (law IS NULL)",
            name="confirmed_whole",
        ),
        Index(
            "uq_advance_repayment_evidence", "house_id", "evidence_no", unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
        Index(
            "uq_advance_repayment_waiting", "house_id", unique=True, postgresql_where=text(_WAITING)
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    house_id: Mapped[int] = mapped_column(ForeignKey("house.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    repaid_on: Mapped[date]
    evidence_no: Mapped[str] = mapped_column(comment="收据、交接单等凭据号")
    file_hash: Mapped[str | None] = mapped_column(unique=True, comment="凭据文件 SHA-256")
    origin: Mapped[RepaymentOrigin] = mapped_column(
        term(RepaymentOrigin),
        comment="filing 网签系统报来；page 页面录入；returned 误缴退建设单位而了结",
    )
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("apart_decision.id"), unique=True)
    status: Mapped[RepaymentStatus] = mapped_column(term(RepaymentStatus))
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    entry_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(_ENTRY), unique=True)
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")
