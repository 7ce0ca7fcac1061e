"""勾对：按流水号、金额与日期、通知书号；剩下的逐件是差异；银行自行付出即停户，差异未了不付款。"""

import itertools
import re
import time
from contextlib import ExitStack
from datetime import timedelta
from itertools import pairwise
from threading import Thread
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from config.clock import bureau_day
from escrow.errors import Refused
from escrow.statements import matching
from escrow.statements.matching import match
from escrow.supervision.suspensions import causes
from ledger.money import Yuan
from tests.desk import hire, sit_down
from tests.estate import Estate, officers, pay, sold, standing
from tests.stating import Day, Told, held, kinds, paid_in, teller
from tests.withdrawing import Site, force, listed

PAYEE = "6222021410009876543"
YESTERDAY = bureau_day() - timedelta(days=1)
_serials = itertools.count(1)


# 一号楼额度一分，其余为一般资金。
scene_of = standing(quotas={"1": "0.01"})


@pytest.fixture
def bank(app: Any) -> Any:
    return teller(app)


SITES: dict[str, Site] = {}


def ordered(estate: Estate, amount: str = "60.00") -> str:
    """一件已核准的用款签发的拨付通知书。"""
    if estate.house.name not in SITES:
        names = ("cashier", "reviewer", "second")
        ids = officers(estate.house, *(f"site-{name}" for name in names))
        SITES[estate.house.name] = listed(estate, SimpleNamespace(**dict(zip(names, ids, strict=True))))
    site = SITES[estate.house.name]
    issuer = officers(estate.house, f"issuer{next(_serials)}")[0]
    return site.issue(site.approved(amount), issuer).numbers[0]


def test_a_day_that_agrees_is_matched(bank: Any, estate: Estate) -> None:
    """逐笔相符：按流水号勾对，没有差异；再报同一文件，结果不变。"""
    lines = tuple(Told(*paid_in(estate)) for _ in range(3))
    answer = bank(Day(estate.account_no, lines))

    assert (answer["status"], answer["matched"], answer["differences"]) == ("matched", 3, [])
    assert bank(Day(estate.account_no, lines)) == answer
    assert held(estate, "SELECT DISTINCT how, class FROM statement_match") == [("serial", "matched")]


def test_another_serial_is_matched_by_amount_and_day(bank: Any, estate: Estate) -> None:
    """流水号不同而金额、日期、方向相同的，一一配对。"""
    for _ in range(2):
        paid_in(estate)
    answer = bank(Day(estate.account_no, (Told("X1", 10000), Told("X2", 10000))))
    assert (answer["status"], answer["matched"]) == ("matched", 2)
    assert held(estate, "SELECT DISTINCT how FROM statement_match") == [("amount",)]


def test_a_notice_in_the_memo_matches_what_serial_and_amount_do_not(bank: Any, estate: Estate) -> None:
    """摘要写有通知书号的，认得是哪一笔；金额不同即金额不符。"""
    _, (notice,) = sold(estate)
    pay(estate, notice)
    answer = bank(Day(estate.account_no, (Told("X1", 9000, memo=f"购房款 {notice} 王"),)))
    assert kinds(answer) == [("amount-differs", "open")]
    [found] = answer["differences"]
    assert (found["amount"], found["ledger_amount"]) == ("90.00", "100.00")
    assert answer["status"] == "differences"


