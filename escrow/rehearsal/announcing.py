"""A demo that reaches into a year nobody has announced makes its notice up, and says so (演示用的放假安排)."""

import hashlib
from datetime import date, timedelta

from sqlalchemy import select

from config.clock import bureau_day
from config.database import Database
from config.regulations import law_on
from escrow.access.models import Officer
from escrow.workdays.actions import Notice, calendar, confirm, enter
from escrow.workdays.rules import FIXED, Year

MADE_UP = "演示用，并非放假通知"
# What the demo counts reaches so far back and ahead.
_REACH = timedelta(days=31)


def make_up_years(database: Database, region: str) -> list[int]:
    """The years made up, each by two of the demo's officers; a real house never comes here (补演示年份)."""
    today = bureau_day()
    law = law_on(today, "presale_funds", region)
    with database.begin() as session:
        known = calendar(session).years
        missing = sorted({(today - _REACH).year, today.year, (today + _REACH).year} - known.keys())
        living = select(Officer.id).where(Officer.retired_at.is_(None)).order_by(Officer.id).limit(2)
        first, second = session.scalars(living)
        for year in missing:
            days = Year(frozenset(date(year, *fixed) for fixed in FIXED), frozenset())
            digest = hashlib.sha256(f"{MADE_UP} {year}".encode()).hexdigest()
            row_id = enter(session, Notice(year, MADE_UP, digest, days), law, officer_id=first)
            confirm(session, row_id, law, officer_id=second)
    return missing
