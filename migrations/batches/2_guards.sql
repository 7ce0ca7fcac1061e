-- Entered, then decided once by another; what was entered never changes (建账批次状态迁移).
CREATE FUNCTION house_batch_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'entered' THEN
            RAISE 'a batch begins as entered'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'house_batch_steps';
        END IF;
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'entered>confirmed' THEN '{status,decided_by,decided_at}'
        WHEN 'entered>rejected' THEN '{status,decided_by,decided_at,reason}' END;
    IF decided IS NULL OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
        RAISE 'batch %: no such step', OLD.batch_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_batch_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER house_batch_steps BEFORE INSERT OR UPDATE ON house_batch
    FOR EACH ROW EXECUTE FUNCTION house_batch_steps();
CREATE TRIGGER written_once BEFORE DELETE ON house_batch
    FOR EACH ROW EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON house_batch
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON house_batch_line
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- A batch has the lines it counts, no more and no fewer; confirmed, it built every one of them and nothing else:
-- looked at when the transaction ends (整批建账).
CREATE FUNCTION house_batch_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said house_batch;
    wrong bigint;
BEGIN
    SELECT * INTO said FROM house_batch WHERE id = NEW.id;
    PERFORM FROM house_batch_line l WHERE l.batch_id = said.id
     HAVING (count(*) FILTER (WHERE l.verdict = 'build'), count(*) FILTER (WHERE l.verdict <> 'build'))
            <> (said.to_build, said.left_out);
    IF FOUND THEN
        RAISE 'batch %: its lines are not what it counts', said.batch_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_batch_counts';
    END IF;
    SELECT count(*) INTO wrong
      FROM (SELECT * FROM house_batch_line WHERE batch_id = said.id AND verdict = 'build') l
      FULL JOIN (SELECT h.*, g.building_id, c.fund_account_id, c.project_id FROM house h
                   JOIN community_building g ON g.id = h.community_building_id
                   JOIN community c ON c.id = g.community_id WHERE h.batch_id = said.id) h
        ON h.unit_id = l.unit_id
     WHERE (h.unit_code, h.building_id, h.room_no, h.use, h.fund_account_id, h.project_id, h.built_by)
           IS DISTINCT FROM (l.unit_code, l.building_id, l.room_no, l.use, said.fund_account_id, said.project_id,
                             said.decided_by);
    IF wrong > 0 AND said.status = 'confirmed' OR said.status <> 'confirmed' AND EXISTS (
           SELECT FROM house WHERE batch_id = said.id) THEN
        RAISE 'batch %: what was built is not what was confirmed', said.batch_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_batch_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER house_batch_whole AFTER INSERT OR UPDATE ON house_batch
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION house_batch_whole();

-- Nothing is added to a batch once it is decided (批次定后不再添行).
CREATE FUNCTION house_batch_line_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added a JOIN house_batch b ON b.id = a.batch_id WHERE b.status <> 'entered') THEN
        RAISE 'a line is added to a batch that is decided'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_batch_line_stands';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER house_batch_line_stands AFTER INSERT ON house_batch_line
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION house_batch_line_stands();

-- As in 0034, and: a house of the register is built by a confirmed batch, its first due is said whole (分户账).
CREATE OR REPLACE FUNCTION house_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := '{status,first_due,first_due_on,first_due_standard,first_due_citation}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'built' OR NEW.first_due IS NOT NULL THEN
            RAISE 'a house account begins as built, nothing paid'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'house_steps';
        END IF;
        IF NEW.unit_id IS NOT NULL AND NOT EXISTS (
               SELECT FROM unit u JOIN community_building b ON b.building_id = u.building_id
                WHERE u.id = NEW.unit_id AND b.id = NEW.community_building_id AND u.removed_at IS NULL
                  AND (u.unit_code, u.area, u.use) = (NEW.unit_code, NEW.area, NEW.use)) THEN
            RAISE 'house % is not as the register has it', NEW.unit_code
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'house_of_register';
        END IF;
        IF NEW.unit_id IS NOT NULL AND NOT EXISTS (
               SELECT FROM house_batch b WHERE b.id = NEW.batch_id AND b.status = 'confirmed')
           OR NEW.unit_id IS NULL AND NEW.batch_id IS NOT NULL THEN
            RAISE 'house % is built by no confirmed batch', NEW.unit_code
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'house_of_batch';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - free IS DISTINCT FROM to_jsonb(OLD) - free
       OR NEW.status <> OLD.status AND (OLD.status, NEW.status) <> ('built', 'closed')
       OR OLD.first_due IS NOT NULL
          AND (NEW.first_due, NEW.first_due_on, NEW.first_due_standard, NEW.first_due_citation)
              IS DISTINCT FROM
              (OLD.first_due, OLD.first_due_on, OLD.first_due_standard, OLD.first_due_citation) THEN
        RAISE 'house %: no such step', OLD.unit_code
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_steps';
    END IF;
    IF NEW.status = 'closed' AND EXISTS (
           SELECT FROM house_balance b WHERE b.house_id = NEW.id AND (b.balance, b.held, b.owed) <> (0, 0, 0)) THEN
        RAISE 'house %: its account still holds something', OLD.unit_code
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_empty';
    END IF;
    RETURN NEW;
END $$;
