"""What a backup folder holds, and how the running server fills it (备份夹与连续归档).

    backup/<server's own number>/wal/                 every finished WAL segment, packed, beside its SHA-256
    backup/<server's own number>/base/<instant>/      base backups: manifest.json, data/*.tar.gz, house/*

The server's own number keeps two servers that were ever run on one folder apart.
"""

import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from config.postgres import CannotStart

BACKUP = "backup"
MANIFEST = "manifest.json"
# A machine that is lost takes at most this many seconds of work with it.
ARCHIVE_SECONDS = 60
SEGMENT = re.compile(r"[0-9A-F]{24}")
CHUNK = 1 << 20
BUREAU = ZoneInfo("Asia/Shanghai")

# The same bytes again are fine, other bytes under a name already kept are not.
# A segment is whole on the disk before it has its name.
_ARCHIVE = """
cd {wal} || exit 1
if [ -e %f.gz ]; then gzip -dc %f.gz | cmp -s - "$OLDPWD"/%p; exit; fi
gzip -1 -n <"$OLDPWD"/%p >%f.part && sha256sum <%f.part >%f.gz.sha256 &&
sync %f.part %f.gz.sha256 && mv %f.part %f.gz && sync .
"""
# Above 125 PostgreSQL gives up; anything less means to it that the archive ends here.
_RESTORE = """
cd {wal} || exit 126
[ -e %f.gz ] || exit 1
[ "$(sha256sum <%f.gz)" = "$(cat %f.gz.sha256)" ] || exit 126
gzip -dc %f.gz >"$OLDPWD"/%p || exit 126
"""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one base backup says of itself (备份清单)."""

    name: str
    begun_at: datetime
    made_at: datetime
    version: int
    system: str
    timeline: int
    segment_bytes: int
    start_wal: str
    head: dict[str, Any] | None
    files: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> str:
        """Leave it in the folder; returns its own SHA-256, for keeping elsewhere."""
        told = {**asdict(self), "begun_at": self.begun_at.isoformat(), "made_at": self.made_at.isoformat()}
        path = folder / MANIFEST
        path.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        return digest(path)


def manifests(backup: Path, system: str = "*") -> list[tuple[Path, Manifest]]:
    """Every finished base backup under a backup folder, oldest first (已有的基础备份)."""
    paths = [path for path in backup.glob(f"{system}/base/*/{MANIFEST}") if path.parent.suffix != ".new"]
    return sorted(((path.parent, read_manifest(path)) for path in paths), key=lambda one: one[1].made_at)


def read_manifest(path: Path) -> Manifest:
    """One manifest, as it was written. Raises CannotStart naming a file that does not read."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        instants = {name: datetime.fromisoformat(told[name]) for name in ("begun_at", "made_at")}
        return Manifest(**{**told, **instants})
    except (ValueError, KeyError, TypeError) as error:
        raise CannotStart(f"备份清单 {path} 读不懂（{error}）；它不是本系统写下的样子，未作任何恢复") from error


def archiving(wal: Path) -> dict[str, str]:
    """What the server is told so that it archives from its first start (连续归档)."""
    command = _told(_ARCHIVE, wal)
    return {"archive_mode": "on", "archive_timeout": str(ARCHIVE_SECONDS), "archive_command": command}


def fetching(wal: Path) -> str:
    """The command that brings one segment back, or stops at one that was changed (取回归档)."""
    return _told(_RESTORE, wal)


def _told(script: str, wal: Path) -> str:
    return script.format(wal=shlex.quote(str(wal)).replace("%", "%%")).strip()


def segments(wal: Path) -> list[str]:
    """The archived segments by name, in order (已归档的段)."""
    names = (path.name.removesuffix(".gz") for path in wal.glob("*.gz"))
    return sorted(name for name in names if SEGMENT.fullmatch(name))


def segment_after(name: str, segment_bytes: int) -> str:
    """The name of the segment that follows (下一段)."""
    line, high, low = (int(name[at : at + 8], 16) for at in (0, 8, 16))
    per_high = (1 << 32) // segment_bytes
    number = high * per_high + low + 1
    return f"{line:08X}{number // per_high:08X}{number % per_high:08X}"


def segment_of(lsn: str, timeline: int, segment_bytes: int) -> str:
    """The segment a place in the WAL lies in (位置所在的段)."""
    high, _, low = lsn.partition("/")
    return f"{timeline:08X}{int(high, 16):08X}{int(low, 16) // segment_bytes:08X}"


def flaw(wal: Path, manifest: Manifest) -> str | None:
    """The first segment after the base that is missing or was changed, in words (归档中的第一处缺损)."""
    wanted = manifest.start_wal
    held = [name for name in segments(wal) if name >= wanted and name[:8] == wanted[:8]]
    for name in held or [wanted]:
        if name != wanted:
            return f"归档缺少 {wal / wanted}.gz"
        path = wal / f"{name}.gz"
        if not path.exists():
            return f"归档缺少 {path}"
        if digest(path) != _said(path):
            return f"归档文件 {path} 与其 SHA-256 不符"
        wanted = segment_after(name, manifest.segment_bytes)
    return None


def changed(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Every file of a base backup that is missing or not what the manifest says (与清单不符的文件)."""
    for name, told in manifest.files.items():
        path = folder / name
        if not path.exists():
            yield f"缺少 {path}"
        elif digest(path) != told:
            yield f"{path} 与清单的 SHA-256 不符"


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal (摘要)."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _said(path: Path) -> str:
    beside = path.with_name(f"{path.name}.sha256")
    return beside.read_text().split()[0] if beside.exists() and beside.stat().st_size else ""


def shown(instant: datetime) -> str:
    """An instant as the bureau reads it (北京时间)."""
    return instant.astimezone(BUREAU).isoformat(sep=" ", timespec="milliseconds")
