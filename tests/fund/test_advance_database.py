"""交存与归还在库里的规矩：绕过程序直接写库，无凭证、超应缴、别户、冒用凭证、再收一次、合同已注销，都被拒绝。"""

from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from escrow.contracts.cancelling import CancellationAsked, cancel
from tests.estate import build, new_number, sold
from tests.fund.advancing import DUE, founded, paid, people_of
from tests.releasing import refused_by

DEPOSIT = (
    "INSERT INTO house_deposit (house_id, payer_kind, is_advance, amount, due, contract_id, receipt_id,"
    " entry_id, paid_on)"
    " SELECT {house}, 'developer', true, {amount}, {due}, {contract}, id, {entry}, value_date"
    " FROM fund_receipt ORDER BY id LIMIT 1"
)
RECEIPT = (
    "INSERT INTO fund_receipt (receipt_no, fund_account_id, bank_code, bank_serial, amount, value_date,"
    " payer_kind, payer_name_sealed, payer_name_masked, entry_id)"
    " SELECT 'WX1', fund_account_id, bank_code, 'X', {amount}, value_date, 'developer', 'x', 'x', {entry}"
    " FROM fund_receipt ORDER BY id LIMIT 1"
)
REPAID = (
    "INSERT INTO advance_repayment (house_id, contract_id, amount, repaid_on, evidence_no, origin, status,"
    " entry_id, law)"
    " SELECT {house}, {contract}, {amount}, CURRENT_DATE, 'X', 'filing', 'confirmed', {entry}, '{{}}'"
)
# A fresh entry of the fund's book that moves one amount from one account to another.
POST = (
    "SELECT entry_id FROM ledger.post_entries(ARRAY[{book}]::bigint[], '{{T}}', ARRAY['T:' || random()],"
    " '{{NULL}}', ARRAY[CURRENT_DATE], '{{\"\"}}', '{{NULL}}', '{{NULL}}', '{{1}}', '{{1}}',"
    " ARRAY[{debit}]::bigint[], ARRAY[{credit}]::bigint[], ARRAY[{amount}]::bigint[])"
)


def scene_of(house, app):
    people = people_of(house)
    estate = build(house, [people.clerk, people.reviewer], buildings=1, units=3, advanced=False)
    for _ in range(2):
        sold(estate)
    fund = founded(estate, people)
    one, two, three = estate.unit_codes
    paid(fund, (one, DUE), (two, "6000.00"))
    ids = {"one": fund.houses[one], "two": fund.houses[two], "three": fund.houses[three]}
    with house.connect("superuser") as connection:
        rows = connection.execute("SELECT id FROM contract ORDER BY id").fetchall()
        ids["sold"], ids["other"] = [number for (number,) in rows]
        [(ids["entry"],)] = connection.execute("SELECT entry_id FROM fund_receipt").fetchall()
    return SimpleNamespace(estate=estate, fund=fund, house=house, people=people, ids=ids)


@pytest.fixture
def place(scene):
    return scene


def account(place, code, key=""):
    with place.house.connect("superuser") as connection:
        [(found,)] = connection.execute(
            "SELECT ledger.open_account(%s, %s, %s,"
            " CASE WHEN %s ~ '^(1|9101|5)' THEN 'debit' ELSE 'credit' END,"
            " CASE WHEN %s ~ '^[34]' THEN NULL ELSE 0 END)", (place.fund.book_id, code, key, code, code)
        ).fetchall()  # fmt: skip
        return found


def refused(place, *statements, role="owner"):
    with pytest.raises(psycopg.Error) as caught, place.house.connect(role) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return refused_by(caught)


def posted(place, debit, credit, amount):
    return POST.format(book=place.fund.book_id, debit=debit, credit=credit, amount=amount)


LAST = "(SELECT max(id) FROM ledger.journal_entry)"


def test_a_deposit_without_its_own_booking_is_refused(place):
    """冒用他笔凭证记交存、记别户合同、超过应缴、再记一次：都不准。"""
    ids = place.ids
    took = {"amount": 100, "due": 691200, "contract": ids["sold"], "entry": ids["entry"]}
    unsold = DEPOSIT.format(house=ids["three"], **{**took, "contract": "NULL"})
    assert refused(place, unsold) == "fund_receipt_whole"
    assert refused(place, DEPOSIT.format(house=ids["three"], **took)) == "house_deposit_stands"
    again = DEPOSIT.format(house=ids["one"], **took)
    assert refused(place, again) in ("uq_house_deposit_entry_id_house_id", "house_deposit_stands")
    bank, house = account(place, "100101"), account(place, "400101", f"house:{ids['one']}")
    over = DEPOSIT.format(house=ids["one"], **{**took, "entry": LAST})
    assert refused(place, posted(place, bank, house, 100), over) == "house_deposit_stands"


