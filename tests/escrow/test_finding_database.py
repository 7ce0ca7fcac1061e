"""What PostgreSQL itself refuses of findings and the watch, whoever is connected (数据库层面的风险提示约束)."""

from itertools import product
from types import SimpleNamespace

import psycopg
import pytest

from escrow.oversight.finding_terms import STEPS, FindingStatus
from tests.finding import Market, Payer, paid_out, watched
from tests.releasing import refused_by
from tests.withdrawing import BUILDER, BUILDER_ACCOUNT, funded, people_of, site_of

ROLES = ["app", "owner"]
DECIDE = "UPDATE finding SET status = '{status}', decided_by = {by}, decided_at = now(), reason = '{reason}'"
INSERT = """
INSERT INTO finding (kind, key, subject, said, detail, withdrawal_ids, payee_ids, receipt_ids, law, status,
                     decided_by, decided_at, reason)
VALUES ('one-id', 'x', 'x', 'x', '{{}}', '{withdrawals}', '{payees}', '{receipts}', '{{}}', '{status}',
        {by}, {at}, {reason})
"""
OPEN = {"withdrawals": "{}", "payees": "{}", "receipts": "{}", "status": "open", "by": "NULL", "at": "NULL",
        "reason": "NULL"}  # fmt: skip


def scene_of(house, app):
    """One round trip, entered by the second officer of the whitelist's (往返资金一件)."""
    people = people_of(house)
    site = funded(site_of(house, people))
    paid_out(site, "100000.00", days_ago=3, who=people.third)
    Market(site.estate).bought(0, Payer(BUILDER, BUILDER_ACCOUNT))
    assert watched(house) == 2
    return SimpleNamespace(people=people)


def refused(house, constraint, statement, role="app", before=""):
    """The statement is refused, after another that is not; nothing stays."""
    with house.connect(role) as connection:
        if before:
            connection.execute(before)
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(statement)
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    denied = isinstance(caught.value, psycopg.errors.InsufficientPrivilege) and role == "app"
    assert denied or refused_by(caught) == constraint, caught.value


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("DELETE FROM finding", "written_once"),
        ("TRUNCATE finding", "written_once"),
        ("DELETE FROM watched_receipt", "written_once"),
        ("TRUNCATE watched_receipt", "written_once"),
        ("UPDATE finding SET detail = '{}'", "finding_steps"),
        ("UPDATE finding SET withdrawal_ids = '{}'", "finding_steps"),
        ("UPDATE finding SET key = key || '1'", "finding_steps"),
        ("UPDATE finding SET raised_at = now()", "finding_steps"),
        ("UPDATE finding SET status = 'cleared'", "ck_finding_decided_by_someone"),
        ("UPDATE finding SET status = 'cleared', decided_by = 3", "ck_finding_with_reason"),
        (DECIDE.format(status="cleared", by=3, reason="  "), "ck_finding_reason"),
        (DECIDE.format(status="done", by=3, reason="x"), "finding_steps"),
        (DECIDE.format(status="cleared", by=999, reason="x"), "fk_finding_decided_by"),
        ("UPDATE watched_receipt SET pays_for_buyer = true", "watched_once"),
        ("UPDATE watched_receipt SET pays_for_buyer = NULL", "watched_once"),
        ("UPDATE watched_receipt SET account_index = 'x'", "watched_once"),
        ("INSERT INTO watched_receipt VALUES (999, 'x', 'x', true)", "fk_watched_receipt_receipt_id"),
    ],
)
def test_what_was_noticed_stays_as_it_was(stage, role, statement, constraint):
    """提示与查看记录不可删、不可改；决定须有人、有理由、走有的步骤。"""
    refused(stage.house, constraint, statement, role)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"status": "cleared", "by": "3", "at": "now()", "reason": "'x'"}, "finding_steps"),
        ({"withdrawals": "{999}"}, "finding_steps"),
        ({"payees": "{999}"}, "finding_steps"),
        ({"receipts": "{999}"}, "finding_steps"),
        ({"receipts": "{NULL}"}, "finding_steps"),
        ({"by": "3"}, "ck_finding_decided_by_someone"),
        ({"reason": "'x'"}, "ck_finding_with_reason"),
    ],
)
def test_a_finding_begins_open_and_about_what_is_there(stage, changes, constraint):
    """写入的提示只能是待核查的，所涉用款、收款人、入账须真有其事。"""
    refused(stage.house, constraint, INSERT.format(**{**OPEN, **changes}))


def test_the_same_thing_is_noticed_once(house):
    """同一标识的提示，库里只有一条。"""
    with house.connect("app") as connection:
        connection.execute(INSERT.format(**OPEN))
    refused(house, "uq_finding_key", INSERT.format(**OPEN))


def test_who_entered_the_payment_does_not_decide(house, people):
    """所涉用款的录入人、所涉收款人的录入人，直接写库也不能决定；别人可以，时间由数据库记。"""
    for kind, who in (("round-trip", people.third), ("payee-pays", people.cashier)):
        one = f" WHERE kind = '{kind}'"
        said = DECIDE.format(status="cleared", by=who, reason="x")
        refused(house, "finding_other_officer", said + one)
        with house.connect("app") as connection:
            other = DECIDE.format(status="cleared", by=people.reviewer, reason="x")
            connection.execute(other.replace("now()", "'2001-01-01'") + one)
            query = f"SELECT clock_timestamp() - decided_at < interval '1 minute' FROM finding {one}"
            assert connection.execute(query).fetchone() == (True,)


@pytest.mark.parametrize("edge", [e for e in product(FindingStatus, FindingStatus) if e not in STEPS])
def test_no_other_step_is_taken(stage, edge):
    """状态表之外的每一条边，数据库都拒绝：决定只有一次，不能收回。"""
    (before, after), people = edge, stage.made.people
    decided = DECIDE.format(status=before, by=people.reviewer, reason="x")
    by = "NULL" if after is FindingStatus.OPEN else people.second
    refused(
        stage.house, "finding_steps", DECIDE.format(status=after, by=by, reason="y"),
        before="" if before is FindingStatus.OPEN else decided,
    )  # fmt: skip