def test_a_credit_only_the_bank_knows_is_an_unmatched_receipt(bank: Any, estate: Estate) -> None:
    """银行有、账簿无的收款：补记为不明入账，账实相符；迟到的入账通知认得是同一笔，不再入账。"""
    answer = bank(Day(estate.account_no, (Told("U1", 12345),)), camt=True)

    assert (answer["status"], answer["matched"]) == ("matched", 1)
    assert kinds(answer) == [("bank-only", "closed")]
    assert "不明入账 RZ" in answer["differences"][0]["message"]
    quota = {("8201", f"building:{estate.buildings['1']}"): "0.01", ("8199", ""): "0.01"}
    assert estate.held() == {("1101", ""): "123.45", ("2101", ""): "123.45"} | quota
    [receipt] = bank.call("GET", "/deposits?bank_serial=U1").json["items"]
    assert (receipt["status"], receipt["amount"]) == ("unmatched", "123.45")
    late = bank.call("POST", "/deposits", {
        "bank_serial": "U1", "account_no": estate.account_no, "amount": "123.45",
        "value_date": bureau_day().isoformat(), "booked_at": f"{bureau_day()}T10:12:03+08:00",
        "notice_no": None, "payer_name": "王秀英", "payer_account": "1", "channel": "pos", "memo": None,
    })  # fmt: skip
    assert (late.status_code, late.json["status"]) == (200, "unmatched")
    assert estate.held()["1101", ""] == "123.45"


def test_a_released_account_takes_no_credit_by_statement(bank: Any, estate: Estate) -> None:
    """已解除监管、待划付的账户，银行另有来款：不补记，成为差异待查明，对账单照收、照勾对完，不是系统错误。"""
    known = Told(*paid_in(estate))
    force(estate.house, "UPDATE supervised_account SET status = 'releasing'")
    answer = bank(Day(estate.account_no, (known, Told("U9", 500))))
    assert (answer["status"], kinds(answer)) == ("differences", [("bank-only", "open")])
    assert estate.held()["1101", ""] == "100.00"


def test_what_fails_while_a_bank_waits_is_left_to_the_bell(bank: Any, estate: Estate) -> None:
    """当场没能勾对（如数据库正忙）：对账单已收，如实答复；下一拍再勾对。"""
    day = Day(estate.account_no, (Told(*paid_in(estate)),))
    with patch.object(matching, "_match", side_effect=OperationalError("", {}, psycopg.Error())):
        assert bank(day)["status"] == "received"
    assert match(estate.house.database, estate.house.settings, estate.account_id)
    assert bank(day)["status"] == "matched"


def test_a_debit_without_an_order_stops_the_account(bank: Any, estate: Estate) -> None:
    """银行自行付出：当次即成差异，账户暂停，告知银行；恢复之后差异未了仍不付款，换谁写库也不行。"""
    deposit = Told(*paid_in(estate))
    answer = bank(Day(estate.account_no, (deposit, Told("OUT", 3000, "debit"))))

    assert kinds(answer) == [("bank-only", "open")]
    with estate.begin() as session:
        assert "没有本局指令" in causes(session, estate.account_id)[0]
    assert held(estate, "SELECT status FROM supervised_account") == [("suspended",)]
    told = "SELECT data->>'differences' FROM outbox_event WHERE type = 'statement.differences'"
    assert held(estate, told) == [("1",)]
    match(estate.house.database, estate.house.settings, estate.account_id)
    assert held(estate, "SELECT count(*) FROM account_suspension") == [(1,)]
    reopen(estate)
    with pytest.raises(Refused) as refused:
        ordered(estate)
    [said] = refused.value.refusals
    assert (said.code, bool(said.citation)) == ("account-unreconciled", True)
    differ = pytest.raises(psycopg.Error, match="bank and book differ")
    with estate.house.connect("owner") as connection, differ:
        connection.execute("INSERT INTO instruction_counter VALUES (2026, 1)")
        connection.execute(
            "INSERT INTO instruction (instruction_no, kind, account_id, building_id, amount, key_amount,"
            " payee_name_sealed, payee_name_masked, payee_account_sealed, payee_account_masked, payee_bank,"
            " purpose, source_code, source_key, issued_by, expires_on, status) SELECT 'ZL2026000001',"
            " 'release', id, NULL, 1, 0, 'x', 'x', 'x', 'x', 'x', 'x', '2501', 'x', 1, now(), 'issued'"
            " FROM supervised_account"
        )


