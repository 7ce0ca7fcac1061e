"""What was paid ahead for a home waits for the contract that is filed on it (先缴后签).

The SQL stands in `migrations/filed_advances/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "filed_advances"


def upgrade() -> None:
    """A draft that ended unfiled takes nothing along."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
