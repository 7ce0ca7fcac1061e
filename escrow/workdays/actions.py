"""The calendar as the table says it, and a year entered by one officer and confirmed by another. 锁、查、判、记."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law
from escrow.access import audit
from escrow.errors import Invalid, NotFound, Refusal, Refused
from escrow.workdays.models import WorkingYear
from escrow.workdays.rules import Calendar, Year, YearStatus, day_faults, decider_refusals
from ledger.wire import Transaction, ask

LAW_KEYS = ("working_year_two_officers", "working_year_months_ahead")
_KEPT = "working-days"
# Handed to the driver as it stands: every check before filing asks.
_IN_FORCE = """
SELECT year, holidays, working_weekends FROM working_year WHERE status = 'in-force' AND year >= %s
"""


@dataclass(frozen=True, slots=True)
class Notice:
    """What an officer reads off a year's notice (放假通知)."""

    year: int
    notice_no: str
    file_hash: str
    days: Year


def calendar(session: Transaction, *, since: int | None = None) -> Calendar:
    """The years in force, from last year on or `since`, read once in a session's transaction (工作日历)."""
    first = bureau_day().year - 1 if since is None else since
    if not isinstance(session, Session):
        return _in_force(session, first)
    found = session.info.get(_KEPT)
    if isinstance(found, tuple) and found[:2] == (session.get_transaction(), first):
        return found[2]  # type: ignore[no-any-return]
    known = _in_force(session, first)
    session.info[_KEPT] = (session.get_transaction(), first, known)
    return known


def _in_force(session: Transaction, first: int) -> Calendar:
    rows = ask(session, _IN_FORCE, (first,))
    return Calendar({year: Year(frozenset(off), frozenset(on)) for year, off, on in rows})


def enter(session: Session, notice: Notice, law: Law, *, officer_id: int) -> int:
    """One officer writes a year's notice down; its number (录入放假安排). Raises Invalid or Refused."""
    if found := day_faults(notice.year, notice.days):
        raise Invalid(found)
    waiting = select(WorkingYear.id).where(
        WorkingYear.year == notice.year, WorkingYear.status == YearStatus.ENTERED
    )
    if session.scalar(waiting):
        message = f"{notice.year} 年已有一份待确认的放假安排，请先确认或退回"
        raise Refused([Refusal("year-waiting", message, law["working_year_two_officers"].citation)])
    row = WorkingYear(
        year=notice.year, status=YearStatus.ENTERED, notice_no=notice.notice_no, file_hash=notice.file_hash,
        holidays=sorted(notice.days.holidays), working_weekends=sorted(notice.days.working_weekends),
        entered_by=officer_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, "working-year.entered", notice.year, notice_no=notice.notice_no, file_hash=notice.file_hash
    )
    return row.id


def confirm(session: Session, row_id: int, law: Law, *, officer_id: int) -> None:
    """Another officer puts it in force, in the place of an earlier one (确认). Raises NotFound or Refused."""
    row = _held(session, row_id, law, officer_id)
    earlier = select(WorkingYear).where(
        WorkingYear.year == row.year, WorkingYear.status == YearStatus.IN_FORCE
    )
    for one in session.scalars(earlier.with_for_update()):
        one.status = YearStatus.SUPERSEDED
        session.flush()
    row.status, row.law = YearStatus.IN_FORCE, law.stored(LAW_KEYS)
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    session.info.pop(_KEPT, None)
    audit.record(session, "working-year.confirmed", row.year, notice_no=row.notice_no)


def reject(session: Session, row_id: int, law: Law, *, officer_id: int, reason: str) -> None:
    """Another officer sends it back, saying why (退回). Raises NotFound or Refused."""
    row = _held(session, row_id, law, officer_id)
    row.status, row.reason = YearStatus.REJECTED, reason
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "working-year.rejected", row.year, reason=reason)


def _held(session: Session, row_id: int, law: Law, officer_id: int) -> WorkingYear:
    query = select(WorkingYear).where(WorkingYear.id == row_id).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFound("没有这份放假安排")
    if reasons := decider_refusals(row.status, row.entered_by, officer_id, law):
        raise Refused(reasons)
    return row
