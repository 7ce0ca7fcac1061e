-- Only known steps, and each changes only what it decides (退款状态迁移).
CREATE FUNCTION refund_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'entered' THEN
            RAISE 'refund % begins as entered', NEW.refund_no
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_steps';
        END IF;
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'entered>reviewed' THEN '{reviewed_by,reviewed_at}'
        WHEN 'entered>approved' THEN '{decided_by,decided_at,ready_on,hold_entry_id,law}'
        WHEN 'reviewed>approved' THEN '{decided_by,decided_at,ready_on,hold_entry_id,law}'
        WHEN 'entered>rejected' THEN '{decided_by,decided_at,reason}'
        WHEN 'reviewed>rejected' THEN '{decided_by,decided_at,reason}'
        WHEN 'approved>due' THEN '{due_entry_id}'
        WHEN 'approved>revoked' THEN '{revoked_by,revoke_entry_id,reason}'
        WHEN 'due>issued' THEN '{}' END;
    IF decided IS NULL OR to_jsonb(NEW) - (decided || '{status}') IS DISTINCT FROM
                          to_jsonb(OLD) - (decided || '{status}') THEN
        RAISE 'refund %: no such step', OLD.refund_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_steps';
    END IF;
    RETURN NEW;
END $$;
-- Its name sorts before the guards that follow: whether there is such a step is asked first.
CREATE TRIGGER refund_by_steps BEFORE INSERT OR UPDATE ON refund
    FOR EACH ROW EXECUTE FUNCTION refund_steps();
CREATE TRIGGER claim_paper BEFORE INSERT ON refund FOR EACH ROW EXECUTE FUNCTION claim_paper();
CREATE TRIGGER claim_paper BEFORE INSERT ON refund_paper FOR EACH ROW EXECUTE FUNCTION claim_paper();
CREATE TRIGGER written_once BEFORE DELETE ON refund
    FOR EACH ROW EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON refund
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
