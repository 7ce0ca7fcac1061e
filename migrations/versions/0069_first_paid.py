"""What a house has paid is asked of its own deposits alone (一户首期已缴只查本户).

The SQL stands in `migrations/first_paid/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "first_paid"


def upgrade() -> None:
    """The same sum, found by the house."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
