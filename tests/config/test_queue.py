"""内置消息队列的表先建好：后台、定时器、网页一起连上来，谁也不会撞在谁刚建的表上。"""

import subprocess
import sys
from typing import Any

from config.roles import EMBEDDED, make_queue

COME = (
    "import sys, sqlalchemy; from kombu import Connection as C; from kombu.transport import sqlalchemy;"
    " print('here', flush=True); sys.stdin.readline(); C(sys.argv[1]).SimpleQueue('celery').put('x')"
)


def come_together(url: str) -> list[int]:
    """四个进程都准备好了，同时连上、各投一件；各自的退出代码。"""
    coming = [
        subprocess.Popen(
            [sys.executable, "-c", COME, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(4)
    ]  # fmt: skip
    for one in coming:
        assert one.stdout and one.stdout.readline() == b"here\n"
    for one in coming:
        assert one.stdin
        one.stdin.write(b"\n")
        one.stdin.flush()
    for one in coming:
        one.communicate(timeout=60)
    return [one.returncode for one in coming]


def test_whoever_comes_together_finds_the_queue_made(empty_house: Any) -> None:
    """先建一次，再建无害；随后四个进程同时连上、各投一件，四件都在，队列只有一个。"""
    url = EMBEDDED + empty_house.url("owner").removeprefix("postgresql://")
    for _ in range(2):
        make_queue(url)
    assert come_together(url) == [0, 0, 0, 0]
    with empty_house.connect("owner") as connection:
        assert connection.execute("SELECT name FROM kombu_queue").fetchall() == [("celery",)]
        assert connection.execute("SELECT count(*) FROM kombu_message").fetchall() == [(4,)]
