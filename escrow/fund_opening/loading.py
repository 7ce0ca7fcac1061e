"""A kept file is read, and once approved booked, each whole or not at all, in the background (读取与入账).

How far it has come is told on another connection. A worker that is gone leaves its rows, and another goes on.
"""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session, undefer

from config.database import Database
from config.settings import Settings
from escrow.access import audit
from escrow.fund_opening.actions import LAW_KEYS, gather, held, sheet_of, stated_of
from escrow.fund_opening.booking import book
from escrow.fund_opening.models import FundOpening
from escrow.fund_opening.reading import read_sheet
from escrow.fund_opening.rules import (
    Fault,
    FundOpeningStatus,
    HouseRow,
    faults,
    opening_refusals,
    summed,
)

# A worker that says nothing for so long is gone, and another may begin.
GONE_AFTER = "60 seconds"
MOST_TURNS = 5
MOST_FAULTS = 20000
_CLAIM = text(f"""
UPDATE fund_opening_progress p SET turns = turns + 1, done = 0, touched_at = clock_timestamp()
  FROM fund_opening o
 WHERE o.id = p.opening_id AND o.id = :id AND o.status IN ('stored', 'approved')
   AND (p.touched_at IS NULL OR p.touched_at < clock_timestamp() - interval '{GONE_AFTER}')
RETURNING o.opening_no, o.status, p.turns
""")  # noqa: S608 - our own constant
_WAITING = text(f"""
SELECT o.id FROM fund_opening o JOIN fund_opening_progress p ON p.opening_id = o.id
 WHERE o.status IN ('stored', 'approved')
   AND (p.touched_at IS NULL OR p.touched_at < clock_timestamp() - interval '{GONE_AFTER}')
 ORDER BY o.id LIMIT 20
""")  # noqa: S608 - our own constant
_TOLD = text("""
UPDATE fund_opening_progress SET done = :done, total = :total, touched_at = clock_timestamp()
 WHERE opening_id = :id
""")
_XACT = text("SELECT pg_current_xact_id()::text::bigint")


@dataclass(frozen=True, slots=True)
class Turn:
    """A worker's turn at one file (轮到的一件)."""

    database: Database
    settings: Settings
    opening_id: int
    opening_no: str

    def tell(self, done: int, total: int) -> None:
        """How far it has come (进度)."""
        with self.database.begin() as session:
            session.execute(_TOLD, {"id": self.opening_id, "done": done, "total": total})


def waiting(session: Session) -> list[int]:
    """Files to be read or booked that nobody is at (待办的文件)."""
    return list(session.scalars(_WAITING))


def carry_out(database: Database, settings: Settings, opening_id: int) -> bool:
    """Read or book one file; whether it was there to be done (办理一件)."""
    with database.begin() as session:
        claimed = session.execute(_CLAIM, {"id": opening_id}).one_or_none()
    if claimed is None:
        return False
    turn = Turn(database, settings, opening_id, claimed.opening_no)
    if claimed.turns > MOST_TURNS:
        said = f"系统办理 {MOST_TURNS} 次未成，原文件仍在；请将导入编号告知系统管理员"
        database.transact(lambda session: _end(session, turn, [Fault(0, "", said)]))
        return True
    rows, found = read_sheet(_content(turn), turn.tell)
    if claimed.status == FundOpeningStatus.STORED:
        database.transact(lambda session: _judged(session, turn, rows, found))
    else:
        database.transact(lambda session: _booked(session, turn, rows, found))
    return True


def _content(turn: Turn) -> bytes:
    with turn.database.read() as session:
        query = select(FundOpening).where(FundOpening.id == turn.opening_id)
        row = session.scalars(query.options(undefer(FundOpening.sheet_sealed))).one()
        return sheet_of(row, turn.settings)


def _judged(session: Session, turn: Turn, rows: list[HouseRow], found: list[Fault]) -> None:
    """Faulty, or entered with what it adds up to (核对)."""
    row, fund, law = held(session, turn.opening_no)
    # What could not be read is not there to be compared: the sums are asked of a file that reads whole.
    found = found or faults(rows, stated_of(row), gather(session, fund, rows, None))
    if found:
        return _end(session, turn, found)
    row.status, row.houses, row.law = FundOpeningStatus.ENTERED, len(rows), law.stored(LAW_KEYS)
    row.summary = [_plain(asdict(one)) for one in summed(rows)]
    session.flush()
    return None


def _booked(session: Session, turn: Turn, rows: list[HouseRow], found: list[Fault]) -> None:
    """Asked everything again under the lock, then booked whole (入账)."""
    row, fund, law = held(session, turn.opening_no)
    facts = gather(session, fund, rows, None)
    again = [Fault(0, "", one.message) for one in opening_refusals(facts, row.as_of, law)]
    if found := [*again, *(found or faults(rows, stated_of(row), facts))]:
        return _end(session, turn, found)
    row.status, row.booked_in = FundOpeningStatus.BOOKED, session.scalar(_XACT)
    row.booked_at = session.scalar(text("SELECT clock_timestamp()"))
    session.flush()
    book(session, row, fund, rows, turn.settings, turn.tell)
    audit.record(
        session, "fund-opening.booked", row.opening_no, account_no=fund.account_no, houses=len(rows),
        bank_commodity=str(row.bank_commodity), bank_public=str(row.bank_public), sheet=row.sheet_hash,
    )  # fmt: skip
    return None


def _end(session: Session, turn: Turn, found: list[Fault]) -> None:
    row, fund, _ = held(session, turn.opening_no)
    stored = row.status is FundOpeningStatus.STORED
    row.status = FundOpeningStatus.FAULTY if stored else FundOpeningStatus.FAILED
    row.faults = [[one.row, one.column, one.message] for one in found[:MOST_FAULTS]]
    session.flush()
    audit.record(
        session, "fund-opening.faulty" if stored else "fund-opening.failed", row.opening_no,
        result="refused", account_no=fund.account_no, faults=len(found),
    )  # fmt: skip


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    return {name: one if isinstance(one, int | str) else str(one) for name, one in said.items()}


