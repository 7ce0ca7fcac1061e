"""Owners renew their fund, and raise for a use, by the bank's door (续交与自筹).

The SQL stands in `migrations/renewals/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "renewals"


def upgrade() -> None:
    """A deposit that is no first one, and what looks at it."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
