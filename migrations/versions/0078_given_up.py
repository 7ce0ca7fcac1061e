"""What an owner paid before its contract is of that contract, though it was given up (业主先缴).

The SQL stands in `migrations/given_up/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "given_up"


def upgrade() -> None:
    """A draft that ended unfiled takes along what its owner paid."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
