"""冲正时账内已无款：差额记应收银行更正款（1301），逐笔挂在那笔冲正名下；账上清了才解除“冲正未了”，不早不晚。"""

import json
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import text

from config.clock import bureau_day
from escrow import chart
from escrow.claims.actions import SettleAsked, settle
from escrow.deposits.reversals import Reversal, take_back
from escrow.filing.actions import Asked, check
from escrow.release.facts import known
from ledger.money import Yuan
from tests.claiming import confirmed, evidence, people_of, refused, rejected
from tests.estate import build, new_number, pay, sold
from tests.releasing import refused_by
from tests.sale import row


def scene_of(house, app):
    """两幢：一号幢卖两套，二号幢的钱撑着银行户头。"""
    people = people_of(house)
    found = build(house, [people.clerk, people.reviewer])
    found.put("2", "1000.00")
    return SimpleNamespace(people=people, estate=found)


def reversed_short(estate, missing="60.00"):
    """A contract whose paid 100 the bank takes back when the building has less (冲正时已无款)."""
    contract_no, [notice] = sold(estate)
    receipt = pay(estate, notice)
    estate.take(chart.KEY_FUNDS, missing, debit_key=chart.building_key(estate.buildings["1"]))
    reverse(estate, receipt)
    return contract_no, notice, receipt


def reverse(estate, receipt):
    said = Reversal(receipt["receipt_no"], new_number("C"), Yuan("100.00"), bureau_day(), "串户")
    return estate.do(lambda session: take_back(session, said, "ABC"))


def key(estate, receipt):
    found = row(estate, "SELECT id FROM receipt WHERE receipt_no = :n", n=receipt["receipt_no"])
    return chart.receivable_key(found.id)


def asked(estate, receipt, of, amount):
    return SettleAsked(receipt["receipt_no"], evidence("银行更正到账"), Yuan(amount), of)


def settled(estate, people, receipt, of, amount):
    what = asked(estate, receipt, of, amount)
    told = estate.house.settings
    entry = estate.do(lambda session: settle(session, what, told, officer_id=people.cashier))
    confirmed(estate, entry, people.reviewer)
    return entry


def reasons(estate, contract_no):
    query = (
        "SELECT c.price, u.unit_code FROM contract c JOIN unit u ON u.id = c.unit_id WHERE contract_no = :n"
    )
    found = row(estate, query, n=contract_no)
    what = Asked(new_number("WQ"), contract_no, found.unit_code, Yuan.from_fen(found.price))
    answer = estate.do(lambda session: check(session, what, "filing"))
    return [one["code"] for one in json.loads(answer.text)["reasons"]]


def pending(estate):
    with estate.house.database.read() as session:
        return known(session, estate.account_id).facts.pending_reversals


def test_it_blocks_until_the_books_are_clear_and_not_a_fen_earlier(estate, people):
    """还差一分，核对仍答冲正未了；清零的那一刻即解除；买受人补缴不能代替银行更正。"""
    contract_no, notice, receipt = reversed_short(estate)
    of = key(estate, receipt)
    assert estate.held()["1301", of] == "60.00"
    pay(estate, notice)
    assert reasons(estate, contract_no) == ["reversal-pending"]
    assert pending(estate) == (receipt["receipt_no"],)
    settled(estate, people, pay(estate, None, "59.99"), of, "59.99")
    assert estate.held()["1301", of] == "0.01"
    assert reasons(estate, contract_no) == ["reversal-pending"]
    settled(estate, people, pay(estate, None, "5.00"), of, "0.01")
    assert ("1301", of) not in estate.held() and estate.held()["2101", ""] == "4.99"
    assert reasons(estate, contract_no) == [] and pending(estate) == ()


def test_each_reversal_is_worked_off_by_itself(estate, people):
    """两笔冲正各挂各的：先清的一笔解除它的合同，另一笔照旧；别的银行少款不牵连已清的合同。"""
    one, first_notice, first = reversed_short(estate, "60.00")
    other, second_notice, second = reversed_short(estate, "100.00")
    for notice in (first_notice, second_notice):
        pay(estate, notice)
    settled(estate, people, pay(estate, None, "60.00"), key(estate, first), "60.00")
    assert reasons(estate, one) == [] and reasons(estate, other) == ["reversal-pending"]
    estate.without_papers()
    estate.move(chart.BANK_ERROR_RECEIVABLE, chart.DEPOSITS_AT_BANK, "3.00")
    assert reasons(estate, one) == []
    assert pending(estate) == (second["receipt_no"],)


