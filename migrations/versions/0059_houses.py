"""House accounts after they are built: areas, wrong houses, lost houses, renewals (分户账后续事项).

The SQL stands in `migrations/houses/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "houses"


def upgrade() -> None:
    """The table, what guards it, what may be ordered."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
