"""每件报文送来一至二十次、次序任意、几处同时：与各送一次的结果分文不差，答复逐字相同（F10）。"""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from config.clock import bureau_day
from tests.estate import new_number, pay, sold
from tests.faults.arena import until
from tests.faults.callers import AGAIN, Heard
from tests.faults.cases import Staff, deposit_on, fen, result_of, told_so_far
from tests.faults.chores import CHORES, ring
from tests.faults.invariants import Broken, footprint, grown, holds, reconciled, sealed
from tests.faults.length import MARKS, ROUNDS
from tests.faults.striking import delivered, swept
from tests.faults.workers import idle
from tests.stating import Day, Told
from tests.withdrawing import BUILDER_ACCOUNT, Site, site_of

pytestmark = MARKS
MOST, AT_ONCE = 20, 4
# Told before its payment, a return is written down twice: when it came, and when it moved the money.
BY_ORDER = (
    "audit:instruction.returned", "ledger.transfer", "ledger.account", "ledger.balance", "ledger.balance_day",
)  # fmt: skip
ORDERS = (("1200.00", ("paid",)), ("340.56", ("failed",)), ("78.90", ("paid", "returned")))


@dataclass(slots=True)
class Message:
    """One message of the bank, and every answer to it; `after`: what must have been answered before (报文)."""

    path: Callable[[], str]
    body: dict[str, Any]
    line: Told | None
    after: "Message | None" = None
    answers: list[Heard] = field(default_factory=list)

    def first(self) -> Heard | None:
        return next((one for one in self.answers if one.status == 201), None)


def bank_day(staff: Staff, dice: random.Random) -> tuple[Site, list[Message], list[Told]]:
    """What a bank has to tell of one account in a day; the same dice make the same day."""
    site = site_of(staff.office.house, staff.people)
    _, [paid] = sold(site.estate, amount="1000000.00")
    pay(site.estate, paid, "1000000.00")
    _, notices = sold(site.estate, amount="400000.00", notices=6)
    found = []
    for notice in [*notices, None, None]:
        amount = f"{dice.randint(1, 400_000)}.{dice.randint(0, 99):02d}"
        said = deposit_on(site.estate, amount, notice)
        credit = Message(lambda: "/deposits", said, Told(said["bank_serial"], fen(amount)))
        found.append(credit)
        if dice.random() < 0.4:
            found.append(_reversal(credit, amount))
    for amount, outcomes in ORDERS:
        (order,) = site.issue(site.approved(amount)).numbers
        found += [_result(order, amount, outcome) for outcome in outcomes]
    return site, found, told_so_far(site.estate)


def _reversal(credit: Message, amount: str) -> Message:
    body = {
        "bank_serial": new_number("R"), "amount": amount, "value_date": bureau_day().isoformat(),
        "reason": "柜员误记",
    }  # fmt: skip

    def path() -> str:
        answer = credit.first()
        assert answer is not None
        return f"/deposits/{answer.json['receipt_no']}/reversals"

    return Message(path, body, Told(body["bank_serial"], fen(amount), "debit"), after=credit)


def _result(order: str, amount: str, outcome: str) -> Message:
    path, body = result_of(order, amount, BUILDER_ACCOUNT)
    body["outcome"] = outcome
    told = {"paid": "debit", "returned": "credit"}.get(outcome)
    return Message(lambda: path, body, Told(body["bank_serial"], fen(amount), told) if told else None)


def send(staff: Staff, waiting: list[Message]) -> None:
    """All of them, a few at once; what may not be sent yet, or got no answer, goes to the end."""
    lock, left = threading.Lock(), [len(waiting) * 50]

    def work() -> None:
        while True:
            with lock:
                left[0] -= 1
                one = waiting.pop(0) if waiting and left[0] > 0 else None
            if one is None:
                return
            is_early = one.after is not None and one.after.first() is None
            answer = Heard(None) if is_early else staff.bank.post(one.path(), one.body)
            with lock:
                if answer.status in AGAIN:
                    waiting.append(one)
                else:
                    one.answers.append(answer)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(work) for _ in range(AT_ONCE)]:
            done.result()
    assert not waiting


def same_answers(messages: list[Message]) -> None:
    """Every message was taken once, and every copy of it was answered as the first."""
    for one in messages:
        taken = [answer for answer in one.answers if answer.status == 201]
        strange = [answer for answer in one.answers if (answer.status, answer.text) not in
                   ((201, taken[0].text), (200, taken[0].text))] if taken else one.answers  # fmt: skip
        if len(taken) != 1 or strange:
            raise Broken({"R4 各次答复相同，只办一次": (one.body, len(taken), strange[:2])})


def checked(staff: Staff, site: Site, messages: list[Message], before: list[Told]) -> None:
    lines = tuple(one.line for one in messages if one.line)
    reconciled(staff.bank, Day(site.estate.account_no, (*before, *lines)))
    delivered(staff)
    sealed(staff.office)
    holds(staff.office, *staff.callers, told=True)


def comparable(counts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if name not in BY_ORDER}


@pytest.mark.parametrize("seed", range(1, 2 + 2 * ROUNDS))
def test_each_message_many_times_in_any_order_is_each_message_once(staff: Staff, seed: int) -> None:
    """银行一天的入账、冲正、指令结果：各送一次，与各送一至二十次、打乱、四处同时送，账上分文不差。"""
    totals = []
    for most in (1, MOST):
        dice = random.Random(seed)
        site, messages, known = bank_day(staff, dice)
        copies = [one for one in messages for _ in range(dice.randint(1, most))]
        if most > 1:
            dice.shuffle(copies)
        before = footprint(staff.office)
        send(staff, copies)
        totals.append(comparable(grown(before, footprint(staff.office))))
        same_answers(messages)
        checked(staff, site, messages, known)
    assert totals[0] == totals[1], f"种子 {seed}"


@pytest.mark.parametrize("seed", range(1, 2 + ROUNDS))
def test_each_bell_many_times_in_any_order_is_each_bell_once(staffed: Staff, seed: int) -> None:
    """后台消息同样：补记、读取、日结、封存、逾时、推送的铃各响一至二十次、打乱，两个进程一起做，与各响一次相同。"""
    office, dice, totals = staffed.office, random.Random(seed), []
    second = office.start_worker()
    for most in (1, MOST):
        chores = [make(staffed) for make, *_ in CHORES.values()]
        before = footprint(office)
        bells = [one.task for one in chores for _ in range(dice.randint(1, most))]
        if most > 1:
            dice.shuffle(bells)
        for task in bells:
            ring(office, task)
        for one in chores:
            until(one.task, lambda one=one: one.is_done(office), 60, 0.05)
        idle(office)
        swept(office)
        totals.append(grown(before, footprint(office)))
        for one in chores:
            if one.day:
                reconciled(staffed.bank, one.day)
        delivered(staffed)
        sealed(office)
        holds(office, *staffed.callers, told=True)
    office.kill(second)
    assert totals[0] == totals[1], f"种子 {seed}"
