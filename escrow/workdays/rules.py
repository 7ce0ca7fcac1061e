"""Which days are worked, by the year's notice alone; an unknown year is never guessed (工作日). Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from config.regulations import Law
from escrow.errors import EscrowError, Refusal


class YearStatus(StrEnum):
    """How far a year's notice has come (工作日历状态)."""

    ENTERED = "entered"
    IN_FORCE = "in-force"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"


YEAR_LABELS = {
    YearStatus.ENTERED: "待确认",
    YearStatus.IN_FORCE: "现行",
    YearStatus.SUPERSEDED: "已被更正",
    YearStatus.REJECTED: "已退回",
}
YEAR_STEPS = {
    (YearStatus.ENTERED, YearStatus.IN_FORCE),
    (YearStatus.ENTERED, YearStatus.REJECTED),
    (YearStatus.IN_FORCE, YearStatus.SUPERSEDED),
}
# Festivals of fixed date: a list without them is not that year's (日期固定的节日).
FIXED = ((1, 1), (5, 1), (10, 1), (10, 2), (10, 3))


class WorkingYearUnknown(EscrowError):
    """A deadline reaches into a year whose notice nobody has entered (工作日历缺年)."""

    code, label, status = "working-year-unknown", "工作日历缺年", 409

    def __init__(self, year: int = 0) -> None:
        self.year = year
        super().__init__(
            f"{year} 年的放假通知尚未录入，算不出落在该年的工作日期限，本次未作任何更改；"
            "请在“工作日历”录入国务院办公厅的通知，由另一人员确认后再办"
        )


@dataclass(frozen=True, slots=True)
class Year:
    """What one notice says (放假安排): the days off, and the weekends that are worked instead."""

    holidays: frozenset[date]
    working_weekends: frozenset[date]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Every year that is known (工作日历)."""

    years: Mapping[int, Year]

    def is_working_day(self, day: date) -> bool:
        """Whether a day is worked (是否工作日). Raises WorkingYearUnknown."""
        year = self.years.get(day.year)
        if year is None:
            raise WorkingYearUnknown(day.year)
        return day in year.working_weekends or (day.isoweekday() <= 5 and day not in year.holidays)

    def working_days_after(self, day: date, days: int) -> date:
        """So many working days later, the day itself not counted (若干工作日之后). Raises WorkingYearUnknown."""
        for _ in range(days):
            day += timedelta(days=1)
            while not self.is_working_day(day):
                day += timedelta(days=1)
        return day

    def working_day_before(self, day: date) -> date:
        """The last working day before a day (上一工作日). Raises WorkingYearUnknown."""
        day -= timedelta(days=1)
        while not self.is_working_day(day):
            day -= timedelta(days=1)
        return day

    def overdue(self, since: date, days: int, today: date) -> bool:
        """Whether so many working days are over (是否逾期); asks of no year after `today`'s."""
        worked = 0
        while worked < days and since < today:
            since += timedelta(days=1)
            worked += self.is_working_day(since)
        return since < today

    def missing(self, today: date, months_ahead: int) -> list[int]:
        """The years to be entered by now: this one, and the next from so many months before it (应录未录)."""
        due = [today.year, *([today.year + 1] if today.month > 12 - months_ahead else [])]
        return [year for year in due if year not in self.years]


def day_faults(year: int, days: Year) -> dict[str, str]:
    """Why these cannot be the year's days, by field (放假安排的差错)."""
    if not 2000 <= year <= 2099:
        return {"year": f"{year} 年不在 2000 至 2099 年之间，请核对年份。"}
    found = {}
    if others := sorted(day for day in days.holidays if day.year != year):
        found["holidays"] = f"{_said(others)} 不在 {year} 年；跨年的通知，另一年的日子请另行更正那一年。"
    elif lost := sorted({date(year, *fixed) for fixed in FIXED} - days.holidays):
        found["holidays"] = f"缺少 {_said(lost)}；元旦、五一、国庆的法定日子必在其中。"
    if others := sorted(day for day in days.working_weekends if day.year != year):
        found["working_weekends"] = f"{_said(others)} 不在 {year} 年。"
    elif plain := sorted(day for day in days.working_weekends if day.isoweekday() < 6):
        found["working_weekends"] = f"{_said(plain)} 不是周末，无须调休。"
    elif both := sorted(days.holidays & days.working_weekends):
        found["working_weekends"] = f"{_said(both)} 既放假又上班。"
    return found


def decider_refusals(status: YearStatus, entered_by: int | None, officer_id: int, law: Law) -> list[Refusal]:
    """Why this officer may not decide it (不予决定的理由)."""
    source, found = law["working_year_two_officers"].citation, []
    if status is not YearStatus.ENTERED:
        found.append(Refusal("already-decided", f"这份放假安排{YEAR_LABELS[status]}，不再待确认", source))
    if entered_by == officer_id:
        found.append(Refusal("same-officer", "放假安排由您录入，须由另一人员决定", source))
    return found


def read_days(text: str) -> frozenset[date]:
    """Days and ranges as they are typed: `2027-01-01至2027-01-03、2027-01-04` (日子与起止). Raises ValueError."""
    found: set[date] = set()
    for word in re.split(r"[\s,，、;；]+", text.strip()):
        if word:
            found.update(_span(word))
    return frozenset(found)


def _span(word: str) -> Iterator[date]:
    begin, _, end = word.partition("至")
    try:
        first = date.fromisoformat(begin)
        last = date.fromisoformat(end or begin)
    except ValueError:
        raise ValueError(f"“{word[:24]}”不是日子；请写 2027-01-01 或 2027-01-01至2027-01-03。") from None
    if not 0 <= (last - first).days <= 31:
        raise ValueError(f"“{word[:24]}”的起止颠倒，或超过一个月。")
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _said(days: list[date]) -> str:
    return "、".join(day.isoformat() for day in days[:3]) + ("等" if len(days) > 3 else "")
