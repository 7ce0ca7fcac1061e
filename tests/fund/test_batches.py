"""成批建账：依楼盘表，一人录入、另一人确认；谁没列入、为什么，确认前列明，随批次保存；一户只建一次。"""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from config.regulations import law_on
from escrow.errors import NotFound, Refused
from escrow.maintenance.batch_models import HouseBatch, HouseBatchLine
from escrow.maintenance.batch_rules import RegisterUnit, Verdict, plan
from escrow.maintenance.batches import confirm, propose, reject
from escrow.projects.actions import AskedBuilding, AskedProject, AskedUnit
from escrow.projects.actions import register as register_project
from escrow.projects.rules import Structure, UnitUse
from tests.estate import USCC
from tests.fund.fund_estate import build_fund

LAW = law_on(date(2026, 11, 21), "maintenance_fund", "141130")
HOME = RegisterUnit(1, "U1", 1, "1", Structure.FRAME, "101", Decimal("96.00"), UnitUse.RESIDENTIAL)


def verdicts(*units, law=LAW):
    return [line.verdict for line in plan(units, law)]


# --- 判定 ---


def test_a_home_in_the_register_is_built():
    """面积、结构齐全的住宅，建账。"""
    assert verdicts(HOME) == [Verdict.BUILD]


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"built": True}, Verdict.ALREADY_BUILT),
        ({"built": True, "removed": True}, Verdict.ALREADY_BUILT),
        ({"removed": True}, Verdict.REMOVED),
        ({"use": UnitUse.OTHER}, Verdict.NON_RESIDENTIAL),
        ({"area": None}, Verdict.AREA_MISSING),
        ({"area": Decimal("0.00")}, Verdict.AREA_MISSING),
        ({"structure": None}, Verdict.STRUCTURE_UNKNOWN),
    ],
)
def test_each_reason_to_leave_a_unit_out(changed, verdict):
    """已建账、已移出、非住宅、缺面积、结构不明，各有各的原因。"""
    assert verdicts(replace(HOME, **changed)) == [verdict]


def test_a_structure_without_a_standard_is_left_out_only_where_it_counts():
    """按面积计收而本地没有该结构的标准，不建；按价款计收的不问结构标准。"""
    only = {**LAW, "standard": replace(LAW["standard"], value={Structure.MASONRY: Decimal("48")})}
    assert verdicts(HOME, law=only) == [Verdict.STRUCTURE_UNKNOWN]
    by_price = {**only, "basis": replace(LAW["basis"], value="price")}
    assert verdicts(HOME, law=by_price) == [Verdict.BUILD]


def test_shops_are_built_where_the_law_asks_them_too():
    """规定不限于住宅的地方，非住宅也建账。"""
    everyone = {**LAW, "residential_only": replace(LAW["residential_only"], value=False)}
    assert verdicts(replace(HOME, use=UnitUse.OTHER), law=everyone) == [Verdict.BUILD]


def test_two_units_of_one_room_are_both_left_out():
    """同幢同室登了两个单元代码：两户都不建，各写明另一户；移出的不算重复；已建的那户不受影响。"""
    other = replace(HOME, unit_id=2, unit_code="U2")
    assert verdicts(HOME, other) == [Verdict.DUPLICATE] * 2
    assert "U2" in plan([HOME, other], LAW)[0].note
    assert verdicts(HOME, replace(other, removed=True)) == [Verdict.BUILD, Verdict.REMOVED]
    assert verdicts(replace(HOME, built=True), other) == [Verdict.ALREADY_BUILT, Verdict.DUPLICATE]
    assert verdicts(HOME, replace(other, building_no="2")) == [Verdict.BUILD] * 2


# --- 办理 ---


def register(estate, number, *units, region="141130"):
    """Send the register of a project: (room, use, area) with its code made of the room (报送楼盘表)."""
    asked = AskedProject(
        number, "春晖里", region, USCC, "测试置业", None,
        (AskedBuilding("1", Structure.HIGHRISE, 18, tuple(
            AskedUnit(f"{region}777001GB00001F0001{room:>04}{extra}"[:28], room, Decimal("88.00"), use)
            for room, use, extra in units)),),
    )  # fmt: skip
    estate.do(lambda session: register_project(session, asked))


def homes(*rooms, use=UnitUse.RESIDENTIAL):
    return [(room, use, "") for room in rooms]


def codes(estate, call):
    with pytest.raises(Refused) as refused:
        estate.do(call)
    assert all(one.citation for one in refused.value.refusals)
    return [one.code for one in refused.value.refusals]


