"""A bank's file is kept before it is read: its bytes, their hash, who sent it (留存原文)."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from config.database import Database
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import seal_bytes, unseal_bytes
from escrow.errors import Malformed
from escrow.statements.models import StatementChunk
from escrow.statements.rules import FileStatus

# The largest file that is taken, and in what pieces it is kept.
LARGEST = 256 * 1024 * 1024
CHUNK = 1024 * 1024
_IN_MEMORY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that has come in whole, still outside the database (已收齐的文件)."""

    body: Any
    size: int
    sha256: bytes
    media: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose file it is: a bank at its door, or an officer at the page (报送人)."""

    bank_code: str | None = None
    officer_id: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A file in the database (已留存的文件)."""

    id: int
    status: FileStatus


@contextmanager
def arriving(stream: IO[bytes]) -> Iterator[Arrived]:
    """Take a file to its end, outside any transaction, counting and hashing (收取). Raises Malformed."""
    digest, size, first = sha256(), 0, b""
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as body:
        while piece := stream.read(CHUNK):
            first = first or piece
            digest.update(piece)
            size += len(piece)
            body.write(piece)
        if not size:
            raise Malformed("请求体是空的，没有对账单")
        is_xml = first.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"
        yield Arrived(body, size, digest.digest(), "xml" if is_xml else "csv")


_KEEP = text("""
INSERT INTO statement_file (sha256, size, chunks, media, bank_code, officer_id, status)
VALUES (:sha256, :size, :chunks, :media, :bank_code, :officer_id, 'stored')
ON CONFLICT (sha256) DO NOTHING RETURNING id
""")


def keep(session: Session, arrived: Arrived, sender: Sender, settings: Settings) -> Kept:
    """Store bytes and hash; the same bytes are stored once, whoever sends them again (留存)."""
    told = {
        "sha256": arrived.sha256, "size": arrived.size, "media": arrived.media,
        "chunks": -(-arrived.size // CHUNK), "bank_code": sender.bank_code, "officer_id": sender.officer_id,
    }  # fmt: skip
    file_id = session.scalar(_KEEP, told)
    if file_id is None:
        known = text("SELECT id, status FROM statement_file WHERE sha256 = :sha256")
        row = session.execute(known, {"sha256": arrived.sha256}).one()
        audit.record(session, "statement.sent-again", arrived.sha256.hex(), size=arrived.size)
        return Kept(row.id, FileStatus(row.status))
    arrived.body.seek(0)
    no = 0
    while piece := arrived.body.read(CHUNK):
        no += 1
        content = seal_bytes(zlib.compress(piece, 1), settings, context=_context(file_id, no))
        session.execute(insert(StatementChunk).values(file_id=file_id, no=no, content=content))
    audit.record(
        session, "statement.stored", arrived.sha256.hex(), size=arrived.size, media=arrived.media,
        file=file_id,
    )  # fmt: skip
    return Kept(file_id, FileStatus.STORED)


def pieces(database: Database, file_id: int, settings: Settings) -> Iterator[bytes]:
    """The bytes again, a megabyte at a time, each read in a moment of its own (取出原文)."""
    no = 0
    while True:
        no += 1
        wanted = select(StatementChunk.content).where(
            StatementChunk.file_id == file_id, StatementChunk.no == no
        )
        with database.read() as session:
            content = session.scalar(wanted)
        if content is None:
            return
        yield zlib.decompress(unseal_bytes(content, settings, context=_context(file_id, no)))


def _context(file_id: int, no: int) -> str:
    return f"statement_chunk:{file_id}:{no}"
