"""An approved opening of many homes is booked behind the request, whole, while it can be watched (后台入账).

All of it is one transaction: a worker that dies leaves nothing, and the next beat begins anew. How far it has
come is told on another connection.
"""

from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from config.database import Database
from config.settings import Settings
from escrow.errors import Busy, Refused
from escrow.opening.actions import Faulty, book_approved, sheet_of, stop
from escrow.opening.booking import steps_of
from escrow.opening.models import AccountOpening
from escrow.opening.reading import read_sheet
from escrow.opening.rules import OpeningStatus

# So often is an opening begun that we ourselves fail at.
MOST_TURNS = 5
_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('opening:' || :opening_no, 0))")
_STATUS = text("SELECT status FROM account_opening WHERE opening_no = :opening_no")
_BEGIN = text("""
INSERT INTO opening_progress (opening_id, total)
SELECT id, :total FROM account_opening WHERE opening_no = :opening_no
ON CONFLICT (opening_id) DO UPDATE
   SET turns = opening_progress.turns + 1, done = 0, touched_at = clock_timestamp()
RETURNING turns
""")
_TELL = text("""
UPDATE opening_progress SET done = :done, touched_at = clock_timestamp()
 WHERE opening_id = (SELECT id FROM account_opening WHERE opening_no = :opening_no)
""")


def waiting(session: Session) -> list[str]:
    """Openings approved and not yet booked (待后台入账)."""
    query = select(AccountOpening.opening_no).where(AccountOpening.status == OpeningStatus.APPROVED)
    return list(session.scalars(query.order_by(AccountOpening.id).limit(20)))


def carry_out(database: Database, told: Settings, opening_no: str) -> bool:
    """Book one; False where it was booked before. What is refused goes back with its reasons.

    Raises Busy where another worker is at it.
    """
    with database.read() as session:
        content = sheet_of(session, opening_no, told)
    read, turns = read_sheet(content), 0

    def book(session: Session) -> bool:
        nonlocal turns
        if not session.scalar(_ALONE, {"opening_no": opening_no}):
            raise Busy("这件期初导入正在入账")
        if session.scalar(_STATUS, {"opening_no": opening_no}) != OpeningStatus.APPROVED:
            return False
        turns = _noted(database, _BEGIN, opening_no, total=steps_of(read[0]))
        return book_approved(session, opening_no, read, told, tell)

    def tell(done: int) -> None:
        _noted(database, _TELL, opening_no, done=done)

    try:
        return database.transact(book)
    except (Busy, OperationalError):
        raise
    except (Refused, Faulty) as problem:
        _stop(database, opening_no, f"入账时重新核对未通过：{_said(problem)}")
    except Exception:
        if turns >= MOST_TURNS:
            _stop(database, opening_no, f"系统入账 {turns} 次未成，什么也没有入账；请将导入编号告知系统管理员")
        raise
    return True


def _said(problem: Refused | Faulty) -> str:
    if isinstance(problem, Refused):
        return "；".join(one.message for one in problem.refusals)
    first = problem.faults[0]
    place = f"第 {first.row} 行 {first.column}" if first.row else first.column
    return f"{len(problem.faults)} 处错误，其一：{place} {first.message}"


def _noted(database: Database, statement: object, opening_no: str, **told: int) -> int:
    with database.begin() as session:
        made = session.execute(statement, {"opening_no": opening_no, **told})  # type: ignore[call-overload]
        return int(made.scalar_one()) if made.returns_rows else 0


def _stop(database: Database, opening_no: str, reason: str) -> None:
    database.transact(lambda session: stop(session, opening_no, reason))