def reopen(estate: Estate) -> None:
    with estate.house.connect("owner") as connection:
        connection.execute("UPDATE account_suspension SET asked_by = 1, reason = '已查'")
        connection.execute("UPDATE account_suspension SET reopened_by = 2, reopened_at = now()")
        connection.execute("UPDATE supervised_account SET status = 'active'")


def test_what_the_book_has_and_the_bank_has_not(bank: Any, estate: Estate) -> None:
    """账簿有、银行无：列为差异；次日对账单补上的，自行了结，时点之差。"""
    yesterday = Day(estate.account_no, day=YESTERDAY)
    serial, fen = paid_in(estate)
    first = bank(Day(estate.account_no))
    assert kinds(first) == [("ledger-only", "open")]
    second = bank(Day(estate.account_no, (Told(serial, fen),)))
    assert (second["version"], second["status"]) == (2, "matched")
    assert bank(yesterday)["status"] == "matched"
    assert held(estate, "SELECT status, closed_how, live FROM statement_difference") == [
        ("closed", "superseded", False)
    ]


def test_a_later_statement_explains_what_was_late(bank: Any, estate: Estate) -> None:
    """昨日入账、今日对账单才列的：昨日的差异由今日的对账单了结。"""
    serial, fen = paid_in(estate)
    with estate.house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"UPDATE ledger.journal_entry SET effective_on = '{YESTERDAY}' WHERE memo = ''")
        connection.execute(f"UPDATE receipt SET value_date = '{YESTERDAY}'")
    assert kinds(bank(Day(estate.account_no, day=YESTERDAY))) == [("ledger-only", "open")]
    today = bank(Day(estate.account_no, (Told(serial, fen, value_date=YESTERDAY),)))
    assert today["status"] == "matched"
    assert held(estate, "SELECT status, closed_how FROM statement_difference") == [("closed", "matched")]
    assert held(estate, "SELECT DISTINCT status FROM statement") == [("matched",)]


def test_the_same_serial_twice_is_a_duplicate(bank: Any, estate: Estate) -> None:
    """同一流水号列了两次：后一次是重复，不补记入账；付款重复的停户。"""
    serial, fen = paid_in(estate)
    answer = bank(Day(estate.account_no, (Told(serial, fen), Told(serial, fen))))
    assert kinds(answer) == [("duplicate", "open")]
    assert answer["matched"] == 1
    assert estate.held()["1101", ""] == "100.00"


def test_another_value_date_is_told_and_stops_nothing(bank: Any, estate: Estate) -> None:
    """起息日不符：列明差异，不是钱的差异，不停付。"""
    serial, fen = paid_in(estate)
    answer = bank(Day(estate.account_no, (Told(serial, fen, value_date=YESTERDAY),)))
    assert kinds(answer) == [("date-differs", "open")]
    ordered(estate)


def test_a_missing_day_is_seen_and_heals_when_it_comes(bank: Any, estate: Estate) -> None:
    """期初与上一份期末接不上：说明缺了一天；那一天补来即自行了结，其间的入账不会误判。"""
    serial, fen = paid_in(estate)
    with estate.house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"UPDATE ledger.journal_entry SET effective_on = '{YESTERDAY}' WHERE memo = ''")
        connection.execute(f"UPDATE receipt SET value_date = '{YESTERDAY}'")
    before = YESTERDAY - timedelta(days=1)
    assert bank(Day(estate.account_no, day=before))["status"] == "matched"
    gap = bank(Day(estate.account_no, opening=fen))
    assert [(one["kind"], one["amount"]) for one in gap["differences"]] == [("balance-differs", "100.00")]
    filled = bank(Day(estate.account_no, (Told(serial, fen, value_date=YESTERDAY),), day=YESTERDAY))
    assert filled["status"] == "matched"
    assert held(estate, "SELECT DISTINCT status FROM statement") == [("matched",)]


