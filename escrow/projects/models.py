"""Developer, project, building and unit: the register that everything else points to (楼盘表)."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Numeric, UniqueConstraint, column, func, table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from config.database import Base
from escrow.projects.rules import Structure, UnitUse
from ledger.tables import term


class Developer(Base):
    """The company that builds and sells (房地产开发企业)."""

    __tablename__ = "developer"

    id: Mapped[int] = mapped_column(primary_key=True)
    developer_id: Mapped[str] = mapped_column(unique=True, comment="统一社会信用代码")
    name: Mapped[str]


class Project(Base):
    """One development with one presale permit (项目)."""

    __tablename__ = "project"
    __table_args__ = (
        CheckConstraint("(permit_no IS NULL) = (permit_issued_on IS NULL)", name="permit_whole"),
        CheckConstraint("region ~ '^[0-9]{6}$'", name="region"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_no: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    region: Mapped[str] = mapped_column(comment="县级行政区划代码")
    developer_pk: Mapped[int] = mapped_column(ForeignKey("developer.id"), index=True)
    permit_no: Mapped[str | None]
    permit_issued_on: Mapped[date | None]
    digest: Mapped[bytes] = mapped_column(comment="最近一次报送内容的摘要")
    registered_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())

    developer: Mapped[Developer] = relationship(lazy="joined", innerjoin=True)


class Building(Base):
    """One building of a project (幢)."""

    __tablename__ = "building"
    __table_args__ = (
        UniqueConstraint("project_id", "building_no"),
        CheckConstraint("floors BETWEEN 1 AND 200", name="floors"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    building_no: Mapped[str]
    structure: Mapped[Structure] = mapped_column(term(Structure))
    floors: Mapped[int]
    removed_at: Mapped[datetime | None] = mapped_column(DateTime(True), comment="移出楼盘表的时刻")


class Unit(Base):
    """One home or other unit, named by its 28-character real-estate unit code (户、不动产单元)."""

    __tablename__ = "unit"
    __table_args__ = (
        CheckConstraint("area > 0", name="area"),
        CheckConstraint("char_length(unit_code) = 28", name="unit_code"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"), index=True)
    unit_code: Mapped[str] = mapped_column(unique=True)
    room_no: Mapped[str]
    area: Mapped[Decimal] = mapped_column(Numeric(10, 2), comment="平方米")
    use: Mapped[UnitUse] = mapped_column(term(UnitUse))
    removed_at: Mapped[datetime | None] = mapped_column(DateTime(True), comment="移出楼盘表的时刻")

    building: Mapped[Building] = relationship(lazy="raise")


# What later rooms have made of a project and of a unit, told by views so that this room need not know them
# (监管与买卖现状). Status: ProjectStatus and UnitStatus.
PROJECT_STANDING = table(
    "project_standing",
    column("project_id"), column("status"),
    column("account_no"), column("account_name"), column("account_status"),
)  # fmt: skip
UNIT_STANDING = table(
    "unit_standing", column("unit_id"), column("status"), column("contract_no"), column("has_history")
)
