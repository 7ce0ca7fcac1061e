"""Registrations in the database: told by the authority, entered by hand, overtaken, and what PostgreSQL refuses."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import text

from config.clock import bureau_day
from escrow.access.sealing import unseal
from escrow.errors import Invalid, NotFound, Refused
from escrow.registration.actions import FirstAsked, Origin, TransferAsked, register, register_transfer
from escrow.registration.by_hand import Decision, confirm, enter, reject
from tests.estate import SYSTEM, Estate, build, file_hash, new_number, officers

TODAY = bureau_day()


@pytest.fixture
def people(house):
    names = ("clerk", "reviewer", "other")
    return SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True)))


@pytest.fixture
def estate(house, people) -> Estate:
    return build(house, [people.clerk, people.reviewer])


def told(estate, *buildings, certificate="证1", on=TODAY, project=None):
    asked = FirstAsked(project or estate.project_no, buildings, certificate, on)
    return estate.do(lambda session: register(session, asked, Origin(SYSTEM, new_number("DJ"))))


def entered(estate, people, *buildings, certificate="证1", paper=None):
    asked = FirstAsked(estate.project_no, buildings, certificate, TODAY)
    return estate.do(
        lambda session: enter(
            session, asked, file_hash=file_hash(paper or new_number("P")), officer_id=people.clerk
        )
    )


def confirmed(estate, registration_id, officer_id):
    estate.do(lambda session: confirm(session, Decision(registration_id, officer_id)))


def transferred(estate, unit_code, *, certificate="分证1", on=TODAY, owner="11010519491231002X"):
    asked = TransferAsked(unit_code, certificate, on, "田秀英", owner)
    origin = Origin(SYSTEM, new_number("DJ"))
    return estate.do(
        lambda session: register_transfer(session, asked, origin, settings=estate.house.settings)
    )


def refused(action) -> list[str]:
    with pytest.raises(Refused) as caught:
        action()
    assert all(refusal.citation for refusal in caught.value.refusals)
    return [refusal.code for refusal in caught.value.refusals]


def rows(estate, query):
    with estate.house.database.read() as session:
        return [tuple(row) for row in session.execute(text(query))]


STATUSES = "SELECT source, status FROM first_registration ORDER BY id"


# --- told by the registration authority ---


def test_what_the_authority_says_counts_at_once(estate):
    """登记机构所报即为确认，不需本局人员再确认。"""
    answer = told(estate, "1", "2")

    assert answer["status"] == "confirmed"
    assert rows(estate, STATUSES) == [("system", "confirmed")]


def test_a_building_has_one_certificate(estate):
    """楼幢已按一个证书登记，再报另一证书不收，原登记不变。"""
    told(estate, "1", certificate="证1")

    assert refused(lambda: told(estate, "1", "2", certificate="证2")) == ["building-registered"]
    assert rows(estate, STATUSES) == [("system", "confirmed")]


def test_the_same_certificate_told_again_adds_only_what_is_new(estate):
    """同一证书再报：已有的楼幢不重复，新的楼幢记入。"""
    told(estate, "1")
    told(estate, "1")
    told(estate, "1", "2")

    assert rows(estate, "SELECT count(*) FROM registered_building") == [(2,)]


def test_a_certificate_of_another_project_is_refused(house, people, estate):
    """同一证书号不能用于两个项目。"""
    told(estate, "1")
    other = build(house, [people.clerk, people.reviewer])

    assert refused(lambda: told(other, "1")) == ["certificate-reused"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"project": "XM-none"}, "project_no"), ({"on": TODAY + timedelta(days=1)}, "registered_on"),
        ({"buildings": ("1", "9")}, "building_nos"),
    ],
)  # fmt: skip
def test_what_does_not_exist_yet_or_at_all_is_named(estate, changes, field):
    """没有的项目、没有的楼幢、未来的日期，指明字段。"""
    buildings = changes.pop("buildings", ("1",))
    with pytest.raises(Invalid) as caught:
        told(estate, *buildings, **changes)
    assert set(caught.value.errors) == {field}


def test_racing_certificates_register_a_building_once(estate):
    """两个证书同时报同一楼幢，只收一个。"""
    outcomes, ready = [], threading.Barrier(8)

    def tell(number: int) -> None:
        ready.wait()
        try:
            told(estate, "1", certificate=f"证{number}")
            outcomes.append("taken")
        except Refused as caught:
            outcomes.append(caught.refusals[0].code)

    crowd = [threading.Thread(target=tell, args=(number,)) for number in range(8)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()

    assert sorted(outcomes) == ["building-registered"] * 7 + ["taken"]


# --- by hand ---


def test_by_hand_it_takes_two(estate, people):
    """一人录入不生效，本人不能确认，另一人确认后生效，且只确认一次。"""
    entry = entered(estate, people, "1")

    assert refused(lambda: confirmed(estate, entry, people.clerk)) == ["same-officer"]
    confirmed(estate, entry, people.reviewer)
    assert refused(lambda: confirmed(estate, entry, people.other)) == ["already-decided"]
    assert rows(estate, STATUSES) == [("manual", "confirmed")]
    assert rows(estate, "SELECT status FROM registered_building") == [("confirmed",)]


def test_what_waits_or_is_registered_is_not_entered_again(estate, people):
    """待确认的、已登记的楼幢不再录入。"""
    entered(estate, people, "1")
    told(estate, "2", certificate="证9")

    assert refused(lambda: entered(estate, people, "1", "2", certificate="证2")) == [
        "building-registered", "building-waiting",
    ]  # fmt: skip


def test_a_file_is_never_used_twice(estate, people):
    """退回的录入，其文件也不能再用。"""
    entry = entered(estate, people, "1", paper="扫描件")
    estate.do(lambda session: reject(session, Decision(entry, people.reviewer), reason="登记日有误"))

    assert refused(lambda: entered(estate, people, "1", paper="扫描件")) == ["file-reused"]
    assert entered(estate, people, "1", paper="重扫") > entry


def test_the_authority_overtakes_an_entry_that_waits(estate, people):
    """待确认时登记机构报来同一楼幢：以登记机构所报为准，手工录入不再能确认。"""
    entry = entered(estate, people, "1", "2", certificate="证手")
    told(estate, "1", certificate="证机")

    assert refused(lambda: confirmed(estate, entry, people.reviewer)) == ["already-decided"]
    assert rows(estate, "SELECT status, overtaken_by IS NOT NULL FROM first_registration ORDER BY id") == [
        ("overtaken", True), ("confirmed", False),
    ]  # fmt: skip
    assert entered(estate, people, "2", certificate="证手") > entry


def test_an_entry_that_nobody_made_is_not_found(estate, people):
    """没有的录入，查无此条。"""
    with pytest.raises(NotFound):
        confirmed(estate, 4711, people.reviewer)


def test_every_step_leaves_one_audit_row(estate, people):
    """录入、确认、报来，各留一行审计。"""
    confirmed(estate, entered(estate, people, "1", certificate="证甲"), people.reviewer)
    told(estate, "2", certificate="证乙")

    assert rows(estate, "SELECT action, subject FROM audit_event WHERE action LIKE 'registration.%' ORDER BY id") == [
        ("registration.entered", "证甲"), ("registration.confirmed", "证甲"), ("registration.received", "证乙"),
    ]  # fmt: skip


# --- transfer registration ---


def test_a_transfer_is_masked_in_the_answer_and_sealed_at_rest(estate):
    """转移登记的权利人姓名、证件号加密保存，答复脱敏。"""
    told(estate, "1")
    unit = estate.unit_codes[0]

    answer = transferred(estate, unit)

    assert (answer["owner_name_masked"], answer["owner_id_no_masked"]) == ("田**", "110105********002X")
    assert "田秀英" not in str(answer) and "19491231" not in str(answer)
    [(sealed, plain)] = rows(
        estate, "SELECT owner_name_sealed, to_jsonb(t)::text FROM transfer_registration t"
    )
    assert "田秀英" not in plain and "19491231" not in plain
    context = f"transfer_registration:{unit}:name"
    assert unseal(bytes(sealed), estate.house.settings, context=context) == "田秀英"


def test_a_transfer_before_the_building_is_refused(estate):
    """楼幢未首次登记，或转移登记日早于首次登记日，不收。"""
    unit = estate.unit_codes[0]

    assert refused(lambda: transferred(estate, unit)) == ["first-registration-missing"]
    told(estate, "1")
    early = TODAY - timedelta(days=1)
    assert refused(lambda: transferred(estate, unit, on=early)) == ["before-first-registration"]


def test_a_unit_is_transferred_once(estate):
    """一户登记一次：同样内容再报照答，不同内容或借用他户证书不收。"""
    told(estate, "1")
    first, second = estate.unit_codes[:2]
    transferred(estate, first)
    transferred(estate, first)

    assert rows(estate, "SELECT count(*) FROM transfer_registration") == [(1,)]
    assert refused(lambda: transferred(estate, first, certificate="分证2")) == ["unit-registered"]
    assert refused(lambda: transferred(estate, first, owner="E12345678")) == ["unit-registered"]
    assert refused(lambda: transferred(estate, second)) == ["certificate-reused"]


def test_a_transfer_of_no_unit_names_the_field(estate):
    """楼盘表没有的房屋，指明字段。"""
    with pytest.raises(Invalid) as caught:
        transferred(estate, "141130999999GB00001F00010001")
    assert set(caught.value.errors) == {"unit_code"}


# --- what PostgreSQL refuses ---

ENTRY = """
INSERT INTO first_registration (project_id, certificate_no, registered_on, building_count, source, status,
                                client_id, event_id, file_hash, entered_by, decided_by, decided_at)
