"""Processes of the house forked from one that has imported it already: starting one costs no import (代启进程).

What is forked does what its own program would have done: the same entry point, words, environment and log.
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, BinaryIO

from config.postgres import die_with_parent

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ("celery", "gunicorn")


class Born:
    """One process of ours; asked as one would ask `subprocess.Popen` (代启的进程)."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.pid = int(line.recv(16))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, if it has."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def terminate(self) -> None:
        """Asked to stop (请停止)."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def wait(self, patience: float) -> int:
        """How it ended. Raises TimeoutExpired."""
        if self.returncode is None:
            self._line.settimeout(patience)
            try:
                self.returncode = int(self._line.recv(16) or -signal.SIGKILL)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(str(self.pid), patience) from None
            self._line.close()
        return self.returncode


@contextlib.contextmanager
def nursery() -> Iterator["Nursery"]:
    """The process that has imported everything, for the time of a run."""
    with tempfile.TemporaryDirectory(prefix="escrow-nursery-") as folder:
        place = Path(folder) / "socket"
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(place))
            door.listen()
            words = [sys.executable, "-m", "tests.nursery", str(door.fileno())]
            process = subprocess.Popen(
                words, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[door.fileno()],
                preexec_fn=die_with_parent(signal.SIGKILL),
            )  # fmt: skip
        try:
            yield Nursery(place)
        finally:
            process.kill()
            process.wait(10)


class Nursery:
    """Where to ask for a process (代启处)."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def start(self, words: Sequence[str], environment: Mapping[str, str], log: BinaryIO) -> Born:
        """A program in a group of its own; what it says goes to the log."""
        line = socket.socket(socket.AF_UNIX)
        line.connect(str(self._place))
        told = json.dumps({"words": words, "environment": dict(environment)}).encode()
        socket.send_fds(line, [len(told).to_bytes(4)], [log.fileno()])
        line.sendall(told)
        return Born(line)


def _serve(door: socket.socket) -> dict[str, Any]:
    """Forks for whoever asks, and tells how each ended; in the child: what it was asked to be."""
    waiting: dict[int, socket.socket] = {}

    def ended(*_: object) -> None:
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                line = waiting.pop(found[0])
                with line, contextlib.suppress(OSError):
                    line.sendall(b"%16d" % os.waitstatus_to_exitcode(found[1]))

    signal.signal(signal.SIGCHLD, ended)
    while True:
        line, _ = door.accept()
        head, [log], _, _ = socket.recv_fds(line, 4, 1)
        told: dict[str, Any] = json.loads(line.makefile("rb").read(int.from_bytes(head)))
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        tied = die_with_parent(signal.SIGKILL)
        if (pid := os.fork()) == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            tied()
            os.setsid()
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.close(log)
            for known in (line, door, *waiting.values()):
                known.close()
            return told
        os.close(log)
        line.sendall(b"%16d" % pid)
        waiting[pid] = line
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def main(door: int) -> object:
    """Import what every process of the house imports, then wait; each child goes on as its program."""
    __import__("escrow.application")
    starts = {one.name: one.load() for one in entry_points(group="console_scripts") if one.name in PROGRAMS}
    for more in ("celery.apps.worker", "celery.apps.beat", "celery.bin.worker", "gunicorn.workers.gthread"):
        __import__(more)
    told = _serve(socket.socket(fileno=door))
    os.environ.clear()
    os.environ.update(told["environment"])
    random.seed()
    sys.argv = told["words"]
    return starts[sys.argv[0]]()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
