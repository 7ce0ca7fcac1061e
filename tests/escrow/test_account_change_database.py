"""What PostgreSQL itself refuses of a change of account, whoever is connected (数据库层面的账户变更约束)."""

from itertools import product
from types import SimpleNamespace

import psycopg
import pytest

from escrow.instructions.rules import Outcome
from escrow.supervision.change_rules import CHANGE_STEPS, ChangeStatus
from tests.changing import answered, approved, entered, estate_of, people_of
from tests.releasing import refused_by
from tests.sale import sell

ROLES = ["app", "owner"]
# As an enemy with a superuser's hand would set the stage: what no door and no role of ours can do.
FORCED = """
SET session_replication_role = replica;
UPDATE account_change SET status = '{status}', decided_by = {by}, decided_at = {at}, reason = {reason},
       amount = {amount}, law = {law}, instruction_id = {order}, finished_at = {finished},
       new_account_id = account_id;
SET session_replication_role = origin;
"""
INSERT = """
INSERT INTO account_change (change_no, account_id, document_no, file_hash, agreement_no, signed_on, bank_code,
       bank_name, account_no, account_name, status, entered_by, decided_by, decided_at, amount, law,
       finished_at)
SELECT 'BG-x', id, 'x', repeat('a', 64), 'x', current_date, 'ICBC', 'x', '6222', 'x', %(status)s, %(who)s,
       %(other)s, now(), 0, '{}', %(finished)s FROM supervised_account
"""
ORDER = """
INSERT INTO instruction_counter (year, last) VALUES (2026, 1);
INSERT INTO instruction (instruction_no, kind, account_id, amount, key_amount, payee_name_sealed,
       payee_name_masked, payee_account_sealed, payee_account_masked, payee_bank, purpose, source_code,
       source_key, issued_by, expires_on, status)
SELECT 'ZL2026000001', 'transfer', id, 1, 0, 'x', 'x', 'x', 'x', 'x', 'x', '1102', '', 1, current_date,
       'issued' FROM supervised_account
"""


def scene_of(house, app):
    """A project whose first building keeps a quota, one unit sold and paid for (已售一套)."""
    people = people_of(house)
    estate = estate_of(house, people)
    sell(estate).pay_due()
    return SimpleNamespace(people=people, estate=estate)


def refused(house, constraint, statement, values=None, role="app"):
    with pytest.raises(psycopg.Error) as caught, house.connect(role) as connection:
        connection.execute(statement, values)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    denied = isinstance(caught.value, psycopg.errors.InsufficientPrivilege) and role == "app"
    assert denied or refused_by(caught) == constraint, caught.value


@pytest.fixture(scope="module")
def asked_for(struck):
    """A house with a change entered, where nothing that is tried stays (已录入一件变更)."""
    entered(struck.estate, struck.people.clerk)
    return struck.estate.house


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE account_change SET account_no = '1'", "account_change_steps"),
        ("UPDATE account_change SET entered_by = entered_by + 1", "account_change_steps"),
        ("UPDATE account_change SET status = 'done', decided_by = 2, decided_at = now(), amount = 1,"
         " law = '{}', finished_at = now()", "account_change_steps"),
        ("UPDATE account_change SET status = 'done', decided_by = 2, decided_at = now(), amount = 0,"
         " law = '{}', finished_at = now()", "account_change_stands"),
        ("UPDATE account_change SET status = 'rejected', decided_by = entered_by, decided_at = now(),"
         " reason = 'x'", "ck_account_change_two_officers"),
        ("UPDATE account_change SET new_account_id = account_id", "account_change_steps"),
        ("DELETE FROM account_change", "written_once"),
        ("TRUNCATE account_change CASCADE", "written_once"),
        ("UPDATE supervised_account SET status = 'closed'", "account_steps"),
        ("UPDATE supervised_account SET account_no = '1'", "account_of_agreement"),
        ("UPDATE payment_notice SET voided_at = now(), account_change_id = 1 WHERE paid = 0",
         "notice_of_change"),
    ],
)  # fmt: skip
def test_a_change_is_not_made_by_hand(asked_for, role, statement, constraint):
    """改号、换人、跳步、一人决定、删除、直接销户、以未办结的变更作废通知书，纯 SQL 都不行。"""
    refused(asked_for, constraint, statement, role=role)


def test_a_change_begins_as_entered_and_by_two(house, estate, people):
    """不能直接插入已办结的变更，也不能自己录入自己批准。"""
    said = {"status": "done", "who": people.clerk, "other": people.reviewer, "finished": "now"}
    refused(house, "account_change_steps", INSERT, said)
    refused(house, "account_change_steps", INSERT, said | {"other": people.clerk, "finished": None})


def test_an_order_that_empties_an_account_belongs_to_a_change(house, estate):
    """没有变更的整户划转指令，纯 SQL 签发不了。"""
    with pytest.raises(psycopg.Error) as caught, house.connect() as connection:
        for statement in ORDER.split(";"):
            connection.execute(statement)
        connection.execute("SET CONSTRAINTS transfer_of_change IMMEDIATE")
    assert refused_by(caught) == "transfer_of_change"


