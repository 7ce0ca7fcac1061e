"""The register's own word makes the owner of a house, as often as it is sold (业主随转移登记变更).

The SQL stands in `migrations/registered_owners/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "registered_owners"


def upgrade() -> None:
    """What the register told is read where it stands; nothing is copied."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("登记事实不可撤除；请以新的迁移修正。")