def scene_of(house, app):
    """A fund account with officers; its own community is already built (已有专户)."""
    return SimpleNamespace(estate=build_fund(house, buildings=1, units=1))


def ask(estate, number="P1", who=0):
    return lambda session: propose(
        session, number, estate.fund_id, "春晖里", officer_id=estate.officers[who]
    )


def built(house):
    with house.database.read() as session:
        return session.scalar(text("SELECT count(*) FROM house")) - 1


def test_what_is_left_out_is_kept_with_the_batch(estate, house):
    """门面另册，住宅建账；批次留下每一户及其原因；确认后房屋、楼幢、小区齐全，余额为零。"""
    register(estate, "P1", *homes("0101", "0102"), ("0001", UnitUse.OTHER, ""))
    number = estate.do(ask(estate))
    assert built(house) == 0
    with house.database.read() as session:
        row = session.scalars(select(HouseBatch).where(HouseBatch.batch_no == number)).one()
        lines = session.scalars(select(HouseBatchLine).where(HouseBatchLine.batch_id == row.id)).all()
    assert (row.to_build, row.left_out) == (2, 1)
    assert sorted(line.verdict for line in lines) == ["build", "build", "non_residential"]
    assert row.law["provisions"]["house_batch"]["citation"]
    estate.do(lambda session: confirm(session, number, officer_id=estate.officers[1]))
    assert built(house) == 2
    assert estate.disagreements() == []


def test_running_it_twice_builds_nothing_twice(estate, house):
    """建完再来一次：没有可建的，说明为什么；新增的房屋另起一批，只建新增的。"""
    checker = estate.officers[1]
    register(estate, "P1", *homes("0101", "0102"))
    first = estate.do(ask(estate))
    assert codes(estate, ask(estate)) == ["batch-waiting"]
    estate.do(lambda session: confirm(session, first, officer_id=checker))
    assert codes(estate, lambda s: confirm(s, first, officer_id=checker)) == ["already-decided"]
    assert codes(estate, ask(estate)) == ["nothing-to-build"]
    register(estate, "P1", *homes("0101", "0102", "0103"))
    second = estate.do(ask(estate))
    estate.do(lambda session: confirm(session, second, officer_id=checker))
    assert built(house) == 3
    with house.database.read() as session:
        found = session.execute(text("SELECT to_build, left_out FROM house_batch ORDER BY id")).all()
        assert [tuple(row) for row in found[1:]] == [(2, 0), (1, 2)]
        assert session.scalar(text("SELECT count(*) FROM community WHERE name = '春晖里'")) == 1
        assert session.scalar(text("SELECT count(*) FROM community_building")) == 2


def test_the_one_who_entered_does_not_confirm(estate):
    """录入人不得确认，也不得退回；退回要写理由，退回后可重新录入。"""
    maker, checker = estate.officers
    register(estate, "P1", *homes("0101"))
    number = estate.do(ask(estate))
    assert codes(estate, lambda s: confirm(s, number, officer_id=maker)) == ["same-officer"]
    assert codes(estate, lambda s: reject(s, number, "不对", officer_id=maker)) == ["same-officer"]
    estate.do(lambda session: reject(session, number, "面积待核", officer_id=checker))
    assert estate.do(ask(estate)) != number


def test_a_register_that_changed_meanwhile_is_not_built(estate, house):
    """录入后楼盘表变了，确认被拒；退回重录后按新的建。"""
    checker = estate.officers[1]
    register(estate, "P1", *homes("0101", "0102"))
    number = estate.do(ask(estate))
    register(estate, "P1", *homes("0101"))
    assert codes(estate, lambda s: confirm(s, number, officer_id=checker)) == ["register-changed"]
    assert built(house) == 0
    estate.do(lambda session: reject(session, number, "楼盘表已变", officer_id=checker))
    again = estate.do(ask(estate))
    estate.do(lambda session: confirm(session, again, officer_id=checker))
    assert built(house) == 1


def test_a_batch_needs_the_regions_own_open_account(estate, house):
    """专户须在使用中、与项目同一区划；没有的项目答没有；小区不得改列另一专户。"""
    other = build_fund(house, buildings=1, units=1, region="652301", two=estate.officers)
    register(estate, "P2", *homes("0201"), region="141130")
    wrong = lambda s: propose(s, "P2", other.fund_id, "x", officer_id=estate.officers[0])  # noqa: E731
    assert codes(estate, wrong) == ["fund-other-region"]
    none = lambda s: propose(s, "P2", 9999, "x", officer_id=estate.officers[0])  # noqa: E731
    assert codes(estate, none) == ["fund-not-active"]
    with pytest.raises(NotFound):
        estate.do(ask(estate, "P9"))
    second = build_fund(house, buildings=1, units=1, two=estate.officers)
    moved = lambda s: propose(s, estate.project_no, second.fund_id, "x", officer_id=1)  # noqa: E731
    assert codes(estate, moved) == ["community-has-fund", "nothing-to-build"]


