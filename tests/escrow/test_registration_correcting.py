"""手工确认错了的首次登记：一人凭材料录入更正、另一人确认，原登记留存而不再作数；立在其上的事实不能抽掉。"""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from config.regulations import law_on
from escrow.registration.by_hand import CorrectionAsked, Decision, enter_correction, reject
from escrow.registration.rules import (
    Certificate,
    CorrectionFacts,
    NamedBuilding,
    RegistrationSource,
    RegistrationStatus,
    correction_refusals,
)
from tests.desk import hire, sit_down
from tests.estate import Estate, build, file_hash, new_number, officers
from tests.noding import approved as node_approved
from tests.noding import claimed as node_claimed
from tests.registering import TODAY, confirmed, entered, refused, rows, told, transferred
from tests.releasing import approved, codes, refused_by

LAW = law_on(TODAY, "presale_funds", "141130")
STATUSES = "SELECT certificate_no, status FROM first_registration ORDER BY id"
BUILDINGS = """
SELECT b.building_no, f.certificate_no FROM registered_building r JOIN building b ON b.id = r.building_id
  JOIN first_registration f ON f.id = r.registration_id WHERE r.status = 'confirmed' ORDER BY 1
"""


def scene_of(house: Any, app: Any) -> SimpleNamespace:
    """A project under supervision, and who enters and confirms (受监管的项目与办理人员)."""
    names = ("clerk", "reviewer", "other", "fourth", "handler", "chief")
    people = SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True)))
    return SimpleNamespace(people=people, estate=build(house, [people.clerk, people.reviewer]))


def wrong(estate: Estate, people: SimpleNamespace, *buildings: str, certificate: str = "证错") -> int:
    """一条确认了的手工登记。"""
    number: int = entered(estate, people, *(buildings or ("1",)), certificate=certificate)
    confirmed(estate, number, people.reviewer)
    return number


def asked(registration_id: int, *buildings: str, **changed: Any) -> CorrectionAsked:
    said = CorrectionAsked(
        registration_id, buildings, "证对", TODAY, "末位录错", file_hash(new_number("更正"))
    )
    return replace(said, **changed)


def corrected(estate: Estate, who: int, what: CorrectionAsked) -> int:
    return estate.do(lambda session: enter_correction(session, what, officer_id=who))


# --- the rule ---


ONE = NamedBuilding("1", is_released=False, transferred_on=None, is_at_node=False)
FACTS = CorrectionFacts(
    RegistrationSource.MANUAL, RegistrationStatus.CONFIRMED, Certificate("证错", "XM1", TODAY), (ONE,),
    Certificate("证对", "XM1", TODAY), ("1",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"building_nos": ("2",)}, []),
        ({"building_nos": ()}, []),
        ({"asked": FACTS.was}, ["nothing-corrected"]),
        ({"source": RegistrationSource.SYSTEM}, ["registration-by-authority"]),
        ({"status": RegistrationStatus.ENTERED}, ["not-confirmed"]),
        ({"status": RegistrationStatus.SUPERSEDED}, ["not-confirmed"]),
        ({"is_waiting": True}, ["correction-waiting"]),
        ({"named": (replace(ONE, is_released=True),)}, ["building-released"]),
        ({"named": (replace(ONE, transferred_on=TODAY),)}, []),
        ({"named": (replace(ONE, transferred_on=TODAY - timedelta(days=1)),)}, ["after-transfer"]),
        ({"named": (replace(ONE, transferred_on=TODAY),), "building_nos": ("2",)}, ["units-transferred"]),
        ({"named": (replace(ONE, is_at_node=True),)}, []),
        ({"named": (replace(ONE, is_at_node=True),), "building_nos": ()}, ["node-rests-on-it"]),
    ],
)
def test_what_may_be_corrected(changed: dict[str, Any], expected: list[str]) -> None:
    """号、日、楼幢都可更正，可以作废；登记机构所报、未确认、已解除、已有转移登记或节点立在其上的不行。"""
    found = correction_refusals(replace(FACTS, **changed), LAW)
    assert all(one.citation for one in found)
    assert [one.code for one in found] == expected


# --- the steps ---


