-- Blocks of settled entries under one hash, each over the one before (封存).

-- One entry in words, with the names of its book and accounts: JSON text made by PostgreSQL's own functions.
CREATE FUNCTION ledger.wording(e ledger.journal_entry) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT json_build_array(
        e.id, k.code, e.movement, e.reference, e.event_group, to_char(e.effective_on, 'YYYY-MM-DD'), e.memo,
        e.debits, e.credits, e.amounts, e.reverses_id, e.settles_id,
        (extract(epoch FROM e.booked_at) * 1000000)::bigint, e.xid::text,
        (SELECT json_agg(json_build_array(
                    t.line, d.code, d.key, d.side, d.floor, c.code, c.key, c.side, c.floor, t.amount,
                    t.debit_account_id, t.debit_version, t.debit_balance,
                    t.credit_account_id, t.credit_version, t.credit_balance) ORDER BY t.line)
           FROM ledger.transfer t
           JOIN ledger.account d ON d.id = t.debit_account_id AND d.book_id = e.book_id
           JOIN ledger.account c ON c.id = t.credit_account_id AND c.book_id = e.book_id
          WHERE t.entry_id = e.id))::text
      FROM ledger.book k WHERE k.id = e.book_id
$$;

-- A seal is computed, never told: whoever inserts a row gets the next block as it stands, or none.
-- Entries of transactions still under way stay for later: everything below the snapshot's xmin is settled.
CREATE FUNCTION ledger.seal_block() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before ledger.seal;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.seal', 0));
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
           sha256(before.hash || convert_to(string_agg(w.words, E'\n' ORDER BY w.xid, w.id), 'UTF8')),
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
END $$;
CREATE TRIGGER seal_block BEFORE INSERT ON ledger.seal FOR EACH ROW EXECUTE FUNCTION ledger.seal_block();

CREATE FUNCTION ledger.seal_next() RETURNS bigint LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO ledger.seal DEFAULT VALUES RETURNING no
$$;
