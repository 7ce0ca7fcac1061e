"""A deposit counts for the house it lies on, and for the contract that came after it (交存所在与所作合同).

The SQL stands in `migrations/deposit_places/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "deposit_places"


def upgrade() -> None:
    """The views, then what looks at them."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
