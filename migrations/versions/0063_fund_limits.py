"""The limits of uses are the database's own, not what a row says of the law (法定限额).

The SQL stands in `migrations/fund_limits/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "fund_limits"


def upgrade() -> None:
    """The limits, and what is judged by them."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