def test_a_banks_line_is_what_its_entry_moved(place):
    """入账金额与凭证不符、各户与凭证不符、事后添改另列款：都不准。"""
    bank, house = account(place, "100101"), account(place, "400101", f"house:{place.ids['three']}")
    entry = posted(place, bank, house, 500)
    assert refused(place, entry, RECEIPT.format(amount=500, entry=LAST)) == "fund_receipt_whole"
    apart = (
        "INSERT INTO apart_money (receipt_id, aside, amount, remainder, code, message, citation)"
        " SELECT id, 'overpaid', 1, 1, 'x', 'x', 'x' FROM fund_receipt"
    )
    assert refused(place, apart) == "fund_receipt_whole"
    for statement in (
        "UPDATE fund_receipt SET amount = 1", "DELETE FROM house_deposit",
        "UPDATE house_deposit SET is_advance = false", "TRUNCATE fund_receipt_line",
    ):  # fmt: skip
        assert refused(place, statement) != ""


def test_no_line_comes_before_the_books_begin(place):
    """起息日早于专户开立的入账，直接写库也不准：旧日子的标准、没有钱的日子都不算数。"""
    bank, house = account(place, "100101"), account(place, "400101", f"house:{place.ids['three']}")
    early = RECEIPT.format(amount=500, entry=LAST).replace(" 500, value_date,", " 500, value_date - 1,")
    assert refused(place, posted(place, bank, house, 500), early) == "fund_receipt_day"


def test_the_first_deposit_is_not_called_whole_before_it_is(place):
    """未缴足的不得写为已缴足；已定的首期应缴不得改。"""
    ids = place.ids
    whole = (
        "UPDATE house SET first_due = {}, first_due_on = CURRENT_DATE, first_due_standard = '1',"
        " first_due_citation = 'x' WHERE id = {}"
    )
    assert refused(place, whole.format(600001, ids["two"])) == "first_due_stands"
    assert refused(place, whole.format(1, ids["three"])) == "first_due_stands"
    assert refused(place, whole.format(1, ids["one"])) == "house_steps"


@pytest.mark.parametrize(
    ("home", "contract", "amount", "moved", "guard"),
    [
        pytest.param("one", "sold", 691201, 691201, "ck_house_balance_owed", id="多收一分"),
        pytest.param("one", "sold", 691200, 1, "advance_repayment_stands", id="凭证只记一分"),
        pytest.param("one", "other", 100, 100, "advance_repayment_stands", id="别户合同"),
        pytest.param("three", "sold", 100, 100, "advance_repayment_stands", id="未代缴的户"),
    ],
)
def test_a_repayment_is_of_its_house_and_within_the_advance(place, home, contract, amount, moved, guard):
    """多收、凭证不符、别户合同、未代缴的户：库里都不许。"""
    ids = place.ids
    key = f"house:{ids['one']}"
    entry = posted(place, account(place, "9199"), account(place, "9101", key), moved)
    said = REPAID.format(house=ids[home], contract=ids[contract], amount=amount, entry=LAST)
    assert refused(place, entry, said) in (guard, "ck_balance_floor")


def test_a_repayment_for_a_cancelled_contract_is_refused_by_the_database(place):
    """合同注销之后，直接写库登记归还也不准。"""
    asked = CancellationAsked(new_number("ZX"), bureau_day(), "退房")
    place.estate.do(lambda session: cancel(session, place.estate.sold[0], asked))
    entry = posted(place, account(place, "9199"), account(place, "9101", f"house:{place.ids['one']}"), 100)
    said = REPAID.format(house=place.ids["one"], contract=place.ids["sold"], amount=100, entry=LAST)
    assert refused(place, entry, said) == "advance_repayment_stands"


def test_the_application_cannot_write_what_is_left_apart(place):
    """另列余额只由库里的规矩维护，应用无权改写。"""
    with pytest.raises(psycopg.errors.InsufficientPrivilege), place.house.connect("app") as connection:
        connection.execute("UPDATE apart_money SET remainder = 0")
