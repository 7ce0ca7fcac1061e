"""A day of a hundred thousand entries is paired in seconds, whatever was there before it (大额日的勾对).

Drawn into the query that pairs them, lines and movements are taken for one row each and compared every one
with every other: a hundred thousand known payments did not end in two minutes. With a setting of its own a
function is not drawn in, and the planner joins what it says it brings.
"""

from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

TO_MATCH = """
CREATE FUNCTION lines_to_match(of_account integer) RETURNS TABLE (
    statement_id integer, line_no integer, business_date date, bank_serial varchar, direction varchar,
    amount bigint, value_date date, memo varchar) LANGUAGE sql STABLE ROWS 10000 SET jit = off AS $$
    SELECT statement_id, line_no, business_date, bank_serial, direction, amount, value_date, memo
      FROM open_lines(of_account) WHERE NOT is_duplicate
$$;
CREATE FUNCTION movements_to_match(of_account integer) RETURNS TABLE (
    entry_id bigint, direction varchar, amount bigint, effective_on date, value_date date,
    bank_serial varchar, notice_no varchar, booked_at timestamptz)
    LANGUAGE sql STABLE ROWS 10000 SET jit = off AS $$
    SELECT * FROM free_movements(of_account)
$$
"""


def upgrade() -> None:
    """Beside what stands: the release before this one pairs as it did (并存)."""
    op.execute(TO_MATCH)


def downgrade() -> None:
    op.execute("DROP FUNCTION lines_to_match(integer); DROP FUNCTION movements_to_match(integer)")
