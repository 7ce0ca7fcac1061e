"""The platform's doors of the register: taken whole, kept true to what is sold (楼盘接口)."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.builders import County, unit_code_of, valid_uscc


@pytest.fixture
def county(house, app):
    return County(house, app)


def reasons(answer):
    """The refusals' codes of a 409; each has its citation."""
    assert answer.status_code == 409, answer.text
    assert all(refusal["citation"] for refusal in answer.json["refusals"])
    return [refusal["code"] for refusal in answer.json["refusals"]]


def fields(answer):
    """The fields a 422 names."""
    assert answer.status_code == 422, answer.text
    return [error["field"] for error in answer.json["errors"]]


def rows(house, table):
    with house.connect() as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_project_is_new_once_and_the_same_or_changed_afterwards(county):
    """首次登记答 201；同样内容再报、变更后再报均答 200；项目名可含生僻字。"""
    body = county.project_body(1, buildings=2, units=2)
    first = county.put("platform", "/projects/XM1", body)
    assert first.status_code == 201
    assert first.json == {
        "project_no": "XM1", "name": body["name"], "region": "141130", "status": "proposed",
        "account_no": None, "account_name": None, "account_status": None,
    }  # fmt: skip
    again = county.put("platform", "/projects/XM1", body)
    assert (again.status_code, again.json) == (200, first.json)
    renamed = county.put("platform", "/projects/XM1", body | {"name": "𬬮𠮷苑·云水㑇"})
    assert (renamed.status_code, renamed.json["name"]) == (200, "𬬮𠮷苑·云水㑇")


def test_the_same_report_again_writes_nothing(county, house):
    """同样内容再报，不留痕、不写库。"""
    body = county.project_body(1, buildings=1, units=1)
    county.put("platform", "/projects/XM1", body)
    before = rows(house, "audit_event")
    assert county.put("platform", "/projects/XM1", body).status_code == 200
    assert rows(house, "audit_event") == before


def test_permit_may_be_missing_null_or_come_later(county):
    """预售许可可以没有、可以为 null，也可以后来补报；只报一半不行。"""
    body = county.project_body(1, buildings=1, units=1)
    permit = body.pop("permit")
    assert county.put("platform", "/projects/XM1", body).status_code == 201
    assert county.put("platform", "/projects/XM1", body | {"permit": None}).status_code == 200
    assert county.put("platform", "/projects/XM1", body | {"permit": permit}).status_code == 200
    half = county.put("platform", "/projects/XM1", body | {"permit": {"permit_no": "许1"}})
    assert fields(half) == ["permit.issued_on"]


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("region",), "14113", "region"),
        (("region",), "１４１１３０", "region"),
        (("name",), "云\u0000水", "name"),
        (("name",), "", "name"),
        (("developer", "developer_id"), "91141182MA0GDKF29K", "developer.developer_id"),
        (("permit", "issued_on"), "2025-02-30", "permit.issued_on"),
        (("buildings", 0, "floors"), 0, "buildings[0].floors"),
        (("buildings", 0, "floors"), True, "buildings[0].floors"),
        (("buildings", 0, "structure"), "wood", "buildings[0].structure"),
        (("buildings", 0, "units", 1, "area"), "0.00", "buildings[0].units[1].area"),
        (("buildings", 0, "units", 1, "area"), "96.005", "buildings[0].units[1].area"),
        (("buildings", 0, "units", 1, "area"), 1e300, "buildings[0].units[1].area"),
        (("buildings", 0, "units", 1, "unit_code"), "1" * 28, "buildings[0].units[1].unit_code"),
        (("buildings", 0, "units", 1, "use"), None, "buildings[0].units[1].use"),
        (("buildings",), [], "buildings"),
        (("permits",), None, "permits"),
    ],
)
def test_bad_words_are_refused_by_field_and_leave_nothing_behind(county, house, path, value, field):
    """格式不对的报文答 422，指明字段（含数组下标），库中不留任何行。"""
    body = county.project_body(1, buildings=1, units=2)
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert field in fields(county.put("platform", "/projects/XM1", body))
    assert rows(house, "project") == rows(house, "developer") == rows(house, "unit") == 0


def test_area_is_exact_as_text_or_number(county):
    """面积可写成文字或 JSON 数，均精确到两位小数。"""
    body = county.project_body(1, buildings=1, units=2)
    body["buildings"][0]["units"][0]["area"] = 88.5
    body["buildings"][0]["units"][1]["area"] = "88.55"
    assert county.put("platform", "/projects/XM1", body).status_code == 201
    items = county.get("platform", "/projects/XM1/units").json["items"]
    assert [item["area"] for item in items] == ["88.55", "88.50"]


