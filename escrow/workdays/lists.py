"""What the pages of the calendar show: the years, one notice with its months, what is missing (工作日历清单)."""

from calendar import Calendar as Weeks
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access.models import Officer
from escrow.workdays.actions import calendar
from escrow.workdays.models import WorkingYear
from escrow.workdays.rules import Year

_ENTERER, _DECIDER = aliased(Officer), aliased(Officer)
_ROWS = (
    select(WorkingYear, _ENTERER.full_name.label("enterer"), _DECIDER.full_name.label("decider"))
    .outerjoin(_ENTERER, _ENTERER.id == WorkingYear.entered_by)
    .outerjoin(_DECIDER, _DECIDER.id == WorkingYear.decided_by)
)


def years(session: Session, *, before: int | None, limit: int) -> list[Any]:
    """Every notice entered, newest first (历年放假安排)."""
    query = _ROWS.order_by(WorkingYear.id.desc()).limit(limit)
    return list(session.execute(query.where(WorkingYear.id < before) if before else query))


def year_row(session: Session, row_id: int) -> Any | None:
    """One notice and who entered and decided it (一份放假安排)."""
    return session.execute(_ROWS.where(WorkingYear.id == row_id)).one_or_none()


def missing_years(session: Session, region: str) -> list[int]:
    """The years whose notice should have been entered by now (应录未录的年份)."""
    law = law_on(bureau_day(), "presale_funds", region)
    return calendar(session).missing(bureau_day(), law["working_year_months_ahead"].value)


def months(year: int, days: Year) -> list[list[list[tuple[date, str] | None]]]:
    """Twelve months of weeks; each day with what it is: work, rest, holiday or exchanged (月历)."""
    return [
        [[(day, _kind(day, days)) if day.month == month else None for day in week] for week in weeks]
        for month, weeks in ((number, Weeks().monthdatescalendar(year, number)) for number in range(1, 13))
    ]


def _kind(day: date, days: Year) -> str:
    if day in days.working_weekends:
        return "exchanged"
    if day in days.holidays:
        return "holiday"
    return "rest" if day.isoweekday() > 5 else "work"
