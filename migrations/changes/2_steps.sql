-- Only known steps, and each changes only what it decides (变更状态迁移).
CREATE FUNCTION account_change_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'entered' OR NEW.new_account_id IS NOT NULL THEN
            RAISE 'change % begins as entered', NEW.change_no
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'account_change_steps';
        END IF;
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'entered>ordered' THEN '{decided_by,decided_at,amount,law,instruction_id}'
        WHEN 'entered>done' THEN '{decided_by,decided_at,amount,law,finished_at}'
        WHEN 'entered>rejected' THEN '{decided_by,decided_at,reason}'
        WHEN 'ordered>done' THEN '{finished_at}'
        WHEN 'ordered>failed' THEN '{finished_at}'
        WHEN 'ordered>returned' THEN '{finished_at}'
        WHEN 'done>returned' THEN '{finished_at}'
        -- The account it made is named once it stands.
        WHEN 'done>done' THEN CASE WHEN OLD.new_account_id IS NULL THEN '{new_account_id}' END END;
    IF decided IS NULL OR to_jsonb(NEW) - (decided || '{status}') IS DISTINCT FROM
                          to_jsonb(OLD) - (decided || '{status}')
       OR OLD.status || '>' || NEW.status = 'entered>done' AND NEW.amount <> 0 THEN
        RAISE 'change %: no such step', OLD.change_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_change_steps';
    END IF;
    RETURN NEW;
END $$;
-- Its name sorts before the guards that follow: whether there is such a step is asked first.
CREATE TRIGGER account_change_by_steps BEFORE INSERT OR UPDATE ON account_change
    FOR EACH ROW EXECUTE FUNCTION account_change_steps();
CREATE TRIGGER claim_paper BEFORE INSERT ON account_change
    FOR EACH ROW EXECUTE FUNCTION claim_paper();
CREATE TRIGGER written_once BEFORE DELETE ON account_change
    FOR EACH ROW EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON account_change
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- As before, and an account that has moved is closed, one that money came back to goes on (账户状态迁移).
CREATE OR REPLACE FUNCTION account_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may boolean := true;
BEGIN
    IF NOT EXISTS (SELECT FROM agreement g
                    WHERE g.id = NEW.agreement_id AND g.status = 'effective'
                      AND (g.project_id, g.account_no, g.account_name, g.bank_code)
                          = (NEW.project_id, NEW.account_no, NEW.account_name, NEW.bank_code)) THEN
        RAISE 'account % is not that of an agreement in force', NEW.account_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_of_agreement';
    END IF;
    IF TG_OP = 'INSERT' THEN
        may := NEW.status = 'active';
    ELSIF OLD.status <> NEW.status THEN
        may := CASE OLD.status || '>' || NEW.status
            WHEN 'active>suspended' THEN true
            WHEN 'suspended>active' THEN NOT EXISTS (
                SELECT FROM account_change c WHERE c.account_id = NEW.id AND c.status = 'ordered')
            WHEN 'active>releasing' THEN true
            WHEN 'releasing>closed' THEN true
            WHEN 'active>closed' THEN EXISTS (
                SELECT FROM account_change c
                 WHERE c.account_id = NEW.id AND c.status = 'done' AND c.new_account_id IS NULL
                    OR c.new_account_id = NEW.id AND c.status = 'returned')
            WHEN 'suspended>closed' THEN EXISTS (
                SELECT FROM account_change c
                 WHERE c.account_id = NEW.id AND c.status = 'done' AND c.new_account_id IS NULL)
            WHEN 'closed>active' THEN EXISTS (
                SELECT FROM account_change c JOIN supervised_account n ON n.id = c.new_account_id
                 WHERE c.account_id = NEW.id AND c.status = 'returned' AND n.status = 'closed')
            ELSE false END;
    END IF;
    IF NOT may THEN
        RAISE 'account %: no step to %', NEW.account_no, NEW.status
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_steps';
    END IF;
    RETURN NEW;
END $$;
