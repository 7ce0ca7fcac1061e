"""The calendar that came with the house, read from its own file: for rules that ask no database (工作日历)."""

import csv
from datetime import date
from pathlib import Path

from escrow.workdays.rules import Calendar, Year

YEARS = Path(__file__).resolve().parents[1] / "migrations" / "workdays" / "years.csv"


def _read() -> dict[int, Year]:
    with YEARS.open(newline="", encoding="utf-8") as file:
        return {
            int(row["year"]): Year(
                frozenset(map(date.fromisoformat, row["holidays"].split())),
                frozenset(map(date.fromisoformat, row["working_weekends"].split())),
            )
            for row in csv.DictReader(file)
        }


CALENDAR = Calendar(_read())
