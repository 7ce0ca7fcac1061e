"""A kept file is read, whole or not at all, while its progress can be watched (读取对账单).

The lines are copied in batches inside one transaction; how far it has come is told on another connection.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.database import Database
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import mask_account, mask_name, seal
from escrow.errors import Busy, EscrowError, Invalid, Malformed, NotFound
from escrow.statements.camt import CamtReader
from escrow.statements.files import pieces
from escrow.statements.flat import CsvReader, encoding_of
from escrow.statements.rules import Header, Line, Tally, Unacceptable, Unreadable, faults

# A reader that says nothing for so long is gone, and another may begin.
GONE_AFTER = "45 seconds"
# So often is a file tried that we ourselves fail at.
MOST_TURNS = 5
_OURS = "系统读取文件 {} 已 {} 次未成，原文仍在；请将文件编号告知系统管理员"
_CLAIM = text(f"""
UPDATE statement_file SET status = 'reading', token = token + 1, touched_at = clock_timestamp(),
       bytes_read = 0, lines_read = 0, faults = NULL
 WHERE id = :id AND (status IN ('stored', 'refused')
       OR status = 'reading' AND touched_at < clock_timestamp() - interval '{GONE_AFTER}')
RETURNING token, size, media
""")  # noqa: S608 - our own constant
_PROGRESS = text("""
UPDATE statement_file SET bytes_read = :bytes, lines_read = :lines, touched_at = clock_timestamp()
 WHERE id = :id AND token = :token AND status = 'reading'
""")
_REFUSE = text("""
UPDATE statement_file SET status = 'refused', faults = CAST(:faults AS jsonb)
 WHERE id = :id AND token = :token AND status = 'reading'
""")
_ACCEPT = text("""
UPDATE statement_file SET status = 'accepted', bytes_read = size, lines_read = :lines
 WHERE id = :id AND token = :token AND status = 'reading' RETURNING id
""")
_ACCOUNT = text("""
SELECT id, bank_code FROM supervised_account WHERE account_no = :account_no
""")
_COPY = """
COPY statement_line (statement_id, line_no, account_id, bank_serial, direction, amount, value_date, booked_at,
                     name_sealed, name_masked, account_sealed, account_masked, memo) FROM STDIN
"""
_INSERT = text("""
INSERT INTO statement (id, statement_no, file_id, account_id, business_date, version, kind, reference,
                       opening, closing, lines, credits, debits, status)
SELECT :id, :statement_no, :file_id, :account_id, :business_date,
       (SELECT coalesce(max(version), 0) + 1 FROM statement
         WHERE account_id = :account_id AND business_date = :business_date),
       :kind, :reference, :opening, :closing, :lines, :credits, :debits, 'received'
RETURNING version
""")


@dataclass(frozen=True, slots=True)
class Turn:
    """A reader's turn at a file; its token proves it is still its turn (读取令牌)."""

    file_id: int
    token: int
    size: int
    media: str
    bank_code: str | None


def read(database: Database, settings: Settings, file_id: int, *, bank_code: str | None = None) -> str:
    """Read a kept file into a statement (读取); its number. `bank_code`: only this bank's accounts.

    Raises Malformed, Invalid or NotFound when the file is refused, all of it; Busy when somebody reads it.
    """
    with database.begin() as session:
        row = session.execute(_CLAIM, {"id": file_id}).one_or_none()
    if row is None:
        raise Busy("这份文件正在读取，请稍后再查")
    turn = Turn(file_id, row.token, row.size, row.media, bank_code)
    try:
        return _read(database, settings, turn)
    except (Unreadable, Unacceptable, NotFound) as fault:
        raise _refused(database, turn, fault) from None
    except DBAPIError as fault:
        if turn.token < MOST_TURNS or isinstance(fault.orig, psycopg.OperationalError):
            raise
        # Never read again by itself: one file must not keep a worker busy for ever.
        raise _refused(database, turn, Unreadable(_OURS.format(turn.file_id, turn.token))) from fault


def waiting(session: Session) -> list[int]:
    """Files stored and not yet read, or left by a reader that is gone (待读取的文件)."""
    found = text(f"""
    SELECT id FROM statement_file
     WHERE status = 'stored'
        OR status = 'reading' AND touched_at < clock_timestamp() - interval '{GONE_AFTER}'
     ORDER BY id LIMIT 20
    """)  # noqa: S608 - our own constant
    return list(session.scalars(found))


