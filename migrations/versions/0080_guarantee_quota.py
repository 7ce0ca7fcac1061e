"""A lower quota takes effect only with the guarantees at their share of it (额度调低，保函随之递减)."""

from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None

WITHIN = """
CREATE FUNCTION guarantees_within_quota() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- To the fen as the rules round: half a fen is ten twentieths.
    IF EXISTS (
        SELECT FROM supervised_account s JOIN ledger.account a ON a.book_id = s.book_id
          JOIN ledger.balance b ON b.account_id = a.id
         WHERE s.agreement_id = NEW.id AND a.code IN ('8201', '8202', '8204') GROUP BY a.key
        HAVING coalesce(sum(b.balance) FILTER (WHERE a.code = '8202'), 0) > 0
           AND coalesce(sum(b.balance) FILTER (WHERE a.code = '8202'), 0) * 10
             > coalesce(sum(CASE a.code WHEN '8201' THEN b.balance
                                        WHEN '8204' THEN -b.balance END), 0) * 3 + 5
    ) THEN
        RAISE 'agreement %: its guarantees are above their share of its quota', NEW.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'guarantees_within_quota';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER guarantees_within_quota AFTER UPDATE ON agreement DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.status = 'effective' AND OLD.status <> 'effective')
    EXECUTE FUNCTION guarantees_within_quota();
"""


def upgrade() -> None:
    op.execute(WITHIN)


def downgrade() -> None:
    raise NotImplementedError("账簿约束不可撤除；请以新的迁移修正。")
