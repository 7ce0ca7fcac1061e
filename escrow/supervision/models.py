"""Agreement versions and the supervised account they open (监管协议、监管账户)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    FetchedValue,
    ForeignKey,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.supervision.rules import AccountStatus, AgreementStatus
from ledger.tables import term


class Agreement(Base):
    """One version of the tri-party agreement; effective only with two different officers (监管协议)."""

    __tablename__ = "agreement"
    __table_args__ = (
        UniqueConstraint("project_id", "version"),
        CheckConstraint("first_officer_id <> second_officer_id", name="two_officers"),
        CheckConstraint(
            "second_officer_id IS NULL OR first_officer_id IS NOT NULL", name="first_before_second"
        ),
        CheckConstraint(
            "(status = 'effective') <= (second_officer_id IS NOT NULL AND effective_at IS NOT NULL)",
            name="effective_needs_two",
        ),
        *(
            Index(
                f"uq_agreement_{status}_{name}",
                name,
                unique=True,
                postgresql_where=text(f"status = '{status}'"),
            )
            for status in ("proposed", "effective")
            for name in ("project_id", "agreement_no", "account_no")
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    version: Mapped[int]
    agreement_no: Mapped[str]
    bank_code: Mapped[str]
    account_no: Mapped[str]
    account_name: Mapped[str]
    signed_on: Mapped[date]
    clauses: Mapped[dict[str, Any]] = mapped_column(JSONB)
    digest: Mapped[bytes] = mapped_column(comment="受理人所见内容的摘要")
    status: Mapped[AgreementStatus] = mapped_column(term(AgreementStatus))
    proposed_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    first_officer_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    first_accepted_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    second_officer_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    effective_at: Mapped[datetime | None] = mapped_column(DateTime(True))


class SupervisedAccount(Base):
    """The account that all price money of a project must enter (监管专户). It has its own book."""

    __tablename__ = "supervised_account"
    __table_args__ = (
        Index(
            "uq_supervised_account_project_live",
            "project_id",
            unique=True,
            postgresql_where=text("status <> 'closed'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_no: Mapped[str] = mapped_column(unique=True)
    account_name: Mapped[str]
    bank_code: Mapped[str] = mapped_column(index=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    agreement_id: Mapped[int] = mapped_column(ForeignKey("agreement.id"), unique=True)
    book_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("ledger.book.id"), unique=True)
    status: Mapped[AccountStatus] = mapped_column(term(AccountStatus))
    opened_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    opened_on: Mapped[date] = mapped_column(
        server_default=FetchedValue(), comment="启用日：协议签订日，期初导入后为余额日期；此前的款项不入账"
    )


# Of a project's accounts the one that lives; where none does, the newest (现监管账户在前).
LIVING_FIRST = (SupervisedAccount.status == AccountStatus.CLOSED, SupervisedAccount.id.desc())
