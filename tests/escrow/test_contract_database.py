"""What PostgreSQL itself refuses of registers, agreements and contracts, by plain SQL (数据库自身的约束)."""

from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from tests.builders import County, new_number

ROLES = ["app", "owner"]


def scene_of(house, app):
    """A drafted contract with its first payment in, on an active project (已部分缴款的草拟合同)."""
    county = County(house, app)
    made = county.project(buildings=2, units=2)
    drafted = county.draft(made)
    county.deposit(made, drafted.notices[0], "100000.00")
    return SimpleNamespace(county=county, made=made)


@pytest.fixture
def county(scene):
    return scene.county


def refused(house, statement, constraint, role="app"):
    """The statement is refused, by that guard; at the latest when the transaction ends."""
    with house.connect(role) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(statement)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    denied = isinstance(caught.value, psycopg.errors.InsufficientPrivilege) and role == "app"
    assert denied or caught.value.diag.constraint_name == constraint, caught.value


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE project SET project_no = 'XM-other'", "stands"),
        ("DELETE FROM project", "stands"),
        ("TRUNCATE developer, project, building, unit CASCADE", "stands"),
        ("UPDATE unit SET unit_code = overlay(unit_code placing '9' from 28)", "stands"),
        ("DELETE FROM unit", "stands"),
        ("UPDATE building SET project_id = project_id + 1", "stands"),
        ("UPDATE project SET region = '141129'", "project_fixed"),
        ("UPDATE agreement SET clauses = '{}'", "agreement_steps"),
        ("UPDATE agreement SET second_officer_id = first_officer_id", "agreement_steps"),
        ("UPDATE agreement SET status = 'proposed'", "agreement_steps"),
        ("DELETE FROM agreement", "stands"),
        ("UPDATE supervised_account SET account_no = '99999999'", "account_of_agreement"),
        ("UPDATE supervised_account SET book_id = book_id + 1", "stands"),
        ("UPDATE supervised_account SET status = 'closed'", "account_steps"),
        ("DELETE FROM supervised_account", "stands"),
        ("UPDATE contract SET contract_no = 'HT-other'", "stands"),
        ("UPDATE contract SET unit_id = unit_id + 1", "stands"),
        ("UPDATE contract SET status = 'at-risk'", "contract_steps"),
        ("UPDATE contract SET price = price + 1", "contract_steps"),
        ("UPDATE contract SET version = version + 2", "contract_steps"),
        ("UPDATE contract SET version = version + 1", "contract_version_on_record"),
        ("UPDATE contract SET status = 'cancelled'", "cancelled_with_its_reason"),
        ("UPDATE contract SET status = 'filed'", "filed_needs_filing"),
        ("DELETE FROM contract", "stands"),
        ("UPDATE contract_version SET price = price + 1", "written_once"),
        ("UPDATE party SET name_masked = '张**'", "written_once"),
        ("DELETE FROM party", "written_once"),
        ("UPDATE payment_notice SET amount = amount + 1", "stands"),
        ("UPDATE payment_notice SET due_on = due_on + 1", "stands"),
        ("UPDATE payment_notice SET notice_no = 'JK1' WHERE position = 0", "stands"),
        ("UPDATE payment_notice SET id = id + 100", "stands"),
        ("UPDATE payment_notice SET contract_id = contract_id + 1", "stands"),
        ("UPDATE payment_notice SET version = version + 1", "stands"),
        ("UPDATE payment_notice SET payment_kind = 'final', source = 'loan'", "stands"),
        ("UPDATE payment_notice SET source = 'provident_fund', paid = 1", "stands"),
        ("UPDATE payment_notice SET issued_at = now()", "stands"),
        ("DELETE FROM payment_notice", "stands"),
        ("UPDATE payment_notice SET voided_at = now() WHERE position = 0", "ck_payment_notice_void_unpaid"),
        ("UPDATE payment_notice SET voided_at = now() WHERE position = 1", "payments_sum_to_price"),
        ("UPDATE payment_notice SET paid = paid + 1 WHERE position = 0", "paid_follows"),
        ("UPDATE payment_notice SET paid = 0 WHERE position = 0", "paid_follows"),
        ("UPDATE payment_notice SET paid = amount + 1", "ck_payment_notice_paid_within_amount"),
        ("UPDATE unit SET area = 1 WHERE id = (SELECT unit_id FROM contract)", "sold_unit_stands"),
        ("UPDATE unit SET removed_at = now() WHERE id = (SELECT unit_id FROM contract)", "sold_unit_stands"),
        ("UPDATE building SET removed_at = now() WHERE building_no = '1'", "sold_building_stands"),
    ],
)
def test_what_stands_is_not_changed_by_hand(stage, statement, constraint, role):
    """登记、协议、合同、通知书不得绕过业务直接改写、删除，应用角色与库主一样。"""
    refused(stage.house, statement, constraint, role)


