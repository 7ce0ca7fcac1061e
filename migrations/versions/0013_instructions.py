"""Orders to the bank and its answers: numbers without gaps, states without short cuts (指令与银行结果).

The SQL stands in `migrations/instructions/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "instructions"


def upgrade() -> None:
    """Suspensions, tables, steps, numbers, what the ledger must say, accounts."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