def test_while_the_balance_is_on_its_way_nothing_else_is_written(house, estate, people):
    """划转在途：纯 SQL 也不能恢复账户、登记入账、冻结、接管、报送新协议、宣布完成。"""
    number = entered(estate, people.clerk)
    approved(estate, number, people.reviewer)
    for constraint, statement in (
        ("account_steps", "UPDATE supervised_account SET status = 'active'"),
        ("account_steps", "UPDATE supervised_account SET status = 'closed'"),
        ("account_change_follows", "UPDATE account_change SET status = 'done', finished_at = now()"),
        ("account_change_follows", "UPDATE account_change SET status = 'failed', finished_at = now()"),
        ("not_while_changing",
         "INSERT INTO court_hold (hold_no, account_id, court, amount, is_whole, held_from, held_until,"
         " status) SELECT 'x', id, 'x', 1, false, current_date, current_date + 1, 'in-force' FROM"
         " supervised_account"),
        ("not_while_changing",
         "INSERT INTO takeover (account_id, order_no, grounds, file_hash, status, entered_by)"
         " SELECT id, 'x', 'x', repeat('b', 64), 'entered', 1 FROM supervised_account"),
        ("not_while_changing",
         "INSERT INTO receipt (receipt_no, account_id, bank_code, bank_serial, amount, value_date,"
         " bank_booked_at, payer_name_sealed, payer_name_masked, payer_account_sealed, payer_account_masked,"
         " channel, entry_id) SELECT 'x', account_id, bank_code, 'x', 1, value_date, bank_booked_at, 'x',"
         " 'x', 'x', 'x', channel, (SELECT max(id) FROM ledger.journal_entry) FROM receipt LIMIT 1"),
        ("not_while_changing",
         "INSERT INTO agreement (project_id, version, agreement_no, bank_code, account_no, account_name,"
         " signed_on, clauses, digest, status) SELECT project_id, 9, 'x', bank_code, account_no,"
         " account_name, signed_on, clauses, 'x', 'proposed' FROM agreement"),
    ):  # fmt: skip
        refused(house, constraint, statement)


def test_a_finished_change_is_not_undone_by_hand(house, estate, people):
    """办结之后：旧户不能复活，变更不能改作退汇，新户不能由别的变更冒名，项目不能再开第三个户。"""
    number = entered(estate, people.clerk)
    approved(estate, number, people.reviewer)
    answered(estate, number, Outcome.PAID)
    for constraint, statement in (
        ("account_of_agreement", "UPDATE supervised_account SET status = 'active' WHERE status = 'closed'"),
        ("account_change_follows", "UPDATE account_change SET status = 'returned', finished_at = now()"),
        ("account_change_steps", "UPDATE account_change SET new_account_id = account_id"),
        ("account_steps", "UPDATE supervised_account SET status = 'closed' WHERE status = 'active'"),
        ("account_of_agreement",
         "INSERT INTO supervised_account (account_no, account_name, bank_code, project_id, agreement_id,"
         " book_id, status) SELECT 'x', g.account_name, g.bank_code, g.project_id, g.id, 99, 'active'"
         " FROM agreement g WHERE status = 'effective'"),
        ("notice_void_for_good",
         "UPDATE payment_notice SET voided_at = NULL, account_change_id = NULL WHERE voided_at IS NOT NULL"),
    ):  # fmt: skip
        refused(house, constraint, statement)


def test_every_illegal_step_is_refused(house, estate, people):
    """状态表之外的每一步，数据库都不许；先由超级用户布置每种现状，再逐一尝试。"""
    entered(estate, people.clerk)
    illegal = [pair for pair in product(ChangeStatus, ChangeStatus) if pair not in CHANGE_STEPS]
    assert len(illegal) == len(ChangeStatus) ** 2 - len(CHANGE_STEPS)
    for before, to in illegal:
        with house.connect("superuser") as connection:
            connection.execute(forced(before, people))
        with pytest.raises(psycopg.errors.CheckViolation) as caught, house.connect("owner") as connection:
            change = "finished_at = now()" if before is to else f"status = '{to.value}'"
            connection.execute(f"UPDATE account_change SET {change}, document_no = 'y'")
        assert refused_by(caught) == "account_change_steps", (before, to)


def forced(status, people):
    """A change as it would stand in this status."""
    approved_ = status in ("ordered", "done", "failed", "returned")
    done = approved_ or status == "rejected"
    said = {
        "status": status.value, "by": people.reviewer if done else "NULL", "at": "now()" if done else "NULL",
        "reason": "'x'" if status == "rejected" else "NULL", "amount": "1" if approved_ else "NULL",
        "law": "'{}'" if approved_ else "NULL", "order": "1" if approved_ else "NULL",
        "finished": "now()" if status in ("done", "failed", "returned") else "NULL",
    }  # fmt: skip
    return FORCED.format(**said)
