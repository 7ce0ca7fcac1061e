"""A project moves to another supervised account, with its money and by two officers (监管账户变更).

The SQL stands in `migrations/changes/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "changes"


def upgrade() -> None:
    """Tables, steps, guards, notices."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
