"""Receipts are looked at, and what looks wrong waits for an officer (风险提示).

The SQL stands in `migrations/findings/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "findings"


def upgrade() -> None:
    """Tables and guards."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
