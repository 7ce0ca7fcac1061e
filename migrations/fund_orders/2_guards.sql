-- A suspension begins open; its cause stands, and once two officers reopened it all of it stands (停付不可更改).
CREATE FUNCTION fund_suspension_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND (NEW.asked_by IS NOT NULL OR NEW.reopened_by IS NOT NULL)
       OR TG_OP = 'UPDATE' AND (OLD.reopened_by IS NOT NULL
           OR (NEW.id, NEW.fund_account_id, NEW.cause, NEW.suspended_at)
              IS DISTINCT FROM (OLD.id, OLD.fund_account_id, OLD.cause, OLD.suspended_at)
           OR NEW.reopened_by IS NOT NULL AND OLD.asked_by IS DISTINCT FROM NEW.asked_by) THEN
        RAISE 'a suspension stands as written'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_suspension_stands';
    END IF;
    RETURN NEW;
END $$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['fund_order', 'fund_suspension'] LOOP
        EXECUTE format('CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once()', name);
    END LOOP;
    CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON fund_order_result
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
END $$;
CREATE TRIGGER suspension_stands BEFORE INSERT OR UPDATE ON fund_suspension
    FOR EACH ROW EXECUTE FUNCTION fund_suspension_stands();

-- The numbers are those of all orders: one counter, none left out (与其他指令连续编号).
CREATE TRIGGER instruction_number BEFORE INSERT ON fund_order
    FOR EACH ROW EXECUTE FUNCTION instruction_number();
CREATE OR REPLACE FUNCTION counter_is_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM instruction i
                    WHERE i.instruction_no = 'ZL' || NEW.year || to_char(NEW.last, 'FM000000'))
       AND NOT EXISTS (SELECT FROM fund_order i
                        WHERE i.instruction_no = 'ZL' || NEW.year || to_char(NEW.last, 'FM000000')) THEN
        RAISE 'order number % of % was drawn for nothing', NEW.last, NEW.year
              USING ERRCODE = 'check_violation', CONSTRAINT = 'counter_is_used';
    END IF;
    RETURN NULL;
END $$;

-- The only steps an order takes, and what stands written (状态迁移与不可更改).
CREATE FUNCTION fund_order_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := '{status,cancel_asked_by,cancel_reason,cancelled_by}';
    why text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'issued' OR NEW.cancel_asked_by IS NOT NULL THEN
            why := 'it begins as issued';
        END IF;
    ELSIF to_jsonb(NEW) - free IS DISTINCT FROM to_jsonb(OLD) - free THEN
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
          AND EXISTS (SELECT FROM fund_order_result WHERE order_id = NEW.id) THEN
        why := 'the bank has answered';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'order %: %', NEW.instruction_no, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_order_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fund_order_steps BEFORE INSERT OR UPDATE ON fund_order
    FOR EACH ROW EXECUTE FUNCTION fund_order_steps();

-- What two officers have decided to return of a sum set apart (另列款的退还).
CREATE FUNCTION fund_order_due_aparts(of_kind text, of_source text)
RETURNS TABLE (fund_account_id integer, nature text, amount bigint, decided_by integer)
LANGUAGE sql STABLE AS $$
    SELECT r.fund_account_id, coalesce(h.nature, 'commodity')::text, k.amount, k.decided_by
      FROM apart_decision k JOIN apart_money a ON a.id = k.apart_id JOIN fund_receipt r ON r.id = a.receipt_id
      LEFT JOIN house h ON h.id = a.house_id
     WHERE of_kind = 'fund-return' AND k.id = substring(of_source FROM '^apart:([1-9][0-9]{0,8})$')::integer
       AND k.status = 'return-due'
$$;
-- What may be ordered now, whoever decided it: a room that pays replaces this and keeps the earlier branches.
CREATE FUNCTION fund_order_due(of_kind text, of_source text)
RETURNS TABLE (fund_account_id integer, nature text, amount bigint, decided_by integer)
LANGUAGE sql STABLE AS $$
    SELECT * FROM fund_order_due_aparts(of_kind, of_source)
$$;

-- An order is of what two have decided, from an account that pays, within what lies there (签发须有依据、够付).
CREATE FUNCTION fund_order_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cash bigint;
    why text;
