"""A launcher to start, ask and stop (启动器)."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.postgres import refused_path, server_account

HOUSE = Path(__file__).resolve().parents[2]
UP = "系统已启动"


@dataclass(slots=True)
class Launch:
    """One `python -m config.serve` and what it says (一次启动)."""

    data: Path
    port: int
    process: "subprocess.Popen[bytes]"
    said: Path
    begun: float = field(default_factory=time.monotonic)

    def wait_until_up(self, patience: float = 60) -> float:
        """Seconds from the start until it says that it is up."""
        while UP not in self.words():
            assert self.process.poll() is None, self.words()
            assert time.monotonic() - self.begun < patience, self.words()
            time.sleep(0.05)
        return time.monotonic() - self.begun

    def words(self) -> str:
        """Everything said so far."""
        return self.said.read_text()

    def stop(self, sign: int = signal.SIGINT) -> int:
        """Signal the launcher and wait for its end; returns its exit code."""
        self.process.send_signal(sign)
        return self.process.wait(40)

    def pages(self, path: str = "/healthz") -> int:
        """The status of one page."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code

    def left(self) -> list[str]:
        """Processes that still know our data folder by arguments, environment or working place."""
        mark, found = str(self.data).encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
                told += os.fsencode(os.readlink(process / "cwd"))
            except OSError:
                continue
            if mark in told and int(process.name) != os.getpid():
                found.append(told.split(b"\0")[0].decode())
        return found


class Ground:
    """A folder to build on, and launchers that are all gone at the end (场地)."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "数据 a%20b+#?&'c"  # a folder may be called anything
        self.port = free_port()
        self.launches: list[Launch] = []

    def told(self) -> dict[str, str]:
        """Our environment, pointed at this ground."""
        return {**os.environ, "ESCROW_DATA": str(self.data), "PORT": str(self.port)}

    def launch(self, *before: str, **environ: str) -> Launch:
        """Start the launcher in a session of its own."""
        said = self.home / f"said-{len(self.launches)}"
        told = {**self.told(), "ESCROW_DEMO": "0", **environ}
        with said.open("wb") as out:
            process = subprocess.Popen(
                [*before, sys.executable, "-m", "config.serve"],
                cwd=HOUSE, env=told, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        launch = Launch(Path(told["ESCROW_DATA"]), int(told["PORT"]), process, said)
        self.launches.append(launch)
        return launch

    def prepare(self, **environ: str) -> "subprocess.CompletedProcess[str]":
        """What `make run` says when it refuses before anything is made."""
        command = [sys.executable, "config/prepare.py", "run"]
        told = {**self.told(), **environ}
        return subprocess.run(command, cwd=HOUSE, env=told, capture_output=True, text=True, check=False)

    def clear(self) -> None:
        """Stop whatever is still running."""
        for launch in self.launches:
            if launch.process.poll() is None:
                launch.process.terminate()
                launch.process.wait(40)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def ground() -> Iterator[Ground]:
    """A fresh folder others may pass through, with nothing of ours left in it afterwards."""
    home = Path(tempfile.mkdtemp(prefix="escrow-launch-", dir="/tmp"))
    home.chmod(0o755)
    made = Ground(home)
    yield made
    made.clear()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def as_root() -> pwd.struct_passwd:
    """Skip unless root; returns the user that root's database runs as."""
    if os.geteuid() != 0:
        pytest.skip("仅在以 root 运行时有意义")
    account = server_account()
    assert account is not None
    return account


@pytest.fixture
def ordinary(as_root: pwd.struct_passwd) -> tuple[str, ...]:
    """What to put before a command to run it as an ordinary user who may read the checkout."""
    paths = [HOUSE / "wsgi.py", Path(sys.executable), Path(sys.prefix) / "bin" / "gunicorn"]
    if refused_path(as_root, paths, os.R_OK):
        pytest.skip("检出目录在私有文件夹中，别的用户读不到")
    return ("setpriv", f"--reuid={as_root.pw_uid}", f"--regid={as_root.pw_gid}", "--clear-groups")
