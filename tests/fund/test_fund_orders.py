"""维修资金付款指令：决定之后另一人签发，银行答复之前不记一分；重复、迟到、颠倒、不符的答复，都不多付不少记。"""

from datetime import timedelta

import psycopg
import pytest

from config.clock import now
from escrow.errors import NotFound
from escrow.fund_orders import return_accounts
from escrow.fund_orders.issuing import ask_cancel, cancel
from escrow.fund_orders.results import ask_about, overdue
from escrow.fund_orders.return_accounts import AccountAsked
from escrow.fund_orders.suspending import ask_reopen, reopen
from escrow.maintenance import chart
from tests.estate import officers
from tests.fund.advancing import DUE, held, refused, unpaid
from tests.fund.ordering import answers, due, evidence, ordered
from tests.sale import row, together

scene_of = unpaid()


@pytest.fixture
def decided(fund, people, estate):
    return due(fund, people, estate)


def stands(estate, number):
    return row(estate, "SELECT status FROM fund_order WHERE instruction_no = :number", number=number).status


def decision(estate):
    return row(estate, "SELECT status FROM apart_decision ORDER BY id DESC LIMIT 1").status


def test_nothing_is_booked_before_the_bank_has_paid(estate, fund, people, decided):
    """签发之后账上一分不动；银行答复已付，方记银行存款减少；应退就此了结，各级余额相符。"""
    before = held(fund)
    number = ordered(fund, decided, people.cashier)
    assert held(fund) == before and stands(estate, number) == "issued"
    assert answers(fund, number, "paid")["status"] == "paid"
    assert held(fund) == {} and decision(estate) == "returned"
    kept = row(estate, "SELECT law, source FROM fund_order")
    assert kept.source == f"apart:{decided}"
    assert kept.law["provisions"]["fund_order_once"]["citation"] == "本局设定（待补依据）"
    assert fund.disagreements() == []


def test_whoever_decided_does_not_issue_and_one_debt_is_ordered_once(estate, fund, people, decided):
    """决定的人不签发；同一笔应退只签发一件，付清之后也不能再签发。"""
    assert refused(ordered, fund, decided, people.reviewer) == ["same-officer"]
    number = ordered(fund, decided, people.cashier)
    assert refused(ordered, fund, decided, people.cashier) == ["already-ordered", "over-cash"]
    answers(fund, number, "paid")
    assert refused(ordered, fund, decided, people.cashier) == ["not-due"]


def test_two_who_issue_at_once_issue_one(estate, fund, people, decided):
    """两人同时签发同一笔，只成一件，号码不断。"""
    second = officers(fund.house, "second-cashier")[0]
    told = together([
        lambda: ordered(fund, decided, people.cashier), lambda: ordered(fund, decided, second)
    ])  # fmt: skip
    assert sum(isinstance(one, str) for one in told) == 1
    assert row(estate, "SELECT count(*) AS n FROM fund_order").n == 1
    assert row(estate, "SELECT last FROM instruction_counter").last == 1


def test_the_same_answer_twice_and_answers_that_come_late_change_nothing(estate, fund, people, decided):
    """已付报两遍、已付之后又报不明：什么也不变；换一个流水号再报已付，是不符。"""
    number = ordered(fund, decided, people.cashier)
    answers(fund, number, "unknown", serial="Q1")
    assert stands(estate, number) == "unknown"
    for _ in range(2):
        assert answers(fund, number, "paid", serial="B1")["status"] == "paid"
    assert answers(fund, number, "unknown")["status"] == "paid"
    assert answers(fund, number, "paid", serial="B2")["refusals"][0][0] == "result-contradicts"
    assert row(estate, "SELECT count(*) AS n FROM fund_outflow").n == 1


