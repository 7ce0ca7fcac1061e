-- A paper proves one thing once, here as elsewhere; whatever uses were known before stay known.
DO $$
DECLARE
    known text;
BEGIN
    SELECT string_agg(quote_literal(m.use[1]), ', ') INTO known
      FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') AS m (use)
     WHERE c.conname = 'ck_filed_paper_paper_use';
    ALTER TABLE filed_paper DROP CONSTRAINT ck_filed_paper_paper_use;
    EXECUTE format('ALTER TABLE filed_paper ADD CONSTRAINT ck_filed_paper_paper_use
                    CHECK (used_for IN (%s, ''fund_opening'', ''owner_change''))', known);
END $$;
-- A file with faults is mended and sent again with the same certificate: the paper is used when it is booked.
CREATE TRIGGER claim_paper AFTER UPDATE ON fund_opening
    FOR EACH ROW WHEN (OLD.status = 'approved' AND NEW.status = 'booked') EXECUTE FUNCTION claim_paper();
CREATE TRIGGER claim_paper BEFORE INSERT ON owner_change
    FOR EACH ROW WHEN (NEW.file_hash IS NOT NULL) EXECUTE FUNCTION claim_paper();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['fund_opening', 'owner_change'] LOOP
        EXECUTE format('CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['house_opening', 'house_owner'] LOOP
        EXECUTE format('CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once()', name);
    END LOOP;
END $$;

-- Stored, read, decided once by another, booked; what was handed in never changes (期初导入状态迁移).
CREATE FUNCTION fund_opening_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'stored' OR NOT EXISTS (
               SELECT FROM fund_account f WHERE f.id = NEW.fund_account_id AND f.status = 'active') THEN
            RAISE 'an opening begins as stored, in a fund account that is open'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_opening_steps';
        END IF;
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'stored>faulty' THEN '{status,faults}'
        WHEN 'stored>entered' THEN '{status,houses,summary,law}'
        WHEN 'entered>rejected' THEN '{status,decided_by,decided_at,reason}'
        WHEN 'entered>approved' THEN '{status,decided_by,decided_at}'
        WHEN 'approved>booked' THEN '{status,booked_in,booked_at}'
        WHEN 'approved>failed' THEN '{status,faults}' END;
    IF decided IS NULL OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
        RAISE 'opening %: no such step', OLD.opening_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_opening_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fund_opening_steps BEFORE INSERT OR UPDATE ON fund_opening
    FOR EACH ROW EXECUTE FUNCTION fund_opening_steps();

-- An opening entry is of the opening that is booked in this very transaction, in its own book (期初凭证只在入账时).
CREATE FUNCTION public.fund_opening_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.fund_account f WHERE f.book_id = NEW.book_id) AND NOT EXISTS (
           SELECT FROM public.fund_opening o JOIN public.fund_account f ON f.id = o.fund_account_id
            WHERE o.opening_no = NEW.event_group AND f.book_id = NEW.book_id AND o.status = 'booked'
              AND o.booked_in = pg_current_xact_id()::text::bigint) THEN
        RAISE 'entry %: no opening of its book is being booked', NEW.reference
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_opening_entry';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fund_opening_entry AFTER INSERT ON ledger.journal_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.movement = 'M0' AND NEW.reverses_id IS NULL)
    EXECUTE FUNCTION public.fund_opening_entry();

-- What is written of an opening is written while it is being booked, and not afterwards (随入账写定).
CREATE FUNCTION of_opening_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT opening_id FROM made WHERE opening_id IS NOT NULL) m
                 JOIN fund_opening o ON o.id = m.opening_id
                WHERE o.status <> 'booked' OR o.booked_in <> pg_current_xact_id()::text::bigint) THEN
        RAISE 'this is of no opening that is being booked'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'of_opening_stands';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER of_opening_stands AFTER INSERT ON house_opening
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION of_opening_stands();
CREATE TRIGGER of_opening_stands AFTER INSERT ON owner_change
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION of_opening_stands();

-- An old house that no register has comes by an opening, or not at all (无楼盘表的房屋只由期初导入).
CREATE FUNCTION house_of_opening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM house_opening p WHERE p.house_id = NEW.id) THEN
        RAISE 'house % is of no register and of no opening', NEW.unit_code
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_of_opening';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER house_of_opening AFTER INSERT ON house
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.unit_id IS NULL)
    EXECUTE FUNCTION house_of_opening();

-- What was booked is what the file and the bank's certificate say: house by house, and by nature (整件相符).
CREATE FUNCTION fund_opening_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
    wrong bigint;
    brought bigint[];
