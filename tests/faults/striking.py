"""Somebody is killed at a named point of an operation, and what it left is judged (在崩溃点上强杀)."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg

from escrow.deliveries.routing import route
from escrow.deliveries.sending import deliver
from escrow.statements.matching import match
from escrow.statements.reading import read, waiting
from escrow.statements.waiting import accounts_waiting
from tests.faults.arena import Office, kill_9, until
from tests.faults.callers import AGAIN, Heard
from tests.faults.cases import DONE, Case, Staff
from tests.faults.gates import held
from tests.faults.invariants import Broken, footprint, grown, holds, reconciled, sealed
from tests.faults.operations import OPERATIONS

# Both sides of a commit.
BRIEF = ("提交之前", "提交之后未答复")
# Where an operation may be struck, and whether it must then be there or not; None: whole or not at all.
POINTS = ("写入之前", "记账之后", "提交之前", "提交之中", "提交之后未答复")
SURE = {"写入之前": False, "记账之后": False, "提交之前": False, "提交之后未答复": True}


def places(name: str) -> dict[str, str]:
    """The gates of an operation's crash points."""
    told, action = OPERATIONS[name], OPERATIONS[name].action
    gates = (told.first, told.second, f"audit:{action}", f"commit:{action}", f"told:{action}")
    return dict(zip(POINTS, gates, strict=True))


@dataclass(slots=True)
class Twins:
    """What each operation leaves behind when nothing goes wrong: the measure of all others (无故障的一遍)."""

    staff: Staff
    known: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, name: str) -> dict[str, int]:
        """Run it once without a fault, and remember what was added."""
        if name not in self.known:
            case = OPERATIONS[name].make(self.staff)
            before = footprint(self.staff.office)
            assert case.ask().status in DONE
            self.known[name] = grown(before, footprint(self.staff.office))
            assert self.known[name]
            settled(self.staff, case)
        return self.known[name]


Kill = Callable[[list[int]], None]


def strike(office: Office, point: str, ask: Callable[[], Heard], kill: Kill) -> Heard:
    """Send a request, wait until it stands at the point, kill; what the caller heard."""
    with (
        office.arena.connect(office.name) as connection,
        held(connection, point) as gate,
        ThreadPoolExecutor(1) as pool,
    ):
        asked = pool.submit(ask)
        backends = until(f"到达 {point}", gate.waiting, 15, 0.002)
        kill(backends)
        with suppress(psycopg.OperationalError):  # Where the server itself was killed, nobody waits any more.
            gate.open()
            until("会话了结", lambda: not gate.lives(backends))
        return asked.result(60)


def web(staff: Staff) -> Kill:
    """kill -9 of the web worker."""
    return lambda _: kill_9(*staff.office.web_workers())


def postgres(staff: Staff) -> Kill:
    """kill -9 of PostgreSQL, all its processes; asked meanwhile, the house says "later"; then it is back."""

    def kill(_: list[int]) -> None:
        staff.office.arena.kill()
        away = staff.bank.ask("GET", "/api/v1/deposits?limit=1")
        assert away.status == 503 and away.retry_after, away
        staff.office.arena.start()

    return kill


def backend(staff: Staff) -> Kill:
    """kill -9 of the one session at the point: PostgreSQL throws all others out and recovers by itself."""

    def kill(pids: list[int]) -> None:
        kill_9(*pids)
        until("数据库自行恢复", staff.office.arena.answers)

    return kill


def answered(ask: Callable[[], Heard]) -> Heard:
    """A caller asks until there is an answer, as a real one does."""
    for _ in range(100):
        if (heard := ask()).status not in AGAIN:
            return heard
        time.sleep(0.05)
    raise AssertionError(f"一直没有答复：{heard}")


def struck(staff: Staff, twins: Twins, name: str, point: str, victim: Callable[[Staff], Kill]) -> str:
    """One operation struck at one point: whole or not at all, then asked again and done exactly once."""
    whole, office = twins.of(name), staff.office
    case = OPERATIONS[name].make(staff)
    before = footprint(office)
    heard = strike(office, places(name)[point], case.ask, victim(staff))
    told = heard.status not in AGAIN
    # Thrown out before it had said COMMIT, the house may have begun again by itself, and finished.
    assert not told or victim is backend, f"故障没有生效：{heard}"
    left = grown(before, footprint(office))
    done = (name == "对账补记" and left.get("audit:statement.receipts-booked") == 1) or left == whole
    if name != "对账补记" and left not in ({}, whole):
        raise Broken({"R4 整体在或整体不在": (name, point, left)})
    sure = SURE.get(point, done)
    if point == "提交之前" and OPERATIONS[name].says_commit_with_trail:
        sure = victim is web  # The server has its COMMIT already, and goes on without who sent it.
    if (told or sure) != done:
        raise Broken({"R4 提交的在，没有提交的不在": (name, point, left)})
    if done and "未作任何更改" in heard.text:
        raise Broken({"R9 已经办成的，不说没有办": (name, point, heard.text)})
    once(staff, case, before, whole, done=done)
    return "已办成" if done else "未办"


def once(staff: Staff, case: Case, before: Any, whole: dict[str, int], *, done: bool) -> None:
    """The caller asks again, twice: it is there exactly once, and everything holds."""
    first = answered(case.ask)
    second = answered(case.ask)
    if case.is_message:
        # A statement is taken in before it is matched: its door answers how far it has come.
        fine = first.status in DONE and second.status == 200
        if "statement_no" not in first.text:
            fine = fine and done == (first.status == 200) and second.text == first.text
    else:
        fine = first.status == (409 if done else 303) and second.status == 409
    if not fine:
        raise Broken({"R4 再问一次，答复如初": (first, second)})
    swept(staff.office)
    if (left := grown(before, footprint(staff.office))) != whole:
        raise Broken({"R4 恰好一次": {name: (left.get(name, 0), whole.get(name, 0)) for name in left | whole
                                     if left.get(name) != whole.get(name)}})  # fmt: skip
    settled(staff, case)


def swept(office: Office) -> None:
    """What the beat rings for: statements left half way are read and matched."""
    house = office.house
    given_up(office)
    with house.database.read() as session:
        files, accounts = waiting(session), accounts_waiting(session)
    for file_id in files:
        read(house.database, house.settings, file_id)
    if files:
        with house.database.read() as session:
            accounts = accounts_waiting(session)
    for account_id in accounts:
        match(house.database, house.settings, account_id)


def given_up(office: Office) -> None:
    """As if a killed reader had said nothing for a minute: another may begin."""
    query = "UPDATE statement_file SET touched_at = now() - interval '1 min' WHERE status = 'reading'"
    with office.arena.connect(office.name) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(query)


def settled(staff: Staff, case: Case) -> None:
    """The bank's statements agree, events are delivered, books are sealed, and every invariant holds."""
    for bank, day in case.days:
        reconciled(bank, day)
    delivered(staff)
    sealed(staff.office)
    holds(staff.office, *staff.callers, told=True)


def delivered(staff: Staff) -> None:
    """Every event has its place and is brought to the subscriber."""
    house = staff.office.house
    with house.database.begin() as session:
        route(session)
    deliver(house.database, house.settings, staff.subscriber)
