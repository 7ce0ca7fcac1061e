"""What PostgreSQL itself holds of checks and filings, whoever is connected."""

from types import SimpleNamespace

import psycopg
import pytest

from tests.estate import build, officers
from tests.sale import Passed, Sale, sell
from tests.sale import passed as passes


def scene_of(house, app):
    """One project under supervision, nothing sold yet (尚未销售的项目)."""
    return SimpleNamespace(estate=build(house, officers(house, "clerk", "reviewer")))


@pytest.fixture
def sale(estate) -> Sale:
    """A contract whose earnest money and down payment are due."""
    return sell(estate)


@pytest.fixture
def passed(sale) -> Passed:
    """A contract with a living PASS."""
    return passes(sale)


FILE = (
    "INSERT INTO contract_filing (contract_id, contract_version, filing_no, check_id, decision, filed_on)"
    " SELECT contract_id, contract_version{version}, 'BA-X', id, '{decision}',"
    " (coalesce(valid_until, now()) AT TIME ZONE 'Asia/Shanghai')::date{days}"
    " FROM deposit_check WHERE decision = '{of}'"
)
PASS = (
    "INSERT INTO deposit_check (check_no, contract_no, contract_id, contract_version, decision, required,"
    " deposited, checked_at, valid_until, answer, law)"
    " SELECT 'HD-X', contract_no, contract_id, contract_version, 'pass', required, {deposited}, checked_at,"
    " valid_until, answer, law FROM deposit_check WHERE decision = 'pass'"
)

COUNT = (
    "INSERT INTO deposit_check_receipt (check_id, receipt_id, contract_id, amount)"
    " SELECT c.id, s.receipt_id, {contract}.contract_id, s.amount{more}"
    " FROM deposit_check c, receipt_allocation s WHERE c.decision = 'fail'"
)


def filed_by(version="", decision="pass", days="", of="pass"):
    return FILE.format(version=version, decision=decision, days=days, of=of)


@pytest.fixture(scope="module")
def checked(struck):
    """One contract that passed and another that failed, where nothing that is tried stays (已有核对)."""
    passes(sell(struck.estate))
    sell(struck.estate, unit=1).check()
    return struck.estate.house


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize(
    ("attack", "guard"),
    [
        pytest.param(filed_by(decision="fail", of="fail"), "ck_contract_filing_needs_pass", id="凭未通过备案"),
        pytest.param(filed_by(of="fail"), "fk_contract_filing_check_id", id="冒充通过备案"),
        pytest.param(filed_by(version=" + 1"), "not drafted in this version", id="换版本备案"),
        pytest.param(filed_by(days=" + 1"), "the check is of another day", id="隔日备案"),
        pytest.param("UPDATE contract SET status = 'filed'", "has no filing", id="直接改已备案"),
        pytest.param(PASS.format(deposited="deposited"), "its standing receipts are 0", id="凭空通过"),
        pytest.param(PASS.format(deposited="required - 1"), "ck_deposit_check_pass_is_whole", id="不足也通过"),
        pytest.param(COUNT.format(contract="s", more=" + 1"), "is not allocated with", id="虚增入账"),
        pytest.param(COUNT.format(contract="c", more=""), "is not allocated with", id="借用别人的入账"),
        pytest.param(
            "INSERT INTO receipt_allocation (receipt_id, notice_id, contract_id, amount)"
            " SELECT s.receipt_id, n.id, n.contract_id, 1 FROM receipt_allocation s, payment_notice n"
            " WHERE n.contract_id <> s.contract_id LIMIT 1", "neither its booking nor a confirmed", id="一笔两用",
        ),
    ],
)  # fmt: skip
def test_the_database_itself_refuses(checked, role, attack, guard):
    """绕过程序直接写库，数据库自己也不许，应用与属主都一样。"""
    with checked.connect(role) as connection, pytest.raises(psycopg.DatabaseError, match=guard):
        connection.execute(attack)
        connection.commit()


@pytest.mark.parametrize("table", ["deposit_check", "deposit_check_receipt", "contract_filing"])
def test_checks_and_filings_are_written_once(estate, passed, table):
    """核对与备案写下即不可改、不可删、不可清空，属主也不行。"""
    passed.sale.file(passed.check_no)
    column = "check_id" if table != "deposit_check" else "id"

    for attack in (
        f"UPDATE {table} SET {column} = {column} + 1",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
    ):
        with estate.house.connect("owner") as connection, pytest.raises(psycopg.DatabaseError) as refusal:
            connection.execute(attack)
        assert refusal.value.diag.constraint_name == "written_once"


def test_the_database_refuses_a_filing_whose_receipt_is_reversed(estate, passed):
    """绕过程序备案，所凭入账已冲正，数据库不许；账户暂停的也不许。"""
    attack = (
        "INSERT INTO contract_filing (contract_id, contract_version, filing_no, check_id, decision, filed_on)"
        " SELECT contract_id, contract_version, 'BA-X', id, 'pass', (valid_until AT TIME ZONE"
        " 'Asia/Shanghai')::date FROM deposit_check WHERE decision = 'pass'"
    )
    passed.sale.reverse(passed.receipts[1])
    with estate.house.connect("app") as connection, pytest.raises(Exception, match="reversed"):
        connection.execute(attack)
    with estate.house.connect("owner") as connection:
        connection.execute("UPDATE supervised_account SET status = 'suspended'")
        connection.commit()
        with pytest.raises(Exception, match="filed: a receipt"):
            connection.execute(attack)


def test_a_pass_cannot_be_written_over_a_receipt_reversed_meanwhile(estate, passed):
    """核对正要写下通过，所列入账恰被冲正：数据库不许写，整个核对从头再来。"""
    copied = (
        PASS.format(deposited="deposited") + " RETURNING id",
        "INSERT INTO deposit_check_receipt SELECT max(check_id) OVER () + 1, receipt_id, contract_id, amount"
        " FROM deposit_check_receipt",
    )
    with estate.house.connect("app") as connection, pytest.raises(psycopg.errors.SerializationFailure):
        for statement in copied:
            connection.execute(statement)
        passed.sale.reverse(passed.receipts[0])
        connection.commit()