BEGIN
    WITH line AS (
        SELECT d.code AS debit, c.code AS credit, c.key, t.amount
          FROM ledger.journal_entry e
          JOIN fund_account f ON f.book_id = e.book_id AND f.id = NEW.fund_account_id
          JOIN ledger.transfer t ON t.entry_id = e.id
          JOIN ledger.account d ON d.id = t.debit_account_id JOIN ledger.account c ON c.id = t.credit_account_id
         WHERE e.event_group = NEW.opening_no AND e.movement = 'M0' AND e.effective_on = NEW.as_of
    ), house_line AS (
        SELECT p.house_id, p.balance, l.amount, h.nature, l.debit, l.credit, c.fund_account_id
          FROM (SELECT * FROM house_opening WHERE opening_id = NEW.id) p
          JOIN house h ON h.id = p.house_id JOIN community_building g ON g.id = h.community_building_id
          JOIN community c ON c.id = g.community_id
          FULL JOIN (SELECT * FROM line WHERE key LIKE 'house:%') l ON l.key = 'house:' || p.house_id
    )
    SELECT count(*) FILTER (WHERE coalesce(h.amount, 0) IS DISTINCT FROM h.balance
                               OR h.fund_account_id IS DISTINCT FROM NEW.fund_account_id
                               OR h.amount IS NOT NULL AND h.debit || '>' || h.credit IS DISTINCT FROM
                                  CASE h.nature WHEN 'public' THEN '100102>3002' ELSE '100101>3001' END),
           ARRAY[count(h.house_id),
                 (SELECT coalesce(sum(amount), 0) FROM line WHERE debit = '100101' AND credit IN ('3001', '310101')),
                 (SELECT coalesce(sum(amount), 0) FROM line WHERE debit = '100102' AND credit IN ('3002', '310102')),
                 (SELECT coalesce(sum(amount), 0) FROM line WHERE credit = '310101'),
                 (SELECT coalesce(sum(amount), 0) FROM line WHERE credit = '310102'),
                 (SELECT coalesce(sum(amount), 0) FROM line)]
      INTO wrong, brought FROM house_line h;
    why := CASE
        WHEN wrong > 0 THEN format('%s houses were given something else', wrong)
        WHEN brought <> ARRAY[NEW.houses, NEW.bank_commodity, NEW.bank_public, NEW.undistributed_commodity,
                              NEW.undistributed_public, NEW.bank_commodity + NEW.bank_public]
        THEN format('the book says %s', brought)
        WHEN NEW.booked_in <> pg_current_xact_id()::text::bigint THEN 'it is of another transaction' END;
    IF why IS NOT NULL THEN
        RAISE 'opening %: %', NEW.opening_no, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_opening_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fund_opening_whole AFTER UPDATE ON fund_opening
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'booked')
    EXECUTE FUNCTION fund_opening_whole();

-- Entered by one, decided once by another; an opening's is decided as it comes (业主变更状态迁移).
CREATE FUNCTION owner_change_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF (NEW.kind = 'opening') <> (NEW.status = 'confirmed')
           OR NEW.kind <> 'opening' AND NEW.status <> 'entered' THEN
            RAISE 'a change of owner begins as entered'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'owner_change_steps';
        END IF;
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'entered>confirmed' THEN '{status,decided_by,decided_at,law}'
        WHEN 'entered>rejected' THEN '{status,decided_by,decided_at,reason}' END;
    IF decided IS NULL OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
        RAISE 'change of owner %: no such step', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'owner_change_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER owner_change_steps BEFORE INSERT OR UPDATE ON owner_change
    FOR EACH ROW EXECUTE FUNCTION owner_change_steps();

-- Owners are named with their change; it names at least one; a later day is not followed by an earlier (业主).
CREATE FUNCTION owner_change_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM house_owner o WHERE o.change_id = NEW.id)
       OR NEW.status = 'confirmed' AND EXISTS (
              SELECT FROM owner_change k WHERE k.house_id = NEW.house_id AND k.status = 'confirmed'
                 AND k.id <> NEW.id AND k.from_day > NEW.from_day AND NEW.kind <> 'correction')
       OR EXISTS (SELECT FROM house h WHERE h.id = NEW.house_id AND h.status <> 'built'
                     AND NEW.status <> 'rejected') THEN
        RAISE 'change of owner %: nobody is named, a later one stands, or the house is closed', NEW.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'owner_change_stands';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER owner_change_stands AFTER INSERT OR UPDATE ON owner_change
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION owner_change_stands();

CREATE FUNCTION house_owner_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM made m JOIN owner_change k ON k.id = m.change_id
                WHERE k.status <> 'entered' AND (k.kind <> 'opening' OR NOT EXISTS (
                      SELECT FROM fund_opening o WHERE o.id = k.opening_id
                         AND o.booked_in = pg_current_xact_id()::text::bigint))) THEN
        RAISE 'an owner is named with the change, before it is decided'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_owner_stands';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER house_owner_stands AFTER INSERT ON house_owner
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION house_owner_stands();

-- As in 0043, and what an opening says was paid as first deposit was paid (首期已缴).
CREATE OR REPLACE FUNCTION house_first_paid(of_house integer) RETURNS TABLE (paid bigint, repaid bigint)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(CASE WHEN p.side = 'credit' THEN p.amount ELSE -p.amount END) FILTER (
               WHERE a.code LIKE '4001%' AND e.movement <> 'M16'), 0)::bigint
           + coalesce((SELECT o.first_paid FROM house_opening o WHERE o.house_id = of_house), 0),
           coalesce(sum(CASE WHEN p.side = 'credit' THEN p.amount ELSE -p.amount END) FILTER (
               WHERE a.code = '9101' AND e.movement IN ('M2', 'M2x')), 0)::bigint
      FROM house h JOIN community_building g ON g.id = h.community_building_id
      JOIN community c ON c.id = g.community_id JOIN fund_account f ON f.id = c.fund_account_id
      JOIN ledger.account a ON a.book_id = f.book_id AND a.key = 'house:' || h.id
       AND a.code = ANY (ARRAY['400101', '400102', '9101'])
      JOIN ledger.posting p ON p.account_id = a.id
      JOIN ledger.journal_entry e ON e.id = p.entry_id
     WHERE h.id = of_house
$$;
