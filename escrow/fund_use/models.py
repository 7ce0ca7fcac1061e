"""Uses of the fund with their papers, shares and votes (维修资金使用各表)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Numeric,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.fund_use.rules import Cause, PaperKind, UseKind, UseMatter, UseStatus
from escrow.fund_use.share_rules import Bearer
from escrow.fund_use.vote_rules import Ballot
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class FundUse(Base):
    """One use of the fund, from its plan to what is held for it (使用申请)."""

    __tablename__ = "fund_use"
    __table_args__ = (
        CheckConstraint("budget BETWEEN 1 AND 10000000000000", name="budget"),
        CheckConstraint("fund_part BETWEEN 1 AND budget", name="fund_part"),
        CheckConstraint(
            "NOT (in_warranty OR operator_pipes OR by_persons OR manager_duty)", name="nothing_excluded"
        ),
        CheckConstraint(
            "(kind = 'emergency') = (cause IS NOT NULL) AND (kind = 'ordinary' OR matter = 'use')",
            name="emergency",
        ),
        CheckConstraint("works IN ('500101', '500102', '500103', '500104')", name="works"),
        CheckConstraint("entered_by <> decided_by AND voted_by <> decided_by", name="two_officers"),
        CheckConstraint(
            "(published_by IS NULL) = (published_on IS NULL)"
            " AND (published_on IS NULL) = (published_until IS NULL)"
            " AND (published_on IS NULL) = (published_at IS NULL)",
            name="published_whole",
        ),
        CheckConstraint("(voted_by IS NULL) = (voted_at IS NULL)", name="voted_whole"),
        CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL) AND (decided_by IS NULL) = (entry_id IS NULL)"
            " AND (decided_by IS NULL) = (law IS NULL) AND (decided_by IS NULL) = (approved_on IS NULL)",
            name="approved_whole",
        ),
        CheckConstraint(
            "(filed_on IS NULL) = (filed_by IS NULL) AND (filed_on IS NULL OR file_by IS NOT NULL)",
            name="filed_whole",
        ),
        CheckConstraint(
            "(accepted_on IS NULL) = (accepted_by IS NULL) AND (accepted_on IS NULL) = (accepted_at IS NULL)",
            name="accepted_whole",
        ),
        CheckConstraint("final BETWEEN 1 AND budget", name="final"),
        CheckConstraint(
            "(status = 'failed') = (reason IS NOT NULL) AND (reason IS NULL) = (ended_by IS NULL)"
            " AND (reason IS NULL) = (ended_at IS NULL)",
            name="ended_whole",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    use_no: Mapped[str] = mapped_column(unique=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), index=True)
    community_building_id: Mapped[int | None] = mapped_column(
        ForeignKey("community_building.id"), comment="空为全小区"
    )
    kind: Mapped[UseKind] = mapped_column(term(UseKind))
    matter: Mapped[UseMatter] = mapped_column(term(UseMatter))
    cause: Mapped[Cause | None] = mapped_column(term(Cause))
    title: Mapped[str]
    works: Mapped[str] = mapped_column(comment="维修支出明细科目")
    contractor: Mapped[str]
    budget: Mapped[Yuan] = mapped_column(MoneyColumn, comment="预算，分")
    fund_part: Mapped[Yuan] = mapped_column(MoneyColumn, comment="其中由分户账承担，分")
    in_warranty: Mapped[bool]
    operator_pipes: Mapped[bool]
    by_persons: Mapped[bool]
    manager_duty: Mapped[bool]
    status: Mapped[UseStatus] = mapped_column(term(UseStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    published_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    published_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    published_on: Mapped[date | None]
    published_until: Mapped[date | None] = mapped_column(comment="公示期满之日")
    voted_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    voted_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    approved_on: Mapped[date | None]
    entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True
    )
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    file_by: Mapped[date | None] = mapped_column(comment="应急使用事后备案的最后一日")
    filed_on: Mapped[date | None]
    filed_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    accepted_on: Mapped[date | None]
    accepted_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    accepted_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    final: Mapped[Yuan | None] = mapped_column(MoneyColumn, comment="结算总价，分")
    free_entry_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), unique=True, comment="解除未用占用的凭证"
    )
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    reason: Mapped[str | None]


class UsePaper(Base):
    """A paper of a use, by its SHA-256; written once (使用材料)."""

    __tablename__ = "use_paper"

    id: Mapped[int] = mapped_column(primary_key=True)
    use_id: Mapped[int] = mapped_column(ForeignKey("fund_use.id"), index=True)
    kind: Mapped[PaperKind] = mapped_column(term(PaperKind))
    issuer: Mapped[str] = mapped_column(comment="出具人")
    document_no: Mapped[str]
    file_hash: Mapped[str] = mapped_column(unique=True, comment="SHA-256")
    recorded_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class UseShare(Base):
    """What one house bears, as it was published; written once (分摊清册)."""

    __tablename__ = "use_share"
    __table_args__ = (
        CheckConstraint("area > 0", name="area"),
        CheckConstraint(
            "from_fund BETWEEN 0 AND amount AND (bearer = 'fund' OR from_fund = 0)", name="from_fund"
        ),
    )

    use_id: Mapped[int] = mapped_column(ForeignKey("fund_use.id"), primary_key=True)
    house_id: Mapped[int] = mapped_column(ForeignKey("house.id"), primary_key=True, index=True)
    bearer: Mapped[Bearer] = mapped_column(term(Bearer))
    area: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    amount: Mapped[Yuan] = mapped_column(MoneyColumn, comment="分摊额，分")
    from_fund: Mapped[Yuan] = mapped_column(MoneyColumn, comment="其中由分户账承担，分")
    head: Mapped[str | None] = mapped_column(comment="计为哪一位业主：建设单位、同一业主、本户")


class FundLimit(Base):
    """The law's limits as the database knows them, the same as config/law; changed by migrations (法定限额)."""

    __tablename__ = "fund_limit"
    __table_args__ = (
        CheckConstraint("value > 0", name="value"), {"comment": "维修资金使用的法定限额，与 config/law 相同"},
    )  # fmt: skip

    division: Mapped[str] = mapped_column(primary_key=True, comment="区划代码前缀，空为全国")
    key: Mapped[str] = mapped_column(primary_key=True)
    in_force_from: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[Decimal] = mapped_column(Numeric)


class UseVote(Base):
    """What was said for one house; nothing where its owner took no part; written once (表决票)."""

    __tablename__ = "use_vote"
    __table_args__ = (
        ForeignKeyConstraint(["use_id", "house_id"], ["use_share.use_id", "use_share.house_id"]),
    )

    use_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    house_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ballot: Mapped[Ballot] = mapped_column(term(Ballot))
