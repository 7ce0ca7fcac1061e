"""`make backup`: a base backup of the house as it runs, its manifest, and no more of them than are kept (备份).

The WAL between base backups is archived by the server itself (config/archive.py); this only makes sure it is.
"""

import argparse
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from config import house, roles
from config.archive import (
    BACKUP,
    Manifest,
    archiving,
    digest,
    manifests,
    segment_of,
    segments,
    shown,
)
from config.postgres import SUPERUSER, CannotStart, Server, find_programs
from config.preflight import held

# What a restored house needs besides its database; whoever holds a backup holds the keys.
KEPT = ("house.json", house.SUPERUSER_FILE, "signing-key.pem", "ledger-head.json", "demo-credentials.json")
KEEP = 7
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Live:
    """A running server, and the way into it as its superuser (运行中的数据库)."""

    home: Path
    server: Server
    folder: Path

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A plain connection; what is asked is asked outside any transaction."""
        password = house.superuser_password(self.home)
        return psycopg.connect(self.server.url(SUPERUSER, password, database), autocommit=True)


def main() -> int:
    """`make backup ARGS="--keep 7"`: of the running house, or of one that is stopped."""
    sys.stdout.reconfigure(errors="replace", line_buffering=True)  # type: ignore[union-attr]
    os.umask(0o077)
    asked = argparse.ArgumentParser(prog="make backup", description="备份正在运行的（或已停止的）系统")
    asked.add_argument("--keep", type=int, default=KEEP, help=f"保留最近几份基础备份（默认 {KEEP}）")
    told = asked.parse_args()
    try:
        if os.environ.get("DATABASE_URL"):
            raise CannotStart("数据库由 DATABASE_URL 指明，请用那台服务器自己的备份办法（pgBackRest、barman 等）；这里只备份内置数据库")
        if told.keep < 1:
            raise CannotStart("至少保留一份：--keep 1")
        home = Path(os.environ.get("ESCROW_DATA") or "var").absolute().resolve()
        with _running(home) as live:
            take(live)
            prune(live.folder, told.keep)
    except (CannotStart, psycopg.Error, OSError) as reason:
        print(f"✗ 备份没有做成：{str(reason).strip()}")
        return 1
    return 0


@contextmanager
def _running(home: Path) -> Iterator[Live]:
    """The server of a running house, or one started for the time of the backup."""
    server = Server(home, find_programs())
    if not server.data.exists():
        raise CannotStart(f"{home} 里没有系统；请以 ESCROW_DATA 指明数据文件夹，或先 make run")
    server.check_version()
    folder = ready(server)
    pid = server.data / "postmaster.pid"
    if _launcher_runs(home) and pid.exists():
        server.sockets = Path(pid.read_text().splitlines()[4])
        yield Live(home, server, folder)
        return
    print("▸ 系统没有在运行，为备份单独启动数据库……")
    with held(home):
        server.start(archiving(folder / "wal"))
        try:
            yield Live(home, server, folder)
        finally:
            server.stop()


def _launcher_runs(home: Path) -> bool:
    try:
        with held(home):
            return False
    except CannotStart:
        return True


def ready(server: Server) -> Path:
    """The backup folder of one server; its WAL folder belongs to the server's user (备份夹)."""
    told = server.run("pg_controldata", "-D", server.data)
    folder = server.home / BACKUP / told.partition("system identifier:")[2].split()[0]
    modes = {folder.parent: 0o711, folder: 0o711, folder / "base": 0o700, folder / "wal": 0o700}
    for path, mode in modes.items():
        if not path.exists():
            path.mkdir()
            path.chmod(mode)
    server.give(folder / "wal")
    return folder


def take(live: Live) -> Manifest:
    """One base backup, whole or not at all, and every WAL segment it needs archived (基础备份)."""
    begun = time.monotonic()
    with _alone(live.folder):
        for left in (live.folder / "base").glob("*.new"):
            shutil.rmtree(left)
        half = live.folder / "base" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.new"
        (half / "house").mkdir(parents=True)
        print("▸ 做基础备份……")
        found = _describe(live, half.stem)
        found = _copy_server(live, half / "data", found)
        for name in KEPT:
            if (live.home / name).exists():
                house.write_private(half / "house" / name, (live.home / name).read_text())
        print("▸ 等待归档跟上……")
        _archived(live)
        files = sorted(path for path in half.rglob("*") if path.is_file())
        found = replace(found, files={str(path.relative_to(half)): digest(path) for path in files})
        seal = found.write(half)
        _to_disk(half)
        half.rename(half.with_suffix(""))
    size = sum(path.stat().st_size for path in half.with_suffix("").rglob("*") if path.is_file())
    print(f"✓ 备份：{half.with_suffix('')}，{size / 1e6:.1f} MB，用时 {time.monotonic() - begun:.1f} 秒")
    print(f"  可恢复到 {shown(found.made_at)} 及以后；清单 SHA-256 {seal}")
    return found


