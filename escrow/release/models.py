"""Applications for release, papers for agreement clauses, and where the money goes (解除监管申请、佐证、收款账户)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.release.receiving_rules import ReceivingStatus
from escrow.release.rules import EvidenceStatus, ReleaseStatus
from escrow.supervision.rules import ClauseKind
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class ReleaseApplication(Base):
    """A developer's paper, entered by one officer and decided by another (解除监管申请)."""

    __tablename__ = "release_application"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'approved') = (amount IS NOT NULL)", name="amount_when_approved"),
        CheckConstraint("amount >= 0 AND (amount = 0) = (entry_id IS NULL)", name="entry_moves_amount"),
        CheckConstraint("amount IS NOT NULL OR entry_id IS NULL", name="entry_needs_amount"),
        CheckConstraint(
            "(status = 'approved') = (law IS NOT NULL AND findings IS NOT NULL)", name="law_when_approved"
        ),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint(
            "is_whole = (building_count IS NULL) AND coalesce(building_count > 0, true)", name="scope"
        ),
        Index(
            "uq_release_application_live", "account_id", unique=True,
            postgresql_where=text("status = 'entered'"),
        ),
        Index(
            "uq_release_application_ended", "account_id", unique=True,
            postgresql_where=text("status = 'approved' AND is_whole"),
        ),
        Index("ix_release_application_application_no", "account_id", "application_no"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    release_no: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"))
    application_no: Mapped[str] = mapped_column(comment="申请书文号")
    applied_on: Mapped[date]
    file_hash: Mapped[str] = mapped_column(unique=True, comment="申请书 SHA-256")
    status: Mapped[ReleaseStatus] = mapped_column(term(ReleaseStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    amount: Mapped[Yuan | None] = mapped_column(MoneyColumn)
    entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")
    findings: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True), comment="决定时逐项核对的结果与各幢金额"
    )
    is_whole: Mapped[bool] = mapped_column(
        server_default=text("true"), comment="解除整个账户（其余全部楼幢）"
    )
    building_count: Mapped[int | None] = mapped_column(comment="逐幢解除的幢数")


class ReleaseBuilding(Base):
    """A building an application is of, where it is not of the whole account (申请解除的楼幢)."""

    __tablename__ = "release_building"

    release_id: Mapped[int] = mapped_column(ForeignKey("release_application.id"), primary_key=True)
    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"), primary_key=True, index=True)


class ReleasedBuilding(Base):
    """A building whose supervision has ended; written once (已解除监管的楼幢)."""

    __tablename__ = "released_building"

    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"), primary_key=True)
    release_id: Mapped[int] = mapped_column(ForeignKey("release_application.id"), index=True)
    released_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class ReleaseEvidence(Base):
    """A paper that meets one clause of the agreement, confirmed by a second officer (附加条款佐证)."""

    __tablename__ = "release_evidence"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint("ratio BETWEEN 0 AND 1", name="ratio"),
        Index("ix_release_evidence_waiting", "id", postgresql_where=text("status = 'entered'")),
        CheckConstraint("(kind = 'handover_ratio') = (ratio IS NOT NULL)", name="ratio_of_handover"),
        CheckConstraint("kind IN ('completion_filing', 'handover_ratio', 'document')", name="kind_by_paper"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    kind: Mapped[ClauseKind] = mapped_column(term(ClauseKind))
    clause: Mapped[str] = mapped_column(comment="所对应的协议条款")
    ratio: Mapped[Decimal | None] = mapped_column(Numeric(5, 4), comment="交付比例等，0 至 1")
    paper_no: Mapped[str]
    dated_on: Mapped[date]
    file_hash: Mapped[str] = mapped_column(unique=True, comment="材料文件 SHA-256")
    status: Mapped[EvidenceStatus] = mapped_column(term(EvidenceStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")


class ReceivingAccount(Base):
    """The developer's own account that released money goes to, settled by two officers (开发企业收款账户)."""

    __tablename__ = "receiving_account"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status IN ('rejected', 'retired')) = (reason IS NOT NULL)", name="with_reason"),
        CheckConstraint("(status = 'retired') = (retired_by IS NOT NULL)", name="retired_by_someone"),
        CheckConstraint("(retired_by IS NULL) = (retired_at IS NULL)", name="retired_whole"),
        Index(
            "uq_receiving_account_live", "developer_id", unique=True,
            postgresql_where=text("status IN ('entered', 'confirmed')"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    developer_id: Mapped[int] = mapped_column(ForeignKey("developer.id"), index=True)
    name: Mapped[str] = mapped_column(comment="户名，登记时开发企业的名称")
    account_no: Mapped[str]
    # As the bank will read them: the order carries these very bytes.
    name_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    account_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    bank_name: Mapped[str]
    paper_no: Mapped[str] = mapped_column(comment="开户证明文号")
    dated_on: Mapped[date]
    file_hash: Mapped[str] = mapped_column(unique=True, comment="开户证明 SHA-256")
    status: Mapped[ReceivingStatus] = mapped_column(term(ReceivingStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    retired_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回或停用理由")
