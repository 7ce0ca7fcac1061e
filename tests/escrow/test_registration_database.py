"""What PostgreSQL itself refuses of a registration (数据库层面的登记约束)."""

from types import SimpleNamespace

import psycopg
import pytest

from tests.estate import build, new_number, officers
from tests.registering import entered, told, transferred


def scene_of(house, app):
    """A project under supervision, and who enters and confirms (受监管的项目与办理人员)."""
    names = ("clerk", "reviewer", "other")
    people = SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True)))
    return SimpleNamespace(people=people, estate=build(house, [people.clerk, people.reviewer]))


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
        "status": "confirmed", "client": "registry", "event": new_number("E"), "hash": None,
        "entered_by": None, "decided_by": None, "decided_at": "2026-01-01T00:00:00Z", **changes,
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
    "change",
    ["certificate_no = 'X'", "registered_on = '2020-01-01'", "status = 'entered', decided_at = NULL"],
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
            " owner_name_sealed, owner_name_masked, owner_id_no_sealed, owner_id_no_masked,"
            " owner_id_no_index)"
            " SELECT id, 'r', 'e', 'c', current_date, '', '', '', '', '' FROM unit LIMIT 1"
        )
    assert error.value.diag.constraint_name == "transfer_after_first"


def test_a_registration_of_no_building_is_refused(estate):
    """一幢也没有列明的登记，提交时数据库拒绝。"""
    with pytest.raises(psycopg.errors.CheckViolation) as error, estate.house.connect() as connection:
        connection.execute(
            "INSERT INTO first_registration (project_id, certificate_no, registered_on, building_count,"
            " source, status, client_id, event_id, decided_at)"
            " VALUES (%s, '证空', current_date, 1, 'system', 'confirmed', 'registry', 'E', now())",
            (estate.project_id,),
        )
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert error.value.diag.constraint_name == "registration_names_its_buildings"
