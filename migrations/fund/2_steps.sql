-- A fund account is entered, then opened or sent back by another; what was entered never changes (专户状态迁移).
CREATE FUNCTION fund_account_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'entered' THEN
            RAISE 'a fund account begins as entered'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_account_steps';
        END IF;
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'entered>active' THEN '{status,decided_by,decided_at,book_id,opened_on}'
        WHEN 'entered>rejected' THEN '{status,decided_by,decided_at,reason}'
        WHEN 'active>closed' THEN '{status}' END;
    IF decided IS NULL OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
        RAISE 'fund account %: no such step', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_account_steps';
    END IF;
    IF NEW.status = 'active' AND NOT EXISTS (
           SELECT FROM ledger.book b WHERE b.id = NEW.book_id AND b.code = 'fund:' || NEW.account_no) THEN
        RAISE 'fund account %: this is not its book', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_account_book';
    END IF;
    IF NEW.status = 'closed' AND EXISTS (
           SELECT FROM ledger.balance b WHERE b.book_id = NEW.book_id AND b.balance <> 0) THEN
        RAISE 'fund account %: its book still holds something', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_account_empty';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fund_account_steps BEFORE INSERT OR UPDATE ON fund_account
    FOR EACH ROW EXECUTE FUNCTION fund_account_steps();

-- A community stays with its account, a building with its community; both say what the register says (小区与楼幢).
CREATE FUNCTION community_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - '{name}'::text[] IS DISTINCT FROM to_jsonb(OLD) - '{name}'::text[]
       OR TG_OP = 'INSERT' AND NOT EXISTS (
              SELECT FROM fund_account f WHERE f.id = NEW.fund_account_id AND f.status = 'active'
                 AND f.region = NEW.region)
       OR NEW.project_id IS NOT NULL AND NOT EXISTS (
              SELECT FROM project p WHERE p.id = NEW.project_id AND p.region = NEW.region) THEN
        RAISE 'community %: another account, region or project', NEW.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'community_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER community_stands BEFORE INSERT OR UPDATE ON community
    FOR EACH ROW EXECUTE FUNCTION community_stands();

CREATE FUNCTION community_building_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       OR NEW.building_id IS NOT NULL AND NOT EXISTS (
              SELECT FROM building b JOIN community c ON c.project_id = b.project_id
               WHERE b.id = NEW.building_id AND c.id = NEW.community_id) THEN
        RAISE 'building % is not of this community', NEW.building_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'community_building_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER community_building_stands BEFORE INSERT OR UPDATE ON community_building
    FOR EACH ROW EXECUTE FUNCTION community_building_stands();

-- A house account is built as the register has the unit, its first due is said once, and it closes empty (分户账).
CREATE FUNCTION house_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := '{status,first_due}';
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
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - free IS DISTINCT FROM to_jsonb(OLD) - free
       OR NEW.status <> OLD.status AND (OLD.status, NEW.status) <> ('built', 'closed')
       OR OLD.first_due IS NOT NULL AND NEW.first_due IS DISTINCT FROM OLD.first_due THEN
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
CREATE TRIGGER house_steps BEFORE INSERT OR UPDATE ON house
    FOR EACH ROW EXECUTE FUNCTION house_steps();

CREATE FUNCTION house_opened() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
BEGIN
    INSERT INTO house_balance (house_id) SELECT h.id FROM built h;
    RETURN NULL;
END $$;
CREATE TRIGGER house_opened AFTER INSERT ON house
    REFERENCING NEW TABLE AS built FOR EACH STATEMENT EXECUTE FUNCTION house_opened();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['fund_account', 'community', 'community_building', 'house', 'house_balance'] LOOP
        EXECUTE format('CREATE TRIGGER written_once BEFORE DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION ledger.written_once()', name);
        EXECUTE format('CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once()', name);
    END LOOP;
END $$;
