"""Sold public housing is mended out of its own account (已售公有住房的使用).

The SQL stands in `migrations/public_uses/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "public_uses"


def upgrade() -> None:
    """Of which nature a use is, and what is judged by it."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
