"""Whether the bank's word on an account is too old to rely on (对账单时效). Pure."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from config.clock import bureau_day, bureau_time
from config.regulations import Law
from escrow.errors import Refusal
from escrow.workdays.rules import Calendar


def missing_statement(
    opened_at: datetime | None,
    stated_through: date | None,
    law: Law,
    at: datetime,
    calendar: Callable[[], Calendar],
) -> date | None:
    """The last working day whose statement should be here and is not, if so (缺少对账单的日期).

    A day's statement is due the morning after it; an account opened since then owes none yet.
    """
    if opened_at is None:
        return None
    local = bureau_time(at)
    known_through = max(bureau_day(opened_at), stated_through or date.min)
    # No working day lies between yesterday and today: the calendar need not be asked.
    if known_through >= local.date() - timedelta(days=1):
        return None
    early = local.hour < law["statement_due_hour"].value
    # Due the day after, worked or not: once it is late it stays late, over every night of a holiday.
    due = calendar().working_day_before(local.date() - timedelta(days=early))
    return None if known_through >= due else due


def stale_refusals(missing: date | None, law: Law) -> list[Refusal]:
    """Without the bank's statement of the last working day nothing is relied on (对账单过期)."""
    if missing is None:
        return []
    message = f"开户行尚未报来 {missing} 的对账单，或尚未勾对"
    return [Refusal("statement-stale", message, law["statement_due_hour"].citation)]