def test_facts_that_differ_stop_the_account_until_two_have_looked(estate, fund, people, decided):
    """金额、账号与指令不符：一分不动，专户停付；两人查清恢复之后才可再签发。"""
    number = ordered(fund, decided, people.cashier)
    found = answers(fund, number, "paid", amount="6912.01", account="6217000010000000000")
    assert [one[0] for one in found["refusals"]] == ["amount-differs", "payee-differs"]
    assert stands(estate, number) == "issued" and held(fund)["100101", ""] == DUE
    other = due(fund, people, estate)
    assert refused(ordered, fund, other, people.cashier) == ["account-suspended"]
    fund.do(lambda s: ask_reopen(s, fund.fund_id, "银行报文错误", officer_id=people.cashier))
    assert refused(fund.do, lambda s: reopen(s, fund.fund_id, officer_id=people.cashier)) == ["same-officer"]
    fund.do(lambda s: reopen(s, fund.fund_id, officer_id=people.reviewer))
    ordered(fund, other, people.cashier)


def test_what_was_not_paid_or_came_back_is_due_again(estate, fund, people, decided):
    """未付的可再签发；付出后退汇的，款回专户、复为应退，再签发再付一次为止。"""
    first = ordered(fund, decided, people.cashier)
    answers(fund, first, "failed")
    second = ordered(fund, decided, people.cashier)
    answers(fund, second, "paid")
    assert decision(estate) == "returned"
    answers(fund, second, "returned")
    assert decision(estate) == "return-due" and held(fund)["2903", f"return:{decided}"] == DUE
    third = ordered(fund, decided, people.cashier)
    answers(fund, third, "paid")
    assert held(fund) == {} and fund.disagreements() == []
    assert [int(one[-6:]) for one in (first, second, third)] == [1, 2, 3]


def test_a_return_told_before_its_payment_waits_for_it(estate, fund, people, decided):
    """退汇先于已付报来：先留存，已付到后一并入账，款仍应退。"""
    number = ordered(fund, decided, people.cashier)
    assert answers(fund, number, "returned", serial="R1")["status"] == "issued"
    assert answers(fund, number, "paid", serial="B1")["status"] == "returned"
    assert decision(estate) == "return-due" and held(fund)["100101", ""] == DUE
    assert answers(fund, number, "returned", serial="R1")["status"] == "returned"
    entries = "SELECT count(*) AS n FROM ledger.journal_entry WHERE event_group = :n"
    assert row(estate, entries, n=number).n == 2


def test_an_unanswered_order_is_unknown_and_never_sent_again(estate, fund, people, decided, monkeypatch):
    """逾时未答转为不明：不得撤销、不得再签发；银行后来说未付，才可再签发。"""
    number = ordered(fund, decided, people.cashier)
    with fund.house.database.read() as session:
        assert overdue(session) == []
        later = now() + timedelta(days=10)
        monkeypatch.setattr("escrow.fund_orders.results.now", lambda: later)
        assert overdue(session) == [number]
    assert fund.do(lambda s: ask_about(s, number)) is True
    assert fund.do(lambda s: ask_about(s, number)) is False
    who = people.cashier
    assert refused(fund.do, lambda s: ask_cancel(s, number, "重发", officer_id=who)) == ["instruction-answered"]
    assert refused(ordered, fund, decided, people.cashier)[0] == "already-ordered"
    answers(fund, number, "failed")
    ordered(fund, decided, people.cashier)


def test_an_order_is_taken_back_by_two(estate, fund, people, decided):
    """未答的指令两人撤销，款仍应退；撤销之后银行说已付，是不符，停付查清。"""
    number = ordered(fund, decided, people.cashier)
    fund.do(lambda s: ask_cancel(s, number, "账号有误", officer_id=people.cashier))
    assert refused(fund.do, lambda s: cancel(s, number, officer_id=people.cashier)) == ["same-officer"]
    fund.do(lambda s: cancel(s, number, officer_id=people.reviewer))
    assert stands(estate, number) == "cancelled"
    assert answers(fund, number, "paid")["refusals"][0][0] == "result-contradicts"
    assert held(fund)["100101", ""] == DUE