def test_a_statement_answers_an_order_nobody_answered(bank: Any, estate: Estate) -> None:
    """银行付了却没有报结果：对账单写明指令号、金额、收款账号相符的，即作为结果；不符的停户。"""
    deposit = Told(*paid_in(estate))
    number = ordered(estate)
    out = Told("P1", 6000, "debit", account_no=PAYEE, memo=f"{number} 进度款")
    answer = bank(Day(estate.account_no, (deposit, out)))
    assert (answer["status"], answer["matched"]) == ("matched", 2)
    assert bank.call("GET", f"/instructions/{number}").json["status"] == "paid"
    other = ordered(estate, "10.00")
    wrong = Told("P2", 1000, "debit", account_no="99999999", memo=other)
    answer = bank(Day(estate.account_no, (deposit, out, wrong)))
    assert kinds(answer) == [("bank-only", "open")]
    assert bank.call("GET", f"/instructions/{other}").json["status"] == "issued"
    assert held(estate, "SELECT status FROM supervised_account") == [("suspended",)]


def test_a_late_answer_settles_the_break(bank: Any, estate: Estate) -> None:
    """对账单上没有写指令号的付款先成差异；没有新情况不再勾对，银行补报结果后即勾对，差异自行了结。"""
    deposit = Told(*paid_in(estate))
    number = ordered(estate)
    told = Day(estate.account_no, (deposit, Told("P1", 6000, "debit", account_no=PAYEE)))
    assert kinds(bank(told)) == [("bank-only", "open")]
    paid = bank.call("POST", f"/instructions/{number}/results", {
        "outcome": "paid", "bank_serial": "P1", "amount": "60.00", "payee_account": PAYEE,
        "value_date": bureau_day().isoformat(), "reason": None,
    })  # fmt: skip
    assert paid.status_code == 201, paid.text
    with bank.app.app_context():
        from escrow.tasks import match_differences

        match_differences()
    assert bank(told)["status"] == "matched"


def test_many_credits_are_booked_in_one_go(bank: Any, estate: Estate) -> None:
    """一天数千笔不明收款，在后台成批补记，分文不差。"""
    many = tuple(Told(f"M{n:05d}", n) for n in range(1, 2502))
    first = bank(Day(estate.account_no, many))
    assert first["status"] == "received"
    with bank.app.app_context():
        from escrow.tasks import match_statements

        match_statements()
    answer = bank(Day(estate.account_no, many))
    assert (answer["status"], answer["matched"], answer["differences_total"]) == ("matched", 2501, 2501)
    assert estate.held()["2101", ""] == str(Yuan.from_fen(sum(range(1, 2502))))


@pytest.mark.parametrize("how", matching._PASSES)
def test_lines_and_movements_are_never_compared_each_with_every_other(estate: Estate, how: str) -> None:
    """十万笔都已入账的一天：各步勾对按值归并，不逐笔与逐笔相比（曾两分钟未完）。"""
    with estate.begin() as session:
        query = text(f"EXPLAIN {matching._PASSES[how]}")
        plan = session.scalars(query, {"account": estate.account_id, "how": how}).all()
    assert any("Function Scan on lines_to_match" in step for step in plan)
    assert not any("Nested Loop" in step for step in plan)


def test_bells_that_ring_together_leave_one_matcher_at_work(bank: Any, estate: Estate) -> None:
    """数千笔还没补记完，铃又响了几次：只有一处在勾对，谁也不把别处正在补记的一笔当成差异。"""
    many = tuple(Told(f"M{n:05d}", n) for n in range(1, 4002))
    assert bank(Day(estate.account_no, many))["status"] == "received"
    house, done = estate.house, list[bool]()
    workers = [
        Thread(target=lambda: done.append(match(house.database, house.settings, estate.account_id)))
        for _ in range(3)
    ]
    for worker in workers:
        worker.start()
        time.sleep(0.3)
    for worker in workers:
        worker.join()
    assert sorted(done) == [False, False, True]
    assert held(estate, "SELECT count(*) FROM statement_difference") == [(0,)]
    assert held(estate, "SELECT status, matched FROM statement") == [("matched", 4001)]


