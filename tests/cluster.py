"""The run's PostgreSQL: started once, with one migrated template that every house is a copy of (测试数据库服务)."""

import os
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from config.migrate import upgrade
from config.postgres import SUPERUSER, Server, find_programs
from config.roles import APP, OWNER, READER, ROLES, VERIFIER, admit_roles, create_database, create_roles

TEMPLATE = "escrow_template"
ROLE_NAMES = {"owner": OWNER, "app": APP, "reader": READER, "verifier": VERIFIER, "superuser": SUPERUSER}
# In tests only: what a power cut would lose is thrown away anyway.
HURRIED = {
    "fsync": "off", "full_page_writes": "off", "autovacuum": "off", "max_connections": "200",
    "shared_buffers": "64MB", "wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "512MB",
    "checkpoint_timeout": "1h", "log_min_messages": "fatal",
}  # fmt: skip


@dataclass(slots=True)
class Cluster:
    """The run's PostgreSQL (本次测试的数据库服务)."""

    sockets: str
    server: Server | None = None
    # One for all that is cloned and dropped: a connection each time costs a fifth of the cloning.
    _above: "psycopg.Connection[Any] | None" = None

    def url(self, role: str, database: str) -> str:
        """A URL for one role; tests trust the private socket, so there are no passwords."""
        return f"postgresql://{ROLE_NAMES[role]}@/{database}?host={self.sockets}"

    @property
    def above(self) -> "psycopg.Connection[Any]":
        """The superuser, outside any transaction."""
        if self._above is None:
            self._above = psycopg.connect(self.url("superuser", "postgres"), autocommit=True)
        return self._above

    def leave(self) -> None:
        """Nobody is connected any more."""
        if self._above is not None:
            self._above.close()

    def clone(self, name: str, template: str = TEMPLATE) -> None:
        """A fresh database from the migrated template, or from another nobody is connected to (克隆模板库)."""
        self.above.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template} STRATEGY FILE_COPY")
        admit_roles(self.above, name)

    def drop(self, name: str) -> None:
        """Throw a database away, whoever is still connected."""
        self.above.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def start_cluster() -> Cluster:
    """initdb, start, roles, template, migrations: about a second and a half."""
    sweep(Path(roomy_folder()))
    home = Path(tempfile.mkdtemp(prefix="escrow-test-", dir=roomy_folder()))
    home.chmod(0o711)
    server = Server(home, find_programs())
    server.create("unused", trust=True)
    server.start(HURRIED)
    cluster = Cluster(str(server.sockets), server)
    with psycopg.connect(cluster.url("superuser", "postgres"), autocommit=True) as connection:
        create_roles(connection, {role: secrets.token_hex(8) for role in ROLES})
        create_database(connection, TEMPLATE, OWNER)
        admit_roles(connection, TEMPLATE)
    try:
        upgrade(cluster.url("owner", TEMPLATE))
        know_this_year(cluster.url("superuser", TEMPLATE))
    except BaseException:
        stop_cluster(cluster)
        raise
    return cluster


def know_this_year(url: str) -> None:
    """Late in a year whose successor nobody has announced yet, the tests make one up; a house never does."""
    year = (datetime.now(UTC) + timedelta(days=35)).year
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO working_year (year, status, notice_no, holidays)"
            " SELECT y, 'in-force', '试验用', ARRAY[make_date(y, 1, 1)] FROM generate_series(%s - 1, %s) AS y"
            "  WHERE NOT EXISTS (SELECT FROM working_year k WHERE k.year = y)",
            (year, year),
        )


def roomy_folder() -> str:
    """Memory where there is enough of it: ext4 is slow to reuse the inodes of a database just dropped.

    Never pytest's own folder, which the server's user may not enter.
    """
    memory = Path("/dev/shm")
    if not memory.is_dir() or not os.access(memory, os.W_OK):
        return "/tmp"
    room = os.statvfs(memory)
    fits = room.f_bavail * room.f_frsize > 2 * 1024**3 and not room.f_flag & os.ST_NOEXEC
    return str(memory) if fits else "/tmp"


def sweep(folder: Path) -> None:
    """Put away what killed runs left behind an hour ago or more; their servers died with them."""
    for left in folder.glob("escrow-test-*"):
        with suppress(OSError):
            ours = left.stat().st_uid == os.geteuid() and left.stat().st_mtime < time.time() - 3600
            if ours and not (left / "postgres" / "postmaster.pid").exists():
                shutil.rmtree(left, ignore_errors=True)


def stop_cluster(cluster: Cluster) -> None:
    """Stop the server and leave nothing behind."""
    assert cluster.server is not None
    cluster.leave()
    cluster.server.stop()
    shutil.rmtree(cluster.server.home, ignore_errors=True)
