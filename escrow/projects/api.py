"""Doors of the housing platform: a project with its unit register, and where both stand (楼盘接口)."""

from typing import Any

from flask import Response
from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from sqlalchemy import Select, select

from escrow.doors import PROBLEM, Problem, answer, api_blueprint, database, known_number, new_number, scope
from escrow.errors import NotFound
from escrow.fields import (
    AREA_PATTERN,
    REGION_PATTERN,
    UNIT_CODE_PATTERN,
    StrictSchema,
    Whole,
    area,
    choice,
    day,
    developer_id,
    text,
    unit_code,
)
from escrow.paging import PageQuery, page_of
from escrow.projects.actions import AskedBuilding, AskedProject, AskedUnit, Permit, register
from escrow.projects.models import PROJECT_STANDING, UNIT_STANDING, Building, Project, Unit
from escrow.projects.rules import ProjectStatus, Structure, UnitStatus, UnitUse

api = api_blueprint("projects", "项目与楼盘表")

EXAMPLE_ITEM = {
    "project_no": "JK2026001", "name": "云水苑", "region": "141130", "status": "active",
    "account_no": "6222021410001234567", "account_name": "交口县云水置业有限公司预售资金监管专户",
    "account_status": "active",
}  # fmt: skip
EXAMPLE_UNIT = {
    "unit_code": "141130001001GB00012F00010101",
    "room_no": "101",
    "area": "96.00",
    "use": "residential",
}
EXAMPLE = {
    "name": "云水苑", "region": "141130",
    "developer": {"developer_id": "91141182MA0GDKF29J", "name": "交口县云水置业有限公司"},
    "permit": {"permit_no": "（交）房预售证第2026001号", "issued_on": "2026-09-01"},
    "buildings": [{"building_no": "1", "structure": "highrise", "floors": 18, "units": [EXAMPLE_UNIT]}],
}  # fmt: skip


class UnitSchema(StrictSchema):
    """A unit of the register (户)."""

    unit_code = unit_code(required=True)
    room_no = text(32, required=True)
    area = area(required=True)
    use = choice(UnitUse, required=True)

    @post_load
    def to_unit(self, data: dict[str, Any], **_: Any) -> AskedUnit:
        return AskedUnit(**data)


class BuildingSchema(StrictSchema):
    """A building with its units (幢)."""

    building_no = text(32, required=True)
    structure = choice(Structure, required=True)
    floors = Whole(1, 200, required=True)
    units = fields.List(fields.Nested(UnitSchema), required=True)

    @post_load
    def to_building(self, data: dict[str, Any], **_: Any) -> AskedBuilding:
        return AskedBuilding(**{**data, "units": tuple(data["units"])})


class DeveloperSchema(StrictSchema):
    """The company that builds and sells (开发企业)."""

    developer_id = developer_id(required=True)
    name = text(100, required=True)


class PermitSchema(StrictSchema):
    """The presale permit (预售许可证)."""

    permit_no = text(64, required=True)
    issued_on = day(required=True)

    @post_load
    def to_permit(self, data: dict[str, Any], **_: Any) -> Permit:
        return Permit(**data)


class ProjectSchema(StrictSchema):
    """A project with its unit register (项目与楼盘表)."""

    name = text(100, required=True)
    region = text(6, REGION_PATTERN, required=True)
    developer = fields.Nested(DeveloperSchema, required=True)
    permit = fields.Nested(PermitSchema, allow_none=True, load_default=None)
    buildings = fields.List(fields.Nested(BuildingSchema), required=True, metadata={"minItems": 1})

    @validates_schema
    def each_once(self, data: dict[str, Any], **_: Any) -> None:
        if not data["buildings"]:
            raise ValidationError({"buildings": ["至少须有一幢。"]})
        buildings, units, faults = set(), set(), dict[int, Any]()
        for at, building in enumerate(data["buildings"]):
            fault: dict[str, Any] = {}
            if building.building_no in buildings:
                fault["building_no"] = ["与本次报送的其他楼幢重复。"]
            buildings.add(building.building_no)
            for place, unit in enumerate(building.units):
                if unit.unit_code in units:
                    fault.setdefault("units", {})[place] = {"unit_code": ["与本次报送的其他房屋重复。"]}
                units.add(unit.unit_code)
            if fault:
                faults[at] = fault
        if faults:
            raise ValidationError({"buildings": faults})


class ProjectItem(Schema):
    """A project as others may see it (项目)."""

    project_no = fields.String(required=True)
    name = fields.String(required=True)
    region = fields.String(required=True, metadata={"pattern": REGION_PATTERN})
    status = fields.String(required=True, metadata={"enum": [status.value for status in ProjectStatus]})
    account_no = fields.String(required=True, allow_none=True)
    account_name = fields.String(required=True, allow_none=True)
    account_status = fields.String(
        required=True, allow_none=True,
        metadata={"enum": ["proposed", "active", "suspended", "releasing", "closed", None]},
    )  # fmt: skip


