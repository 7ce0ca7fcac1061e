"""What a change of account takes along, and what has to be settled before it (接管随户、未付用款先了结)."""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

# A takeover is of a project's payments: it moves to another account only as the project itself did.
FOLLOWS = """
CREATE FUNCTION takeover_follows_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM account_change c
                    WHERE c.status = 'done' AND (c.account_id, c.new_account_id)
                          = (OLD.account_id, NEW.account_id)
                       OR c.status = 'returned' AND (c.new_account_id, c.account_id)
                          = (OLD.account_id, NEW.account_id)) THEN
        RAISE 'takeover %: no change of account took it along', OLD.order_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'takeover_follows_change';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER takeover_follows_change BEFORE UPDATE ON takeover FOR EACH ROW
    WHEN (NEW.account_id <> OLD.account_id) EXECUTE FUNCTION takeover_follows_change();
"""

# An issued application with a line that no living order pays: the bank refused it or sent it back, and
# nobody has ordered it anew or given it up (银行未付、尚未再签或了结).
UNPAID = """
CREATE FUNCTION unpaid_lines(of_withdrawal integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM withdrawal_line l WHERE l.withdrawal_id = of_withdrawal AND NOT EXISTS (
        SELECT FROM withdrawal_order o JOIN instruction i ON i.id = o.instruction_id
         WHERE o.line_id = l.id AND i.status NOT IN ('failed', 'returned', 'cancelled')))
$$;
CREATE FUNCTION change_after_withdrawals() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    waiting text;
BEGIN
    SELECT w.withdrawal_no INTO waiting FROM withdrawal w
     WHERE w.account_id = NEW.account_id
       AND (w.status IN ('entered', 'reviewed', 'approved', 'uncovered')
            OR w.status = 'issued' AND unpaid_lines(w.id)) ORDER BY w.id LIMIT 1;
    IF FOUND THEN
        RAISE 'change %: withdrawal % is not settled', NEW.change_no, waiting
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_change_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER account_change_withdrawals BEFORE UPDATE ON account_change FOR EACH ROW
    WHEN (OLD.status = 'entered' AND NEW.status IN ('ordered', 'done'))
    EXECUTE FUNCTION change_after_withdrawals();
"""


def upgrade() -> None:
    op.execute(FOLLOWS)
    op.execute(UNPAID)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
