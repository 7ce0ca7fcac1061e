"""One arena for the run, one house on it; whoever was left dead is brought back for the next test (试炼场)."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.arena import DURABLE, Arena, Office, open_arena
from tests.faults.cases import Staff, staff_of
from tests.faults.length import LONG
from tests.faults.striking import Twins
from tests.nursery import Nursery


def _scope(**_: Any) -> Any:
    """A house for each file, in the long form for each test: none grows too large to be asked everything."""
    return "function" if LONG else "module"


@pytest.fixture(scope="session")
def arena(nest: Nursery) -> Iterator[Arena]:
    """PostgreSQL, durable (数据库服务)."""
    with open_arena(DURABLE, nest) as made:
        yield made


@pytest.fixture(scope=_scope)
def office(arena: Arena) -> Iterator[Office]:
    """A house that runs (一套运行中的系统)."""
    with arena.office() as made:
        yield made


@pytest.fixture(scope=_scope)
def twins(office: Office) -> Twins:
    """What every operation leaves behind without a fault."""
    return Twins(staff_of(office))


@pytest.fixture
def staff(arena: Arena, twins: Twins) -> Staff:
    """Everybody at their place, the server up, nothing held against anybody."""
    if not arena.is_up():
        arena.start()
    for caller in twins.staff.callers:
        caller.heard.clear()
    return twins.staff


@pytest.fixture
def staffed(staff: Staff) -> Iterator[Staff]:
    """A house with a worker."""
    if not [one for one in staff.office.bells if one.poll() is None]:
        staff.office.start_worker()
    yield staff
