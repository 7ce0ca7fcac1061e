"""Income of the fund, its sharing to houses, and the months that close (维修资金收益、分配与结转).

The SQL stands in `migrations/fund_income/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "fund_income"


def upgrade() -> None:
    """Tables, then what guards them."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
