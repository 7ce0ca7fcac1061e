"""Houses of running communities come with their balances, and houses have owners (维修资金期初导入、业主).

The SQL stands in `migrations/fund_opening/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "fund_opening"


def upgrade() -> None:
    """Tables, then what guards them."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
