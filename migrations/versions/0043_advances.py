"""Deposits on the maintenance fund: what fits its house, what stands apart, what buyers repay (维修资金交存).

The SQL stands in `migrations/advances/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "advances"


def upgrade() -> None:
    """Tables, what a bank's line holds, what houses and buyers hold."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