def test_what_is_not_sold_may_still_change(house):
    """同样的语句，对未售的房屋与楼幢可以。"""
    with house.connect() as connection:
        free = "WHERE id NOT IN (SELECT unit_id FROM contract)"
        assert connection.execute(f"UPDATE unit SET area = 1 {free}").rowcount == 3
        assert (
            connection.execute("UPDATE building SET removed_at = now() WHERE building_no = '2'").rowcount == 1
        )


def test_a_contract_begins_as_a_draft_on_an_active_account(house, county, scene):
    """合同只能从草拟、第一版开始，房屋在该项目楼盘表内，账户正常；一房不得两份有效合同。"""
    made, waiting = scene.made, county.project(status="proposed")
    insert = (
        "INSERT INTO contract (contract_no, project_id, unit_id, status, version, price)"
        " SELECT 'HT-x', p.id, u.id, '{status}', {version}, 100 FROM unit u, project p"
        " WHERE u.unit_code = '{unit}' AND p.project_no = '{project}'"
    )
    own = {"status": "drafted", "version": 1, "unit": made.unit_codes[1], "project": made.project_no}
    for changed, constraint in (
        ({"status": "filed"}, "contract_steps"),
        ({"version": 2}, "contract_steps"),
        ({"project": waiting.project_no}, "contract_unit_in_register"),
        ({"unit": waiting.unit_codes[0], "project": waiting.project_no}, "contract_account_active"),
        ({"unit": made.unit_codes[0]}, "uq_contract_live_unit"),
        ({}, "contract_version_on_record"),
    ):
        refused(house, insert.format(**{**own, **changed}), constraint)


def test_two_officers_are_two_people_in_the_database_too(house, county):
    """受理须两名不同人员：数据库自己也不许同一人两次，不许一步生效。"""
    made = county.project(status="proposed")
    county.accept(made, county.seat("aa"))
    county.seat("bb")
    aa, bb = (f"(SELECT id FROM officer WHERE username = '{name}')" for name in ("aa", "bb"))
    effective = "UPDATE agreement SET status = 'effective', effective_at = now(), second_officer_id = "
    waits = " WHERE status = 'proposed'"
    refused(house, f"{effective}{aa}{waits}", "ck_agreement_two_officers")
    refused(house, f"UPDATE agreement SET first_officer_id = {bb}{waits}", "agreement_steps")
    at_once = f"UPDATE agreement SET status = 'effective', effective_at = now(){waits}"
    refused(house, at_once, "agreement_steps")
    fresh = county.project(status="proposed")
    both = (
        f"{effective}{bb}, first_officer_id = {aa} WHERE project_id = (SELECT max(project_id) FROM agreement)"
    )
    refused(house, both, "agreement_steps")
    assert county.get("platform", f"/projects/{fresh.project_no}").json["status"] == "proposed"


def test_a_void_notice_is_void_for_good(house, county):
    """作废的通知书不得恢复，也不得再缴款。"""
    drafted = county.draft(county.project())
    body = {"event_id": new_number("ZX"), "cancelled_on": bureau_day().isoformat(), "reason": "放弃"}
    county.post("filing", f"/contracts/{drafted.contract_no}/cancellation", body)
    of_it = "WHERE contract_id = (SELECT max(id) FROM contract)"
    refused(house, f"UPDATE payment_notice SET voided_at = NULL {of_it}", "notice_void_for_good")
    refused(house, f"UPDATE payment_notice SET paid = 1 {of_it}", "notice_void_for_good")
    refused(house, "DELETE FROM contract_cancellation", "written_once")


def test_a_unit_that_was_ever_sold_stays_in_its_building(house, county):
    """注销之后，房屋可以改面积，仍不得改列他幢：它的钱曾记在原幢。"""
    drafted = county.draft(county.project(buildings=2))
    body = {"event_id": new_number("ZX"), "cancelled_on": bureau_day().isoformat(), "reason": "放弃"}
    county.post("filing", f"/contracts/{drafted.contract_no}/cancellation", body)
    which = "WHERE id = (SELECT unit_id FROM contract WHERE status = 'cancelled')"
    refused(house, f"UPDATE unit SET building_id = building_id + 1 {which}", "sold_unit_stands")
    with house.connect() as connection:
        assert connection.execute(f"UPDATE unit SET area = 1 {which}").rowcount == 1
