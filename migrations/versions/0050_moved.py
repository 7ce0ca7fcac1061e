"""What still happens on an account after its project has moved to another is booked, and goes on (换户之后的收付).

The SQL stands in `migrations/moved/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "moved"


def upgrade() -> None:
    """Orders, receipts, payments."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
