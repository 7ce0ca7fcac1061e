"""What was booked up to an instant can be had again, and is compared with what was kept (备份与恢复)."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from config import house, serve
from config.archive import Manifest, flaw, segment_after
from config.postgres import CannotStart, Server, find_programs
from config.preflight import held
from config.restore import Wish, restore
from config.roles import DATABASE
from ledger.money import Yuan
from ledger.seals import HEAD_FILE, head, keep, kept, seal
from tests.cluster import roomy_folder
from tests.config.conftest import HOUSE
from tests.ledger.conftest import Books, deposit, open_books


@dataclass(slots=True)
class Standing:
    """A data folder with the launcher's own server and books, but no web before it (只有数据库的系统)."""

    home: Path
    server: Server

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "data"

    def start(self) -> None:
        """The server, as the launcher starts it: archiving."""
        told = house.drawn(self.data)
        house.signing_key(self.data)
        serve._start_server(self.server, told)
        house.keep(self.data, told)
        serve._migrate(told)

    def connect(self) -> psycopg.Connection:
        """As the application."""
        return psycopg.connect(house.drawn(self.data)["database_url"])

    def book(self, reference: str, books: Books | None = None) -> Books:
        """Post one deposit, seal it and keep the head outside; the books for more."""
        with self.connect() as session:
            books = books or open_books(session)
            deposit(session, books, Yuan(100), reference, date(2026, 6, 1))
        with self.connect() as session:
            seal(session)
        with self.connect() as session:
            keep(self.data / HEAD_FILE, head(session))
        return books

    def backup(self, *arguments: str, **environ: str) -> tuple[int, str]:
        """What `make backup` says, and how it ends."""
        told = {"PATH": "/usr/bin:/bin", "ESCROW_DATA": str(self.data), **environ}
        command = [sys.executable, "-m", "config.backup", *arguments]
        done = subprocess.run(command, cwd=HOUSE, env=told, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def newest_base(self) -> Path:
        """The newest base backup."""
        return sorted((self.data / "backup").glob("*/base/*"))[-1]

    def wish(self, to: str) -> Wish:
        """Everything there is, into a new folder."""
        return Wish(self.data / "backup", self.home / to, None, self.data / HEAD_FILE)


@pytest.fixture
def standing() -> Iterator[Standing]:
    """A house of its own, in memory where there is room."""
    home = Path(tempfile.mkdtemp(prefix="escrow-backup-", dir=roomy_folder()))
    home.chmod(0o711)
    (home / "data" / "log").mkdir(parents=True)
    (home / "data").chmod(0o711)
    made = Standing(home, Server(home / "data", find_programs()))
    yield made
    made.server.stop()
    shutil.rmtree(home, ignore_errors=True)


def references(data: Path) -> list[str]:
    """What is booked in a restored folder, asked of its own server."""
    server = Server(data, find_programs())
    server.start({"fsync": "off"})
    try:
        url = server.url("postgres", house.superuser_password(data), DATABASE)
        with psycopg.connect(url) as session:
            found = session.execute("SELECT reference FROM ledger.journal_entry ORDER BY id")
            return [name for (name,) in found]
    finally:
        server.stop()


@pytest.mark.slow
def test_a_backup_is_restored_to_an_instant_and_refused_where_it_cannot_be_whole(standing, capsys):
    """运行中的系统连续归档；恢复到指明的时刻，核验通过并与库外封存头比对；目标已存在、被改、版本不符都点名拒绝。"""
    standing.start()
    with held(standing.data):
        code, said = standing.backup()
    assert code == 0 and "清单 SHA-256" in said, said
    books = standing.book("甲")
    instant = datetime.now(UTC)
    time.sleep(0.05)
    standing.book("乙", books)
    standing.server.stop()

    assert restore(replace(standing.wish("then"), at=instant)) == 0
    said = capsys.readouterr().out
    assert "止于留存封存头之前：恢复到第 1 块" in said and "其后 1 块" in said
    assert references(standing.home / "then") == ["甲"]

    assert restore(standing.wish("all")) == 0
    assert "恰止于留存封存头：第 2 块" in capsys.readouterr().out
    assert references(standing.home / "all") == ["甲", "乙"]
    assert kept(standing.home / "all" / HEAD_FILE) == kept(standing.data / HEAD_FILE)
    told, again = house.drawn(standing.data), house.drawn(standing.home / "all")
    assert (again["party_keys"], again["role_passwords"]) == (told["party_keys"], told["role_passwords"])

    other = standing.home / "other-head.json"
    other.write_text(json.dumps({"no": 1, "hash": "00" * 32}))
    assert restore(replace(standing.wish("doubtful"), head=other)) == 1
    said = capsys.readouterr().out
    assert "与留存的封存头矛盾" in said and "请勿启用" in said

    _refused(standing)
    _pruned(standing)


def _refused(standing: Standing) -> None:
    """Each refusal names what is wrong and leaves no folder behind."""
    base, wish = standing.newest_base(), standing.wish("nowhere")

    def refuses(wish: Wish, *words: str) -> None:
        with pytest.raises(CannotStart) as refused:
            restore(wish)
        assert all(word in str(refused.value) for word in words), refused.value
        assert not (standing.home / "nowhere").exists()

    refuses(standing.wish("all"), "已存在", "绝不覆盖")
    refuses(replace(wish, at=datetime(2020, 1, 1, tzinfo=UTC)), "早于最早的基础备份")
    refuses(replace(wish, at=datetime(2099, 1, 1, tzinfo=UTC)), "归档到此为止", "最后一笔提交在")

    needed = sorted(path for path in base.parents[1].glob("wal/*.gz") if len(path.name) == 27)[-1]
    whole = needed.read_bytes()
    needed.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refuses(wish, str(needed), "SHA-256")
    needed.write_bytes(whole)
    packed = base / "data" / "base.tar.gz"
    whole = packed.read_bytes()
    packed.write_bytes(whole + b"\0")
    refuses(wish, str(packed), "SHA-256")
    packed.write_bytes(whole)
    manifest = base / "manifest.json"
    told = manifest.read_text()
    manifest.write_text(told.replace('"version": ', '"version": 9'))
    refuses(wish, "PG_BIN", "PostgreSQL 9")
    manifest.write_text(told)


def _pruned(standing: Standing) -> None:
    """A stopped house is backed up too; only so many are kept, and the WAL of the others goes with them."""
    first = standing.newest_base()
    code, said = standing.backup("--keep", "1")
    assert code == 0 and "保留基础备份 1 份" in said, said
    newest = standing.newest_base()
    start = json.loads((newest / "manifest.json").read_text())["start_wal"]
    assert newest != first and not first.exists()
    assert min(path.name for path in first.parents[1].glob("wal/*.gz")) >= start
    assert (newest / "house" / "house.json").stat().st_mode & 0o777 == 0o600
    code, said = standing.backup(DATABASE_URL="postgresql://nobody@/nowhere")
    assert code == 1 and "DATABASE_URL" in said


def test_a_gap_in_the_archive_is_named(tmp_path):
    """归档缺一段，就说缺哪一段；段名跨过高位也接得上。"""
    first, second, third = "0000000100000000000000FE", "0000000100000000000000FF", "000000010000000100000000"
    assert segment_after(second, 16 << 20) == third
    manifest = Manifest("b", datetime.now(UTC), datetime.now(UTC), 18, "1", 1, 16 << 20, first, None)
    for name in (first, second, third):
        (tmp_path / f"{name}.gz").write_bytes(b"x")
        said = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881  -\n"
        (tmp_path / f"{name}.gz.sha256").write_text(said)
    assert flaw(tmp_path, manifest) is None

    (tmp_path / f"{second}.gz").unlink()
    assert second in (flaw(tmp_path, manifest) or "")

    (tmp_path / f"{first}.gz").unlink()
    assert first in (flaw(tmp_path, manifest) or "")


def test_an_instant_without_a_zone_is_refused(capsys, monkeypatch):
    """恢复的时刻必须写明时区，否则差八小时也看不出来。"""
    from config import restore as door

    monkeypatch.setattr(sys, "argv", ["restore", "--to", "/nowhere", "--at", "2026-11-21 10:00:00"])
    monkeypatch.setattr(sys.stdout, "reconfigure", lambda **_: None, raising=False)
    assert door.main() == 1
    assert "没有写明时区" in capsys.readouterr().out
