"""A house does not close while income computed for it waits (分配未了不销户).

The SQL stands in `migrations/house_closes/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "house_closes"


def upgrade() -> None:
    """What waits for a house, asked when it closes."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
