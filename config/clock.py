"""The one place that knows what time it is: instants in UTC, days in the bureau's calendar (时间)."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

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
