"""First registration per building and transfer registration per unit (首次登记、转移登记)."""

from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.registration.rules import PaperUse, RegistrationSource, RegistrationStatus
from ledger.tables import term


class FiledPaper(Base):
    """A file handed in, by its SHA-256; no file serves twice (已用材料). Triggers write it; written once."""

    __tablename__ = "filed_paper"
    __table_args__ = (CheckConstraint("file_hash ~ '^[0-9a-f]{64}$'", name="file_hash"),)

    file_hash: Mapped[str] = mapped_column(primary_key=True, comment="SHA-256")
    used_for: Mapped[PaperUse] = mapped_column(term(PaperUse))
    filed_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class FirstRegistration(Base):
    """The developer's title to whole buildings (首次登记); by hand it takes two officers."""

    __tablename__ = "first_registration"
    __table_args__ = (
        UniqueConstraint("id", "status"),
        UniqueConstraint("client_id", "event_id"),
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint(
            "building_count > 0 OR building_count = 0 AND corrects IS NOT NULL", name="building_count"
        ),
        CheckConstraint(
            "(corrects IS NULL) = (grounds IS NULL) AND (corrects IS NULL OR source = 'manual')",
            name="corrected_with_grounds",
        ),
        CheckConstraint(
            "(status = 'superseded') = (superseded_by IS NOT NULL)", name="superseded_by_another"
        ),
        Index(
            "uq_first_registration_waiting_correction", "corrects", unique=True,
            postgresql_where=text("status = 'entered'"),
        ),
        Index("ix_first_registration_waiting", "id", postgresql_where=text("status = 'entered'")),
        CheckConstraint(
            "source = 'system' OR (event_id IS NULL AND client_id IS NULL"
            " AND entered_by IS NOT NULL AND file_hash IS NOT NULL"
            " AND (status IN ('confirmed', 'rejected', 'superseded')) = (decided_by IS NOT NULL))",
            name="manual_is_whole",
        ),
        CheckConstraint(
            "source = 'manual' OR (event_id IS NOT NULL AND client_id IS NOT NULL AND status = 'confirmed'"
            " AND entered_by IS NULL AND decided_by IS NULL AND file_hash IS NULL)",
            name="system_is_whole",
        ),
        CheckConstraint("(status = 'entered') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint("(status = 'overtaken') = (overtaken_by IS NOT NULL)", name="overtaken_by_another"),
        Index("ix_first_registration_certificate_no", "certificate_no"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    certificate_no: Mapped[str]
    registered_on: Mapped[date]
    building_count: Mapped[int] = mapped_column(comment="所及幢数，与明细一致")
    source: Mapped[RegistrationSource] = mapped_column(term(RegistrationSource))
    status: Mapped[RegistrationStatus] = mapped_column(term(RegistrationStatus))
    client_id: Mapped[str | None]
    event_id: Mapped[str | None]
    file_hash: Mapped[str | None] = mapped_column(unique=True, comment="证书文件 SHA-256")
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"), comment="确认或退回人")
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None] = mapped_column(comment="退回理由")
    overtaken_by: Mapped[int | None] = mapped_column(ForeignKey("first_registration.id"))
    corrects: Mapped[int | None] = mapped_column(
        ForeignKey("first_registration.id"), index=True, comment="所更正的登记"
    )
    grounds: Mapped[str | None] = mapped_column(comment="更正事由")
    superseded_by: Mapped[int | None] = mapped_column(
        ForeignKey("first_registration.id"), comment="更正后的登记"
    )


class RegisteredBuilding(Base):
    """A building named by a first registration; confirmed at most once (首次登记所及楼幢)."""

    __tablename__ = "registered_building"
    __table_args__ = (
        ForeignKeyConstraint(
            ["registration_id", "status"], ["first_registration.id", "first_registration.status"],
            onupdate="CASCADE",
        ),
        Index(
            "uq_registered_building_confirmed", "building_id", unique=True,
            postgresql_where=text("status = 'confirmed'"),
        ),
    )  # fmt: skip

    registration_id: Mapped[int] = mapped_column(primary_key=True)
    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"), primary_key=True, index=True)
    status: Mapped[RegistrationStatus] = mapped_column(term(RegistrationStatus), comment="随首次登记")


class TransferRegistration(Base):
    """A title to one unit, as often as it changes hands; each certificate once, written once (转移登记)."""

    __tablename__ = "transfer_registration"
    __table_args__ = (UniqueConstraint("client_id", "event_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), index=True)
    client_id: Mapped[str]
    event_id: Mapped[str]
    certificate_no: Mapped[str] = mapped_column(unique=True)
    registered_on: Mapped[date]
    owner_name_sealed: Mapped[bytes]
    owner_name_masked: Mapped[str]
    owner_id_no_sealed: Mapped[bytes]
    owner_id_no_masked: Mapped[str]
    owner_id_no_index: Mapped[bytes] = mapped_column(index=True)
    received_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
