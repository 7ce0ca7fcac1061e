-- A match says what its line and its entry say (勾对属实): same account, same direction, class as the facts are.
CREATE FUNCTION match_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT a.statement_id, a.line_no INTO wrong
      FROM added a JOIN statement_line l ON l.statement_id = a.statement_id AND l.line_no = a.line_no
      JOIN supervised_account s ON s.id = l.account_id
      JOIN ledger.journal_entry e ON e.id = a.entry_id
      CROSS JOIN LATERAL (SELECT public.bank_effect(a.entry_id) AS effect) m
     WHERE a.account_id <> l.account_id OR e.book_id <> s.book_id OR NOT a.live
        OR (m.effect > 0) <> (l.direction = 'credit') OR m.effect = 0
        OR (a.class = 'amount-differs') <> (abs(m.effect) <> l.amount)
     LIMIT 1;
    IF FOUND THEN
        RAISE 'line % of statement % is not that entry', wrong.line_no, wrong.statement_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'match_stands';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER match_stands AFTER INSERT ON statement_match
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION match_stands();

-- A match stands until its statement is superseded by a newer version (勾对只随新版失效).
CREATE FUNCTION match_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'live' IS DISTINCT FROM to_jsonb(OLD) - 'live' OR NEW.live
       OR NOT EXISTS (SELECT FROM statement s JOIN statement n ON n.account_id = s.account_id
                         AND n.business_date = s.business_date AND n.version > s.version
                       WHERE s.id = OLD.statement_id) THEN
        RAISE 'a match stands' USING ERRCODE = 'check_violation', CONSTRAINT = 'match_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_steps BEFORE UPDATE ON statement_match FOR EACH ROW EXECUTE FUNCTION match_steps();
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON statement_match
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- A difference stands as it was found, and closes for a reason that is there to be seen (差异不可改写，有据方可了结).
CREATE FUNCTION difference_steps() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER difference_steps BEFORE INSERT OR UPDATE ON statement_difference FOR EACH ROW EXECUTE FUNCTION
    difference_steps('status', 'closed_how', 'closed_at', 'worker_id', 'cause', 'note', 'remedy', 'proposed',
                     'asked_by', 'decided_by', 'live');
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON statement_difference
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- What explains a difference is new, of the same book, moved the account, and is no line's own entry (解释凭证须是新凭证).
CREATE FUNCTION explanation_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NOT EXISTS (
           SELECT FROM statement_difference d JOIN supervised_account s ON s.id = d.account_id
             JOIN ledger.journal_entry e ON e.book_id = s.book_id AND e.id = NEW.entry_id
            WHERE d.id = NEW.difference_id AND d.status = 'open' AND e.booked_at > d.opened_at
              AND bank_effect(e.id) <> 0
              AND NOT EXISTS (SELECT FROM statement_match m WHERE m.entry_id = e.id AND m.live))
       OR TG_OP = 'UPDATE' AND (NEW.live OR (NEW.difference_id, NEW.entry_id)
                                            IS DISTINCT FROM (OLD.difference_id, OLD.entry_id)
           OR EXISTS (SELECT FROM statement_difference d WHERE d.id = OLD.difference_id AND d.live)) THEN
        RAISE 'entry % does not explain difference %', NEW.entry_id, NEW.difference_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER explanation_stands BEFORE INSERT OR UPDATE ON difference_entry
    FOR EACH ROW EXECUTE FUNCTION explanation_stands();
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON difference_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- A statement is matched when nothing of it is left (全部勾对方为相符).
CREATE FUNCTION statement_is_matched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM statement_difference WHERE statement_id = NEW.id AND status = 'open')
       OR NEW.lines <> (SELECT count(*) FROM statement_match WHERE statement_id = NEW.id)
                     + (SELECT count(*) FROM statement_difference d WHERE d.statement_id = NEW.id
                           AND d.kind IN ('bank-only', 'duplicate') AND d.closed_how = 'entries'
                           AND NOT EXISTS (SELECT FROM statement_match m WHERE m.statement_id = d.statement_id
                                              AND m.line_no = d.line_no)) THEN
        RAISE 'statement % is not matched', NEW.statement_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'statement_is_matched';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER statement_is_matched BEFORE UPDATE OF status ON statement FOR EACH ROW
    WHEN (NEW.status = 'matched' AND OLD.status <> 'matched') EXECUTE FUNCTION statement_is_matched();

-- While bank and book differ the account pays nothing out, whoever asks (差异未了，不得签发指令).
CREATE OR REPLACE FUNCTION account_pays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM supervised_account s WHERE s.id = NEW.account_id AND s.status IN ('active', 'releasing')
        AND NOT EXISTS (SELECT FROM account_suspension p WHERE p.account_id = s.id AND p.reopened_by IS NULL)
        FOR SHARE OF s;
    IF NOT FOUND THEN
        RAISE 'order %: the account does not pay', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_pays';
    END IF;
    IF EXISTS (SELECT FROM statement_difference d
                WHERE d.account_id = NEW.account_id AND d.status = 'open' AND d.delta <> 0) THEN
        RAISE 'order %: bank and book differ', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_reconciled';
    END IF;
    RETURN NEW;
END $$;
