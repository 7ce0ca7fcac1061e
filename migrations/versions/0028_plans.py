"""Plans of the guards that every deposit passes are kept, not made anew each time (语句计划保留).

A statement on an array or an aggregate is planned afresh for each call while PostgreSQL believes it gains by
it; every lookup here has its one index, and the planning cost more than the looking.
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

KEPT = """
ALTER FUNCTION paid_follows() SET plan_cache_mode = 'force_generic_plan';
ALTER FUNCTION ledger.post_entries(
    bigint[], text[], text[], text[], date[], text[], bigint[], bigint[], integer[], integer[], bigint[],
    bigint[], bigint[]) SET plan_cache_mode = 'force_generic_plan';
"""
# As in 0026; in SQL it was planned at every call from a trigger, in PL/pgSQL it is planned once.
REMAINDER = """
CREATE OR REPLACE FUNCTION receipt_remainder(of_receipt bigint) RETURNS bigint LANGUAGE plpgsql STABLE
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    rest bigint;
BEGIN
    SELECT CASE WHEN EXISTS (SELECT FROM receipt_reversal v WHERE v.receipt_id = r.id) THEN 0
           ELSE r.amount
              - coalesce((SELECT sum(s.amount) FROM receipt_allocation s WHERE s.receipt_id = r.id), 0)
              - coalesce((SELECT sum(c.amount) FROM receipt_claim c WHERE c.receipt_id = r.id
                             AND c.kind = 'return' AND c.status = 'confirmed'), 0) END INTO rest
      FROM receipt r WHERE r.id = of_receipt;
    RETURN rest;
END $$;
"""


def upgrade() -> None:
    op.execute(KEPT)
    op.execute(REMAINDER)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
