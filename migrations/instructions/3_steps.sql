-- The only steps an order takes, and what stands written (状态迁移与不可更改).
CREATE FUNCTION instruction_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'issued' THEN
            why := 'it begins as issued';
        END IF;
    ELSIF to_jsonb(NEW) - TG_ARGV IS DISTINCT FROM to_jsonb(OLD) - TG_ARGV
          OR (OLD.entry_id IS NOT NULL AND NEW.entry_id IS DISTINCT FROM OLD.entry_id) THEN
        why := 'what was ordered stands';
    ELSIF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
              ('issued', 'paid'), ('issued', 'failed'), ('issued', 'unknown'), ('issued', 'cancelled'),
              ('unknown', 'paid'), ('unknown', 'failed'), ('paid', 'returned')) THEN
        why := 'no step from ' || OLD.status || ' to ' || NEW.status;
    ELSIF (OLD.status <> 'issued' OR OLD.cancel_asked_by IS NOT NULL)
          AND (NEW.cancel_asked_by, NEW.cancel_reason)
              IS DISTINCT FROM (OLD.cancel_asked_by, OLD.cancel_reason) THEN
        why := 'who asked for it back stands';
    ELSIF NEW.status = 'cancelled' AND OLD.status = 'issued'
          AND EXISTS (SELECT FROM instruction_result WHERE instruction_id = NEW.id) THEN
        why := 'the bank has answered';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'order %: %', NEW.instruction_no, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'instruction_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER instruction_steps BEFORE INSERT OR UPDATE ON instruction FOR EACH ROW EXECUTE FUNCTION
    instruction_steps('status', 'entry_id', 'cancel_asked_by', 'cancel_reason', 'cancelled_by');

CREATE TRIGGER written_once BEFORE DELETE ON instruction
    FOR EACH ROW EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON instruction
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE ON instruction_result
    FOR EACH ROW EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON instruction_result
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE DELETE ON instruction_counter
    FOR EACH ROW EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON instruction_counter
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