def test_two_batches_at_once_build_each_house_once(estate, house):
    """两人同时录入同一项目：一人成，一人被告知有批次待确认；库里也拦得住。"""
    register(estate, "P1", *homes("0101"))
    estate.do(ask(estate))
    with pytest.raises(IntegrityError), estate.begin() as session:
        session.execute(
            text(
                "INSERT INTO house_batch (batch_no, fund_account_id, project_id, community_name, status,"
                " to_build, left_out, entered_by, law) SELECT 'X', fund_account_id, project_id, 'x',"
                " 'entered', 1, 0, entered_by, law FROM house_batch WHERE status = 'entered'"
            )
        )


# --- 绕过程序直接写库 ---


def attempt(connection, *statements):
    with pytest.raises(psycopg.errors.CheckViolation) as refused, connection.transaction():
        for statement in statements:
            connection.execute(statement)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return refused.value.diag.constraint_name


def test_no_house_is_built_past_its_batch(estate, house):
    """没有确认过的批次，直接写库也建不了户；多建一户、少建一户、改一个字段，整批都不成立。"""
    maker, checker = estate.officers
    register(estate, "P1", *homes("0101", "0102"), ("0001", UnitUse.OTHER, ""))
    number = estate.do(ask(estate))
    build = (
        "INSERT INTO community (fund_account_id, name, region, project_id)"
        " SELECT fund_account_id, 'x', '141130', project_id FROM house_batch WHERE status = 'entered'",
        "INSERT INTO community_building (community_id, building_no, structure, building_id)"
        " SELECT c.id, '1', 'highrise', b.id FROM community c JOIN building b ON b.project_id = c.project_id"
        " WHERE c.name = 'x'",
    )
    confirmed = (
        f"UPDATE house_batch SET status = 'confirmed', decided_by = {checker}, decided_at = now()"
        f" WHERE batch_no = '{number}'"
    )
    fill = (
        "INSERT INTO house (community_building_id, unit_code, room_no, area, use, nature, unit_id, status,"
        " built_by, batch_id) SELECT g.id, l.unit_code, l.room_no, l.area, l.use, 'commodity', l.unit_id,"
        " 'built', {who}, l.batch_id FROM house_batch_line l JOIN community_building g"
        " ON g.building_id = l.building_id WHERE l.batch_id = (SELECT max(id) FROM house_batch) AND {where}"
    )
    good = "l.verdict = 'build'"
    with house.connect("owner", autocommit=True) as connection:
        assert attempt(connection, *build, fill.format(who=checker, where=good)) == "house_of_batch"
        late = confirmed.replace(str(checker), str(maker), 1)
        assert attempt(connection, late) == "ck_house_batch_two_officers"
        assert attempt(connection, *build, confirmed) == "house_batch_whole"
        fewer = fill.format(who=checker, where=good + " AND l.room_no = '0101'")
        assert attempt(connection, *build, confirmed, fewer) == "house_batch_whole"
        more = fill.format(who=checker, where="true")
        assert attempt(connection, *build, confirmed, more) == "house_batch_whole"
        stranger = fill.format(who=maker, where=good)
        assert attempt(connection, *build, confirmed, stranger) == "house_batch_whole"
        whole = fill.format(who=checker, where=good)
        bigger = whole.replace("l.area", "l.area + 1")
        assert attempt(connection, *build, confirmed, bigger) == "house_of_register"
        added = (
            "INSERT INTO house_batch_line SELECT max(id), (SELECT min(id) FROM unit), 'x', (SELECT min(id)"
            " FROM building), '1', 'frame', '1', 1, 'residential', 'build', '' FROM house_batch"
        )
        assert attempt(connection, added, confirmed) == "house_batch_counts"
        for statement in (*build, confirmed, whole):
            if statement is build[0]:
                connection.execute("BEGIN")
            connection.execute(statement)
        connection.execute("COMMIT")
        assert attempt(connection, added) == "house_batch_line_stands"
        with pytest.raises(psycopg.Error):
            connection.execute("DELETE FROM house_batch_line")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE house_batch SET to_build = 9")
    assert built(house) == 2
