"""Claims of construction nodes and the papers that prove them (工程节点申报各表)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Numeric, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.supervision.schedules import ClaimKind, NodeStatus, PaperKind
from ledger.tables import term


class AgreementSchedule(Base):
    """The nodes of a version as they stood when it took effect: a new law's are for new agreements (适用节点表).

    `citation`: of the law, where the agreement names none.
    """

    __tablename__ = "agreement_schedule"

    agreement_id: Mapped[int] = mapped_column(ForeignKey("agreement.id"), primary_key=True)
    nodes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    citation: Mapped[str | None]


class NodeClaim(Base):
    """A node claimed as reached, or a correction that goes back; decided once by another officer (节点申报).

    Of a building the latest approved one says where it stands. `schedule`: the nodes as they then read.
    """

    __tablename__ = "node_claim"
    __table_args__ = (
        CheckConstraint("entered_by <> decided_by", name="two_officers"),
        CheckConstraint("(status = 'entered') = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(decided_by IS NULL) = (law IS NULL)", name="decided_by_law"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="rejected_with_reason"),
        CheckConstraint(
            "(status = 'approved' AND kind = 'reach') = (site_checked_on IS NOT NULL)", name="site_checked"
        ),
        CheckConstraint("(kind = 'correct') = (grounds IS NOT NULL)", name="corrected_with_grounds"),
        CheckConstraint("locked_ratio BETWEEN 0 AND 1", name="locked_ratio"),
        CheckConstraint("node IS NOT NULL OR kind = 'correct' AND locked_ratio = 1", name="before_the_first"),
        Index(
            "uq_node_claim_waiting", "building_id", unique=True, postgresql_where=text("status = 'entered'")
        ),
        Index("ix_node_claim_building_id", "building_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"), index=True)
    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"))
    kind: Mapped[ClaimKind] = mapped_column(term(ClaimKind))
    node: Mapped[str | None] = mapped_column(comment="更正到第一个节点之前时为空")
    locked_ratio: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    schedule: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    grounds: Mapped[str | None]
    status: Mapped[NodeStatus] = mapped_column(term(NodeStatus))
    entered_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    site_checked_on: Mapped[date | None]
    reason: Mapped[str | None]
    review_by: Mapped[date] = mapped_column(comment="审核期限届满日")
    law: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="决定所据规定")


class NodePaper(Base):
    """One file handed in with a claim, by its SHA-256; no file serves twice (节点材料)."""

    __tablename__ = "node_paper"
    __table_args__ = (
        CheckConstraint("file_hash ~ '^[0-9a-f]{64}$'", name="file_hash"),
        CheckConstraint(
            "kind NOT IN ('declaration', 'contractor', 'engineer')"
            " OR firm IS NOT NULL AND signer IS NOT NULL",
            name="signed",
        ),
        CheckConstraint("kind <> 'photo' OR note IS NOT NULL", name="placed"),
        CheckConstraint("firm_no ~ '^[0-9A-HJ-NP-RTUW-Y]{18}$'", name="firm_no"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    claim_id: Mapped[int] = mapped_column(ForeignKey("node_claim.id"), index=True)
    kind: Mapped[PaperKind] = mapped_column(term(PaperKind))
    file_hash: Mapped[str] = mapped_column(unique=True)
    dated_on: Mapped[date]
    firm: Mapped[str | None]
    firm_no: Mapped[str | None] = mapped_column(comment="统一社会信用代码")
    signer: Mapped[str | None]
    note: Mapped[str | None] = mapped_column(comment="文号或拍摄地点")
