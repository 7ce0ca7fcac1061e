"""A bank's message about money its statement has told of already (迟到的入账通知).

The SQL stands in `migrations/late/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "late"


def upgrade() -> None:
    """The message, and what it must agree with."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
