-- Noticed as open, about what is really there; decided once, with nothing else changed, by somebody who
-- entered neither the application nor the payee it is about (提示状态迁移、决定人回避).
CREATE FUNCTION finding_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.raised_at := clock_timestamp();
        IF NEW.status <> 'open'
           OR EXISTS (SELECT FROM unnest(NEW.withdrawal_ids) i WHERE i IS NULL
                        OR NOT EXISTS (SELECT FROM withdrawal w WHERE w.id = i))
           OR EXISTS (SELECT FROM unnest(NEW.payee_ids) i WHERE i IS NULL
                        OR NOT EXISTS (SELECT FROM listed_payee p WHERE p.id = i))
           OR EXISTS (SELECT FROM unnest(NEW.receipt_ids) i WHERE i IS NULL
                        OR NOT EXISTS (SELECT FROM receipt r WHERE r.id = i)) THEN
            RAISE 'finding % begins as open, about what is there', NEW.key
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'finding_steps';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status <> 'open' OR NEW.status NOT IN ('cleared', 'confirmed')
       OR to_jsonb(NEW) - '{status,decided_by,decided_at,reason}'::text[]
          IS DISTINCT FROM to_jsonb(OLD) - '{status,decided_by,decided_at,reason}'::text[] THEN
        RAISE 'finding %: no such step', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'finding_steps';
    END IF;
    IF EXISTS (SELECT FROM withdrawal w
                WHERE w.id = ANY (OLD.withdrawal_ids) AND w.entered_by = NEW.decided_by)
       OR EXISTS (SELECT FROM listed_payee p
                   WHERE p.id = ANY (OLD.payee_ids) AND p.entered_by = NEW.decided_by) THEN
        RAISE 'finding % is about what officer % entered', OLD.id, NEW.decided_by
              USING ERRCODE = 'check_violation', CONSTRAINT = 'finding_other_officer';
    END IF;
    NEW.decided_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER finding_steps BEFORE INSERT OR UPDATE ON finding
    FOR EACH ROW EXECUTE FUNCTION finding_steps();
CREATE TRIGGER written_once BEFORE DELETE ON finding
    FOR EACH ROW EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON finding
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- Written once; only whether it was a buyer who paid is added when the money finds its contract (查看一次).
CREATE FUNCTION watched_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.watched_at := clock_timestamp();
    ELSIF OLD.pays_for_buyer IS NOT NULL OR NEW.pays_for_buyer IS NULL
          OR to_jsonb(NEW) - 'pays_for_buyer' IS DISTINCT FROM to_jsonb(OLD) - 'pays_for_buyer' THEN
        RAISE 'receipt % was watched already', OLD.receipt_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'watched_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER watched_once BEFORE INSERT OR UPDATE ON watched_receipt
    FOR EACH ROW EXECUTE FUNCTION watched_once();
CREATE TRIGGER written_once BEFORE DELETE ON watched_receipt
    FOR EACH ROW EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON watched_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
