"""A line of the fund's bank is booked once, whichever room it came to (一笔流水只入账一次).

The SQL stands in `migrations/fund_lines/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "fund_lines"


def upgrade() -> None:
    """The lines booked so far, and who writes them down."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
