"""The registration authority's doors over HTTP, and the officers' pages for entering by hand."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from config.clock import bureau_day
from tests.desk import bearer, staffed
from tests.estate import build, file_hash, officers

TODAY = bureau_day().isoformat()
FIRST, TRANSFER = "/api/v1/first-registrations", "/api/v1/transfer-registrations"


def scene_of(house, app):
    """A project, the registration authority, and people at their desks (项目、登记机构、窗口)."""
    roles = {"register1": ["register"], "register2": ["register"], "reviewer1": ["reviewer"]}
    desks = vars(staffed(house, app, roles))
    estate = build(house, officers(house, "aa", "bb"))
    return SimpleNamespace(
        desks=desks, estate=estate, registry=bearer(house.database, "registry", "registration")
    )


@pytest.fixture
def registry(scene):
    return scene.registry


def first(estate, **changes):
    return {
        "event_id": "DJ1", "project_no": estate.project_no, "building_nos": ["1", "2"],
        "certificate_no": "晋（2026）交口县不动产权第0000001号", "registered_on": TODAY, **changes,
    }  # fmt: skip


def transfer(estate, **changes):
    return {
        "event_id": "DJ2", "unit_code": estate.unit_codes[0], "certificate_no": "晋（2026）交口县不动产权第0000009号",
        "registered_on": TODAY, "owner_name": "田秀英", "owner_id_no": "11010519491231002X", **changes,
    }  # fmt: skip


def count(house, table: str) -> int:
    with house.database.read() as session:
        return session.scalar(text(f"SELECT count(*) FROM {table}"))


def test_the_same_event_brings_the_same_answer(client, house, estate, registry):
    """同一事件再报，答复逐字相同；楼幢次序不同也算相同；内容不同则 409。"""
    told = client.post(FIRST, json=first(estate), headers=registry)
    again = client.post(FIRST, json=first(estate, building_nos=["2", "1"]), headers=registry)
    other = client.post(FIRST, json=first(estate, building_nos=["1"]), headers=registry)

    assert (told.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert told.data == again.data
    assert told.json["status"] == "confirmed"
    assert other.json["code"] == "key-reused"
    assert count(house, "first_registration") == 1


def test_one_event_number_serves_one_door(client, estate, registry):
    """首次登记用过的事件号，不能再用于转移登记。"""
    client.post(FIRST, json=first(estate), headers=registry)

    answer = client.post(TRANSFER, json=transfer(estate, event_id="DJ1"), headers=registry)

    assert (answer.status_code, answer.json["code"]) == (409, "key-reused")


def test_two_authorities_may_use_the_same_event_number(client, house, estate, registry):
    """两家登记系统各用各的事件号，互不相干。"""
    neighbour = bearer(house.database, "neighbour", "registration")

    one = client.post(FIRST, json=first(estate, building_nos=["1"]), headers=registry)
    two = client.post(FIRST, json=first(estate, building_nos=["2"]), headers=neighbour)

    assert (one.status_code, two.status_code) == (201, 201)


def test_a_second_certificate_is_refused_with_its_citation(client, estate, registry):
    """楼幢已登记，另一证书 409，理由与依据齐全。"""
    client.post(FIRST, json=first(estate), headers=registry)

    answer = client.post(FIRST, json=first(estate, event_id="DJ9", certificate_no="证9"), headers=registry)

    assert answer.status_code == 409
    assert answer.mimetype == "application/problem+json"
    assert {one["code"] for one in answer.json["refusals"]} == {"building-registered"}
    assert all(one["citation"] for one in answer.json["refusals"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"project_no": "nobody"}, "project_no"), ({"building_nos": ["1", "99"]}, "building_nos"),
        ({"building_nos": []}, "building_nos"), ({"building_nos": ["1", "1"]}, "building_nos"),
        ({"registered_on": (bureau_day() + timedelta(days=1)).isoformat()}, "registered_on"),
        ({"registered_on": "2026-02-30"}, "registered_on"), ({"certificate_no": "\u0000"}, "certificate_no"),
        ({"certificate_no": "a" * 101}, "certificate_no"), ({"event_id": 7}, "event_id"),
        ({"extra": 1}, "extra"),
    ],
)  # fmt: skip
def test_bad_words_are_refused_by_field_and_leave_no_row(client, house, estate, registry, changes, field):
    """有误的字段指明，不留任何记录；改正后同一事件号可再报。"""
    answer = client.post(FIRST, json=first(estate, **changes), headers=registry)

    assert answer.status_code == 422
    assert [one["field"].partition("[")[0] for one in answer.json["errors"]] == [field]
    assert count(house, "first_registration") == count(house, "answered_request") == 0
    assert client.post(FIRST, json=first(estate), headers=registry).status_code == 201


def test_a_lone_surrogate_is_refused(client, estate, registry):
    """不成对的代理字符不收。"""
    body = json.dumps(first(estate, certificate_no="\ud800"))
    answer = client.post(FIRST, data=body, content_type="application/json", headers=registry)
    assert answer.status_code == 422


def test_only_the_registration_authority_may_speak(client, house, estate):
    """没有令牌 401，别的系统 403。"""
    platform = bearer(house.database, "platform", "platform", "filing")

    for door, body in ((FIRST, first(estate)), (TRANSFER, transfer(estate))):
        assert client.post(door, json=body).status_code == 401
        assert client.post(door, json=body, headers=platform).status_code == 403


def test_a_transfer_is_answered_masked_and_once(client, house, estate, registry):
    """转移登记的答复脱敏；再报同样内容答复相同；换权利人则 409。"""
    client.post(FIRST, json=first(estate), headers=registry)

    told = client.post(TRANSFER, json=transfer(estate), headers=registry)
    again = client.post(TRANSFER, json=transfer(estate), headers=registry)
    other = client.post(TRANSFER, json=transfer(estate, owner_name="王二"), headers=registry)

    assert (told.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert told.data == again.data
    assert "田秀英" not in told.text and "19491231" not in told.text
    assert told.json["owner_name_masked"] == "田**"
    assert count(house, "transfer_registration") == 1


def test_a_transfer_before_first_registration_is_refused(client, estate, registry):
    """楼幢未首次登记，转移登记 409。"""
    answer = client.post(TRANSFER, json=transfer(estate), headers=registry)

    assert answer.status_code == 409
    assert [one["code"] for one in answer.json["refusals"]] == ["first-registration-missing"]


def test_a_wrong_resident_id_is_refused(client, estate, registry):
    """证件号校验位不对，指明字段。"""
    answer = client.post(TRANSFER, json=transfer(estate, owner_id_no="110105194912310021"), headers=registry)

    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "owner_id_no"


def test_a_registered_unit_is_told_so_in_the_register(client, house, estate, registry):
    """转移登记之后，楼盘表显示该户已登记。"""
    client.post(FIRST, json=first(estate), headers=registry)
    client.post(TRANSFER, json=transfer(estate), headers=registry)
    platform = bearer(house.database, "platform", "platform")

    units = client.get(f"/api/v1/projects/{estate.project_no}/units", headers=platform).json["items"]

    assert {unit["unit_code"]: unit["status"] for unit in units}[estate.unit_codes[0]] == "registered"


# --- pages ---


def entry(estate, **changes):
    return {
        "project_no": estate.project_no, "building_nos": ["1"], "certificate_no": "证手1",
        "registered_on": TODAY, "file_hash": file_hash("证手1").upper(), **changes,
    }  # fmt: skip


def test_by_hand_one_enters_and_another_confirms(desks, house, estate):
    """一人录入，另一人在页面确认；摘要大小写均可；每步一行审计。"""
    shown = desks["register1"].get(f"/first-registrations/new?project_no={estate.project_no}")
    assert 'name="building_nos" value="1"' in shown.text
    made = desks["register1"].post("/first-registrations", entry(estate))
    assert made.status_code == 303
    page = made.location

    assert "待确认" in desks["reviewer1"].get(page).text
    assert desks["register1"].post(f"{page}/confirm").status_code == 403
    assert desks["reviewer1"].post(f"{page}/confirm").status_code == 303

    assert "已确认" in desks["reviewer1"].get(page).text
    assert "证手1" in desks["reviewer1"].get("/first-registrations").text
    with house.database.read() as session:
        steps = session.execute(
            text("SELECT action, actor_id FROM audit_event WHERE action LIKE 'registration.%' ORDER BY id")
        ).all()
    assert steps == [("registration.entered", "register1"), ("registration.confirmed", "reviewer1")]


def test_a_rejected_entry_says_why(desks, estate):
    """退回须说明理由，退回后不作依据。"""
    page = desks["register1"].post("/first-registrations", entry(estate)).location

    assert desks["reviewer1"].post(f"{page}/reject", {"reason": ""}).status_code == 422
    assert desks["reviewer1"].post(f"{page}/reject", {"reason": "登记日期与原件不符"}).status_code == 303
    shown = desks["register2"].get(page).text
    assert "已退回" in shown and "登记日期与原件不符" in shown


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"building_nos": []}, 422, "至少勾选一幢"), ({"registered_on": "2026-13-01"}, 422, "日期须为"),
        ({"file_hash": "xyz"}, 422, "证书文件"), ({"certificate_no": ""}, 422, "必填"),
        ({"project_no": "none"}, 422, "没有"), ({"building_nos": ["9"]}, 422, "没有这些楼幢"),
        ({"registered_on": "2099-01-01"}, 422, "不能晚于今天"),
    ],
)  # fmt: skip
def test_a_bad_form_says_what_is_wrong(desks, estate, changes, status, said):
    """表单有误，逐项指明，不留记录。"""
    answer = desks["register1"].post("/first-registrations", entry(estate, **changes))

    assert answer.status_code == status
    assert said in answer.text


def test_what_the_authority_told_meanwhile_is_shown_on_the_waiting_entry(client, desks, estate, registry):
    """待确认时登记机构报来：页面说明以登记机构所报为准，确认被拒。"""
    page = desks["register1"].post("/first-registrations", entry(estate)).location
    client.post(FIRST, json=first(estate), headers=registry)

    assert "以登记机构所报为准" in desks["reviewer1"].get(page).text
    refused = desks["reviewer1"].post(f"{page}/confirm")
    assert refused.status_code == 409
    assert "不必再确认" in refused.text


def test_a_form_without_its_token_changes_nothing(desks, house, estate):
    """没有页面令牌的表单不受理。"""
    answer = desks["register1"].client.post("/first-registrations", data=entry(estate))

    assert answer.status_code == 403
    assert count(house, "first_registration") == 0


@pytest.mark.parametrize("path", ["/first-registrations/4711", f"/first-registrations/{10**12}"])
def test_no_such_entry_is_not_found(desks, path):
    """没有的记录答 404。"""
    assert desks["register1"].get(path).status_code == 404
    assert desks["reviewer1"].post(f"{path}/confirm").status_code == 404
