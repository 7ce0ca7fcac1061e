"""What PostgreSQL itself refuses of refunds, whoever is connected (数据库层面的退款约束)."""

from itertools import product

import psycopg
import pytest

from config.clock import bureau_day
from escrow import chart
from escrow.refunds.actions import AskedPart
from escrow.refunds.rules import STEPS, RefundStatus
from ledger.money import Yuan
from tests.estate import new_number
from tests.refunding import all_gone, estate_of
from tests.releasing import refused_by
from tests.sale import row, sell

ROLES = ["app", "owner"]
APPROVE = """
UPDATE refund SET status = 'approved', decided_by = %(who)s, decided_at = clock_timestamp(), law = '{}',
       ready_on = (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date + %(days)s::integer,
       hold_entry_id = %(entry)s
"""
# As an enemy with a superuser's hand would set the stage: what no door and no role of ours can do.
FORCED = """
SET session_replication_role = replica;
UPDATE refund SET status = '{status}', reviewed_by = {reviewed}, reviewed_at = {at},
       decided_by = {decided}, decided_at = {done}, ready_on = {ready}, reason = {reason}, law = {law},
       hold_entry_id = {hold}, due_entry_id = {due}, revoke_entry_id = {revoke}, revoked_by = {revoker};
SET session_replication_role = origin;
"""


scene_of = all_gone


def run(house, statement, values=None, role="app"):
    with house.connect(role) as connection:
        connection.execute(statement, values)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


def refused(house, constraint, statement, values=None, role="app"):
    with pytest.raises(psycopg.Error) as caught:
        run(house, statement, values, role)
    denied = isinstance(caught.value, psycopg.errors.InsufficientPrivilege) and role == "app"
    assert denied or refused_by(caught) == constraint, caught.value


def hold(gone, amount="300000.00", refund=1):
    """P15 posted by itself."""
    key = chart.refund_key(gone.estate.buildings["1"], refund)
    return gone.estate.move(chart.MEMO_CONTRA, chart.REFUND_HOLD, amount, key=key).id


def approve(house, gone, who, constraint, *, days=0, **changed):
    values = {"who": who, "days": days, "entry": changed.get("entry") or hold(gone)}
    if constraint is None:
        return run(house, APPROVE, values)
    return refused(house, constraint, APPROVE, values)


@pytest.fixture(scope="module")
def asked_for(struck):
    """A house with a refund entered, where nothing that is tried stays (已录入一件退款)."""
    struck.gone.entered(struck.people.cashier)
    return struck.estate.house


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE refund SET amount = amount + 1", "refund_steps"),
        ("UPDATE refund SET entered_by = entered_by + 1", "refund_steps"),
        ("UPDATE refund SET status = 'reviewed', reviewed_by = 2, reviewed_at = now(), amount = 1",
         "refund_steps"),
        ("UPDATE refund SET status = 'reviewed', reviewed_by = 2, reviewed_at = now()",
         "refund_levels"),
        ("DELETE FROM refund", "written_once"),
        ("TRUNCATE refund CASCADE", "written_once"),
        ("UPDATE refund_part SET amount = 1", "written_once"),
        ("DELETE FROM refund_part", "written_once"),
        ("INSERT INTO refund_paper VALUES (1, 'x', repeat('a', 64))", "refund_whole"),
    ],
)  # fmt: skip
def test_what_is_entered_is_not_changed_by_hand(asked_for, statement, constraint, role):
    """录入的退款与明细不得绕过业务改写、删除、补充，应用角色与库主一样。"""
    refused(asked_for, constraint, statement, role=role)


def test_who_entered_cannot_approve_in_plain_sql(house, gone, people):
    """纯 SQL 也不能由录入人核准；另一人可以。"""
    gone.entered(people.cashier)
    entry = hold(gone)
    approve(house, gone, people.cashier, "ck_refund_another_decides", entry=entry)
    approve(house, gone, people.reviewer, None, entry=entry)


def test_the_hold_is_exactly_the_refund(house, gone, people):
    """核准须有凭证，凭证占用的金额须恰为退款金额。"""
    gone.entered(people.cashier)
    approve(house, gone, people.reviewer, "refund_follows_ledger", entry=hold(gone, "299999.99"))
    key = chart.building_key(gone.estate.buildings["1"])
    other = gone.estate.move(chart.MEMO_CONTRA, chart.WITHDRAWAL_HOLD, "300000.00", key=f"{key}:withdrawal:1")
    approve(house, gone, people.reviewer, "refund_follows_ledger", entry=other.id)


def test_more_held_than_paid_is_refused_in_plain_sql(house, gone, people):
    """各件退款的占用合计超过合同已缴，数据库不许核准。"""
    gone.entered(people.cashier)
    gone.entered(people.cashier, AskedPart(gone.receipts[0], Yuan("1.00")))
    hold(gone, "700000.01", refund=2)
    values = {"who": people.reviewer, "days": 0, "entry": hold(gone)}
    refused(house, "refund_stands", APPROVE + " WHERE id = 1", values)


def test_a_suspended_account_approves_nothing_in_plain_sql(house, gone, people):
    """账户暂停时纯 SQL 也不能核准。"""
    gone.entered(people.cashier)
    entry = hold(gone)
    run(house, "UPDATE supervised_account SET status = 'suspended'", role="owner")
    approve(house, gone, people.reviewer, "refund_stands", entry=entry)


