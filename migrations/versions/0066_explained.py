"""An entry that explains a difference is no difference of its own (解释了差异的凭证，自身不再是差异).

A reversal the bank told of late stood as a difference until an officer let it explain another, and then for
ever: the account never paid again. The SQL stands in `migrations/explained/`.
"""

from pathlib import Path

from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "explained"


def upgrade() -> None:
    """What lets a difference close."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
