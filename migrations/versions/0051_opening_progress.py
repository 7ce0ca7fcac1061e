"""A large opening is approved, then booked behind the request while its progress is watched (期初后台入账)."""

from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE account_opening DROP CONSTRAINT ck_account_opening_opening_status,
    ADD CONSTRAINT ck_account_opening_opening_status
        CHECK (status IN ('entered', 'approved', 'booked', 'rejected'));
CREATE INDEX ix_account_opening_approved ON account_opening (id) WHERE status = 'approved';
CREATE TABLE opening_progress (
    opening_id integer NOT NULL,
    turns integer DEFAULT 1 NOT NULL,
    done integer DEFAULT 0 NOT NULL,
    total integer NOT NULL,
    touched_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_opening_progress PRIMARY KEY (opening_id),
    CONSTRAINT fk_opening_progress_opening_id FOREIGN KEY (opening_id) REFERENCES account_opening (id)
);
COMMENT ON COLUMN opening_progress.turns IS '第几次入账';
COMMENT ON COLUMN opening_progress.done IS '已办步数';
COMMENT ON COLUMN opening_progress.total IS '总步数';
"""

# Decided once as before (0009). What is approved is then booked or sent back, by nobody else's decision.
STEPS = """
DROP TRIGGER decided_once ON account_opening;
CREATE TRIGGER decided_once BEFORE INSERT ON account_opening FOR EACH ROW
    EXECUTE FUNCTION decided_once('status', 'decided_by', 'decided_at', 'reason', 'law', 'booked_in');
CREATE TRIGGER decided_once_later BEFORE UPDATE ON account_opening
    FOR EACH ROW WHEN (OLD.status <> 'approved')
    EXECUTE FUNCTION decided_once('status', 'decided_by', 'decided_at', 'reason', 'law', 'booked_in');

CREATE FUNCTION opening_approved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := ARRAY['status', 'reason', 'law', 'booked_in'];
BEGIN
    IF NEW.status NOT IN ('booked', 'rejected')
       OR to_jsonb(NEW) - free IS DISTINCT FROM to_jsonb(OLD) - free THEN
        RAISE 'opening % is approved: it is booked or sent back', OLD.opening_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'decided_once', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER opening_approved BEFORE UPDATE ON account_opening
    FOR EACH ROW WHEN (OLD.status = 'approved') EXECUTE FUNCTION opening_approved();
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(STEPS)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