def test_a_code_or_building_twice_in_one_body_is_refused_at_its_place(county):
    """同一报文内单元代码、楼幢号重复，答 422 并指明是第几个。"""
    body = county.project_body(1, buildings=2, units=2)
    body["buildings"][1]["units"][1]["unit_code"] = body["buildings"][0]["units"][0]["unit_code"]
    twice = county.put("platform", "/projects/XM1", body)
    assert fields(twice) == ["buildings[1].units[1].unit_code"]
    body = county.project_body(1, buildings=2, units=2)
    body["buildings"][1]["building_no"] = "1"
    assert fields(county.put("platform", "/projects/XM1", body)) == ["buildings[1].building_no"]


def test_a_unit_code_belongs_to_one_project(county):
    """单元代码已在另一项目，答 409 并附依据；该项目移出而从未出售的，可以改列。"""
    first = county.project_body(1, buildings=1, units=2)
    assert county.put("platform", "/projects/XM1", first).status_code == 201
    second = county.project_body(2, buildings=1, units=1)
    second["buildings"][0]["units"].append(copy.deepcopy(first["buildings"][0]["units"][1]))
    assert reasons(county.put("platform", "/projects/XM2", second)) == ["unit-code-taken"]
    del first["buildings"][0]["units"][1]
    assert county.put("platform", "/projects/XM1", first).status_code == 200
    assert county.put("platform", "/projects/XM2", second).status_code == 201
    assert len(county.get("platform", "/projects/XM1/units").json["items"]) == 1
    assert len(county.get("platform", "/projects/XM2/units").json["items"]) == 2


def test_racing_projects_with_the_same_units_one_wins(county, house):
    """八个项目同时报同一批房屋，只有一个成功，其余 409，没有 500。"""
    bodies = [county.project_body(7, buildings=2, units=5) for _ in range(8)]
    for at, body in enumerate(bodies):
        body["developer"]["developer_id"] = valid_uscc(at)
        for building in body["buildings"]:
            building["units"] = building["units"][:: 1 if at % 2 else -1]
    county.token("platform")

    def send(at):
        return county.put("platform", f"/projects/XM{at}", bodies[at])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {code for answer in answers if answer.status_code == 409 for code in reasons(answer)} == {
        "unit-code-taken"
    }
    assert rows(house, "unit") == 10


def test_a_unit_with_a_contract_stays_as_it_is(county):
    """已有合同的房屋不得移出、不得改面积、不得改列他幢；一并告知，各有依据。"""
    made = county.project(buildings=2, units=2)
    county.draft(made, 0)
    county.draft(made, 1)
    body = copy.deepcopy(made.body)
    body["buildings"][0]["units"][0]["area"] = "96.01"
    body["buildings"][1]["units"].append(body["buildings"][0]["units"].pop(1))
    path = f"/projects/{made.project_no}"
    assert reasons(county.put("platform", path, body)) == ["unit-has-contract"] * 2
    gone = copy.deepcopy(made.body)
    del gone["buildings"][0]
    assert reasons(county.put("platform", path, gone)) == ["unit-has-contract"] * 2 + [
        "building-has-contract"
    ]
    assert county.get("platform", f"{path}/units?status=drafted").json["items"][0]["area"] == "96.00"


def test_other_units_of_a_selling_project_may_change(county):
    """未售的房屋照常可以改面积、移出、增加；已售房屋的房号可以更正。"""
    made = county.project(units=3)
    county.draft(made, 0)
    units = made.body["buildings"][0]["units"]
    units[0]["room_no"] = "一层东户"
    units[1]["area"] = "101.50"
    units[2]["unit_code"] = unit_code_of(900001, 9, 9)
    assert county.put("platform", f"/projects/{made.project_no}", made.body).status_code == 200
    items = county.get("platform", f"/projects/{made.project_no}/units").json["items"]
    assert {(item["unit_code"], item["area"], item["status"]) for item in items} == {
        (units[0]["unit_code"], "96.00", "drafted"),
        (units[1]["unit_code"], "101.50", "available"),
        (units[2]["unit_code"], "96.00", "available"),
    }


