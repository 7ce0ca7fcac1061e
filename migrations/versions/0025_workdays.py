"""Working days are a table; the years already announced come with it (工作日历).

`migrations/workdays/years.csv` holds 2004–2026 as chinesecalendar 1.11.0 knows them; a test compares.
"""

import csv
from pathlib import Path

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).resolve().parents[1] / "workdays"
NOTICE = "历年放假通知（随系统提供，依 chinesecalendar 1.11.0 转录）"


def upgrade() -> None:
    """The table, the years that are known, then the guards."""
    driver = op.get_bind().connection.driver_connection
    driver.execute((FOLDER / "1_tables.sql").read_text())
    with (FOLDER / "years.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            driver.execute(
                "INSERT INTO working_year (year, status, notice_no, holidays, working_weekends)"
                " VALUES (%s, 'in-force', %s, %s::date[], %s::date[])",
                (int(row["year"]), NOTICE, row["holidays"].split(), row["working_weekends"].split()),
            )
    driver.execute((FOLDER / "2_guards.sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
