"""House accounts are built in batches from the register, and know by which standard they were paid (建账批次).

The SQL stands in `migrations/batches/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "batches"


def upgrade() -> None:
    """Tables, guards, lines of a house."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
