"""The server seen from beside it (旁观): the memory of its processes, and the checks over its books."""

from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from escrow.doors import settings
from ledger import checks
from ledger.seals import HEAD_FILE


def peak_memory(url: str) -> dict[str, int]:
    """Memory now and at its highest, in KiB, of every process that serves this port; empty if not here."""
    serving = _listening(urlsplit(url).port or 80)
    found = {"processes": 0, "now": 0, "peak": 0}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            held = {link.readlink().name for link in (process / "fd").iterdir() if link.is_symlink()}
            if not held & serving:
                continue
            lines = (process / "status").read_text().splitlines()
            told = dict(line.split(":", 1) for line in lines)
            found["processes"] += 1
            found["now"] += int(told["VmRSS"].split()[0])
            found["peak"] += int(told["VmHWM"].split()[0])
    return found if found["processes"] else {}


def _listening(port: int) -> set[str]:
    """The sockets that listen on this port, as /proc names them."""
    with suppress(OSError):
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return {
            f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port
        }
    return set()


def verified() -> tuple[bool, list[str]]:
    """The checks of `flask verify`, one line each (核验)."""
    with psycopg.connect(settings().verifier_url) as connection:
        findings = checks.run(connection, head=settings().data_dir / HEAD_FILE)
    lines = [f"{'通过' if one.ok else '不符'}  {one.check}  {one.detail}" for one in findings]
    return all(one.ok for one in findings), lines
