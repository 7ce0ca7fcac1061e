"""`make restore`: a new data folder as the book stood at an instant, and what that is worth (恢复).

Nothing that exists is touched: the target has to be new. Afterwards the book is verified, and its chain
compared with every head that was kept outside it.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from config import house, roles
from config.archive import BACKUP, Manifest, changed, fetching, flaw, manifests, shown
from config.backup import KEPT, newest_block
from config.postgres import SUPERUSER, CannotStart, Server, find_programs
from config.preflight import Plan, create_folder, enterable, held

BIN = Path(sys.executable).parent
HEAD_FILE = "ledger-head.json"
# Replaying a long archive takes as long as it takes; a server that has died is noticed at once.
PATIENCE = 24 * 3600.0
SETTINGS = {"hot_standby": "off", "archive_mode": "off", "recovery_target_action": "promote",
            "recovery_target_timeline": "current"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be restored, where to, and what it is compared with (恢复要求)."""

    backup: Path
    to: Path
    at: datetime | None
    head: Path | None


def main() -> int:
    """`make restore ARGS="--at '2026-11-21 10:00:00+08:00' --from var/backup --to /path"`."""
    sys.stdout.reconfigure(errors="replace", line_buffering=True)  # type: ignore[union-attr]
    os.umask(0o077)
    try:
        return restore(_wish())
    except (CannotStart, psycopg.Error, OSError, tarfile.TarError) as reason:
        print(f"✗ 没有恢复：{str(reason).strip()}")
        return 1


def _wish() -> Wish:
    standing = Path(os.environ.get("ESCROW_DATA") or "var")
    asked = argparse.ArgumentParser(prog="make restore", description="恢复到一个新的数据文件夹，绝不覆盖已有的")
    asked.add_argument("--to", type=Path, required=True, help="新的数据文件夹，须尚不存在或为空")
    asked.add_argument("--from", type=Path, default=standing / BACKUP, dest="backup", help="备份夹（默认数据文件夹里的）")
    asked.add_argument("--at", help="恢复到的时刻，须带时区，如 '2026-11-21 10:00:00+08:00'；不写即到归档末尾")
    asked.add_argument("--head", type=Path, help=f"留存在库外的封存头；默认取备份夹旁的 {HEAD_FILE}")
    told = asked.parse_args()
    backup = told.backup.absolute().resolve()
    beside = backup.parent / HEAD_FILE
    if told.head and not told.head.exists():
        raise CannotStart(f"没有 {told.head} 这个封存头文件")
    head = told.head or (beside if beside.exists() else None)
    return Wish(backup, told.to.absolute().resolve(), _instant(told.at), head)


def _instant(said: str | None) -> datetime | None:
    if said is None:
        return None
    try:
        found = datetime.fromisoformat(said)
    except ValueError as error:
        raise CannotStart(f"--at {said} 不是一个时刻；请写成 '2026-11-21 10:00:00+08:00'") from error
    if found.tzinfo is None:
        raise CannotStart(f"--at {said} 没有写明时区；北京时间请加 +08:00")
    return found


def restore(wish: Wish) -> int:
    """Check, unpack, replay, verify, compare; returns the exit code."""
    begun = time.monotonic()
    folder, manifest = _choose(wish)
    programs = find_programs()
    if programs.version != manifest.version:
        raise CannotStart(f"备份是 PostgreSQL {manifest.version} 的，而找到的程序是 {programs.version}（{programs.bin}）；"
                          f"请以 PG_BIN 指向 PostgreSQL {manifest.version} 的 bin 文件夹")  # fmt: skip
    if wish.to.exists() and (not wish.to.is_dir() or any(wish.to.iterdir())):
        raise CannotStart(f"{wish.to} 已存在；恢复只写到新的文件夹，绝不覆盖")
    enterable(Plan(wish.to, 0, own_server=False))
    print("▸ 核对备份与归档的 SHA-256……")
    if wrong := list(changed(folder, manifest)):
        raise CannotStart("；".join(wrong))
    gap = flaw(folder.parents[1] / "wal", manifest)
    if gap and wish.at is None:
        raise CannotStart(f"{gap}；它之前的时刻可以 --at 指明")
    create_folder(wish.to)
    try:
        with held(wish.to):
            return _rebuild(wish, folder, manifest, Server(wish.to, programs), gap, begun)
    except BaseException:
        shutil.rmtree(wish.to, ignore_errors=True)
        raise


