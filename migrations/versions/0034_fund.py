"""The maintenance fund: its account, communities, buildings and houses, and what the ledger guards (维修资金).

The SQL stands in `migrations/fund/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "fund"


def upgrade() -> None:
    """Tables, steps, what the ledger guards, sums."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
