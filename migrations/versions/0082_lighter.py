"""What every booking and every deposit pays for guards that are about something else (少读约束文本).

PostgreSQL reads the text of a table's CHECKs, and of the WHENs of its triggers, anew in every statement that
writes a row of it. Seven rooms each hung a WHEN on the journal's entries, and a deposit's own few rows had
forty thousand characters of such text read. Nothing is checked that was not, nothing is left out.

The SQL stands in `migrations/lighter/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "lighter"


def upgrade() -> None:
    """The same conditions, where they are read only when they can matter."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿约束不可撤除；请以新的迁移修正。")