def test_another_bank_does_not_answer(estate, fund, people, decided):
    """别的银行报来的结果，查无此件。"""
    number = ordered(fund, decided, people.cashier)
    with pytest.raises(NotFound):
        answers(fund, number, "paid", bank="CCB")


# --- past the application: plain SQL ---

ORDER = (
    "INSERT INTO fund_order (instruction_no, kind, fund_account_id, nature, amount, payee_name_sealed,"
    " payee_name_masked, payee_account_sealed, payee_account_masked, payee_bank, purpose, source, decided_by,"
    " issued_by, expires_on, law, status)"
    " SELECT %(number)s, %(kind)s, fund_account_id, nature, %(amount)s, payee_name_sealed, payee_name_masked,"
    " %(account)s, payee_account_masked, payee_bank, purpose, %(source)s, %(decided_by)s, issued_by,"
    " expires_on, law, 'issued' FROM fund_order ORDER BY id LIMIT 1"
)


def attack(house, *statements):
    """What PostgreSQL says to the application's own role (直接写库)."""
    with house.connect("app") as connection, connection.transaction():
        for statement, told in statements:
            connection.execute(statement, told)


def forged(fund, people, decided, **said):
    """An order past the application, its number drawn as it should be."""
    year, last, sealed = row_of(
        fund, "SELECT year, last + 1, (SELECT payee_account_sealed FROM fund_order) FROM instruction_counter"
    )
    number = f"ZL{year}{last:06d}"
    told = {
        "number": number, "kind": "fund-return", "amount": 691200, "account": sealed,
        "source": f"apart:{decided}", "decided_by": people.reviewer, **said,
    }  # fmt: skip
    attack(
        fund.house,
        ("UPDATE instruction_counter SET last = last + 1", {}), (ORDER, told),
    )  # fmt: skip


def row_of(fund, query):
    with fund.house.connect("reader") as connection:
        return connection.execute(query).fetchone()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "uq_fund_order_source"),
        ({"source": "apart:999"}, "fund_order_stands"),
        ({"amount": 691201}, "fund_order_stands"),
        ({"account": b"another"}, "fund_order_stands"),
        ({"decided_by": 1}, "fund_order_stands"),
        ({"kind": "fund-loss"}, "fund_order_stands"),
        ({"number": "ZL2026000099"}, "instruction_number"),
    ],
)
def test_an_order_nobody_decided_is_not_written(estate, fund, people, decided, said, why):
    """直接写库签发：没有决定的、金额收款人与决定不同的、已签发的、跳号的，都写不进去。"""
    ordered(fund, decided, people.cashier)
    due(fund, people, estate)
    with pytest.raises(psycopg.errors.IntegrityError) as found:
        forged(fund, people, decided, **said)
    assert found.value.diag.constraint_name == why


def test_no_money_leaves_without_an_answer_nor_does_an_order_say_it_was_paid(estate, fund, people, decided):
    """直接写库：没有银行答复不得把指令改为已付，也不得借指令之名记出账；写定的不得改。"""
    number = ordered(fund, decided, people.cashier)
    said = {"number": number}
    for statement in (
        "UPDATE fund_order SET status = 'paid' WHERE instruction_no = %(number)s",
        "UPDATE fund_order SET status = 'returned' WHERE instruction_no = %(number)s",
        "UPDATE fund_order SET amount = 1 WHERE instruction_no = %(number)s",
        "DELETE FROM fund_order",
    ):
        with pytest.raises(psycopg.Error):
            attack(fund.house, (statement, said))
    line = (("2903", f"return:{decided}"), ("100101", ""), DUE)
    with pytest.raises(Exception, match="fund_outflow_explained"):
        fund.move(chart.MISPAID_RETURNED, line)
    with pytest.raises(Exception, match=r"fund_order_entry|fund_outflow_explained"):
        fund.move(chart.MISPAID_RETURNED, line, reference=f"fund-order:{number}:paid")
    assert stands(estate, number) == "issued"


