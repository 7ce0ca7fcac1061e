"""起息日的下限：入账不早于账户启用，冲正不早于所冲入账，结果不早于指令签发；对账单与期初照其原日。"""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from config.clock import bureau_day
from tests.estate import Estate, build, officers, pay, sold
from tests.opening import asked, booked, estate_of, people_of, rows_of, uploaded
from tests.releasing import refused_by
from tests.sale import row
from tests.stating import Day, Told, held, teller
from tests.town import Town, found
from tests.withdrawing import listed

TODAY = bureau_day()
DAY = timedelta(days=1)
# The agreements of the tests were signed so many days ago.
SIGNED = TODAY - 300 * DAY


@pytest.fixture
def town(house: Any, client: Any) -> Town:
    """一座小城，一个监管中的项目。"""
    return found(house, client, units=4)


def wrong_field(answer: Any) -> list[str]:
    """422 指明的栏目。"""
    assert answer.status_code == 422, answer.text
    return [error["field"] for error in answer.json["errors"]]


def money(town: Town) -> Any:
    return row(town.estate, "SELECT count(*) AS receipts, max(id) AS last FROM receipt")


def test_money_is_not_older_than_its_account(town: Town) -> None:
    """协议签订之日起息的可以入账，早一天的指明起息日不符，什么也不留；迟到而不早于启用的照收，起息日照旧。"""
    for day, status in ((SIGNED - DAY, 422), (date(2000, 1, 1), 422), (SIGNED, 201), (TODAY - DAY, 201)):
        before = money(town)
        answer = town.call("bank", "POST", "/deposits", town.deposit("1.00", None, value_date=str(day)))
        assert answer.status_code == status, answer.text
        if status == 422:
            assert wrong_field(answer) == ["value_date"] and str(SIGNED) in answer.text
            assert money(town) == before
    assert row(town.estate, "SELECT min(value_date) AS day FROM receipt").day == SIGNED


def test_a_reversal_is_not_older_than_what_it_reverses(town: Town) -> None:
    """冲正的起息日早于所冲入账一天不行，同日可以。"""
    receipt = town.pay("100.00", None, value_date=str(TODAY - DAY))
    early = town.take_back(receipt, value_date=str(TODAY - 2 * DAY))
    assert wrong_field(early) == ["value_date"]
    assert town.take_back(receipt, value_date=str(TODAY - DAY)).status_code == 201


@pytest.fixture
def bank(app: Any) -> Any:
    return teller(app)


@pytest.fixture
def estate(house: Any) -> Estate:
    return build(house, officers(house, "liuli", "wangyi"))


def ordered(house: Any) -> tuple[Estate, str]:
    """一件签发了的拨付通知书。"""
    estate = build(house, officers(house, "liuli", "wangyi"), quotas={"1": "50.00"})
    names = ("cashier", "reviewer", "second", "issuer")
    site = listed(estate, SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True))))
    _, (notice,) = sold(estate)
    pay(estate, notice)
    return estate, site.issue(site.approved("10.00")).numbers[0]


def test_a_result_is_not_older_than_its_order(house: Any, bank: Any) -> None:
    """银行结果的起息日早于指令签发日的不收，指明起息日；签发当日的照收；对账单里更早的付款仍是差异，不算结果。"""
    estate, number = ordered(house)
    payee = bank.call("GET", f"/instructions/{number}").json["payee_account"]
    said = {
        "outcome": "paid", "bank_serial": "F1", "amount": "10.00", "payee_account": payee,
        "value_date": str(TODAY - DAY),
    }  # fmt: skip
    assert wrong_field(bank.call("POST", f"/instructions/{number}/results", said)) == ["value_date"]
    early = Told("F9", 1000, "debit", value_date=TODAY - DAY, account_no=payee, memo=number)
    bank(Day(estate.account_no, (Told("B0", 1000, value_date=TODAY - DAY), early), day=TODAY - DAY))
    assert bank.call("GET", f"/instructions/{number}").json["status"] == "issued"
    late = bank.call("POST", f"/instructions/{number}/results", {**said, "value_date": str(TODAY)})
    assert late.status_code == 201 and late.json["status"] == "paid"


