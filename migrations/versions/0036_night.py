"""What the house did by itself and what it warns of; what may be purged, and nothing else (夜班).

The SQL stands in `migrations/night/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "night"


def upgrade() -> None:
    """Runs, alarms, what may go, guarantees that lapse by their date."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
