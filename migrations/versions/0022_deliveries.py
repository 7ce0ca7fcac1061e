"""Events are brought to subscribers: who wants them, each delivery and each try at it (对外事件推送).

The SQL stands in `migrations/deliveries/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "deliveries"


def upgrade() -> None:
    """Places of events, subscribers, deliveries, and what PostgreSQL itself holds of them."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
