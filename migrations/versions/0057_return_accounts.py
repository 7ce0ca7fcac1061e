"""Whoever is to be repaid names another account when the bank could not pay the first (改退账户)."""

from pathlib import Path

from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).resolve().parents[1] / "return_accounts"


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    for script in sorted(SCRIPTS.glob("*.sql")):
        driver.execute(script.read_text())


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
