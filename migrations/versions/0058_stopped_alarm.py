"""An account that was stopped is an alarm of its own: the bank paid without an order (停付报警)."""

from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

KINDS = (
    "statement-stale", "order-unknown", "review-late", "hold-ending", "guarantee-ending", "receipt-late",
    "difference-late", "delivery-dead", "year-missing",
)  # fmt: skip


def upgrade() -> None:
    kinds = ", ".join(f"'{kind}'" for kind in (*KINDS, "account-stopped"))
    op.execute(f"""
        ALTER TABLE alarm DROP CONSTRAINT ck_alarm_alarm_kind,
            ADD CONSTRAINT ck_alarm_alarm_kind CHECK (kind IN ({kinds}))
    """)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
