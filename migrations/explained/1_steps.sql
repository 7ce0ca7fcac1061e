-- As in 0018; an entry that explains a difference is itself no longer one (解释凭证自身不再是差异).
CREATE OR REPLACE FUNCTION difference_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
    explained numeric;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF (NEW.status, NEW.live) IS DISTINCT FROM ('open', true) OR NEW.asked_by IS NOT NULL THEN
            why := 'it begins open';
        END IF;
    ELSIF to_jsonb(NEW) - TG_ARGV IS DISTINCT FROM to_jsonb(OLD) - TG_ARGV THEN
        why := 'what was found stands';
    ELSIF OLD.status = 'closed' AND to_jsonb(NEW) - 'live' IS DISTINCT FROM to_jsonb(OLD) - 'live' THEN
        why := 'it is closed';
    ELSIF NEW.live AND NOT OLD.live THEN
        why := 'a superseded version does not come back';
    ELSIF (OLD.live AND NOT NEW.live OR NEW.closed_how = 'superseded' AND OLD.status = 'open')
          AND NOT EXISTS (SELECT FROM statement s JOIN statement n ON n.account_id = s.account_id
                             AND n.business_date = s.business_date AND n.version > s.version
                           WHERE s.id = OLD.statement_id) THEN
        why := 'no newer version is there';
    ELSIF NEW.status = 'closed' AND OLD.status = 'open' AND NEW.closed_how = 'matched'
          AND NOT (CASE NEW.kind
              WHEN 'ledger-only' THEN EXISTS (
                  SELECT FROM statement_match m WHERE m.entry_id = NEW.entry_id AND m.live)
                  OR EXISTS (SELECT FROM difference_entry x WHERE x.entry_id = NEW.entry_id AND x.live)
              WHEN 'balance-differs' THEN NOT EXISTS (
                  SELECT FROM standing_differences(NEW.account_id) d WHERE d.kind = 'balance-differs'
                     AND d.statement_id = NEW.statement_id AND d.delta = NEW.delta)
              ELSE NEW.kind IN ('bank-only', 'duplicate') AND EXISTS (
                  SELECT FROM statement_match m WHERE m.statement_id = NEW.statement_id
                     AND m.line_no = NEW.line_no AND m.live) END) THEN
        why := 'it is still there';
    ELSIF NEW.status = 'closed' AND OLD.status = 'open' AND NEW.closed_how = 'entries' THEN
        SELECT coalesce(sum(bank_effect(entry_id)), 0) INTO explained
          FROM difference_entry WHERE difference_id = NEW.id AND live;
        IF explained <> NEW.delta THEN
            why := 'entries explain ' || explained || ' of ' || NEW.delta;
        END IF;
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'difference %: %', NEW.id, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'difference_steps';
    END IF;
    RETURN NEW;
END $$;
