"""A filed contract may end, and its money goes back whence it came (撤销备案与退款).

The SQL stands in `migrations/refunds/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "refunds"


def upgrade() -> None:
    """Contract steps, tables, steps, guards."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