def _describe(live: Live, name: str) -> Manifest:
    """What is true before the copy begins, so the copy holds at least this."""
    with live.connect() as connection:
        told = connection.execute(
            "SELECT clock_timestamp(), system_identifier::text, timeline_id,"
            " pg_size_bytes(current_setting('wal_segment_size')), current_setting('archive_mode')"
            " FROM pg_control_system(), pg_control_checkpoint()"
        ).fetchone()
    assert told is not None  # noqa: S101 - a query without WHERE
    if told[4] == "off":
        raise CannotStart("正在运行的数据库没有归档；请停止系统，再 make run 一次")
    with live.connect(roles.DATABASE) as connection:
        head = newest_block(connection)
    return Manifest(
        name=name, begun_at=told[0], made_at=told[0], version=live.server.programs.version, system=told[1],
        timeline=told[2], segment_bytes=told[3], start_wal="", head=head,
    )  # fmt: skip


def newest_block(connection: psycopg.Connection[Any]) -> dict[str, Any] | None:
    """The head of the sealed chain, as the head kept outside is written (封存头)."""
    if connection.execute("SELECT to_regclass('ledger.seal')").fetchone() == (None,):
        return None
    found = connection.execute(
        "SELECT no, encode(hash, 'hex') FROM ledger.seal ORDER BY no DESC LIMIT 1"
    ).fetchone()
    return {"no": found[0], "hash": found[1]} if found else None


def _copy_server(live: Live, folder: Path, found: Manifest) -> Manifest:
    """pg_basebackup, packed, with the WAL made meanwhile: it can stand up even without the archive."""
    command = [
        live.server.programs.bin / "pg_basebackup", "-h", live.server.sockets, "-U", SUPERUSER, "-w",
        "-D", folder, "-Ft", "-Z", "1", "-X", "stream", "-c", "fast", "--manifest-checksums=SHA256",
        "-l", found.name,
    ]  # fmt: skip
    told = {**os.environ, "PGPASSWORD": house.superuser_password(live.home), "LC_ALL": "C.UTF-8"}
    words = [str(word) for word in command]
    done = subprocess.run(words, env=told, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotStart(f"pg_basebackup 失败：\n{done.stderr.strip()}")
    ranges = json.loads((folder / "backup_manifest").read_text())["WAL-Ranges"]
    start = segment_of(ranges[0]["Start-LSN"], ranges[0]["Timeline"], found.segment_bytes)
    with live.connect() as connection:
        ended = connection.execute("SELECT clock_timestamp()").fetchone()
    assert ended is not None  # noqa: S101 - a query without WHERE
    return replace(found, made_at=ended[0], start_wal=start, timeline=ranges[0]["Timeline"])


def _archived(live: Live) -> None:
    """Wait until everything up to now is in the archive; an archive that stands still is no archive."""
    deadline = time.monotonic() + PATIENCE
    with live.connect() as connection:
        told = connection.execute("SELECT pg_walfile_name(pg_switch_wal() - 1)").fetchone()
        assert told is not None  # noqa: S101 - a query without WHERE
        while not (live.folder / "wal" / f"{told[0]}.gz").exists():
            if time.monotonic() > deadline:
                wrong = connection.execute("SELECT last_failed_wal FROM pg_stat_archiver").fetchone()
                name = wrong[0] if wrong and wrong[0] else told[0]
                raise CannotStart(f"归档停在 {name}：请看 {live.server.log} 的末尾，并查磁盘余量与 {live.folder / 'wal'} 的权限")
            time.sleep(0.05)


def prune(folder: Path, keep: int) -> None:
    """Put away the oldest base backups and the WAL only they needed (清理旧备份)."""
    bases = manifests(folder.parent, folder.name)
    for path, _ in bases[:-keep]:
        shutil.rmtree(path)
    kept = bases[-keep:]
    if not kept:
        return
    first = min(manifest.start_wal for _, manifest in kept)
    gone = [name for name in segments(folder / "wal") if name < first]
    for name in gone:
        for path in (folder / "wal").glob(f"{name}.*"):
            path.unlink()
    print(f"✓ 保留基础备份 {len(kept)} 份，最早可恢复到 {shown(kept[0][1].made_at)}；清理归档 {len(gone)} 段")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One backup at a time."""
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart("另一次备份正在进行") from error
        yield


def _to_disk(folder: Path) -> None:
    """Every file and folder of a backup is on the disk before it has its name."""
    for path in (*folder.rglob("*"), folder):
        opened = os.open(path, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


if __name__ == "__main__":
    sys.exit(main())
