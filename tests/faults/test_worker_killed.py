"""后台任务的进程在每个崩溃点上被强杀，两个定时器一起响：事情办成一次，不多不少（F9、F23）。"""

import pytest

from tests.faults.arena import children_of, kill_9, until
from tests.faults.cases import Staff
from tests.faults.chores import CHORES, booking, bringing, closing, reading, ring, sealing
from tests.faults.invariants import Broken, footprint, grown
from tests.faults.length import LONG, MARKS, ROUNDS
from tests.faults.workers import asked_everything, finished, idle, killed_at, rung, worker_of

pytestmark = MARKS
# Of these a task makes one transaction each; the others come further step by step.
WHOLE = ("日结", "封存", "逾时未答")


@pytest.fixture(scope="module")
def measures() -> dict[str, dict[str, int]]:
    """What each task leaves behind when nobody is killed."""
    return {}


@pytest.mark.parametrize("name", list(CHORES))
def test_a_task_whose_worker_is_killed_is_done_once(
    staffed: Staff, measures: dict[str, dict[str, int]], name: str
) -> None:
    """任务做到一半，进程被强杀：铃再响一次即接着办成，账、留痕、对外事件与没有出事的一遍相同。"""
    office, (make, points, more) = staffed.office, CHORES[name]
    if name not in measures:
        chore = make(staffed)
        before = footprint(office)
        finished(staffed, chore)
        measures[name] = grown(before, footprint(office))
        asked_everything(staffed, chore)
    for _ in range(max(1, ROUNDS)):
        for point in (*points, *(more if LONG else ())):
            chore = make(staffed)
            before = footprint(office)
            killed_at(staffed, chore, point)
            left = grown(before, footprint(office))
            if name in WHOLE and left not in ({}, measures[name]):
                raise Broken({"R4 整体在或整体不在": (name, point, left)})
            finished(staffed, chore)
            if (done := grown(before, footprint(office))) != measures[name]:
                raise Broken({"R4 恰好一次": (name, point, done, measures[name])})
            asked_everything(staffed, chore)


def test_no_process_of_an_idle_worker_can_be_lost_unseen(staffed: Staff) -> None:
    """空闲的后台进程失去任何一个子进程：或者照常办事，或者自己退出让人看见，不能活着而不再办事。"""
    office = staffed.office
    chore = sealing(staffed)
    finished(staffed, chore)
    worker = worker_of(office)
    kill_9(*children_of(worker.pid))
    chore = sealing(staffed)
    ring(office, chore.task)
    until("办完或退出", lambda: chore.is_done(office) or worker.poll() is not None, 60, 0.05)


def test_two_beats_and_two_workers_do_everything_once(staffed: Staff) -> None:
    """两个定时器、两个后台进程一起响：每户每日一次日结、每份对账单一次补记、每件事件一次送达。"""
    office = staffed.office
    kinds = (booking, reading, closing, bringing)
    chores = [make(staffed) for make in kinds for _ in range(3 if LONG else 2)]
    before = {one.event["id"] for one in office.listener.heard}
    started = [office.start_worker(), office.start_beat(), office.start_beat()]
    try:
        for chore in chores:
            until(chore.task, lambda chore=chore: chore.is_done(office), 60, 0.05)
        until("两轮铃声", lambda: rung(office) >= 4, 60, 0.05)
        idle(office)
    finally:
        for one in started:
            office.kill(one)
    heard = [event for one in office.listener.heard if (event := one.event["id"]) not in before]
    assert len(heard) == len(set(heard)), "一件事件送了两次"
    for chore in chores:
        asked_everything(staffed, chore)
