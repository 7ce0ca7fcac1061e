"""What houses have is followed by a plan made for the entry at hand (分户余额随凭证现做计划).

A plan kept from a small entry takes a large one house by house against every other: two thousand houses in
one line of the bank did not end within five seconds. A plan of its own costs a fraction of a millisecond.
"""

from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Fund entries are few; each may have its own plan (每次现做)."""
    op.execute("ALTER FUNCTION public.fund_follows(bigint[]) SET plan_cache_mode = 'force_custom_plan'")


def downgrade() -> None:
    """The kept plan again."""
    op.execute("ALTER FUNCTION public.fund_follows(bigint[]) SET plan_cache_mode = 'force_generic_plan'")