def test_what_the_banks_own_book_says_is_booked_as_it_says(bank: Any, estate: Estate) -> None:
    """对账单里起息日早于启用日的入账照补记为待认领，起息日照银行所载。"""
    old = Told("OLD", 10000, value_date=SIGNED - DAY)
    bank(Day(estate.account_no, (old,), day=TODAY - DAY))
    assert held(estate, "SELECT value_date FROM receipt WHERE bank_serial = 'OLD'") == [(SIGNED - DAY,)]


def test_after_an_opening_only_what_came_since(house: Any, client: Any) -> None:
    """期初余额已含余额日期以前的款项：早于余额日期的入账不收，当日与以后的照收。"""
    people = people_of(house)
    town = found(house, client)
    estate = estate_of(house, people)
    as_of = TODAY - 10 * DAY
    rows = [one | ({"备案日期": "2026-03-01"} if one.get("备案日期") else {}) for one in rows_of(estate)]
    number = uploaded(estate, asked(estate, rows, as_of=as_of), people.cashier)
    booked(estate, number, people.reviewer)
    for day, status in ((as_of - DAY, 422), (as_of, 201), (TODAY, 201)):
        body = town.deposit("1.00", None, account_no=estate.account_no, value_date=str(day))
        assert town.call("bank", "POST", "/deposits", body).status_code == status
    opened = "SELECT opened_on FROM supervised_account WHERE account_no = :no"
    assert row(estate, opened, no=estate.account_no).opened_on == as_of


BOOKED = """
INSERT INTO receipt (receipt_no, account_id, bank_code, bank_serial, amount, value_date, bank_booked_at,
                     payer_name_sealed, payer_name_masked, payer_account_sealed, payer_account_masked,
                     channel, entry_id, booked_at)
SELECT 'RZ-X', account_id, bank_code, 'X', amount, %(day)s, bank_booked_at, payer_name_sealed,
       payer_name_masked, payer_account_sealed, payer_account_masked, channel, entry_id, booked_at
  FROM receipt LIMIT 1
"""
REVERSED = """
INSERT INTO receipt_reversal (receipt_id, bank_code, bank_serial, amount, value_date, reason, entry_id)
SELECT id, bank_code, 'X', amount, %(day)s, '试', entry_id FROM receipt LIMIT 1
"""


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize(
    ("statement", "day", "constraint"),
    [
        (BOOKED, SIGNED - DAY, "receipt_dated"),
        (BOOKED, SIGNED, "uq_receipt_entry_id"),
        (REVERSED, TODAY - DAY, "reversal_dated"),
        ("UPDATE supervised_account SET opened_on = %(day)s", SIGNED - DAY, "account_opened_on"),
        ("UPDATE supervised_account SET opened_on = %(day)s", TODAY, "account_opened_on"),
    ],
)
def test_no_older_date_in_plain_sql(
    estate: Estate, statement: str, day: date, constraint: str, role: str
) -> None:
    """纯 SQL 也不许：早于启用日的入账、早于入账的冲正、改写启用日，应用角色与库主一样。"""
    pay(estate, None)
    with estate.house.connect(role) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement, {"day": day})
    assert refused_by(refused) == constraint


def test_no_older_result_in_plain_sql(house: Any) -> None:
    """纯 SQL 写入早于签发日的银行结果，数据库不收。"""
    _, number = ordered(house)
    statement = """
        INSERT INTO instruction_result (instruction_id, outcome, bank_code, bank_serial, amount,
                                        payee_account_masked, value_date, verdict)
        SELECT id, 'unknown', 'ABC', 'X', amount, '****', current_date - 2, 'nothing' FROM instruction
         WHERE instruction_no = %s"""
    with house.connect() as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement, (number,))
    assert refused_by(refused) == "result_dated"
