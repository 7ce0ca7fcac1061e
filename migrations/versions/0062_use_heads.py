"""Owners are counted as the Supreme Court reads it: one person however many houses (业主人数).

The SQL stands in `migrations/use_heads/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "use_heads"


def upgrade() -> None:
    """Who is one owner, said with each share list."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
