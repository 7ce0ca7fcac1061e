"""The rest of a partly paid application is given up, what was paid stays (用款余款了结).

The SQL stands in `migrations/closing/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "closing"


def upgrade() -> None:
    """What counts, steps."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
