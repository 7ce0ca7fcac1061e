"""What happens when many press at once, or money arrives meanwhile (并发解除监管)."""

import threading
import time

import pytest

from config.clock import bureau_day
from escrow import chart
from escrow.errors import Refused
from ledger.journal import post
from ledger.money import Yuan
from ledger.movements import Transfer
from tests.estate import filed as filed_contract
from tests.estate import new_number, pay, sold
from tests.releasing import approved, one, registered

scene_of = registered


def test_twenty_who_press_at_once_release_it_once(estate, people):
    """二十个窗口同时按下批准，只有一个记账，其余都被告知已经批准。"""
    estate.put("1", "350000.00")
    release_no = estate.applied(people.handler)
    ready, outcomes = threading.Barrier(20), []

    def press() -> None:
        ready.wait()
        try:
            outcomes.append(str(approved(estate, release_no, people.chief)))
        except Refused as refused:
            outcomes.append(refused.refusals[0].code)
        except Exception as error:
            outcomes.append(repr(error))

    crowd = [threading.Thread(target=press) for _ in range(20)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()

    assert sorted(outcomes) == ["350000.00"] + ["already-decided"] * 19
    entries = "SELECT count(*) FROM ledger.journal_entry WHERE movement = 'P20'"
    assert one(estate, entries) == (1,)
    assert estate.held()["2501", chart.building_key(estate.buildings["1"])] == "350000.00"


def test_a_posting_under_way_is_waited_for(estate, people):
    """批准时正有一笔入账未提交：批准等它提交，并把它一并转出，不留下钱。"""
    estate.put("1", "100.00")
    release_no = estate.applied(people.handler)
    outcome = []
    with estate.begin() as session:
        estate_accounts = (
            estate.account("1101"),
            estate.account("2111", chart.building_key(estate.buildings["1"])),
        )
        _post(session, estate_accounts, "50.00")
        thread = threading.Thread(target=lambda: outcome.append(approved(estate, release_no, people.chief)))
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join()

    assert outcome == [Yuan("150.00")]
    assert ("2111", chart.building_key(estate.buildings["1"])) not in estate.held()


def _post(session, accounts, amount):
    transfer = Transfer(*accounts, Yuan(amount))
    post(session, chart.RECEIVE_DEPOSIT, [transfer], reference=new_number("U"), effective_on=bureau_day())


@pytest.mark.parametrize("round_", range(5))
def test_money_that_races_a_release_is_released_or_refused(estate, people, round_):
    """入账与批准同时进行：每笔钱要么先入账并一同转出，要么被明确拒收，绝不滞留在账户里。"""
    contract_no, [first, *notices] = sold(estate, notices=13)
    pay(estate, first)
    filed_contract(estate, contract_no)
    release_no = estate.applied(people.handler)
    ready, taken, refused, released = threading.Barrier(13), [], [], []

    def bank(notice_no: str, wait: float) -> None:
        ready.wait()
        time.sleep(wait)
        try:
            taken.append(pay(estate, notice_no))
        except Refused as error:
            refused.append(error.refusals[0])

    def press() -> None:
        ready.wait()
        time.sleep(0.1 + round_ * 0.05)
        released.append(approved(estate, release_no, people.chief))

    crowd = [
        threading.Thread(target=bank, args=(notice_no, place * 0.04))
        for place, notice_no in enumerate(notices)
    ]
    crowd.append(threading.Thread(target=press))
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()

    assert len(taken) + len(refused) == 12
    assert {one.code for one in refused} <= {"account-closed"}
    total = sum((Yuan("100.00") for _ in taken), Yuan("100.00"))
    assert released == [total]
    held = estate.held()
    assert not [key for key in held if key[0] in ("2111", "2112", "2101")]
    on_release = sum((Yuan(amount) for (code, _), amount in held.items() if code == "2501"), Yuan(0))
    assert on_release == total == Yuan(held["1101", ""])
