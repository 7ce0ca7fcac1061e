"""An application's number serves once on an account, unless what it was used for was sent back (申请文号只用一次)."""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

# What stands already stands, twice or not: it is asked of new rows alone, one after another by number.
TAKEN = """
CREATE INDEX ix_refund_application_no ON refund (account_id, application_no);
CREATE INDEX ix_withdrawal_application_no ON withdrawal (account_id, application_no);
CREATE INDEX ix_release_application_application_no ON release_application (account_id, application_no);
CREATE INDEX ix_account_change_document_no ON account_change (account_id, document_no);

CREATE FUNCTION number_taken(room text, account integer, said text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(':', room, account, said), 2));
    RETURN CASE room
        WHEN 'refund' THEN (SELECT min(refund_no) FROM refund
            WHERE account_id = account AND application_no = said AND status <> 'rejected')
        WHEN 'withdrawal' THEN (SELECT min(withdrawal_no) FROM withdrawal
            WHERE account_id = account AND application_no = said AND status <> 'rejected')
        WHEN 'release_application' THEN (SELECT min(release_no) FROM release_application
            WHERE account_id = account AND application_no = said AND status <> 'rejected')
        WHEN 'account_change' THEN (SELECT min(change_no) FROM account_change
            WHERE account_id = account AND document_no = said AND status <> 'rejected') END;
END $$;

CREATE FUNCTION number_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said text := to_jsonb(NEW) ->> TG_ARGV[0];
    earlier text := number_taken(TG_TABLE_NAME, NEW.account_id, said);
BEGIN
    IF earlier IS NOT NULL THEN
        RAISE 'number % was used for %', said, earlier
              USING ERRCODE = 'unique_violation', CONSTRAINT = 'number_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER number_once BEFORE INSERT ON refund
    FOR EACH ROW EXECUTE FUNCTION number_once('application_no');
CREATE TRIGGER number_once BEFORE INSERT ON withdrawal
    FOR EACH ROW EXECUTE FUNCTION number_once('application_no');
CREATE TRIGGER number_once BEFORE INSERT ON release_application
    FOR EACH ROW EXECUTE FUNCTION number_once('application_no');
CREATE TRIGGER number_once BEFORE INSERT ON account_change
    FOR EACH ROW EXECUTE FUNCTION number_once('document_no');
"""


def upgrade() -> None:
    op.execute(TAKEN)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
