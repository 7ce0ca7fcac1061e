"""How far each account's book was looked at when it was last matched (勾对到账簿的哪一版).

Accounts that differ are looked at every minute: only those where something has come since are worth it.
"""

from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None

JUDGED = """
CREATE TABLE account_judged (
    account_id integer NOT NULL,
    version bigint NOT NULL,
    judged_at timestamptz NOT NULL,
    CONSTRAINT pk_account_judged PRIMARY KEY (account_id),
    CONSTRAINT fk_account_judged_account_id FOREIGN KEY (account_id) REFERENCES supervised_account (id)
);
COMMENT ON COLUMN account_judged.version IS '勾对开始时 1101 的版本：其后又有动账的，版本已不同'
"""


def upgrade() -> None:
    """Without a row, an account has not been looked at."""
    op.execute(JUDGED)


def downgrade() -> None:
    op.execute("DROP TABLE account_judged")