VALUES (%(project)s, %(certificate)s, current_date, %(count)s, %(source)s, %(status)s, %(client)s, %(event)s,
        %(hash)s, %(entered_by)s, %(decided_by)s, %(decided_at)s) RETURNING id
"""
NAMED = "INSERT INTO registered_building (registration_id, building_id, status) VALUES (%s, %s, %s)"


def write(estate, people, *, role="app", buildings=None, **changes):
    """One registration in plain SQL, right but for what is changed; commits."""
    values = {
        "project": estate.project_id, "certificate": "证库", "count": 1, "source": "system",
        "status": "confirmed", "client": "registry", "event": new_number("E"), "hash": None, "entered_by": None,
        "decided_by": None, "decided_at": "2026-01-01T00:00:00Z", **changes,
    }  # fmt: skip
    with estate.house.connect(role) as connection:
        [(number,)] = connection.execute(ENTRY, values).fetchall()
        for building in buildings or [estate.buildings["1"]]:
            connection.execute(NAMED, (number, building, values["status"]))
        connection.commit()
    return number


BY_HAND = {
    "source": "manual", "status": "entered", "client": None, "event": None, "decided_at": None,
    "hash": "a" * 64, "entered_by": 1,
}  # fmt: skip


def test_right_rows_are_accepted(estate, people):
    """合规的登记直接写库也能成：后面各项只差一处。"""
    write(estate, people)
    write(
        estate, people, certificate="证库2", buildings=[estate.buildings["2"]],
        **{**BY_HAND, "entered_by": people.clerk},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"client": None}, "ck_first_registration_system_is_whole"),
        ({"hash": "a" * 64}, "ck_first_registration_system_is_whole"),
        ({"count": 0}, "ck_first_registration_building_count"),
        ({"count": 2}, "registration_names_its_buildings"),
        ({"status": "entered", "decided_at": None}, "decided_once"),
        ({**BY_HAND, "status": "confirmed", "decided_at": "2026-01-01T00:00:00Z"}, "decided_once"),
        ({**BY_HAND, "hash": None}, "ck_first_registration_manual_is_whole"),
        ({**BY_HAND, "entered_by": None}, "ck_first_registration_manual_is_whole"),
        ({**BY_HAND, "hash": "A" * 64}, "ck_filed_paper_file_hash"),
    ],
)
def test_a_registration_that_is_not_whole_is_refused(estate, people, changes, constraint):
    """缺来源、缺文件、幢数不符、未经两人的登记，数据库拒绝。"""
    if changes.get("entered_by"):
        changes = {**changes, "entered_by": people.clerk}
    with pytest.raises(psycopg.errors.CheckViolation) as error:
        write(estate, people, **changes)
    assert error.value.diag.constraint_name == constraint


def test_the_database_refuses_the_same_person(estate, people):
    """录入人自己确认，数据库拒绝。"""
    entered(estate, people, "1")
    with pytest.raises(psycopg.errors.CheckViolation) as error, estate.house.connect() as connection:
        connection.execute(
            "UPDATE first_registration SET status = 'confirmed', decided_by = entered_by, decided_at = now()"
        )
    assert error.value.diag.constraint_name == "ck_first_registration_two_officers"


def test_the_database_refuses_a_second_certificate_for_a_building(estate, people):
    """同一楼幢两个确认的登记，数据库拒绝。"""
    write(estate, people)
    with pytest.raises(psycopg.errors.UniqueViolation) as error:
        write(estate, people, certificate="证库2")
    assert error.value.diag.constraint_name == "uq_registered_building_confirmed"


def test_the_database_refuses_a_certificate_of_two_projects(house, estate, people):
    """同一证书用于两个项目，数据库拒绝；借用他项目楼幢也拒绝。"""
    other = build(house, [people.clerk, people.reviewer])
    write(estate, people)
    with pytest.raises(psycopg.errors.UniqueViolation) as error:
        write(other, people)
    assert error.value.diag.constraint_name == "one_certificate"
    with pytest.raises(psycopg.errors.CheckViolation) as refusal:
        write(estate, people, buildings=[other.buildings["1"]])
    assert refusal.value.diag.constraint_name == "registration_names_its_buildings"


def test_no_building_is_slipped_in_afterwards(estate, people):
    """登记之后不能再塞进一幢，已列的不能换。"""
    number = write(estate, people)
    with pytest.raises(psycopg.errors.CheckViolation) as error, estate.house.connect() as connection:
        connection.execute(NAMED, (number, estate.buildings["2"], "confirmed"))
        connection.commit()
    assert error.value.diag.constraint_name == "registration_names_its_buildings"
    with pytest.raises(psycopg.errors.CheckViolation), estate.house.connect() as connection:
        connection.execute("UPDATE registered_building SET building_id = %s", (estate.buildings["2"],))


@pytest.mark.parametrize(
    "change", ["certificate_no = 'X'", "registered_on = '2020-01-01'", "status = 'entered', decided_at = NULL"]
)
def test_a_registration_stands(estate, people, change):
    """登记之后内容不能改，库主也不能。"""
    write(estate, people)
    with pytest.raises(psycopg.errors.CheckViolation), estate.house.connect("owner") as connection:
        connection.execute(f"UPDATE first_registration SET {change}")


@pytest.mark.parametrize("table", ["first_registration", "registered_building", "transfer_registration"])
@pytest.mark.parametrize("how", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nothing_registered_is_taken_out(estate, table, how):
    """登记事实不能删除或清空，库主也不能。"""
    told(estate, "1")
    transferred(estate, estate.unit_codes[0])
    with pytest.raises(psycopg.errors.CheckViolation) as error, estate.house.connect("owner") as connection:
        connection.execute(how.format(table))
    assert error.value.diag.constraint_name == "written_once"


def test_the_database_refuses_a_transfer_before_its_building(estate):
    """楼幢没有首次登记，直接写入转移登记，数据库拒绝。"""
    with pytest.raises(psycopg.errors.CheckViolation) as error, estate.house.connect() as connection:
        connection.execute(
            "INSERT INTO transfer_registration (unit_id, client_id, event_id, certificate_no, registered_on,"
            " owner_name_sealed, owner_name_masked, owner_id_no_sealed, owner_id_no_masked, owner_id_no_index)"
            " SELECT id, 'r', 'e', 'c', current_date, '', '', '', '', '' FROM unit LIMIT 1"
        )
    assert error.value.diag.constraint_name == "transfer_after_first"
