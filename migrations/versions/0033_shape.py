"""An entry's lists are plain lists, and nobody without a right to the seals can keep them waiting (凭证形状).

A list of lists was unfolded in a batch like a plain one, but read differently by everybody who verifies.
The lock on sealing was one that any connection may take; now it is the table's own.
"""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

FLAT = """
ALTER TABLE ledger.journal_entry ADD CONSTRAINT ck_journal_entry_flat CHECK (
    array_ndims(debits) = 1 AND array_lower(debits, 1) = 1
    AND array_ndims(credits) = 1 AND array_lower(credits, 1) = 1
    AND array_ndims(amounts) = 1 AND array_lower(amounts, 1) = 1
)
"""
# As in 0001 but for the lock: it conflicts with itself alone, and only the seals' owner may take it.
ONE_SEALER = """
CREATE OR REPLACE FUNCTION ledger.seal_block() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before ledger.seal;
BEGIN
    LOCK TABLE ledger.seal IN SHARE UPDATE EXCLUSIVE MODE;
    SELECT * INTO before FROM ledger.seal ORDER BY no DESC LIMIT 1;
    IF NOT FOUND THEN
        before.no := 0;
        before.through_xid := '0';
        before.through_id := 0;
        before.hash := sha256('');
    END IF;
    IF before.through_xid >= pg_snapshot_xmax(pg_current_snapshot()) THEN
        PERFORM ledger.refuse('seals_in_step');
    END IF;
    SELECT before.no + 1, (array_agg(w.xid ORDER BY w.xid DESC, w.id DESC))[1],
           (array_agg(w.id ORDER BY w.xid DESC, w.id DESC))[1], count(*), before.hash,
           sha256(before.hash || convert_to(string_agg(w.words, E'\\n' ORDER BY w.xid, w.id), 'UTF8')),
           clock_timestamp()
      INTO NEW.no, NEW.through_xid, NEW.through_id, NEW.entries, NEW.previous, NEW.hash, NEW.sealed_at
      FROM (SELECT e.xid, e.id, ledger.wording(e) AS words FROM ledger.journal_entry e
             WHERE (e.xid, e.id) > (before.through_xid, before.through_id)
               AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
             ORDER BY e.xid, e.id LIMIT 1000) AS w;
    IF NEW.entries = 0 THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(FLAT)
    op.execute(ONE_SEALER)


def downgrade() -> None:
    raise NotImplementedError("账簿约束不可撤除；请以新的迁移修正。")