def test_a_wrong_number_is_put_right_by_two(estate: Estate, people: SimpleNamespace) -> None:
    """更正确认之前原登记照旧；本人不能确认；确认之后新号作数，原登记留存；还可再更正。"""
    old = wrong(estate, people, "1", "2")
    new = corrected(estate, people.other, asked(old, "1", "2"))
    assert rows(estate, BUILDINGS) == [("1", "证错"), ("2", "证错")]
    assert refused(lambda: confirmed(estate, new, people.other)) == ["same-officer"]
    assert refused(lambda: corrected(estate, people.clerk, asked(old, "1"))) == ["correction-waiting"]
    confirmed(estate, new, people.fourth)
    assert rows(estate, STATUSES) == [("证错", "superseded"), ("证对", "confirmed")]
    assert rows(estate, BUILDINGS) == [("1", "证对"), ("2", "证对")]
    assert refused(lambda: corrected(estate, people.clerk, asked(old, "1"))) == ["not-confirmed"]
    again = corrected(estate, people.clerk, asked(new, "1", certificate_no="证对二"))
    confirmed(estate, again, people.reviewer)
    assert rows(estate, BUILDINGS) == [("1", "证对二")]
    audited = "SELECT action, subject FROM audit_event WHERE action LIKE 'registration.correct%' ORDER BY id"
    assert rows(estate, audited)[:2] == [
        ("registration.correction-entered", "证错"), ("registration.corrected", "证错"),
    ]  # fmt: skip


def test_a_date_and_a_building_are_put_right(estate: Estate, people: SimpleNamespace) -> None:
    """登记日、楼幢填错的也能更正；同一证书号只改日期可以；不存在的楼幢、将来的日期指明哪一栏。"""
    old = wrong(estate, people, "1")
    moved = asked(old, "2", certificate_no="证错", registered_on=TODAY - timedelta(days=30))
    confirmed(estate, corrected(estate, people.other, moved), people.reviewer)
    assert rows(estate, BUILDINGS) == [("2", "证错")]
    told(estate, "1", certificate="证机构")


def test_a_certificate_of_no_building_is_void_and_free_again(house: Any, people: SimpleNamespace) -> None:
    """整条录错项目的作废：本项目不再作数，同一证书号可以用于真正的项目。"""
    estate, other = (build(house, [people.clerk, people.reviewer]) for _ in range(2))
    old = wrong(estate, people)
    assert refused(lambda: told(other, "1", certificate="证错")) == ["certificate-reused"]
    confirmed(estate, corrected(estate, people.other, asked(old, certificate_no="证错")), people.reviewer)
    assert rows(estate, BUILDINGS) == []
    told(other, "1", certificate="证错")
    told(estate, "1", certificate="证真")


def test_a_correction_sent_back_changes_nothing(estate: Estate, people: SimpleNamespace) -> None:
    """退回的更正不作数，原登记照旧；用过的文件不能再用，别的文件可以再报。"""
    old = wrong(estate, people)
    what = asked(old, "1")
    first = corrected(estate, people.other, what)
    estate.do(lambda session: reject(session, Decision(first, people.reviewer), reason="材料不清"))
    assert rows(estate, BUILDINGS) == [("1", "证错")]
    assert refused(lambda: corrected(estate, people.other, what)) == ["file-reused"]
    assert corrected(estate, people.other, asked(old, "1"))


def test_what_the_authority_said_is_not_corrected_by_hand(estate: Estate, people: SimpleNamespace) -> None:
    """登记机构报来的不能手工更正；更正也不能占用别条已确认的楼幢与证书。"""
    told(estate, "1", certificate="证机构")
    [(system,)] = rows(estate, "SELECT id FROM first_registration")
    by_hand = asked(system, "1")
    assert refused(lambda: corrected(estate, people.other, by_hand)) == ["registration-by-authority"]
    old = wrong(estate, people, "2")
    assert refused(lambda: corrected(estate, people.other, asked(old, "1", "2"))) == ["building-registered"]


def test_what_rests_on_it_is_not_taken_away(house: Any, people: SimpleNamespace) -> None:
    """已有转移登记的楼幢不能去掉，首次登记日不能晚于转移登记日；凭它核准了节点的，先更正节点。"""
    estate = build(house, [people.clerk, people.reviewer], quotas={"1": "1000.00"}, nodes={"首次登记": "0.00"})
    old = wrong(estate, people, "1", "2")
    node_approved(estate, node_claimed(estate, people.clerk, "首次登记"), people.reviewer)
    assert refused(lambda: corrected(estate, people.other, asked(old, "2"))) == ["node-rests-on-it"]
    unit = next(code for code in estate.unit_codes[2:])
    transferred(estate, unit, on=TODAY)
    assert refused(lambda: corrected(estate, people.other, asked(old, "1"))) == ["units-transferred"]
    confirmed(estate, corrected(estate, people.other, asked(old, "1", "2")), people.reviewer)


