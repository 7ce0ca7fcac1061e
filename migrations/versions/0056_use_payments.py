"""What is paid for a use: advance, acceptance, final account; orders alone move money (维修资金使用付款).

The SQL stands in `migrations/use_payments/`, in the order it is run.
"""

from pathlib import Path

from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "use_payments"


def upgrade() -> None:
    """Tables, payments and their orders, steps to the end."""
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
