"""A home is renewed whose first deposit is whole (先缴足首期，后续交).

The SQL stands in `migrations/renewed_first/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "renewed_first"


def upgrade() -> None:
    """The officers' own entry of a renewal is held to what the bank's line is."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