def test_it_is_settled_by_two_and_never_beyond_what_is_owed(estate, people):
    """一人录入、另一人确认；不超过所欠，不超过这笔入账尚待认领的；没有欠款的不能冲；退回的不动账。"""
    _, _, receipt = reversed_short(estate)
    of, money, told = key(estate, receipt), pay(estate, None, "70.00"), estate.house.settings

    def codes(of_key, amount, who=people.cashier):
        what = asked(estate, money, of_key, amount)
        return refused(estate.do, lambda session: settle(session, what, told, officer_id=who))

    assert codes(of, "60.01") == ["over-receivable"]
    assert codes(of, "70.01") == ["over-remainder", "over-receivable"]
    assert codes("", "1.00") == ["no-receivable"]
    assert codes("receipt:999", "1.00") == ["no-receivable"]
    what = asked(estate, money, of, "60.00")
    entry = estate.do(lambda session: settle(session, what, told, officer_id=people.cashier))
    assert refused(confirmed, estate, entry, people.cashier) == ["same-officer"]
    rejected(estate, entry, people.reviewer)
    assert estate.held()["1301", of] == "60.00"
    settled(estate, people, money, of, "60.00")
    assert codes(of, "1.00") == ["no-receivable"]
    assert estate.held()["2101", ""] == "10.00"


def test_the_correction_itself_is_not_taken_back_or_counted_again(estate, people):
    """已冲抵的更正款：银行再来冲正即拒；余额不能再认领；同一冲正重报不变。"""
    _, _, receipt = reversed_short(estate)
    money = pay(estate, None, "100.00")
    settled(estate, people, money, key(estate, receipt), "60.00")
    assert refused(reverse, estate, money) == ["receipt-returned"]
    with estate.house.database.read() as session:
        left = text("SELECT remainder FROM unmatched_receipt ORDER BY receipt_id DESC LIMIT 1")
        assert session.scalar(left) == 4000


def test_a_shortage_of_the_bank_is_settled_the_same_way(estate, people):
    """对账查出的银行少款（不属于哪笔冲正），更正款到账后同样两人冲抵。"""
    estate.without_papers()
    estate.move(chart.BANK_ERROR_RECEIVABLE, chart.DEPOSITS_AT_BANK, "3.00")
    settled(estate, people, pay(estate, None, "3.00"), "", "3.00")
    assert not [key for key in estate.held() if key[0] == "1301"]


@pytest.mark.parametrize("role", ["app", "owner"])
def test_a_filing_waits_for_it_in_plain_sql(house, estate, people, role):
    """冲正未了的合同，纯 SQL 也备不了案；数字由账上来，不由人填。"""
    contract_no, notice, _ = reversed_short(estate)
    pay(estate, notice)
    assert reasons(estate, contract_no) == ["reversal-pending"]
    with pytest.raises(psycopg.Error) as caught, house.connect(role) as connection:
        connection.execute(
            "INSERT INTO contract_filing (contract_id, check_id, contract_version, filing_no, filed_on)"
            " SELECT c.id, d.id, c.version, 'BA-x', current_date FROM contract c, deposit_check d LIMIT 1"
        )
    assert refused_by(caught) == "filing_reversals_settled"


@pytest.mark.parametrize("role", ["app", "owner"])
def test_what_a_reversal_leaves_owed_is_what_its_entry_says(house, estate, role):
    """差额由凭证来：纯 SQL 写的冲正，所称差额与凭证记入 1301 的不符即拒。"""
    _, [notice] = sold(estate)
    pay(estate, notice)
    with pytest.raises(psycopg.Error) as caught, house.connect(role) as connection:
        connection.execute(
            "INSERT INTO receipt_reversal (receipt_id, bank_code, bank_serial, amount, value_date, reason,"
            " uncovered, entry_id) SELECT r.id, r.bank_code, 'C-x', r.amount, r.value_date, 'x', r.amount,"
            " r.entry_id FROM receipt r LIMIT 1"
        )
        connection.execute("SET CONSTRAINTS reversal_follows_ledger IMMEDIATE")
    assert refused_by(caught) == "reversal_follows_ledger"


def test_a_settling_that_says_something_else_is_refused_by_the_database(house, estate, people):
    """纯 SQL：冲抵的凭证须恰好从 2101 转入所写的那一笔 1301，金额、去向有一处不符即拒。"""
    _, _, receipt = reversed_short(estate)
    money, told = pay(estate, None, "60.00"), estate.house.settings
    what = asked(estate, money, key(estate, receipt), "60.00")
    entry = estate.do(lambda session: settle(session, what, told, officer_id=people.cashier))
    moved = estate.move(chart.UNMATCHED, chart.BANK_ERROR_RECEIVABLE, "1.00", key=key(estate, receipt))
    with pytest.raises(psycopg.Error) as caught, house.connect() as connection:
        connection.execute(
            "UPDATE receipt_claim SET status = 'confirmed', decided_by = %s, decided_at = now(), law = '{}',"
            " entry_id = %s WHERE id = %s", (people.reviewer, moved.id, entry),
        )  # fmt: skip
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert refused_by(caught) == "receipt_claim_whole"
