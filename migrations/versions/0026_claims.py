"""Unmatched receipts are claimed, whole or split, or returned to their payer (待认领款).

The SQL stands in `migrations/claims/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "claims"


def upgrade() -> None:
    """Allocations, tables, guards."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
