"""What must be true before anything is created: a free port, a folder the server may enter (起飞前检查).

Standard library only: it is asked before anything is installed.
"""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.postgres import CannotStart, refused_path, server_account

LOCK_FILE = "launcher.lock"
# Names that only a house's own data folder holds.
OURS = ("house.json", "house.new", LOCK_FILE, "postgres", "postgres.new", "log")


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the house will stand (启动计划)."""

    data: Path
    port: int
    own_server: bool  # DATABASE_URL names a PostgreSQL of the bureau's own


def look(environ: Mapping[str, str]) -> Plan:
    """Check everything that can be checked without creating a file; raises CannotStart in plain words."""
    plan = Plan(
        data=Path(environ.get("ESCROW_DATA") or "var").absolute().resolve(),
        port=_port(environ.get("PORT") or "8000"),
        own_server=bool(environ.get("DATABASE_URL")),
    )
    if holder := _holder(plan.data / LOCK_FILE):
        raise CannotStart(f"数据文件夹 {plan.data} 已有一套系统在运行（进程 {holder}）；请先停止它，或以 ESCROW_DATA 另选文件夹")
    enterable(plan)
    if not (plan.data / "children.json").exists():
        port_is_free(plan.port)
    return plan


def port_is_free(port: int) -> None:
    """Raises CannotStart when somebody listens there already (端口占用)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError as error:
            raise CannotStart(f"无权使用端口 {port}；请用 1024 以上的端口，例如 PORT=8000 make run") from error
        except OSError as error:
            raise CannotStart(
                f"端口 {port} 已被别的程序占用；请停止它，或换一个端口：PORT={port % 65535 + 1} make run。未创建任何文件"
            ) from error


def create_folder(data: Path) -> None:
    """The data folder and what is missing above it; others may pass through but not look (建数据文件夹)."""
    missing = [path for path in (*reversed(data.parents), data) if not path.exists()]
    for path in missing:
        try:
            path.mkdir()
        except OSError as error:
            raise CannotStart(f"建不了文件夹 {path}（{error.strerror}）；请以 ESCROW_DATA 另选数据文件夹") from error
        path.chmod(0o711 if path == data else 0o755)
    if os.geteuid() == 0:
        # The server's user has to pass through to its own folder inside.
        data.chmod(data.stat().st_mode & 0o777 | 0o011)


@contextlib.contextmanager
def held(data: Path) -> Iterator[None]:
    """One launcher per data folder; the kernel lets go of the lock whatever becomes of us (独占)."""
    with (data / LOCK_FILE).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(f"数据文件夹 {data} 已有一套系统在运行；请先停止它") from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _holder(path: Path) -> str:
    """Who holds the lock, if anybody does."""
    try:
        with path.open() as lock:
            said = lock.read().strip() or "未知"
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return said
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except PermissionError as error:
        raise CannotStart(f"数据文件夹 {path.parent} 属于另一用户；请以该用户启动，或以 ESCROW_DATA 另选文件夹") from error
    return ""


def _port(said: str) -> int:
    if not said.isascii() or not said.isdigit() or not 1 <= int(said) <= 65535:
        raise CannotStart(f"PORT={said} 不是端口号（1–65535）")
    return int(said)


def enterable(plan: Plan) -> None:
    """Name the folder that is in the way, and what to do about it."""
    standing = [path for path in (*reversed(plan.data.parents), plan.data) if path.exists()]
    nearest = standing[-1]
    if not nearest.is_dir():
        raise CannotStart(f"{nearest} 不是文件夹；请以 ESCROW_DATA 另选数据文件夹。未创建任何文件")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise CannotStart(f"无权写入 {nearest}；请以 ESCROW_DATA 另选数据文件夹。未创建任何文件")
    account = server_account()
    if account is None or plan.own_server:
        return
    if nearest == plan.data and _may_open(plan.data):
        standing.pop()
    if shut := refused_path(account, standing):
        raise CannotStart(
            f"以 root 启动时数据库以用户 {account.pw_name} 运行，而它进不了文件夹 {shut}"
            f"（权限 {shut.stat().st_mode & 0o777:04o}）。请任选其一：① 放行通过：chmod o+x {shut}；"
            f"② 换一个数据文件夹：ESCROW_DATA=/var/lib/escrow make run；③ 以普通用户启动。未创建任何文件"
        )


def _may_open(data: Path) -> bool:
    """An empty folder, or one that is a house's already, may be opened for passing through; no other."""
    held_names = {path.name for path in data.iterdir()}
    return not held_names or not held_names.isdisjoint(OURS)
