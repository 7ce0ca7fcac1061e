"""What is warned of, when a task is late, and how long what may be purged is kept (夜班规则). Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from escrow.workdays.rules import Calendar, WorkingYearUnknown


class AlarmKind(StrEnum):
    """What somebody has to see to (报警种类)."""

    ACCOUNT_STOPPED = "account-stopped"
    STATEMENT_STALE = "statement-stale"
    ORDER_UNKNOWN = "order-unknown"
    REVIEW_LATE = "review-late"
    HOLD_ENDING = "hold-ending"
    GUARANTEE_ENDING = "guarantee-ending"
    RECEIPT_LATE = "receipt-late"
    DIFFERENCE_LATE = "difference-late"
    DELIVERY_DEAD = "delivery-dead"
    YEAR_MISSING = "year-missing"


ALARM_LABELS = {
    AlarmKind.ACCOUNT_STOPPED: "账户停付",
    AlarmKind.STATEMENT_STALE: "对账单未到",
    AlarmKind.ORDER_UNKNOWN: "付款结果不明",
    AlarmKind.REVIEW_LATE: "审核逾期",
    AlarmKind.HOLD_ENDING: "司法冻结将到期",
    AlarmKind.GUARANTEE_ENDING: "保函将到期",
    AlarmKind.RECEIPT_LATE: "待认领逾期",
    AlarmKind.DIFFERENCE_LATE: "对账差异逾期",
    AlarmKind.DELIVERY_DEAD: "对外事件未送达",
    AlarmKind.YEAR_MISSING: "工作日历缺年",
}


# What has a day by which it should have been done (有期限的).
DEADLINES = (
    AlarmKind.ORDER_UNKNOWN, AlarmKind.REVIEW_LATE, AlarmKind.HOLD_ENDING, AlarmKind.GUARANTEE_ENDING,
    AlarmKind.YEAR_MISSING,
)  # fmt: skip


class Outcome(StrEnum):
    """How a run of a task ended (运行结果)."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Warned:
    """One thing to be seen to: what it is about, in a sentence, where, and until when (应办事项)."""

    kind: AlarmKind
    subject: str
    said: str
    place: str
    due_on: date | None = None


# A beat may be missed once, and a long one before it may still run.
_GRACE = timedelta(seconds=60)


def is_late(rung_at: datetime | None, every: timedelta, at: datetime) -> bool:
    """Whether a task should have rung again by now (是否误点)."""
    return rung_at is None or at - rung_at > 2 * every + _GRACE


def overdue_since(days: int, today: date, calendar: Calendar) -> date | None:
    """The newest day whose so many working days are over; None where a year is not known (逾期界限)."""
    day = today - timedelta(days=days)
    try:
        while not calendar.overdue(day, days, today):
            day -= timedelta(days=1)
    except WorkingYearUnknown:
        return None
    return day
