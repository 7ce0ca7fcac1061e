"""Nothing is paid into a fund before its books begin (账簿起始日).

The SQL stands in `migrations/fund_begins/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "fund_begins"


def upgrade() -> None:
    """A receipt names no day before its fund was opened or brought in."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
