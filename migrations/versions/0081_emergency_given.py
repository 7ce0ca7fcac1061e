"""What a house gives to emergencies of one cause is capped together, not one by one (应急每户上限合并计算).

The SQL stands in `migrations/emergency_given/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "emergency_given"


def upgrade() -> None:
    """Earlier emergencies count, with what they have already taken of the balance."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿约束不可撤除；请以新的迁移修正。")
