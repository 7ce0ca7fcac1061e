"""Money leaves the bank account with a paper of its own, or not at all (出账须有凭据)."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# Written by the guard itself for each entry that lowers 1101 otherwise than by an order; what an order pays
# is held against the order and the bank's answer by its own guard (I6).
TABLE = """
CREATE TABLE bank_outflow (
    entry_id bigint NOT NULL,
    amount bigint NOT NULL,
    from_transit boolean NOT NULL,
    CONSTRAINT pk_bank_outflow PRIMARY KEY (entry_id),
    CONSTRAINT fk_bank_outflow_entry_id FOREIGN KEY (entry_id) REFERENCES ledger.journal_entry (id)
);
COMMENT ON TABLE bank_outflow IS '不经指令的出账，逐笔须有凭据';
COMMENT ON COLUMN bank_outflow.from_transit IS '仅自户间划转在途（1102）转出';
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON bank_outflow FROM escrow_app;
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE ON bank_outflow
    FOR EACH ROW EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON bank_outflow
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
"""

NOTED = """
CREATE FUNCTION outflows_noted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.bank_outflow (entry_id, amount, from_transit)
    SELECT e.id, sum(l.amount), bool_and(d.code = '1102')
      FROM booked e
      CROSS JOIN LATERAL unnest(e.debits, e.credits, e.amounts) AS l (debit, credit, amount)
      JOIN ledger.account c ON c.id = l.credit AND c.code = '1101'
      JOIN ledger.account d ON d.id = l.debit AND d.code NOT IN ('2201', '2202')
     WHERE EXISTS (SELECT FROM public.supervised_account s WHERE s.book_id = e.book_id)
     GROUP BY e.id;
    RETURN NULL;
END $$;
CREATE TRIGGER outflows_noted AFTER INSERT ON ledger.journal_entry
    REFERENCING NEW TABLE AS booked FOR EACH STATEMENT EXECUTE FUNCTION outflows_noted();
"""

EXPLAINED = """
CREATE FUNCTION outflow_explained() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.receipt_reversal r
                WHERE r.entry_id = NEW.entry_id AND r.amount = NEW.amount)
       OR EXISTS (SELECT FROM public.court_act a WHERE a.entry_id = NEW.entry_id AND a.amount = NEW.amount)
       OR EXISTS (SELECT FROM public.difference_entry x WHERE x.entry_id = NEW.entry_id)
       -- What had been paid before the books were opened: the opening's own guard holds it to the bank.
       OR EXISTS (SELECT FROM ledger.journal_entry e WHERE e.id = NEW.entry_id AND e.movement = 'P26')
       OR NEW.from_transit AND EXISTS (
              SELECT FROM ledger.journal_entry e
                JOIN public.instruction i ON i.instruction_no = e.event_group
                JOIN public.account_change c ON c.instruction_id = i.id AND c.amount = NEW.amount
                JOIN public.supervised_account s ON s.id IN (c.account_id, c.new_account_id)
               WHERE e.id = NEW.entry_id AND s.book_id = e.book_id) THEN
        RETURN NULL;
    END IF;
    RAISE 'entry % takes % out of the bank account, and no paper says why', NEW.entry_id, NEW.amount
          USING ERRCODE = 'check_violation', CONSTRAINT = 'outflow_explained';
END $$;
CREATE CONSTRAINT TRIGGER outflow_explained AFTER INSERT ON bank_outflow
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION outflow_explained();
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute(NOTED)
    op.execute(EXPLAINED)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