def _choose(wish: Wish) -> tuple[Path, Manifest]:
    """The newest base backup that was finished by then."""
    bases = manifests(wish.backup)
    if not bases:
        raise CannotStart(f"{wish.backup} 里没有基础备份；备份夹通常是 数据文件夹/backup")
    fit = [one for one in bases if wish.at is None or one[1].made_at <= wish.at]
    if not fit:
        first = bases[0][1].made_at
        raise CannotStart(f"{shown(wish.at or first)} 早于最早的基础备份；最早可恢复到 {shown(first)}")
    print(f"▸ 用 {shown(fit[-1][1].made_at)} 的基础备份 {fit[-1][0]}")
    return fit[-1]


def _rebuild(
    wish: Wish, folder: Path, manifest: Manifest, server: Server, gap: str | None, begun: float
) -> int:
    """From an empty folder to a verdict."""
    (wish.to / "log").mkdir()
    for name in KEPT:
        if (folder / "house" / name).exists() and name != HEAD_FILE:
            house.write_private(wish.to / name, (folder / "house" / name).read_text())
    print("▸ 展开基础备份……")
    _unpack(folder / "data", server)
    print("▸ 重放归档……")
    with _replayed(wish, folder.parents[1] / "wal", manifest, server, gap):
        last = _last_commit(server.log)
        reached = f"{shown(last)} 的提交" if last else "基础备份之时"
        print(f"✓ 恢复到 {reached}，用时 {time.monotonic() - begun:.1f} 秒")
        sound = _verify(wish.to, server)
        sound = _compare(wish, manifest, server) and sound
    if not sound:
        print(f"✗ 请勿启用 {wish.to}，先查明原因")
        return 1
    print(f"✓ 数据在 {wish.to}；启动：ESCROW_DATA={wish.to} make run")
    print("  该时刻之后发出的付款指令、事件和收到的对账单不在本库：先停用原系统，启用后逐一与银行核对")
    return 0


def _unpack(packed: Path, server: Server) -> None:
    """The base backup's files, the server's user's own, told that they are to be recovered."""
    half = server.home / "postgres.new"
    half.mkdir(mode=0o700)
    for name, place in (("base.tar.gz", half), ("pg_wal.tar.gz", half / "pg_wal")):
        with tarfile.open(packed / name) as tar:
            tar.extractall(place, filter="data")
    shutil.copyfile(packed / "backup_manifest", half / "backup_manifest")
    (half / "recovery.signal").touch()
    for path in (half, *half.rglob("*")):
        server.give(path)
        path.chmod(0o700 if path.is_dir() else 0o600)
    half.rename(server.data)


@contextmanager
def _replayed(
    wish: Wish, wal: Path, manifest: Manifest, server: Server, gap: str | None
) -> Iterator[None]:
    """The server, once it has replayed as far as it was asked to and opened the book for work."""
    # The server's user may not enter a backup folder kept elsewhere: it reads copies of its own.
    reader = wish.to / "wal"
    reader.mkdir(mode=0o700)
    server.give(reader)
    for path in wal.glob(f"{manifest.start_wal[:8]}*.gz*"):
        if path.name >= manifest.start_wal:
            server.give(Path(shutil.copyfile(path, reader / path.name)))
    told = {**SETTINGS, "restore_command": fetching(reader)}
    if wish.at:
        told["recovery_target_time"] = wish.at.isoformat(sep=" ")
    try:
        server.start(told, PATIENCE)
    except CannotStart as stopped:
        raise CannotStart(_why(wish, server.log, gap) or str(stopped)) from stopped
    try:
        yield
    finally:
        server.stop()
        shutil.rmtree(reader, ignore_errors=True)