def test_after_a_release_nothing_is_corrected_and_no_handler_approves(
    house: Any, people: SimpleNamespace
) -> None:
    """原录入、原确认、更正录入、更正确认的四人都不能批准解除；批准之后，录入在先的更正也确认不了。"""
    estate = build(house, [people.handler, people.chief], buildings=1)
    old = wrong(estate, people)
    new = corrected(estate, people.other, asked(old, "1"))
    confirmed(estate, new, people.fourth)
    release_no = estate.applied(people.handler)
    for who in (people.clerk, people.reviewer, people.other, people.fourth):
        assert codes(estate, release_no, who) == ["approver-handled-registration"]
    late = corrected(estate, people.other, asked(new, "1", certificate_no="证再"))
    approved(estate, release_no, people.chief)
    assert refused(lambda: confirmed(estate, late, people.fourth)) == ["building-released"]
    again = asked(new, "1", certificate_no="证又")
    assert refused(lambda: corrected(estate, people.clerk, again)) == [
        "correction-waiting", "building-released",
    ]  # fmt: skip


# --- in plain SQL ---


SUPERSEDE = "UPDATE first_registration SET status = 'superseded', superseded_by = {by} WHERE id = {old}"
CONFIRM = (
    "UPDATE first_registration SET status = 'confirmed', decided_by = {who}, decided_at = now()"
    " WHERE id = {new}"
)


def attack(estate: Estate, *statements: str, role: str = "app") -> str:
    with estate.house.connect(role) as connection, pytest.raises(psycopg.Error) as error:
        for statement in statements:
            connection.execute(statement)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return refused_by(error)


@pytest.mark.parametrize("role", ["app", "owner"])
def test_one_half_of_a_correction_is_refused(estate: Estate, people: SimpleNamespace, role: str) -> None:
    """只把原登记作废、只确认更正、互不相干的两条、改写内容、自己确认，数据库都不许；两半齐全才行。"""
    old, other = wrong(estate, people), wrong(estate, people, "2", certificate="证二")
    new = corrected(estate, people.other, asked(old, "1"))
    said = {"old": old, "new": new, "by": new, "who": people.reviewer}
    whole = [SUPERSEDE.format(**said), CONFIRM.format(**said)]
    assert attack(estate, whole[0], role=role) == "correction_follows"
    assert attack(estate, whole[1], role=role) == "uq_registered_building_confirmed"
    assert attack(estate, SUPERSEDE.format(old=old, by=other), role=role) == "correction_follows"
    changed = "UPDATE first_registration SET certificate_no = 'X' WHERE id = %s"
    assert attack(estate, changed % old, role=role) == "decided_once"
    alone = CONFIRM.format(**{**said, "who": people.other})
    assert attack(estate, whole[0], alone, role=role) == "ck_first_registration_two_officers"
    with estate.house.connect(role) as connection:
        for statement in whole:
            connection.execute(statement)
    assert rows(estate, BUILDINGS) == [("1", "证对"), ("2", "证二")]
    back = f"UPDATE first_registration SET status = 'confirmed', superseded_by = NULL WHERE id = {old}"
    assert attack(estate, back, role=role) == "decided_once"


def test_what_is_released_or_transferred_stands_in_plain_sql(house: Any, people: SimpleNamespace) -> None:
    """纯 SQL：已批准解除的不能更正；去掉有转移登记的楼幢，提交时被拒。"""
    estate = build(house, [people.handler, people.chief], buildings=1)
    old = wrong(estate, people)
    new = corrected(estate, people.other, asked(old, "1"))
    approved(estate, estate.applied(people.handler), people.chief)
    said = {"old": old, "new": new, "by": new, "who": people.reviewer}
    whole = [SUPERSEDE.format(**said), CONFIRM.format(**said)]
    assert attack(estate, *whole) == "registration_corrected"
    another = build(house, [people.handler, people.chief])
    old = wrong(another, people, "1", certificate="证三")
    new = corrected(another, people.other, asked(old, "2", certificate_no="证四"))
    transferred(another, another.unit_codes[0])
    said = {"old": old, "new": new, "by": new, "who": people.reviewer}
    assert attack(another, SUPERSEDE.format(**said), CONFIRM.format(**said)) == "correction_keeps"