def test_a_believed_answer_is_exactly_its_order(estate, fund, people, decided):
    """直接写库：金额不同、别行所报、没有凭证的“已付”，都不算数。"""
    number = ordered(fund, decided, people.cashier)
    result = (
        "INSERT INTO fund_order_result (order_id, outcome, bank_code, bank_serial, amount,"
        " payee_account_masked, value_date, verdict, entry_id)"
        " SELECT id, 'failed', %(bank)s, 'X1', %(amount)s, '*', current_date, 'moves', NULL FROM fund_order"
    )
    step = ("UPDATE fund_order SET status = 'failed' WHERE instruction_no = %(number)s", {"number": number})
    for bank, amount in (("CCB", 691200), ("ABC", 691201)):
        with pytest.raises(psycopg.errors.CheckViolation):
            attack(fund.house, step, (result, {"bank": bank, "amount": amount}))
    attack(fund.house, step, (result, {"bank": "ABC", "amount": 691200}))
    assert stands(estate, number) == "failed"


# --- another account of the same payee ---

OTHER = "6217000099990000002"


def renamed(fund, number, officer_id, account=OTHER):
    asked = AccountAsked(number, account, "中国银行交口支行", evidence())
    return fund.do(lambda s: return_accounts.enter(s, asked, fund.house.settings, officer_id=officer_id))


def test_what_the_bank_could_not_pay_goes_to_another_account_of_the_payee(estate, fund, people, decided):
    """账号有误付不出：未付之后两人改退，再签发的付往新账户；在途与已付的不得改，同时只有一件待确认。"""
    number = ordered(fund, decided, people.cashier)
    assert refused(renamed, fund, number, people.clerk) == ["already-ordered"]
    answers(fund, number, "failed")
    renamed(fund, number, people.clerk)
    assert refused(renamed, fund, number, people.clerk) == ["account-waiting"]
    unit = return_accounts.confirm
    assert refused(fund.do, lambda s: unit(s, number, officer_id=people.clerk)) == ["same-officer"]
    fund.do(lambda s: return_accounts.reject(s, number, "非本人账户", officer_id=people.reviewer))
    renamed(fund, number, people.clerk)
    fund.do(lambda s: unit(s, number, officer_id=people.reviewer))
    again = ordered(fund, decided, people.cashier)
    assert answers(fund, again, "failed")["refusals"][0][0] == "payee-differs"
    fund.do(lambda s: ask_reopen(s, fund.fund_id, "报文旧账号", officer_id=people.cashier))
    fund.do(lambda s: reopen(s, fund.fund_id, officer_id=people.reviewer))
    answers(fund, again, "paid", account=OTHER)
    assert held(fund) == {} and decision(estate) == "returned"
    assert refused(renamed, fund, again, people.clerk) == ["already-ordered"]


def test_nobody_writes_another_account_alone(estate, fund, people, decided):
    """直接写库：一人录入又确认、在途时改退、没有这笔应退，都写不进去。"""
    number = ordered(fund, decided, people.cashier)
    write = (
        "INSERT INTO return_account (source, payee_account_sealed, payee_account_masked, payee_bank,"
        " document_no, file_hash, note, status, entered_by)"
        " VALUES (%(source)s, 'x', 'x', 'x', 'W', repeat('b', 64), 'n', %(status)s, 1)"
    )
    for said in ({}, {"source": "apart:999"}, {"status": "confirmed"}):
        with pytest.raises(psycopg.errors.CheckViolation):
            attack(fund.house, (write, {"source": f"apart:{decided}", "status": "entered", **said}))
    answers(fund, number, "failed")
    renamed(fund, number, people.clerk)
    alone = "UPDATE return_account SET status = 'confirmed', decided_by = entered_by, law = '{}'"
    with pytest.raises(psycopg.errors.CheckViolation):
        attack(fund.house, (f"{alone}, decided_at = clock_timestamp()", {}))
