"""Bank statements as they came, matched line by line, differences and the day's close (对账单、差异与日结).

The SQL stands in `migrations/statements/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "statements"


def upgrade() -> None:
    """Files, statements with their lines, and what follows from them."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