BEGIN
    PERFORM FROM fund_account WHERE id = NEW.fund_account_id AND status = 'active' FOR NO KEY UPDATE;
    IF NOT FOUND OR EXISTS (SELECT FROM fund_suspension s
                             WHERE s.fund_account_id = NEW.fund_account_id AND s.reopened_by IS NULL) THEN
        why := 'the account does not pay';
    ELSIF NOT EXISTS (
              SELECT FROM fund_order_due(NEW.kind, NEW.source) d
               WHERE (d.fund_account_id, d.nature, d.amount, d.decided_by)
                   = (NEW.fund_account_id, NEW.nature, NEW.amount, NEW.decided_by)) THEN
        why := 'nobody has decided to pay this';
    ELSIF NEW.source LIKE 'apart:%' AND NOT EXISTS (
              SELECT FROM apart_decision k
               WHERE k.id = substring(NEW.source FROM '^apart:([1-9][0-9]{0,8})$')::integer
                 AND (k.payee_name_sealed, k.payee_account_sealed, k.payee_bank)
                   = (NEW.payee_name_sealed, NEW.payee_account_sealed, NEW.payee_bank)) THEN
        why := 'it pays somebody else';
    END IF;
    SELECT b.balance - coalesce((SELECT sum(o.amount) FROM fund_order o
                                  WHERE o.fund_account_id = NEW.fund_account_id AND o.nature = NEW.nature
                                    AND o.status IN ('issued', 'unknown')), 0) INTO cash
      FROM fund_account f JOIN ledger.account a ON a.book_id = f.book_id AND a.key = ''
       AND a.code = '1001' || fund_nature_code(NEW.nature)
      JOIN ledger.balance b ON b.account_id = a.id
     WHERE f.id = NEW.fund_account_id;
    IF why IS NULL AND NEW.amount > coalesce(cash, 0) THEN
        why := 'so much does not lie at the bank';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'order % of %: %', NEW.instruction_no, NEW.amount, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_order_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fund_order_stands BEFORE INSERT ON fund_order
    FOR EACH ROW EXECUTE FUNCTION fund_order_stands();

-- What an entry takes out of one of the fund's bank accounts, net (凭证净出账).
CREATE FUNCTION fund_order_moved(of_order fund_order, step text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT sum(CASE WHEN c.code LIKE '1001%' THEN l.amount ELSE 0 END
             - CASE WHEN d.code LIKE '1001%' THEN l.amount ELSE 0 END)::bigint
      FROM fund_account f
      JOIN ledger.journal_entry e ON e.book_id = f.book_id
       AND e.reference = 'fund-order:' || of_order.instruction_no || ':' || step
      CROSS JOIN LATERAL unnest(e.debits, e.credits, e.amounts) AS l (debit, credit, amount)
      JOIN ledger.account d ON d.id = l.debit JOIN ledger.account c ON c.id = l.credit
     WHERE f.id = of_order.fund_account_id
       AND '1001' || fund_nature_code(of_order.nature) IN (c.code, d.code)
$$;

-- An order and the book say one thing when the transaction ends: money left exactly when the bank said paid, came
-- back exactly when it said returned, and never moved otherwise (指令与账相符).
CREATE FUNCTION fund_order_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said fund_order;
    went bigint;
    came bigint;
    why text;
BEGIN
    SELECT * INTO said FROM fund_order WHERE id = (to_jsonb(NEW) ->> TG_ARGV[0])::integer;
    went := fund_order_moved(said, 'paid');
    came := fund_order_moved(said, 'returned');
    why := CASE
        WHEN went IS DISTINCT FROM (CASE WHEN said.status IN ('paid', 'returned') THEN said.amount END)
        THEN format('%s left the account', coalesce(went, 0))
        WHEN came IS DISTINCT FROM (CASE WHEN said.status = 'returned' THEN -said.amount END)
        THEN format('%s came back', -coalesce(came, 0))
        WHEN said.status IN ('paid', 'failed', 'returned') AND NOT EXISTS (
             SELECT FROM fund_order_result r WHERE r.order_id = said.id AND r.outcome = said.status
                AND r.verdict IN ('moves', 'early') AND r.amount = said.amount)
        THEN 'no bank said so' END;
    IF why IS NOT NULL THEN
        RAISE 'order % of % is %: %', said.instruction_no, said.amount, said.status, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_order_follows';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fund_order_follows AFTER INSERT OR UPDATE ON fund_order
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fund_order_follows('id');

-- An answer that was believed says what its order says, and the order went where it says (采信的答复与指令相符).
CREATE FUNCTION fund_result_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said fund_order;
    fund fund_account;
BEGIN
    SELECT * INTO said FROM fund_order WHERE id = NEW.order_id;
    SELECT * INTO fund FROM fund_account WHERE id = said.fund_account_id;
    IF NEW.amount <> said.amount OR NEW.bank_code <> fund.bank_code
       OR NOT (CASE WHEN NEW.verdict = 'early' THEN said.status IN ('issued', 'unknown', 'returned')
                   WHEN NEW.outcome = 'paid' THEN said.status IN ('paid', 'returned')
                   WHEN NEW.outcome = 'unknown' THEN said.status NOT IN ('issued', 'cancelled')
                   ELSE said.status = NEW.outcome END)
       OR NEW.entry_id IS NOT NULL AND NOT EXISTS (
              SELECT FROM ledger.journal_entry e WHERE e.id = NEW.entry_id AND e.book_id = fund.book_id
                 AND e.reference = 'fund-order:' || said.instruction_no || ':' || NEW.outcome)
       OR NEW.outcome IN ('paid', 'returned') AND EXISTS (
              SELECT FROM instruction_result i
               WHERE (i.bank_code, i.bank_serial) = (NEW.bank_code, NEW.bank_serial)
                 AND i.verdict IN ('moves', 'early') AND i.outcome IN ('paid', 'returned')) THEN
        RAISE 'order % is %: this answer was not believed', said.instruction_no, said.status
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_result_stands';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fund_result_stands AFTER INSERT ON fund_order_result
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.verdict IN ('moves', 'early'))
    EXECUTE FUNCTION fund_result_stands();
