"""A first deposit whose contract was cancelled goes back to who bore it, or stays (注销后的首期交存)."""

from pathlib import Path

from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "ended"


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