def test_another_payee_cannot_skip_its_second_level_or_its_day(house, gone, people):
    """改退他人：纯 SQL 也不能跳过二级复核，不能当日签发。"""
    gone.elsewhere(people.cashier)
    entry = hold(gone)
    approve(house, gone, people.reviewer, "ck_refund_another_needs_second_level", entry=entry, days=1)
    review = "UPDATE refund SET status = 'reviewed', reviewed_by = %s, reviewed_at = now()"
    refused(house, "ck_refund_two_officers", review, (people.cashier,))
    run(house, review, (people.reviewer,))
    approve(house, gone, people.reviewer, "ck_refund_another_decides", entry=entry, days=1)
    approve(house, gone, people.second, "refund_stands", entry=entry, days=0)
    approve(house, gone, people.second, None, entry=entry, days=1)


PART = """
INSERT INTO refund_part (refund_id, contract_id, receipt_id, source, amount, to_original, payee_name_sealed,
                         payee_name_masked, payee_account_sealed, payee_account_masked, payee_bank)
SELECT f.id, f.contract_id, r.id, 'own', {amount}, {original}, r.payer_name_sealed, 'x', {account},
       r.payer_account_masked, 'x' FROM refund f, receipt r WHERE r.receipt_no = '{receipt}'
"""


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"account": "'\\x01'"}, "refund_part_stands"),
        ({"amount": "5000001"}, "refund_within_receipt"),
        ({"receipt": 2}, "refund_part_stands"),
        ({"amount": "100"}, "refund_whole"),
        ({"original": "false", "account": "'\\x01'", "amount": "100"}, "refund_whole"),
    ],
)
def test_a_part_goes_to_its_payer_and_within_its_receipt(house, gone, people, changed, constraint):
    """说是原路退回的，账号须与入账一致；不超过入账；贷款不冒充自有；录入之后不得添加明细。"""
    gone.entered(people.cashier)
    said = {"amount": "100", "original": "true", "account": "r.payer_account_sealed", "receipt": 0} | changed
    said["receipt"] = gone.receipts[said["receipt"]]
    refused(house, constraint, PART.format(**said))


def test_every_illegal_step_is_refused(house, gone, people):
    """状态表之外的每一步，数据库都不许；先由超级用户布置每种现状，再逐一尝试。"""
    gone.entered(people.cashier)
    held = hold(gone)
    illegal = [pair for pair in product(RefundStatus, RefundStatus) if pair not in STEPS]
    assert len(illegal) == len(RefundStatus) ** 2 - len(STEPS)
    for before, to in illegal:
        with house.connect("superuser") as connection:
            connection.execute(forced(before, people, held))
        with pytest.raises(psycopg.errors.CheckViolation) as caught, house.connect("owner") as connection:
            connection.execute("UPDATE refund SET status = %s", (to.value,))
        assert refused_by(caught) == "refund_steps", (before, to)


def forced(status, people, held):
    """A refund as it would stand in this status."""
    approved = status in ("approved", "due", "issued", "revoked")
    done = approved or status == "rejected"
    said = {
        "status": status.value, "reviewed": "NULL", "at": "NULL",
        "decided": people.second if done else "NULL", "done": "now()" if done else "NULL",
        "ready": "current_date" if approved else "NULL", "law": "'{}'" if approved else "NULL",
        "hold": held if approved else "NULL", "due": held if status in ("due", "issued") else "NULL",
        "reason": "'x'" if status in ("rejected", "revoked") else "NULL",
        "revoke": held if status == "revoked" else "NULL",
        "revoker": people.third if status == "revoked" else "NULL",
    }  # fmt: skip
    if status == "reviewed":
        said |= {"reviewed": "NULL", "at": "NULL"}
    return FORCED.format(**said)


def test_a_refund_is_of_a_cancelled_contract_in_plain_sql(house, people):
    """未注销合同的退款可由 SQL 录入，但不能核准。"""
    estate = estate_of(house, people)
    sale = sell(estate)
    receipt = sale.pay_due()[1]["receipt_no"]
    made = row(estate, "SELECT c.id AS contract, c.project_id, u.building_id FROM contract c"
               " JOIN unit u ON u.id = c.unit_id WHERE c.status = 'drafted'")  # fmt: skip
    with house.connect() as connection:
        connection.execute(
            "INSERT INTO refund (refund_no, contract_id, account_id, building_id, application_no, applied_on,"
            " file_hash, other_payee, amount, status, entered_by)"
            " VALUES ('TK-x', %s, %s, %s, 'x', %s, repeat('b', 64), false, 30000000, 'entered', %s)",
            (made.contract, estate.account_id, made.building_id, bureau_day(), people.cashier),
        )
        connection.execute(
            PART.format(amount=30000000, original="true", account="r.payer_account_sealed", receipt=receipt)
        )
        connection.commit()
    key = chart.refund_key(made.building_id, 1)
    entry = estate.move(chart.MEMO_CONTRA, chart.REFUND_HOLD, "300000.00", key=key).id
    refused(house, "refund_stands", APPROVE, {"who": people.reviewer, "days": 0, "entry": entry})


def test_a_home_that_is_registered_keeps_its_filing_in_plain_sql(house, people):
    """房屋已转移登记的，纯 SQL 也不能撤销备案。"""
    estate = estate_of(house, people)
    sale = sell(estate)
    sale.pay_due()
    sale.file(sale.check().check_no)
    estate.register("1")
    with house.connect("owner") as connection:
        connection.execute(
            "INSERT INTO transfer_registration (unit_id, client_id, event_id, certificate_no, registered_on,"
            " owner_name_sealed, owner_name_masked, owner_id_no_sealed, owner_id_no_masked,"
            " owner_id_no_index) SELECT unit_id, 'x', %s, 'x', %s, 'x', 'x', 'x', 'x', 'x'"
            " FROM contract WHERE status = 'filed'", (new_number("E"), bureau_day()),
        )  # fmt: skip
        with pytest.raises(psycopg.errors.CheckViolation) as caught:
            connection.execute("UPDATE contract SET status = 'cancelled' WHERE status = 'filed'")
    assert refused_by(caught) == "registered_sale_stands"
