"""数据库拒绝的，程序先说明理由与依据：一笔流水只入账一次、已签发的钱不再划走、没有一户承担的不受理。"""


import psycopg
import pytest

from config.clock import bureau_day
from escrow.fund_income import actions as income
from escrow.fund_income.rules import IncomeKind
from escrow.houses import actions, deciding
from escrow.maintenance.batches import register_units
from escrow.maintenance.models import House
from ledger.money import Yuan
from tests.estate import build
from tests.fund.advancing import OWNER, founded, paid, people_of, refused
from tests.fund.fund_estate import build_fund, empty_fund
from tests.fund.opening_files import booked, handed, home
from tests.fund.ordering import due, ordered
from tests.fund.test_houses import paper
from tests.fund.test_income_sharing import slip
from tests.fund.using import entered, town
from tests.releasing import refused_by
from tests.sale import row

TODAY = bureau_day()


@pytest.fixture
def low(house):
    """一户余额不足的老房屋。"""
    fund = empty_fund(house)
    said = {**home(0), "余额": "1000.00"}
    booked(fund, handed(fund, [said]))
    return fund, said["不动产单元代码"]


def renew(fund, code, serial):
    made = fund.do(lambda s: actions.enter_renewal(
        s, code, paper(serial), Yuan("100.00"), TODAY, officer_id=fund.officers[0]))
    fund.do(lambda s: deciding.confirm(s, code, made, officer_id=fund.officers[1]))


def earn(fund, serial, **more):
    asked = slip(fund, IncomeKind.INTEREST, "5.00", TODAY, serial=serial, **more)
    made = fund.do(lambda s: income.enter(s, asked, officer_id=fund.officers[0]))
    fund.do(lambda s: income.book(s, made, officer_id=fund.officers[1], fund_id=fund.fund_id))


def test_a_line_of_the_bank_is_booked_once_in_whichever_room(low):
    """续交录入之后银行又报送同一流水：先入账的算数，后来的说明理由；交存、续交、利息两两如此。"""
    fund, code = low
    waits = fund.do(lambda s: actions.enter_renewal(
        s, code, paper("L1"), Yuan("100.00"), TODAY, officer_id=fund.officers[0]))
    paid(fund, amount="100.00", bank_serial="L1", payer=OWNER)
    assert refused(fund.do, lambda s: deciding.confirm(s, code, waits, officer_id=fund.officers[1])) == [
        "serial-used"
    ]
    assert refused(earn, fund, "L1") == ["serial-used"]
    fund.do(lambda s: deciding.reject(s, code, waits, "银行已报送", officer_id=fund.officers[1]))
    renew(fund, code, "L2")
    assert refused(paid, fund, amount="100.00", bank_serial="L2") == ["serial-used"]
    assert refused(earn, fund, "L2") == ["serial-used"]
    earn(fund, "L3")
    assert refused(renew, fund, code, "L3") == ["serial-used"]
    assert refused(paid, fund, amount="5.00", bank_serial="L3") == ["serial-used"]
    assert refused(earn, fund, "L3") == ["serial-used"]


def test_the_database_books_a_line_once(low):
    """直接写库：流水登记由数据库自己写，应用改不了；同一流水再入一次，提交不了。"""
    fund, _ = low
    paid(fund, amount="100.00", bank_serial="L1", payer=OWNER)
    for attack in ("DELETE FROM fund_bank_line", "INSERT INTO fund_bank_line VALUES (1, 'x', 'income')"):
        with pytest.raises(psycopg.Error), fund.house.connect() as connection:
            connection.execute(attack)
    with pytest.raises(psycopg.errors.CheckViolation) as found, fund.house.connect("owner") as connection:
        connection.execute(
            "INSERT INTO fund_income (fund_account_id, kind, nature, amount, bank_serial,"
            " value_date, paper_no, file_hash, status, entered_by)"
            " SELECT fund_account_id, 'interest', 'commodity', 1, 'L1', value_date,"
            " 'x', repeat('a', 64), 'entered', 1 FROM fund_receipt"
        )
        connection.execute(
            "UPDATE fund_income SET status = 'booked', decided_by = 2, decided_at = now(), law = '{}',"
            " entry_id = (SELECT max(entry_id) FROM fund_receipt)"
        )
    assert refused_by(found) == "fund_line_once"


def test_interest_is_said_of_bonds_alone(house):
    """国债利息只随国债兑付填写；别的种类填了，说明理由而不是出错页。"""
    fund = build_fund(house)
    assert refused(earn, fund, "L1", interest=Yuan("1.00")) == ["no-interest"]


def test_what_is_ordered_is_not_moved_to_the_bonds_account(house):
    """专户的钱已签发退款指令、银行未答：不得划去买国债，否则银行付出之后账上不够。"""
    people = people_of(house)
    estate = build(house, [people.clerk, people.reviewer], buildings=1, units=1, advanced=False)
    fund = founded(estate, people)
    ordered(fund, due(fund, people, estate), people.cashier)
    asked = slip(fund, IncomeKind.TO_BONDS, "0.01", TODAY)
    assert refused(fund.do, lambda s: income.enter(s, asked, officer_id=people.clerk)) == ["not-covered"]
    paid(fund, amount="0.01", payer=OWNER)
    assert fund.do(lambda s: income.enter(s, asked, officer_id=people.clerk))


def test_a_use_no_house_pays_a_fen_of_is_not_taken(house):
    """预算一分钱落在未售户上，分户账一分不出：不予受理，说明理由。"""
    estate = town(house, units=3, unsold=1)
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE house SET area = 900 WHERE id = %s", (estate.ids[2],))
    assert refused(entered, estate, "0.01") == ["nothing-from-fund"]


def test_an_old_house_that_later_enters_the_register_is_built_already(house):
    """老房屋已有分户账，楼盘表后来又报了同一编码：建账批次列为已建，不再建一次。"""
    people = people_of(house)
    estate = build(house, [people.clerk, people.reviewer], buildings=1, units=1, advanced=False)
    old = build_fund(house, buildings=1, units=1)
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE house SET unit_id = NULL, unit_code = %s", (estate.unit_codes[0],))
    with house.database.read() as session:
        project = row(estate, "SELECT id FROM project WHERE project_no = :no", no=estate.project_no)
        assert [one.built for one in register_units(session, project.id)] == [True]
        assert session.query(House).count() == 1 and old.ids
