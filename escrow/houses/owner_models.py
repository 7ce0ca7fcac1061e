"""Who owns a house since when, named under seal (业主)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.houses.owner_rules import OwnerKind, OwnerStatus
from ledger.tables import term


class OwnerChange(Base):
    """A house's owners from a day on, by an opening or by a transfer two officers have seen (业主变更)."""

    __tablename__ = "owner_change"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint(
            "(kind = 'opening') = (opening_id IS NOT NULL) AND (kind = 'opening') = (certificate_no IS NULL)"
            " AND (kind = 'opening') = (file_hash IS NULL)", name="evidence",
        ),
        Index("ix_owner_change_house_id", "house_id", "id"),
        Index(
            "uq_owner_change_waiting", "house_id", unique=True, postgresql_where=text("status = 'entered'")
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    house_id: Mapped[int] = mapped_column(ForeignKey("house.id"))
    kind: Mapped[OwnerKind] = mapped_column(term(OwnerKind))
    from_day: Mapped[date] = mapped_column(comment="自何日起为业主")
    certificate_no: Mapped[str | None] = mapped_column(comment="转移登记后的不动产权证号")
    file_hash: Mapped[str | None] = mapped_column(comment="登记材料 SHA-256")
    opening_id: Mapped[int | None] = mapped_column(ForeignKey("fund_opening.id"))
    status: Mapped[OwnerStatus] = mapped_column(term(OwnerStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="所据规定及其取值")


class HouseOwner(Base):
    """One owner by one change, sealed; found by a keyed index, masked on every page (业主一人)."""

    __tablename__ = "house_owner"
    __table_args__ = (
        UniqueConstraint("change_id", "position"),
        CheckConstraint(
            "(id_no_sealed IS NULL) = (id_no_masked IS NULL)"
            " AND (id_no_sealed IS NULL) = (id_no_index IS NULL)", name="id_no_whole",
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    change_id: Mapped[int] = mapped_column(ForeignKey("owner_change.id"))
    position: Mapped[int]
    name_sealed: Mapped[bytes]
    name_masked: Mapped[str]
    id_no_sealed: Mapped[bytes | None]
    id_no_masked: Mapped[str | None]
    id_no_index: Mapped[bytes | None] = mapped_column(index=True, comment="加密钥的检索摘要")
