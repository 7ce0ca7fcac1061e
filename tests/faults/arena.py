"""A PostgreSQL of its own to kill, and houses on it that really run: web, worker, beat (试炼场).

Everything is on the loopback and in one folder; whoever is killed is killed by pid and was started here.
"""

import os
import secrets
import shutil
import signal
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config.migrate import upgrade
from config.postgres import Server, find_programs, last_lines
from config.roles import (
    APP,
    OWNER,
    ROLES,
    admit_roles,
    broker_url,
    create_database,
    create_roles,
    make_queue,
)
from config.serve import BEAT_WORDS, WORKER_WORDS
from config.settings import Settings
from tests.cluster import Cluster, know_this_year, roomy_folder, sweep
from tests.config.conftest import free_port
from tests.conftest import House
from tests.faults.gates import GATES
from tests.listening import Listener, listening
from tests.nursery import ROOT, Born, Nursery

BASE = "faults_base"
HURRIED = "tests.faults.hurried:celery"
# A commit is flushed to disk before it is told, as everywhere; where a crash point asks for it, it then waits
# for a standby that does not exist: written, flushed, and not yet told (已提交未答复).
DURABLE = {"synchronous_standby_names": "nobody", "synchronous_commit": "local"}
# Told and lost: what is told is still in memory, and nobody is in a hurry to write it (不持久).
FORGETFUL = {"synchronous_commit": "off", "wal_writer_delay": "10s", "wal_writer_flush_after": "512MB"}
PLAIN = {"max_connections": "80", "shared_buffers": "64MB", "log_min_messages": "fatal"}


def until(what: str, ready: Callable[[], Any], patience: float = 20, pause: float = 0.01) -> Any:
    """Wait for something, boundedly; what it came to (等待)."""
    deadline = time.monotonic() + patience
    while not (found := ready()):
        assert time.monotonic() < deadline, f"等不到：{what}"
        time.sleep(pause)
    return found


def children_of(pid: int) -> list[int]:
    """The living children of a process (子进程)."""
    found = []
    for told in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in told.read_text().split()]
    return [child for child in found if not is_gone(child)]


def is_gone(pid: int) -> bool:
    """Dead, or nothing but a zombie left of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def kill_9(*pids: int) -> None:
    """At once and without a word, one after the other; returns when all are gone (强杀)."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(f"进程 {pids} 消失", lambda: all(is_gone(pid) for pid in pids))


@dataclass(slots=True)
class Arena:
    """The server that everything stands on (数据库服务)."""

    server: Server
    settings: dict[str, str]
    nursery: Nursery
    cluster: Cluster = field(init=False)

    def __post_init__(self) -> None:
        self.cluster = Cluster(str(self.server.sockets), self.server)

    def is_up(self) -> bool:
        """Whether the server runs."""
        return self.server.process is not None and self.server.process.poll() is None

    def answers(self) -> bool:
        """Whether somebody who connects now is let in."""
        with suppress(psycopg.OperationalError), self.connect():
            return True
        return False

    def kill(self) -> None:
        """kill -9 of the postmaster and of every process of it (数据库被强杀)."""
        assert self.server.process is not None
        pid = self.server.process.pid
        kill_9(pid, *children_of(pid))
        self.server.process.wait(10)

    def start(self) -> None:
        """As whoever finds it dead would start it: the same folder, the same settings (再次启动)."""
        self.server.start({**PLAIN, **self.settings})

    def freeze(self, kind: str) -> None:
        """One of the server's own helpers stops where it is, as on a machine too busy to run it (停住)."""
        with self.connect() as connection:
            query = "SELECT pid FROM pg_stat_activity WHERE backend_type = %s"
            for (pid,) in connection.execute(query, [kind]).fetchall():
                os.kill(pid, signal.SIGSTOP)

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """As the superuser: who breaks things, not who runs them."""
        return psycopg.connect(self.cluster.url("superuser", database), autocommit=True)

    @contextmanager
    def office(self, **environ: str) -> Iterator["Office"]:
        """A fresh house with its web server running (一套运行中的系统)."""
        name = f"faults_{secrets.token_hex(4)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {BASE} STRATEGY FILE_COPY")
            admit_roles(connection, name)
            create_database(connection, f"{name}_broker", APP)
        with listening() as listener:
            made = Office(self, name, listener, environ)
            make_queue(made.broker)
            try:
                made.start_web()
                yield made
            finally:
                made.stop()