-- What an entry names as an order's is that order's, looked at again when the transaction ends (不得冒用指令).
CREATE FUNCTION public.fund_order_entry() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM fund_order_result r WHERE r.entry_id = NEW.id)
       AND NOT EXISTS (
           SELECT FROM fund_order o JOIN fund_account f ON f.id = o.fund_account_id
            WHERE f.book_id = NEW.book_id AND o.status = 'returned'
              AND NEW.reference = 'fund-order:' || o.instruction_no || ':returned') THEN
        RAISE 'entry %: no bank answered so', NEW.reference
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_order_entry';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fund_order_entry AFTER INSERT ON ledger.journal_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.reference LIKE 'fund-order:%')
    EXECUTE FUNCTION public.fund_order_entry();

-- Money leaves the fund account for bonds by the bank's slip, or by an order the bank answered as paid (出账凭据).
CREATE FUNCTION fund_outflow_orders(of_entry bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM public.fund_order_result r JOIN public.fund_order o ON o.id = r.order_id
          JOIN public.fund_outflow w ON w.entry_id = r.entry_id
         WHERE r.entry_id = of_entry AND r.outcome = 'paid' AND r.verdict = 'moves'
           AND o.status IN ('paid', 'returned') AND w.amount = o.amount)
$$;
CREATE OR REPLACE FUNCTION fund_outflow_papers(of_entry bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT fund_outflow_bonds(of_entry) OR fund_outflow_orders(of_entry)
$$;

-- As in 0043; a return whose money came back is due again (退汇的复为应退).
CREATE OR REPLACE FUNCTION apart_decision_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
    standing bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'entered' THEN
            RAISE 'a decision begins as entered'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'apart_decision_steps';
        END IF;
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'entered>confirmed' THEN '{status,decided_by,decided_at,entry_id,law}'
        WHEN 'entered>return-due' THEN '{status,decided_by,decided_at,entry_id,law}'
        WHEN 'entered>rejected' THEN '{status,decided_by,decided_at,reason}'
        WHEN 'return-due>returned' THEN '{status}'
        WHEN 'returned>return-due' THEN '{status}' END;
    IF decided IS NULL OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
        RAISE 'decision %: no such step', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'apart_decision_steps';
    END IF;
    IF OLD.status IN ('return-due', 'returned') THEN
        SELECT b.balance INTO standing FROM ledger.journal_entry e
          JOIN ledger.account a ON a.book_id = e.book_id AND a.code = '2903' AND a.key = 'return:' || NEW.id
          JOIN ledger.balance b ON b.account_id = a.id
         WHERE e.id = NEW.entry_id;
        IF standing IS DISTINCT FROM (CASE NEW.status WHEN 'returned' THEN 0 ELSE NEW.amount END) THEN
            RAISE 'decision %: of its money % stands', OLD.id, standing
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'apart_decision_paid';
        END IF;
    END IF;
    RETURN NEW;
END $$;
