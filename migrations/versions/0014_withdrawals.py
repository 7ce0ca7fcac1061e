"""Who may be paid, what is asked for and approved, and what PostgreSQL holds of it (用款).

The SQL stands in `migrations/withdrawals/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "withdrawals"


def upgrade() -> None:
    """Registers, applications, guards, orders."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