def _why(wish: Wish, log: Path, gap: str | None) -> str:
    """What kept the book from reaching the instant asked for, in words; empty where it was something else."""
    said = log.read_text(errors="replace")
    if "recovery ended before configured recovery target" not in said and not gap:
        return ""
    last = f"归档里最后一笔提交在 {shown(found)}" if (found := _last_commit(log)) else "归档里没有更晚的提交"
    wanted = f"到不了 {shown(wish.at)}" if wish.at else "归档没有读完"
    return f"{wanted}：{gap or '归档到此为止'}；{last}" + ("" if gap else "。不写 --at 即恢复到归档末尾")


def _last_commit(log: Path) -> datetime | None:
    """When the newest transaction that was replayed had been committed; the server speaks UTC."""
    said = log.read_text(errors="replace")
    found = re.findall(r"last completed transaction was at log time (\S+ [0-9:.]+)\+00", said)
    return datetime.fromisoformat(f"{found[-1]}+00:00") if found else None


def _verify(home: Path, server: Server) -> bool:
    """`flask verify` over the restored book, as the house's own verifier."""
    kept = house.drawn(home)
    kept.update(roles.urls(server.url("_", "_", roles.DATABASE), kept["role_passwords"]))
    kept["broker_url"] = roles.broker_url(kept["database_url"], f"{roles.DATABASE}_broker")
    house.keep(home, kept)
    house.signing_key(home)
    told = {name: value for name, value in os.environ.items()
            if name != "DATABASE_URL" and not name.startswith("ESCROW_")}  # fmt: skip
    command = [str(BIN / "flask"), "--app", "wsgi", "verify"]
    print("▸ flask verify")
    return subprocess.run(command, env={**told, "ESCROW_DATA": str(home)}, check=False).returncode == 0


def _compare(wish: Wish, manifest: Manifest, server: Server) -> bool:
    """Whether the restored chain ends before, at or after the head kept outside, or contradicts any."""
    url = server.url(SUPERUSER, house.superuser_password(wish.to), roles.DATABASE)
    told = [(path, one.head) for path, one in manifests(wish.backup, manifest.system)]
    if wish.head:
        told.append((wish.head, json.loads(wish.head.read_text(encoding="utf-8"))))
    with psycopg.connect(url, autocommit=True) as connection:
        newest = newest_block(connection)
        wrong = [str(path) for path, head in told if head and _contradicts(connection, head, newest)]
    kept = told[-1][1] if wish.head else None
    said = _standing(newest, kept, wish.head, wrong)
    print(said)
    at = wish.at.isoformat() if wish.at else None
    record = {"at": at, "base": manifest.name, "newest": newest, "kept": kept, "said": said}
    house.write_private(wish.to / "restored.json", json.dumps(record, ensure_ascii=False, indent=2) + "\n")
    return not wrong


def _contradicts(
    connection: psycopg.Connection[Any], head: dict[str, Any], newest: dict[str, Any] | None
) -> bool:
    """A head the chain has reached has to be in it, as it was."""
    if newest is None or head["no"] > newest["no"]:
        return False
    found = connection.execute(
        "SELECT encode(hash, 'hex') FROM ledger.seal WHERE no = %s", [head["no"]]
    ).fetchone()
    return found != (head["hash"],)


def _standing(
    newest: dict[str, Any] | None, kept: dict[str, Any] | None, place: Path | None, wrong: list[str]
) -> str:
    """The verdict on the restored chain, in words (与留存封存头相比)."""
    here = newest["no"] if newest else 0
    if wrong:
        return f"✗ 与留存的封存头矛盾：库中的链与 {'、'.join(wrong)} 所记不同，账簿被改写过，或不是同一本账"
    if kept is None:
        return f"▸ 恢复到第 {here} 块；没有找到留存在库外的封存头，无从比对（可用 --head 指明）"
    if here < kept["no"]:
        left = kept["no"] - here
        return f"▸ 止于留存封存头之前：恢复到第 {here} 块，{place} 留存第 {kept['no']} 块；其后 {left} 块的凭证不在本库"
    if here == kept["no"]:
        return f"✓ 恰止于留存封存头：第 {here} 块，散列相同（{place}）"
    return f"✓ 越过留存封存头：第 {kept['no']} 块散列相同（{place}），其后另有 {here - kept['no']} 块"


if __name__ == "__main__":
    sys.exit(main())
