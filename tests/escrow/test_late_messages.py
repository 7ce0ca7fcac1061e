"""迟到的入账通知：对账单先记了账，银行后报的是同一笔钱：不再入账，依通知书归入合同；不符的说明对账单怎么写。"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from config.clock import bureau_day
from escrow.claims.actions import ClaimAsked, Evidence, claim, confirm
from ledger.money import Yuan
from tests.conftest import settle
from tests.estate import Estate, build, file_hash, officers, pay, sold
from tests.stating import Day, Told, held, teller
from tests.withdrawing import force

TODAY = bureau_day()


def scene_of(house: Any, app: Any) -> SimpleNamespace:
    """一号楼有额度六十元，二号楼没有；对账单先列了一笔一百元，记为不明入账。"""
    estate = build(house, officers(house, "liuli", "wangyi"), quotas={"1": "60.00"})
    _, (notice,) = sold(estate)
    assert teller(app)(Day(estate.account_no, (Told("U1", 10000),)))["status"] == "matched"
    return SimpleNamespace(estate=estate, notice=notice)


@pytest.fixture
def bank(app: Any) -> Any:
    return teller(app)


@pytest.fixture
def stated(scene: Any) -> str:
    """对账单所列那笔应归的通知书。"""
    notice: str = scene.notice
    return notice


def told(estate: Estate, notice: str | None, **changed: Any) -> dict[str, Any]:
    """银行补报的入账通知。"""
    return {
        "bank_serial": "U1", "account_no": estate.account_no, "amount": "100.00",
        "value_date": TODAY.isoformat(), "booked_at": f"{TODAY}T10:12:03+08:00", "notice_no": notice,
        "payer_name": "王秀英", "payer_account": "6217000010001234567", "channel": "pos", "memo": None,
        **changed,
    }  # fmt: skip


def test_the_same_money_told_late_is_matched_and_not_booked_again(
    bank: Any, estate: Estate, stated: str
) -> None:
    """补报的通知与对账单相符：答复即那笔入账，已归合同；账上不多一分；再报答复相同；对账单仍相符。"""
    before = estate.held()["1101", ""]
    first = bank.call("POST", "/deposits", told(estate, stated))
    assert (first.status_code, first.json["status"], first.json["matched"]) == (200, "confirmed", "100.00")
    key = f"building:{estate.buildings['1']}"
    now = estate.held()
    assert (now["1101", ""], now["2111", key], now["2112", key]) == (before, "60.00", "40.00")
    assert ("2101", "") not in now
    again = bank.call("POST", "/deposits", told(estate, stated))
    assert (again.status_code, again.json) == (200, first.json)
    shown = bank.call("GET", f"/deposits/{first.json['receipt_no']}").json
    assert {name: shown[name] for name in first.json} == first.json
    assert bank(Day(estate.account_no, (Told("U1", 10000),)))["status"] == "matched"
    assert held(estate, "SELECT paid FROM payment_notice") == [(10000,)]
    events = "SELECT data->>'status' FROM outbox_event WHERE type = 'deposit.confirmed' ORDER BY id"
    assert held(estate, events) == [("unmatched",), ("confirmed",)]


@pytest.mark.parametrize(("changed", "said"), [
    ({"amount": "100.01"}, "100.00 元"), ({"value_date": (TODAY - timedelta(days=1)).isoformat()}, "起息日"),
])  # fmt: skip
def test_what_the_statement_says_otherwise_is_told(
    bank: Any, estate: Estate, stated: str, changed: Any, said: str
) -> None:
    """金额或起息日与对账单不符：409，写明对账单编号与所列、该怎么办；什么也不记。"""
    answer = bank.call("POST", "/deposits", told(estate, stated, **changed))
    assert (answer.status_code, answer.json["code"]) == (409, "key-reused")
    assert all(one in answer.json["detail"] for one in ("DZ", said, "以对账单为准"))
    assert held(estate, "SELECT count(*) FROM late_message") == [(0,)]
    assert bank.call("POST", "/deposits", told(estate, stated)).json["status"] == "confirmed"
    other = bank.call("POST", "/deposits", told(estate, None))
    assert (other.status_code, other.json["code"]) == (409, "key-reused")


def test_a_message_that_came_first_is_still_the_only_one(bank: Any, estate: Estate) -> None:
    """先报通知、后有对账单的：同号不同内容照旧 409，不走补认。"""
    _, (notice,) = sold(estate)
    ours = told(estate, notice, bank_serial="U2")
    first = bank.call("POST", "/deposits", ours)
    assert first.status_code == 201
    lines = (Told("U1", 10000), Told("U2", 10000))
    assert bank(Day(estate.account_no, lines))["status"] == "matched"
    answer = bank.call("POST", "/deposits", {**ours, "notice_no": None})
    assert (answer.status_code, answer.json["code"]) == (409, "key-reused")
    assert bank.call("POST", "/deposits", ours).json == first.json


@pytest.mark.parametrize("notice", [None, "JK99999999999"])
def test_a_message_that_names_no_notice_leaves_it_to_the_officers(
    bank: Any, estate: Estate, stated: str, notice: str | None
) -> None:
    """补报的没有通知书号或号不认得：答复仍待认领，留给人员认领。"""
    answer = bank.call("POST", "/deposits", told(estate, notice))
    assert (answer.status_code, answer.json["status"]) == (200, "unmatched")
    assert estate.held()["2101", ""] == "100.00"


def test_a_notice_paid_meanwhile_takes_only_what_it_still_asks_for(
    bank: Any, estate: Estate, stated: str
) -> None:
    """通知书其间已缴一部分：只归其余，多的仍待认领。"""
    pay(estate, stated, "30.00")
    answer = bank.call("POST", "/deposits", told(estate, stated)).json
    assert (answer["status"], answer["matched"], answer["unmatched"]) == ("partly_matched", "70.00", "30.00")


def test_what_officers_have_begun_or_done_stays_theirs(bank: Any, estate: Estate, stated: str) -> None:
    """认领已录入待确认的，通知只留存、不动钱；确认之后再问，答复就是认领的结果；一分钱不算两次。"""
    clerk, reviewer = officers(estate.house, "clerk", "reviewer")
    [(receipt_no,)] = held(estate, "SELECT receipt_no FROM receipt")
    evidence = Evidence("文1", file_hash("文1"), "说明")
    asked = ClaimAsked(receipt_no, evidence, ((stated, Yuan("100.00")),))
    settings = estate.house.settings
    one = estate.do(lambda session: claim(session, asked, settings, officer_id=clerk))
    assert bank.call("POST", "/deposits", told(estate, stated)).json["status"] == "unmatched"
    estate.do(lambda session: confirm(session, one, settings, officer_id=reviewer))
    assert bank.call("GET", f"/deposits/{receipt_no}").json["status"] == "confirmed"
    assert held(estate, "SELECT sum(amount) FROM receipt_allocation") == [(10000,)]


def test_many_at_once_count_once(bank: Any, estate: Estate, stated: str) -> None:
    """同一条补报的通知八路同时报来：只归一次，答复一样。"""
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: bank.call("POST", "/deposits", told(estate, stated)), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert held(estate, "SELECT amount FROM receipt_allocation") == [(10000,)]


def test_another_bank_cannot_tell_of_it(bank: Any, estate: Estate, stated: str) -> None:
    """别家银行拿同一流水号来报：没有这个账户。"""
    from tests.desk import bearer

    token = bearer(estate.house.database, "bank-icbc", "bank", bank_code="ICBC")
    answer = bank.app.test_client().post("/api/v1/deposits", json=told(estate, stated), headers=token)
    assert answer.status_code == 404


ATTACKS = [
    # A message on a receipt that its own message had booked.
    "INSERT INTO late_message (receipt_id, bank_booked_at, payer_name_sealed, payer_name_masked,"
    " payer_account_sealed, payer_account_masked, channel, matched)"
    " SELECT id, now(), 'x', 'x', 'x', 'x', 'pos', 0 FROM receipt WHERE bank_serial <> 'U1'",
    # Money brought to a contract without an entry that moves it.
    "INSERT INTO late_message (receipt_id, bank_booked_at, payer_name_sealed, payer_name_masked,"
    " payer_account_sealed, payer_account_masked, channel, notice_id, contract_id, matched, entry_id)"
    " SELECT r.id, now(), 'x', 'x', 'x', 'x', 'pos', n.id, n.contract_id, 100,"
    " (SELECT max(id) FROM ledger.journal_entry) FROM receipt r, payment_notice n"
    " WHERE r.bank_serial = 'U1' ORDER BY n.id LIMIT 1",
    "UPDATE late_message SET matched = 0", "DELETE FROM late_message", "TRUNCATE late_message",
    "INSERT INTO receipt_allocation (receipt_id, notice_id, contract_id, amount)"
    " SELECT r.id, n.id, n.contract_id, 1 FROM receipt r, payment_notice n"
    " WHERE r.bank_serial = 'U1' LIMIT 1",
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("role", ["app", "owner"])
def test_no_message_brings_money_its_entry_does_not_move(
    bank: Any, estate: Estate, stated: str, attack: str, role: str
) -> None:
    """补报的通知换谁写库都不能凭空把钱归入合同，也不能改、不能删。"""
    _, (other,) = sold(estate)
    pay(estate, other)
    settle(estate.house.database)
    if not attack.startswith("INSERT"):
        bank.call("POST", "/deposits", told(estate, stated))
    with estate.house.connect(role) as connection, pytest.raises(psycopg.Error):
        assert connection.execute(attack).rowcount != 0
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_closed_account_only_says_how_it_stands(bank: Any, estate: Estate, stated: str) -> None:
    """账户已不收款：答复那笔入账的现状，不再归合同。"""
    force(estate.house, "UPDATE supervised_account SET status = 'closed'")
    answer = bank.call("POST", "/deposits", told(estate, stated))
    assert (answer.status_code, answer.json["status"]) == (200, "unmatched")
