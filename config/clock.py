"""The one place that knows what time it is: instants in UTC, days in the bureau's calendar (时间)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar

BUREAU = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """This instant, aware, in UTC. Order is the database clock's business; this is for deadlines and days."""
    return datetime.now(UTC)


def bureau_time(instant: datetime) -> datetime:
    """An instant as the bureau's wall clock shows it, +08:00 (北京时间)."""
    return instant.astimezone(BUREAU)


def bureau_day(instant: datetime | None = None) -> date:
    """The bureau's calendar day of an instant, today when none is given (机关日历日)."""
    return bureau_time(instant or now()).date()


def is_working_day(day: date) -> bool:
    """By the year's holiday notice, its exchanged Saturdays and Sundays too (工作日).

    A year whose notice is not known yet has its plain weeks: no Saturdays, no Sundays.
    """
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.isoweekday() <= 5


def working_days_after(day: date, days: int) -> date:
    """So many working days later (若干工作日之后)."""
    for _ in range(days):
        day += timedelta(days=1)
        while not is_working_day(day):
            day += timedelta(days=1)
    return day
