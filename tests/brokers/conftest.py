"""Redis and RabbitMQ as Debian packs them, each started by us on the loopback, in its own folder (消息队列)."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.own_server import CannotStart, broker_answers
from config.postgres import die_with_parent
from config.roles import EMBEDDED, make_queue
from config.settings import Settings
from tests.cluster import Cluster
from tests.conftest import House
from tests.dusk import copied, prepared
from tests.listening import Listener

RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
PACKAGES = {"redis": ("redis-server", "redis-server"), "rabbitmq": (str(RABBIT), "rabbitmq-server")}
_STAY_DOWN = Path("/usr/sbin/policy-rc.d")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def installed(kind: str) -> str:
    """Why a broker cannot be had, empty when it can: Debian's package is fetched where we may (安装)."""
    program, package = PACKAGES[kind]
    if shutil.which(program):
        return ""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return f"没有 {package}，也无权安装；请由管理员执行：apt-get install -y {package}"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    stays_down = not _STAY_DOWN.exists()
    if stays_down:  # Only its program is wanted: the package must not start a server of its own.
        _STAY_DOWN.write_text("#!/bin/sh\nexit 101\n")
        _STAY_DOWN.chmod(0o755)
    try:
        for words in (["update"], ["install", "-y", "--no-install-recommends", package]):
            command = ["apt-get", "-qq", *words]
            subprocess.run(command, env=quiet, capture_output=True, check=False, timeout=600)
    except subprocess.TimeoutExpired:
        return f"apt-get 十分钟没有装好 {package}"
    finally:
        if stays_down:
            _STAY_DOWN.unlink()
    return "" if shutil.which(program) else f"{package} 没有装成（apt-get 取不到）"


@dataclass(slots=True)
class Broker:
    """A message broker that can be lost with everything in it (可以丢失的消息队列)."""

    kind: str
    folder: Path
    port: int = field(default_factory=free_port)
    names: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        here = f"127.0.0.1:{self.port}"
        return f"redis://{here}/0" if self.kind == "redis" else f"amqp://{here}//"

    def start(self) -> None:
        """Up, and answering."""
        words, told = (self._redis if self.kind == "redis" else self._rabbit)()
        self.folder.mkdir(exist_ok=True)
        with (self.folder.parent / f"{self.kind}.log").open("ab") as log:
            self.process = subprocess.Popen(
                words, env={**os.environ, **told}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, start_new_session=True, preexec_fn=die_with_parent(signal.SIGKILL),
            )  # fmt: skip
        deadline = time.monotonic() + 90
        while True:
            assert self.process.poll() is None, (self.folder.parent / f"{self.kind}.log").read_text()[-2000:]
            try:
                return broker_answers(self.url)
            except CannotStart:
                assert time.monotonic() < deadline, f"{self.kind} 没有起来"
                time.sleep(0.2)

    def lose(self) -> None:
        """Killed, and everything it held with it (断电，积压全失)."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
            if self.kind == "rabbitmq":
                epmd = ["epmd", "-port", str(self.names), "-kill"]
                subprocess.run(epmd, capture_output=True, check=False, timeout=10)
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _redis(self) -> tuple[list[str], dict[str, str]]:
        return [
            "redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir",
            str(self.folder), "--daemonize", "no",
        ], {}  # fmt: skip

    def _rabbit(self) -> tuple[list[str], dict[str, str]]:
        here = str(self.folder)
        return [str(RABBIT)], {
            "HOME": here, "RABBITMQ_NODENAME": f"escrow{self.port}@localhost",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()), "RABBITMQ_MNESIA_BASE": here, "RABBITMQ_LOG_BASE": here,
            "RABBITMQ_CONFIG_FILE": f"{here}/none", "RABBITMQ_ENABLED_PLUGINS_FILE": f"{here}/plugins",
            "ERL_EPMD_PORT": str(self.names), "ERL_EPMD_ADDRESS": "127.0.0.1",
            # Its name server is put away with it, though the node was killed and never said good-bye.
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
        }  # fmt: skip


@dataclass(slots=True)
class Embedded:
    """The broker inside the house's own PostgreSQL (内置消息队列)."""

    house: House
    url: str
    kind: str = "embedded"

    def start(self) -> None:
        """It stands with the database."""

    def lose(self) -> None:
        """Every message it held is gone."""
        with psycopg.connect(self.house.url("superuser"), autocommit=True) as connection:
            if connection.execute("SELECT to_regclass('kombu_message')").fetchone() != (None,):
                connection.execute("DELETE FROM kombu_message")


@pytest.fixture(scope="module", params=["embedded", "redis", "rabbitmq"])
def kind(request: Any) -> str:
    """The three brokers a house may stand on."""
    return str(request.param)


@pytest.fixture(scope="session")
def evening(cluster: Cluster, blank_settings: Settings, tmp_path_factory: Any) -> Iterator[Any]:
    """Something is waiting for every task; each test has a copy of it."""
    with prepared(cluster, blank_settings, tmp_path_factory.mktemp("dusk")) as found:
        yield found


@pytest.fixture
def listener(evening: Any) -> Listener:
    """Who is told of events."""
    _, found = evening
    found.heard.clear()
    return found


@pytest.fixture
def house(evening: Any) -> Iterator[House]:
    """This test's own evening."""
    with copied(evening[0]) as copy:
        yield copy


@pytest.fixture(scope="module")
def server(kind: str) -> Iterator[Broker | None]:
    """The broker's own server, started once; skipped, saying why, where it cannot be had (消息队列服务)."""
    if kind == "embedded":
        yield None
        return
    if why := installed(kind):
        pytest.skip(why)
    folder = Path(tempfile.mkdtemp(prefix="escrow-broker-"))
    made = Broker(kind, folder / "data")
    try:
        made.start()
        yield made
    finally:
        made.lose()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def broker(server: Broker | None, house: House) -> Broker | Embedded:
    """What this test's messages go through."""
    if server:
        return server
    url = EMBEDDED + house.url("owner").removeprefix("postgresql://")
    make_queue(url)
    return Embedded(house, url)
