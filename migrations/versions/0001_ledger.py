"""The books, and what PostgreSQL itself must hold, whoever is connected (账簿与其约束).

The SQL stands beside this file in `migrations/ledger/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "ledger"


def upgrade() -> None:
    """Tables, postings, guards, calls, seals, privileges."""
    # The driver itself: a script is many statements, and its percent signs are no placeholders.
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    """The books do not go down."""
    raise NotImplementedError("账簿约束不可撤除；请以新的迁移修正。")
