"""The worker is killed while a task stands at a point; rung for again, the task is finished (后台进程被强杀)."""

from typing import Any

from tests.faults.arena import Office, until
from tests.faults.cases import Staff
from tests.faults.chores import Chore, ring
from tests.faults.gates import held
from tests.faults.invariants import holds, reconciled, sealed
from tests.faults.striking import delivered, given_up, swept
from tests.listening import wake


def worker_of(office: Office) -> Any:
    return next(one for one in office.bells if one.poll() is None)


def finished(staff: Staff, chore: Chore) -> None:
    """Rung for again and again, as a beat does, until it is seen to be done; then everything is asked."""
    office = staff.office
    for _ in range(40):
        given_up(office)
        wake(office.house)
        ring(office, chore.task)
        try:
            until(chore.task, lambda: chore.is_done(office), 3, 0.05)
            break
        except AssertionError:
            continue
    assert chore.is_done(office), office.log("worker.log")
    idle(office)


def idle(office: Office) -> None:
    """No transaction of the worker is open any more."""
    query = (
        "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND state <> 'idle' AND backend_type = 'client backend'"
    )
    with office.arena.connect(office.name) as connection:
        until("后台空闲", lambda: (connection.execute(query).fetchone() or (False,))[0])


def killed_at(staff: Staff, chore: Chore, point: str) -> None:
    """The message is sent, the task comes to the point, its worker is killed; another one is started."""
    office = staff.office
    with office.arena.connect(office.name) as connection, held(connection, point) as gate:
        ring(office, chore.task)
        backends = until(point, gate.waiting, 60, 0.002)
        office.kill(worker_of(office))
        gate.open()
        until("会话了结", lambda: not gate.lives(backends))
    office.start_worker()


def asked_everything(staff: Staff, chore: Chore) -> None:
    swept(staff.office)
    if chore.day:
        reconciled(staff.bank, chore.day)
    delivered(staff)
    sealed(staff.office)
    holds(staff.office, *staff.callers, told=True)


def rung(office: Office) -> int:
    """How many messages both beats have sent for one of the tasks."""
    query = "SELECT count(*) FROM kombu_message WHERE payload LIKE '%seal_books%'"
    with office.arena.connect(f"{office.name}_broker") as connection:
        return int((connection.execute(query).fetchone() or (0,))[0])
