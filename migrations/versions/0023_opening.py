"""A running project is opened once, whole, from a file (期初导入).

The SQL stands in `migrations/opening/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "opening"


def upgrade() -> None:
    """Tables, guards."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
