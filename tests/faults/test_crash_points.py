"""网页进程、数据库在每件资金业务的每个崩溃点上被强杀：整体在或整体不在，再问一次恰好一次（F1、F2、F3）。"""

import pytest

from tests.faults.cases import Staff
from tests.faults.length import LONG, MARKS, ROUNDS
from tests.faults.operations import OPERATIONS
from tests.faults.striking import BRIEF, POINTS, Twins, backend, postgres, struck, web

pytestmark = MARKS
NAMES = list(OPERATIONS)


def victims(name: str, place: int) -> list:
    """The short form strikes every pair once: the web worker at one point, PostgreSQL at the next."""
    if LONG:
        return [web, postgres, backend]
    return [web if (NAMES.index(name) + place) % 2 == 0 else postgres]


def points(name: str) -> tuple[str, ...]:
    """Every point; in the short form some operations on both sides of their commit only."""
    return BRIEF if OPERATIONS[name].is_brief and not LONG else POINTS


@pytest.mark.parametrize("name", NAMES)
def test_struck_at_every_point_it_is_done_once_or_not_at_all(staff: Staff, twins: Twins, name: str) -> None:
    """写入之前、记账之后、提交之前、提交之中、提交之后未答复：账、留痕、对外事件同在同无，来办的人再来一次即办成一次。"""
    for _ in range(max(1, ROUNDS)):
        for place, point in enumerate(points(name)):
            for victim in victims(name, place):
                print(name, point, victim.__name__, struck(staff, twins, name, point, victim))
