"""两个账户同时录入同一个编号：后到的等前一件办完，再被告知编号已用；不会变成系统故障。"""

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow.errors import Invalid, Refused
from escrow.supervision import court_holds, guarantees
from escrow.supervision.court_holds import Deduction, Document, Freeze
from escrow.supervision.measures import months_after
from escrow.withdrawals.payees import AskedContract, enter_contract
from ledger.money import Yuan
from tests.estate import Estate, build, file_hash, new_number, officers

TODAY = bureau_day()
Unit = Callable[[Session], Any]


@pytest.fixture
def people(house: Any) -> SimpleNamespace:
    names = ("clerk", "reviewer")
    return SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True)))


def funded(house: Any, people: SimpleNamespace) -> Estate:
    """一个账户，一号楼额度一千元、现有九百五十元。"""
    estate = build(house, [people.clerk, people.reviewer], quotas={"1": "1000.00"})
    estate.put("1", "950.00")
    return estate


def guarantee(estate: Estate, who: int) -> Unit:
    offered = guarantees.Offered(
        estate.account_no, "1", "BH-SAME", "建设银行", Yuan("10.00"), months_after(TODAY, 6),
        file_hash(new_number("BH")),
    )  # fmt: skip
    return lambda session: guarantees.enter(session, offered, officer_id=who)


def contract(estate: Estate, who: int) -> Unit:
    asked = AskedContract(
        estate.account_no, "SG-SAME", "山西建工", Yuan("1000.00"), TODAY, file_hash(new_number("SG"))
    )
    return lambda session: enter_contract(session, asked, officer_id=who)


def deduction(estate: Estate, who: int) -> Unit:
    def paper() -> Document:
        number = new_number("（2026）晋11执")
        return Document(number, TODAY, file_hash(number))

    frozen = Freeze(estate.account_no, "中级法院", Yuan("10.00"), TODAY, months_after(TODAY, 12), paper())
    hold = estate.do(lambda session: court_holds.freeze(session, frozen, officer_id=who))
    asked = Deduction("1", Yuan("1.00"), "函1", "KH-SAME", paper())
    return lambda session: court_holds.ask_deduction(session, estate.account_no, hold, asked, officer_id=who)


def somebody_waits(house: Any) -> bool:
    with house.connect("superuser") as connection:
        waiting = "SELECT count(*) FROM pg_stat_activity"
        waiting += " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return bool(connection.execute(waiting).fetchone()[0])


@pytest.mark.parametrize("entry", [guarantee, contract, deduction], ids=["保函", "施工合同", "扣划流水"])
def test_the_second_of_two_at_once_is_told_that_the_number_is_taken(
    house: Any, people: SimpleNamespace, entry: Callable[[Estate, int], Unit]
) -> None:
    """两个账户同时录入同一编号：一件成立，另一件说明编号已用，库里只有一件。"""
    one, other = funded(house, people), funded(house, people)
    first, second = entry(one, people.clerk), entry(other, people.clerk)
    answers: list[Any] = []

    def late() -> None:
        try:
            answers.append(other.do(second))
        except Exception as error:
            answers.append(error)

    thread = threading.Thread(target=late)
    with one.begin() as session:
        first(session)
        thread.start()
        deadline = time.monotonic() + 20
        while not somebody_waits(house) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert somebody_waits(house)
    thread.join()

    [said] = answers
    assert isinstance(said, Invalid | Refused), repr(said)
    with house.database.read() as session:
        counted = "SELECT (SELECT count(*) FROM guarantee) + (SELECT count(*) FROM construction_contract)"
        counted += " + (SELECT count(*) FROM court_act WHERE kind = 'deduct')"
        assert session.scalar(text(counted)) == 1