def waiting_for_a_row(house: Any, *, at_least: int) -> None:
    query = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with house.connect("superuser", autocommit=True) as connection:
        while connection.execute(query).rowcount < at_least:
            time.sleep(0.01)


def test_whoever_is_sent_away_has_a_matcher_behind_him(bank: Any, estate: Estate) -> None:
    """勾对途中一份接一份地来：来人都被请走，正在勾对的人一份不落地勾完，不留到下一拍。"""
    bank(Day(estate.account_no))
    house, come = estate.house, "UPDATE statement SET status = 'received'"
    row = f"SELECT FROM supervised_account WHERE id = {estate.account_id} FOR UPDATE"
    at_work = Thread(target=match, args=(house.database, house.settings, estate.account_id))
    with ExitStack() as held_up:
        holders = [held_up.enter_context(house.connect("superuser")) for _ in range(4)]
        holders[0].execute(row)
        force(house, come)
        at_work.start()
        for holder, following in pairwise(holders):
            waiting_for_a_row(house, at_least=1)
            force(house, come)
            assert not match(house.database, house.settings, estate.account_id)
            behind = Thread(target=following.execute, args=(row,))
            behind.start()
            waiting_for_a_row(house, at_least=2)
            holder.rollback()
            behind.join()
    at_work.join()
    assert held(estate, "SELECT status FROM statement") == [("matched",)]


ATTACKS = [
    "INSERT INTO statement_match (statement_id, line_no, account_id, entry_id, how, class)"
    " SELECT statement_id, line_no, account_id, (SELECT entry_id FROM receipt LIMIT 1), 'serial', 'matched'"
    " FROM statement_line WHERE bank_serial = 'OUT'",
    "UPDATE statement_match SET live = false",
    "UPDATE statement_match SET class = 'date-differs'",
    "DELETE FROM statement_match",
    "UPDATE statement_difference SET delta = 0",
    "UPDATE statement_difference SET status = 'closed', closed_how = 'matched', closed_at = now()",
    "UPDATE statement_difference SET status = 'closed', closed_how = 'superseded', closed_at = now()",
    "UPDATE statement_difference SET status = 'closed', closed_how = 'entries', closed_at = now(), cause ="
    " 'error', note = 'x', asked_by = 1, decided_by = 2",
    "UPDATE statement_difference SET asked_by = 1, decided_by = 1, cause = 'error', note = 'x'",
    "UPDATE statement_difference SET live = false",
    "INSERT INTO difference_entry SELECT d.id, r.entry_id FROM statement_difference d, receipt r",
    "DELETE FROM statement_difference",
    "UPDATE statement SET status = 'matching'; UPDATE statement SET status = 'matched'",
]


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_difference_does_not_go_away_by_writing(bank: Any, estate: Estate, role: str, attack: str) -> None:
    """勾对与差异不能靠改库消失：没有凭证解释，谁也了结不了。"""
    bank(Day(estate.account_no, (Told(*paid_in(estate)), Told("OUT", 3000, "debit"))))
    with pytest.raises(psycopg.Error), estate.house.connect(role) as connection:
        connection.execute(attack)
    assert held(estate, "SELECT status, delta FROM statement_difference") == [("open", -3000)]


def test_an_officer_sees_what_differs(bank: Any, estate: Estate) -> None:
    """页面列出差异与勾对依据。"""
    answer = bank(Day(estate.account_no, (Told(*paid_in(estate)), Told("OUT", 3000, "debit"), Told("U1", 5))))
    seat = sit_down(bank.app, hire(estate.house.database, estate.house.settings, "yuan", "cashier"))
    page = seat.get(f"/statements/{answer['statement_no']}").text
    assert re.search("银行自行付出.*流水号.*补记不明入账", page, re.S)