@contextmanager
def open_arena(settings: dict[str, str], nursery: Nursery) -> Iterator[Arena]:
    """initdb, start, roles, a migrated base with the crash points; nothing is left afterwards."""
    sweep(Path(roomy_folder()))
    home = Path(tempfile.mkdtemp(prefix="escrow-test-faults-", dir=roomy_folder()))
    home.chmod(0o711)
    server = Server(home, find_programs())
    try:
        server.create("unused", trust=True)
        server.start({**PLAIN, **settings})
        arena = Arena(server, settings, nursery)
        with arena.connect() as connection:
            create_roles(connection, {role: secrets.token_hex(8) for role in ROLES})
            create_database(connection, BASE, OWNER)
            admit_roles(connection, BASE)
        upgrade(arena.cluster.url("owner", BASE))
        know_this_year(arena.cluster.url("superuser", BASE))
        with arena.connect(BASE) as connection:
            connection.execute(GATES)
        yield arena
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@dataclass(slots=True)
class Office:
    """One house that runs: its database, its web server, its worker and beats (一套运行中的系统)."""

    arena: Arena
    name: str
    listener: Listener
    environ: dict[str, str]
    house: House = field(init=False)
    port: int = field(default_factory=free_port)
    web: Born | None = None
    bells: list[Born] = field(default_factory=list)

    def __post_init__(self) -> None:
        data = self.arena.server.home / f"data-{self.name}"
        data.mkdir(mode=0o700)
        (data / "log").mkdir()
        self.house = House(self.name, self.arena.cluster, self._settings(data))
        key = data / "signing-key.pem"
        key.write_bytes(self.house.settings.signing_key_pem)
        key.chmod(0o600)

    def _settings(self, data: Path) -> Settings:
        url = self.arena.cluster.url
        known = Settings(
            data_dir=data, database_url=url("app", self.name), owner_url=url("owner", self.name),
            reader_url=url("reader", self.name), verifier_url=url("verifier", self.name),
            broker_url=broker_url(url("app", self.name), f"{self.name}_broker"),
            secret_key=secrets.token_bytes(32), party_keys={"f": secrets.token_bytes(32)},
            index_key=secrets.token_bytes(32), testing=True,
            signing_key_pem=ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )  # fmt: skip
        return self.listener.settings(known)

    @property
    def broker(self) -> str:
        """Where messages wait: the embedded broker, unless told otherwise."""
        return self.environ.get("CELERY_BROKER_URL", self.house.settings.broker_url)

    def told(self) -> dict[str, str]:
        """What every process of this house is told."""
        known = self.house.settings
        keys = known.party_keys
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
            "ESCROW_DATA": str(known.data_dir), "ESCROW_APP_URL": known.database_url,
            "ESCROW_OWNER_URL": known.owner_url, "ESCROW_READER_URL": known.reader_url,
            "ESCROW_VERIFIER_URL": known.verifier_url,
            "ESCROW_SECRET_KEY": b64encode(known.secret_key).decode(),
            "ESCROW_PARTY_KEYS": ",".join(f"{n}:{b64encode(k).decode()}" for n, k in keys.items()),
            "ESCROW_INDEX_KEY": b64encode(known.index_key).decode(),
            "ESCROW_SUBSCRIBER_URLS": self.listener.url,
            "ESCROW_SUBSCRIBER_NETWORKS": "127.0.0.0/8", "PORT": str(self.port), "WEB_PROCESSES": "1",
            "CELERY_BROKER_URL": self.broker, "PYTHONUNBUFFERED": "1", **self.environ,
        }  # fmt: skip

    def run(self, name: str, *command: object) -> Born:
        """One process of the house in a group of its own; what it says goes to its log."""
        with (self.house.settings.data_dir / "log" / name).open("ab") as log:
            return self.arena.nursery.start([str(word) for word in command], self.told(), log)

    def log(self, name: str) -> str:
        """The end of what a process said."""
        return last_lines(self.house.settings.data_dir / "log" / name, 40)

    # --- the web server ---

    def start_web(self) -> None:
        """gunicorn as the launcher starts it, with one worker to kill."""
        self.web = self.run("web.log", "gunicorn", "-c", ROOT / "config" / "gunicorn.py", "wsgi:app")
        until("网页服务", self.web_workers, 60)

    def web_workers(self) -> list[int]:
        """The workers of the web server; the master starts another for each that dies."""
        assert self.web is not None
        assert self.web.poll() is None, self.log("web.log")
        return children_of(self.web.pid)

    # --- worker and beat ---

    def start_worker(self, app: str = HURRIED) -> Born:
        """A Celery worker as the launcher starts it."""
        name = f"worker{len(self.bells)}@{self.name}"
        made = self.run("worker.log", "celery", "-A", app, *WORKER_WORDS, "--hostname", name)
        self.bells.append(made)
        return made

    def start_beat(self, app: str = HURRIED) -> Born:
        """A beat with a schedule file of its own."""
        schedule = self.house.settings.data_dir / f"beat-{len(self.bells)}"
        made = self.run("beat.log", "celery", "-A", app, *BEAT_WORDS, schedule)
        self.bells.append(made)
        return made

    def kill(self, process: Born) -> None:
        """kill -9 of a process and its children, parent first (连同子进程强杀)."""
        kill_9(process.pid, *children_of(process.pid))
        process.wait(10)

    def stop(self) -> None:
        """Everything that was started here is gone."""
        for process in [*self.bells, *([self.web] if self.web else [])]:
            self.kill(process)
        self.house.database.dispose()
