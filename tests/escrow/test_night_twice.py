"""夜班的每一项任务：跑一次、跑三次、四个同时跑，库里一行不多、一分不差。"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from escrow.tasks import SHIFT
from tests.dusk import prepared, staffed, standing

# What each does at this evening, besides being harmless twice; nothing: there is none of it tonight.
HANDLED = {
    "bring-events": 1, "read-statements": 1, "book-openings": 1, "match-statements": 1,
    "seal-books": 1, "ask-about-orders": 1,
    "lapse-guarantees": 1, "close-days": 1, "match-differences": 1, "purge": 5,
}  # fmt: skip


@pytest.fixture(scope="module")
def evening(cluster: Any, blank_settings: Any, tmp_path_factory: Any) -> Any:
    """一个傍晚，备好一次，各测试各用副本。"""
    with prepared(cluster, blank_settings, tmp_path_factory.mktemp("dusk")) as (house, _):
        yield house


def ring(app: Any, name: str) -> int:
    """As a worker does it; the number it carries where it carries one."""
    task = app.extensions["celery"].tasks[f"escrow.tasks.{name}"]
    handled: int = task(1) if name == "bring_to" else task()
    return handled


@pytest.mark.parametrize("name", [*SHIFT, "bring-to"])
def test_a_task_may_run_twice_and_at_the_same_time_as_itself(evening: Any, name: str) -> None:
    """任务丢了再响、响了两次、与自己同时跑：结果都和只跑一次相同。"""
    task = SHIFT[name].task if name in SHIFT else "bring_to"
    with staffed(evening) as app:
        before = standing(app)
        handled = ring(app, task)
        once = standing(app)
        for _ in range(2):
            ring(app, task)
        assert standing(app) == once
    assert handled >= HANDLED.get(name, 0)
    assert (once != before) or name in ("match-differences", "bring-events", "share-income", "load-openings")
    with staffed(evening) as app, ThreadPoolExecutor(4) as crowd:
        list(crowd.map(lambda _: ring(app, task), range(4)))
        assert standing(app) == once
