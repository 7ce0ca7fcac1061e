"""First registration per building and transfer registration per unit (首次登记、转移登记)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.registration.rules import RegistrationSource, RegistrationStatus
from ledger.tables import term


class FirstRegistration(Base):
    """The developer's title to whole buildings (首次登记); by hand it takes two officers."""

    __tablename__ = "first_registration"
    __table_args__ = (
        CheckConstraint("entered_by <> confirmed_by", name="two_officers"),
        CheckConstraint(
            "source = 'system' OR (entered_by IS NOT NULL AND file_hash IS NOT NULL"
            " AND (status <> 'confirmed' OR confirmed_by IS NOT NULL))",
            name="manual_is_whole",
        ),
        CheckConstraint("(status = 'entered') = (decided_at IS NULL)", name="decided"),
        Index(
            "uq_first_registration_certificate", "certificate_no", unique=True,
            postgresql_where=text("status <> 'rejected'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    certificate_no: Mapped[str]
    registered_on: Mapped[date]
    source: Mapped[RegistrationSource] = mapped_column(term(RegistrationSource))
    status: Mapped[RegistrationStatus] = mapped_column(term(RegistrationStatus))
    event_id: Mapped[str | None] = mapped_column(unique=True)
    file_hash: Mapped[str | None] = mapped_column(unique=True, comment="证书文件 SHA-256")
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))


class RegisteredBuilding(Base):
    """A building named by a first registration (首次登记所及楼幢)."""

    __tablename__ = "registered_building"

    registration_id: Mapped[int] = mapped_column(ForeignKey("first_registration.id"), primary_key=True)
    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"), primary_key=True, index=True)


class TransferRegistration(Base):
    """The buyer's title to one unit (转移登记)."""

    __tablename__ = "transfer_registration"

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), unique=True)
    event_id: Mapped[str] = mapped_column(unique=True)
    certificate_no: Mapped[str] = mapped_column(unique=True)
    registered_on: Mapped[date]
    owner_name_sealed: Mapped[bytes]
    owner_name_masked: Mapped[str]
    owner_id_no_sealed: Mapped[bytes]
    owner_id_no_masked: Mapped[str]
    owner_id_no_index: Mapped[bytes] = mapped_column(index=True)
    received_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
