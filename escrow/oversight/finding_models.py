"""Receipts that were looked at, and what was noticed (已查看的入账、风险提示)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Integer, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.oversight.finding_terms import FindingKind, FindingStatus
from ledger.tables import term


class WatchedReceipt(Base):
    """Keyed hashes of who paid a receipt: equal payers are found without opening anything (付款人摘要)."""

    __tablename__ = "watched_receipt"

    receipt_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("receipt.id"), primary_key=True, autoincrement=False
    )
    account_index: Mapped[bytes] = mapped_column(index=True, comment="付款账号加密钥的检索摘要")
    name_index: Mapped[bytes] = mapped_column(index=True, comment="付款人名称加密钥的检索摘要")
    pays_for_buyer: Mapped[bool | None] = mapped_column(comment="付款人是合同的买受人；未归入合同为空")
    watched_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class Finding(Base):
    """Something noticed, waiting for an officer; nothing is refused by it (风险提示)."""

    __tablename__ = "finding"
    __table_args__ = (
        CheckConstraint("(status = 'open') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(decided_by IS NULL) = (reason IS NULL)", name="with_reason"),
        CheckConstraint("btrim(reason) <> ''", name="reason"),
        Index("ix_finding_open", "id", postgresql_where=text("status = 'open'")),
        Index("ix_finding_kind", "kind", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[FindingKind] = mapped_column(term(FindingKind))
    key: Mapped[str] = mapped_column(unique=True, comment="同一情形只提示一次")
    subject: Mapped[str]
    said: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, comment="已脱敏的情形")
    withdrawal_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer), comment="所涉用款")
    payee_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer), comment="所涉收款人")
    receipt_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), comment="所涉入账")
    law: Mapped[dict[str, Any]] = mapped_column(JSONB, comment="所据规定及其取值")
    status: Mapped[FindingStatus] = mapped_column(term(FindingStatus))
    raised_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None]