def _read(database: Database, settings: Settings, turn: Turn) -> str:
    reader: CamtReader | CsvReader = CamtReader()
    if turn.media == "csv":
        reader = CsvReader(encoding_of(pieces(database, turn.file_id, settings)))
    counted = _Counted(pieces(database, turn.file_id, settings))
    with database.begin() as session:
        statement_id = session.scalar(text("SELECT nextval('statement_id_seq')"))
        tally, account_id = Tally(), 0
        for batch in reader.batches(counted):
            if batch:
                account_id = account_id or _account(session, reader.account_no, turn)
                _copy(session, settings, (statement_id, account_id), batch)
                for line in batch:
                    tally.add(line, line.booked_at.date())
                _tell(database, turn, counted.taken, tally.lines)
        header = reader.header()
        account_id = account_id or _account(session, header.account_no, turn)
        if found := faults(header, tally, bureau_day()):
            raise Unacceptable(found)
        return _close(session, turn, header, tally, (statement_id, account_id))


class _Counted:
    """The pieces of a file, and how many bytes have been taken (已读字节)."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks, self.taken = chunks, 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            yield chunk
            self.taken += len(chunk)


def _account(session: Session, account_no: str, turn: Turn) -> int:
    row = session.execute(_ACCOUNT, {"account_no": account_no}).one_or_none()
    if row is None or turn.bank_code not in (None, row.bank_code):
        raise NotFound("没有这个监管账户，或不属于贵行")
    return int(row.id)


def _copy(session: Session, settings: Settings, ids: tuple[int, int], batch: list[Line]) -> None:
    statement_id, account_id = ids
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor().copy(_COPY) as copy:
        for line in batch:
            copy.write_row((
                statement_id, line.no, account_id, line.serial, line.direction, line.fen, line.value_date,
                line.booked_at, seal(line.name, settings), mask_name(line.name),
                seal(line.account_no, settings), mask_account(line.account_no), line.memo,
            ))  # fmt: skip


def _tell(database: Database, turn: Turn, taken: int, lines: int) -> None:
    told = {"bytes": min(taken, turn.size), "lines": lines, "id": turn.file_id, "token": turn.token}
    with database.begin() as session:
        session.execute(_PROGRESS, told)


def _close(session: Session, turn: Turn, header: Header, tally: Tally, ids: tuple[int, int]) -> str:
    """The account under its lock, so that versions follow each other; then all of it stands."""
    statement_id, account_id = ids
    session.execute(text("SELECT FROM supervised_account WHERE id = :id FOR UPDATE"), {"id": account_id})
    told = {"id": turn.file_id, "token": turn.token, "lines": tally.lines}
    if session.scalar(_ACCEPT, told) is None:
        raise Busy("这份文件已由另一处读取，请稍后再查")
    number = f"DZ{header.business_date:%Y%m%d}{statement_id:08d}"
    version = session.scalar(_INSERT, {
        "id": statement_id, "statement_no": number, "file_id": turn.file_id, "account_id": account_id,
        "business_date": header.business_date, "kind": header.kind.value, "reference": header.reference,
        "opening": header.opening, "closing": header.closing, "lines": tally.lines,
        "credits": tally.credits, "debits": tally.debits,
    })  # fmt: skip
    audit.record(
        session, "statement.received", number, account_no=header.account_no, version=version,
        business_date=header.business_date, lines=tally.lines, file=turn.file_id,
    )  # fmt: skip
    return number


def _refused(database: Database, turn: Turn, fault: Exception) -> EscrowError:
    """All of it is refused, and why stands beside the bytes (整份不予接收)."""
    said: EscrowError
    if isinstance(fault, Unacceptable):
        said, found = Invalid(fault.faults), fault.faults
    elif isinstance(fault, NotFound):
        said, found = fault, {"account_no": str(fault)}
    else:
        said, found = Malformed(str(fault)), {"body": str(fault)}
    told = {"id": turn.file_id, "token": turn.token, "faults": json.dumps(found, ensure_ascii=False)}
    with database.begin() as session:
        session.execute(_REFUSE, told)
        audit.record(
            session, "statement.refused", turn.file_id, result="refused", faults=list(found.values())[:10]
        )
    return said