def test_a_cancelled_draft_frees_its_unit_but_its_building_stays(county):
    """草拟合同注销后房屋恢复可售，面积可以更正；曾有合同的楼幢不得移出。"""
    made = county.project(buildings=2, units=1)
    drafted = county.draft(made)
    event = {"event_id": "ZX1", "cancelled_on": "2026-01-01", "reason": "放弃"}
    assert county.post("filing", f"/contracts/{drafted.contract_no}/cancellation", event).status_code == 201
    path = f"/projects/{made.project_no}"
    assert len(county.get("platform", f"{path}/units?status=available").json["items"]) == 2
    made.body["buildings"][0]["units"][0]["area"] = "97.00"
    assert county.put("platform", path, made.body).status_code == 200
    moved = copy.deepcopy(made.body)
    moved["buildings"][1]["units"].append(moved["buildings"][0]["units"].pop())
    assert reasons(county.put("platform", path, moved)) == ["unit-has-contract"]
    out = copy.deepcopy(made.body)
    del out["buildings"][0]["units"][0]
    assert county.put("platform", path, out).status_code == 200
    assert reasons(county.put("platform", path, moved)) == ["unit-has-contract"]
    assert county.put("platform", path, made.body).status_code == 200
    del made.body["buildings"][0]
    assert reasons(county.put("platform", path, made.body)) == ["building-has-contract"]


def test_region_and_developer_stand_once_the_account_is_open(county):
    """监管账户开立后，区划与开发企业不得变更；之前可以。"""
    made = county.project(status="proposed")
    path = f"/projects/{made.project_no}"
    assert county.put("platform", path, made.body | {"region": "141129"}).status_code == 200
    for username in ("aa", "bb"):
        county.accept(made, county.seat(username))
    assert reasons(county.put("platform", path, made.body)) == ["project-fixed"]
    other = {"developer": {"developer_id": valid_uscc(99), "name": "他人"}, "region": "141129"}
    assert reasons(county.put("platform", path, made.body | other)) == ["project-fixed"]


def test_lists_go_on_by_cursor_newest_first(county):
    """列表新的在前，按游标翻页不重不漏；条数与游标不合规答 422。"""
    numbers = [county.project(status="registered", units=1).project_no for _ in range(5)]
    seen, path = [], "/projects?limit=2"
    while path:
        page = county.get("filing", path).json
        seen += [item["project_no"] for item in page["items"]]
        path = page["next_cursor"] and f"/projects?limit=2&cursor={page['next_cursor']}"
    assert seen == numbers[::-1]
    for query, field in (
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("cursor=云", "cursor"),
        ("page=2", "page"),
    ):
        assert fields(county.get("filing", f"/projects?{query}")) == [field]


def test_projects_are_listed_by_where_they_stand(county):
    """按监管状态查项目：active 即监管生效、账户可收款。"""
    waiting, active = county.project(status="proposed"), county.project()
    item = county.get("filing", "/projects?status=active").json["items"]
    assert [one["project_no"] for one in item] == [active.project_no]
    assert (item[0]["account_no"], item[0]["account_status"]) == (active.account_no, "active")
    proposed = county.get("filing", f"/projects/{waiting.project_no}").json
    assert (proposed["status"], proposed["account_status"]) == ("proposed", "proposed")
    assert proposed["account_no"] == waiting.account_no


def test_whoever_has_no_business_here_is_not_let_in(county):
    """银行令牌不得登记或查询项目；不存在的项目、不成样子的编号均答 404。"""
    assert county.get("bank-ICBC", "/projects").status_code == 403
    assert county.put("filing", "/projects/XM1", {}).status_code == 403
    for number in ("没有", "XM9", "x" * 65):
        assert county.get("platform", f"/projects/{number}").status_code == 404
        assert county.get("platform", f"/projects/{number}/units").status_code == 404
    body = county.project_body(1, buildings=1, units=1)
    assert fields(county.put("platform", "/projects/项目一", body)) == ["project_no"]


def test_what_is_missing_or_of_the_wrong_kind_is_said_in_chinese(county):
    """缺项、null、类型不对，都以中文说明。"""
    body = county.project_body(1, buildings=1, units=1)
    for changed, said in (
        ({"buildings": "x"}, "应为数组。"),
        ({"developer": None}, "不能为 null。"),
        ({"name": 1}, "应为字符串。"),
    ):
        assert county.put("platform", "/projects/XM1", body | changed).json["errors"][0]["message"] == said
    del body["buildings"]
    assert county.put("platform", "/projects/XM1", body).json["errors"] == [
        {"field": "buildings", "message": "必填。"}
    ]
