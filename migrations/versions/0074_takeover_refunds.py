"""While a takeover is in force every refund is approved on two levels (接管期间退款两级).

The SQL stands in `migrations/takeover_refunds/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "takeover_refunds"


def upgrade() -> None:
    """As many levels as the payee and the takeover ask for."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
