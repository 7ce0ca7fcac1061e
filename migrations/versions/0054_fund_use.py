"""Uses of the maintenance fund: application, shares by area, votes, publication, approval and hold (维修资金使用).

The SQL stands in `migrations/fund_use/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "fund_use"


def upgrade() -> None:
    """Tables, shares and votes, steps and holds."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
