"""The processes one launcher started: watched, recorded, and stopped in order (子进程)."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.postgres import CannotStart, Server, die_with_parent, last_lines

RECORD = "children.json"


class Stopped(BaseException):
    """Somebody asked the house to stop; `reason` is shown (要求停止)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Child:
    """One process of ours and the log it writes (子进程)."""

    label: str
    process: "subprocess.Popen[bytes]"
    log: Path | None
    started: str


@dataclass(slots=True)
class Children:
    """Everything this launcher started (全部子进程)."""

    data: Path
    environment: Mapping[str, str]
    server: Server | None = None
    running: list[Child] = field(default_factory=list)

    def start(self, label: str, command: Sequence[object], *, log: str | None = None) -> Child:
        """Start a program in a group of its own; what it says goes to its log, or to our terminal."""
        path = self.data / "log" / log if log else None
        out = path.open("ab") if path else None
        try:
            process = subprocess.Popen(
                [str(word) for word in command], env=dict(self.environment), stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True, preexec_fn=die_with_parent(signal.SIGTERM),
            )  # fmt: skip
        finally:
            if out:
                out.close()
        child = Child(label, process, path, _started(process.pid))
        self.running.append(child)
        self._record()
        return child

    def finish(self, child: Child) -> int:
        """Wait for a program that ends by itself, watching the others meanwhile."""
        while (code := child.process.poll()) is None:
            self.check(but=child)
            time.sleep(0.05)
        self.running.remove(child)
        return code

    def check(self, *, but: Child | None = None) -> None:
        """Raises Stopped naming the first process that ended by itself."""
        if self.server and self.server.process and self.server.process.poll() is not None:
            raise Stopped(_obituary("数据库", self.server.process.returncode, self.server.log))
        for child in self.running:
            if child is not but and child.process.poll() is not None:
                raise Stopped(_obituary(child.label, child.process.returncode, child.log))

    def stop(self) -> list[str]:
        """Ask everyone to finish what is in hand, then the database; returns who had to be killed."""
        late = []
        for child in self.running:
            # The first process of each group alone: it lets its own workers finish what is in hand.
            child.process.terminate()
        deadline = time.monotonic() + 15
        for child in reversed(self.running):
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                late.append(child.label)
            _signal_group(child.process.pid, signal.SIGKILL)
            child.process.wait()
        self.running.clear()
        if self.server:
            self.server.stop()
        (self.data / RECORD).unlink(missing_ok=True)
        return late

    def _record(self) -> None:
        told = [{"label": c.label, "pid": c.process.pid, "started": c.started} for c in self.running]
        half = self.data / f"{RECORD}.new"
        half.write_text(json.dumps(told))
        half.rename(self.data / RECORD)


def stop_leftovers(data: Path) -> list[str]:
    """Stop what a killed launcher left running; a number given to a stranger since is left alone (清理遗留)."""
    try:
        told = json.loads((data / RECORD).read_text())
    except (OSError, ValueError):
        return []
    alive = [one for one in told if one["started"] and _started(one["pid"]) == one["started"]]
    for send, sign, patience in ((os.kill, signal.SIGTERM, 15.0), (os.killpg, signal.SIGKILL, 5.0)):
        for one in alive:
            with suppress(ProcessLookupError):
                send(one["pid"], sign)
        deadline = time.monotonic() + patience
        while any(_group_lives(one["pid"]) for one in told) and time.monotonic() < deadline:
            time.sleep(0.05)
    if stubborn := [one["label"] for one in alive if _started(one["pid"]) == one["started"]]:
        raise CannotStart(f"上一次启动遗留的进程停不下来：{'、'.join(stubborn)}")
    (data / RECORD).unlink(missing_ok=True)
    return [one["label"] for one in alive]


def _obituary(label: str, code: int, log: Path | None) -> str:
    how = f"被信号 {-code} 终止" if code < 0 else f"退出，代码 {code}"
    said = f"，日志 {log} 的末尾：\n{last_lines(log)}" if log else ""
    return f"{label}意外{how}{said}"


def _signal_group(pid: int, sign: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, sign)


def _group_lives(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.killpg(pid, 0)
        return _started(pid) != "" or _group_members(pid)
    return False


def _group_members(group: int) -> bool:
    """Whether anything but zombies is left of a group."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            told = stat.read_text().rpartition(")")[2].split()
            if told[0] != "Z" and int(told[2]) == group:
                return True
    return False


def _started(pid: int) -> str:
    """When a live process started, in the kernel's ticks; empty for the dead and for zombies."""
    with suppress(OSError, IndexError):
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if told[0] == "Z" else told[19]
    return ""