def test_a_correction_of_another_projects_registration_is_refused(
    house: Any, people: SimpleNamespace
) -> None:
    """更正须是本项目已确认的手工登记；没有事由的更正也写不进去。"""
    estate, other = (build(house, [people.clerk, people.reviewer]) for _ in range(2))
    old = wrong(estate, people)
    insert = (
        "INSERT INTO first_registration (project_id, certificate_no, registered_on, building_count, source,"
        " status, file_hash, entered_by, corrects, grounds) VALUES ({project}, 'X', current_date, 0,"
        " 'manual', 'entered', repeat('b', 64), {who}, {old}, {why})"
    )
    said = {"who": people.other, "old": old, "why": "'错'", "project": other.project_id}
    assert attack(estate, insert.format(**said)) == "correction_of"
    bare = {**said, "project": estate.project_id, "why": "NULL"}
    assert attack(estate, insert.format(**bare)) == "ck_first_registration_corrected_with_grounds"


# --- on the pages ---


def test_from_the_wrong_page_to_the_right_one(app: Any, house: Any, estate: Estate) -> None:
    """页面上更正：原内容预先填好，填错原样退还并指明哪一格，另一人确认；两页互相指明，谁在何时办理都在。"""
    desks = {
        name: sit_down(app, hire(house.database, house.settings, name, role))
        for name, role in (("register1", "register"), ("register2", "register"), ("reviewer1", "reviewer"))
    }
    form = {
        "project_no": estate.project_no, "building_nos": ["1"], "certificate_no": "证手1",
        "registered_on": str(TODAY), "file_hash": file_hash("证手1"),
    }  # fmt: skip
    page = desks["register1"].post("/first-registrations", form).location
    assert "录入更正" not in desks["register1"].get(page).text
    assert desks["reviewer1"].post(f"{page}/confirm").status_code == 303
    assert "登记有误，录入更正" in desks["register2"].get(page).text
    assert "登记有误，录入更正" not in desks["reviewer1"].get(page).text
    blank = desks["register2"].get(f"{page}/correction").text
    assert 'value="证手1"' in blank and "（原登记所及）" in blank and "checked" in blank

    said = {
        "building_nos": ["1"], "certificate_no": "证手2", "registered_on": str(TODAY), "grounds": "末位录错",
        "file_hash": file_hash("证手2"),
    }  # fmt: skip
    door = f"{page}/corrections"
    for changed, shown in (
        ({"grounds": ""}, "必填"), ({"void": "1"}, "只勾选作废"), ({"building_nos": []}, "只勾选作废"),
        ({"registered_on": "2026-02-30"}, "is-invalid"),
    ):  # fmt: skip
        wrong_ = desks["register2"].post(door, said | changed)
        assert wrong_.status_code == 422 and shown in wrong_.text and "证手2" in wrong_.text, changed
    same = desks["register2"].post(door, said | {"certificate_no": "证手1"})
    assert same.status_code == 409 and "没有要更正的内容" in same.text and "末位录错" in same.text
    made = desks["register2"].post(door, said)
    assert made.status_code == 303, made.text
    assert "末位录错" in desks["reviewer1"].get(made.location).text
    assert desks["register1"].post(f"{made.location}/confirm").status_code == 403
    assert desks["reviewer1"].post(f"{made.location}/confirm").status_code == 303
    old, new = desks["register1"].get(page).text, desks["register1"].get(made.location).text
    for words in ("已更正，不再作数", "证手2", "首次登记更正确认", "register2 同志", "reviewer1 同志"):
        assert words in old
    assert "证手1" in new and "首次登记更正录入" in new and "登记有误，录入更正" in new
    assert "更正" in desks["register1"].get("/first-registrations").text
    for path in ("/first-registrations/99/correction", "/first-registrations/99999999999/correction"):
        assert desks["register1"].get(path).status_code == 404
    void = desks["register2"].post(
        f"{made.location}/corrections",
        {k: v for k, v in said.items() if k != "building_nos"} | {"void": "1", "file_hash": file_hash("废")},
    )
    assert void.status_code == 303 and "无（作废）" in desks["reviewer1"].get(void.location).text