class UnitItem(Schema):
    """A unit as others may see it (房屋)."""

    unit_code = fields.String(required=True, metadata={"pattern": UNIT_CODE_PATTERN})
    building_no = fields.String(required=True)
    room_no = fields.String(required=True)
    area = fields.String(required=True, metadata={"pattern": AREA_PATTERN})
    use = fields.String(required=True, metadata={"enum": [use.value for use in UnitUse]})
    status = fields.String(required=True, metadata={"enum": [status.value for status in UnitStatus]})


class ProjectPage(Schema):
    """A page of projects (项目列表)."""

    items = fields.List(fields.Nested(ProjectItem), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class UnitPage(Schema):
    """A page of units (房屋列表)."""

    items = fields.List(fields.Nested(UnitItem), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class ProjectQuery(PageQuery):
    """Which projects (项目查询)."""

    status = choice(ProjectStatus, load_default=None)


class UnitQuery(PageQuery):
    """Which units (房屋查询)."""

    status = choice(UnitStatus, load_default=None)


@api.route("/projects/<project_no>", methods=["PUT"])
@scope("platform")
@api.arguments(ProjectSchema, example=EXAMPLE)
@api.response(201, ProjectItem, description="已登记", example={**EXAMPLE_ITEM, "status": "proposed"})
@api.alt_response(200, schema=ProjectItem, description="内容相同，或已按所报变更", example=EXAMPLE_ITEM)
@api.alt_response(
    409, schema=Problem, content_type=PROBLEM, description="房屋属于其他项目，或已有合同而被移出、改面积"
)
def put_project(body: dict[str, Any], project_no: str) -> Response:
    """登记项目与楼盘表：整体报送，未列者移出；已有合同的房屋不得移出或改变面积。"""
    number = new_number("project_no", project_no)
    developer = body.pop("developer")
    asked = AskedProject(
        project_no=number,
        developer_id=developer["developer_id"],
        developer_name=developer["name"],
        **{**body, "buildings": tuple(body["buildings"])},
    )

    def unit(session: Any) -> tuple[dict[str, Any], int]:
        status = 201 if register(session, asked) else 200
        return item(session.execute(projects().where(Project.project_no == number)).one()), status

    return answer(*database().transact(unit))


@api.route("/projects", methods=["GET"])
@scope("platform", "filing")
@api.arguments(ProjectQuery, location="query")
@api.response(200, ProjectPage, example={"items": [EXAMPLE_ITEM], "next_cursor": None})
def list_projects(asked: dict[str, Any]) -> Response:
    """项目列表，新登记的在前；active 即监管生效且账户可收款。"""
    query = projects()
    if status := asked.pop("status"):
        query = query.where(PROJECT_STANDING.c.status == status.value)
    with database().read() as session:
        rows, following = page_of(session, query, Project.id, **asked)
        return answer({"items": [item(row) for row in rows], "next_cursor": following})


@api.route("/projects/<project_no>", methods=["GET"])
@scope("platform", "filing")
@api.response(200, ProjectItem, example=EXAMPLE_ITEM)
def get_project(project_no: str) -> Response:
    """一个项目的监管与账户现状。"""
    with database().read() as session:
        query = projects().where(Project.project_no == known_number(project_no))
        row = session.execute(query).one_or_none()
        if row is None:
            raise NotFound("没有这个项目")
        return answer(item(row))


@api.route("/projects/<project_no>/units", methods=["GET"])
@scope("platform", "filing")
@api.arguments(UnitQuery, location="query")
@api.response(
    200,
    UnitPage,
    example={"items": [{**EXAMPLE_UNIT, "building_no": "1", "status": "available"}], "next_cursor": None},
)
def list_units(asked: dict[str, Any], project_no: str) -> Response:
    """项目楼盘表内的房屋及其买卖、登记状态。"""
    status = asked.pop("status")
    with database().read() as session:
        project_id = session.scalar(select(Project.id).where(Project.project_no == known_number(project_no)))
        if project_id is None:
            raise NotFound("没有这个项目")
        query = (
            select(
                Unit.id, Unit.unit_code, Unit.room_no, Unit.area, Unit.use,
                Building.building_no, UNIT_STANDING.c.status,
            )
            .join(Building, Building.id == Unit.building_id)
            .join(UNIT_STANDING, UNIT_STANDING.c.unit_id == Unit.id)
            .where(Building.project_id == project_id, Unit.removed_at.is_(None))
        )  # fmt: skip
        if status:
            query = query.where(UNIT_STANDING.c.status == status.value)
        rows, following = page_of(session, query, Unit.id, **asked)
        return answer({"items": [_unit_item(row) for row in rows], "next_cursor": following})


def projects() -> Select[Any]:
    """Projects with where their supervision stands (项目及监管现状)."""
    standing = PROJECT_STANDING.c
    return select(
        Project.id, Project.project_no, Project.name, Project.region,
        standing.status, standing.account_no, standing.account_name, standing.account_status,
    ).join(PROJECT_STANDING, standing.project_id == Project.id)  # fmt: skip


def item(row: Any) -> dict[str, Any]:
    """A project as its item says it (项目条目)."""
    return {name: getattr(row, name) for name in EXAMPLE_ITEM}


def _unit_item(row: Any) -> dict[str, Any]:
    return {
        "unit_code": row.unit_code, "building_no": row.building_no, "room_no": row.room_no,
        "area": str(row.area), "use": row.use.value, "status": row.status,
    }  # fmt: skip
