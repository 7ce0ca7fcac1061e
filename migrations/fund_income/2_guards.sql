-- Entered by one, decided once by another; what was entered never changes (收益录入与确认).
CREATE FUNCTION fund_income_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'entered' OR NEW.community_id IS NOT NULL AND NOT EXISTS (
               SELECT FROM community c WHERE c.id = NEW.community_id
                  AND c.fund_account_id = NEW.fund_account_id) THEN
            RAISE 'income begins as entered, of a community of its fund'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_income_steps';
        END IF;
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'entered>booked' THEN '{status,decided_by,decided_at,entry_id,law}'
        WHEN 'entered>rejected' THEN '{status,decided_by,decided_at,reason}' END;
    IF decided IS NULL OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
        RAISE 'income %: no such step', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_income_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fund_income_steps BEFORE INSERT OR UPDATE ON fund_income
    FOR EACH ROW EXECUTE FUNCTION fund_income_steps();

-- What was booked is what the bank's slip said (入账与银行单据一致).
CREATE FUNCTION fund_income_booked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
           SELECT FROM ledger.journal_entry e JOIN fund_account f ON f.book_id = e.book_id
            WHERE e.id = NEW.entry_id AND f.id = NEW.fund_account_id AND e.reverses_id IS NULL
              AND e.reference = 'fund-income:' || NEW.id
              AND (SELECT sum(t.amount) FROM ledger.transfer t WHERE t.entry_id = e.id)
                  = NEW.amount + NEW.interest) THEN
        RAISE 'income %: its entry does not say so', NEW.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_income_booked';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fund_income_booked AFTER UPDATE ON fund_income
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.entry_id IS NOT NULL)
    EXECUTE FUNCTION fund_income_booked();

-- Proposed, computed, approved by another, done when every batch is booked (收益分配状态迁移).
CREATE FUNCTION income_run_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
    why text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'proposed' THEN
            why := 'it begins as proposed';
        ELSIF EXISTS (
               SELECT FROM income_run r
                WHERE (r.fund_account_id, r.nature) = (NEW.fund_account_id, NEW.nature)
                  AND r.community_id IS NOT DISTINCT FROM NEW.community_id AND r.status <> 'rejected'
                  AND r.period_from <= NEW.period_to AND r.period_to >= NEW.period_from) THEN
            why := 'these days are shared already';
        END IF;
    ELSE
        decided := CASE OLD.status || '>' || NEW.status
            WHEN 'proposed>computed' THEN '{status,total,houses}'
            WHEN 'computed>approved' THEN '{status,decided_by,decided_at,law}'
            WHEN 'proposed>rejected' THEN '{status,decided_by,decided_at,reason}'
            WHEN 'computed>rejected' THEN '{status,decided_by,decided_at,reason}'
            WHEN 'approved>done' THEN '{status}' END;
        IF decided IS NULL OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
            why := 'no such step';
        ELSIF NEW.status = 'computed' AND NOT EXISTS (
               SELECT FROM income_share s WHERE s.run_id = NEW.id
               HAVING sum(s.amount) = NEW.total AND count(*) = NEW.houses) THEN
            why := 'the shares do not add up to the total';
        ELSIF NEW.status = 'done' AND EXISTS (
               SELECT FROM income_batch b
                WHERE b.run_id = NEW.id AND b.amount > 0 AND b.entry_id IS NULL) THEN
            why := 'not every batch is booked';
        END IF;
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'sharing %: %', NEW.run_no, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'income_run_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER income_run_steps BEFORE INSERT OR UPDATE ON income_run
    FOR EACH ROW EXECUTE FUNCTION income_run_steps();

-- Shares and batches are written while their run is being computed, and not afterwards (测算之后不可更改).
CREATE FUNCTION income_share_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT run_id FROM made) m JOIN income_run r ON r.id = m.run_id
                WHERE r.status <> 'proposed') THEN
        RAISE 'the shares of a run are computed once'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'income_share_once';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER income_share_once AFTER INSERT ON income_share
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION income_share_once();
CREATE TRIGGER income_share_once AFTER INSERT ON income_batch
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION income_share_once();

CREATE FUNCTION income_batch_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.entry_id IS NOT NULL OR to_jsonb(NEW) - 'entry_id' IS DISTINCT FROM to_jsonb(OLD) - 'entry_id'
       OR NOT EXISTS (SELECT FROM income_run r WHERE r.id = NEW.run_id AND r.status = 'approved') THEN
        RAISE 'batch % of run %: booked once, after approval', OLD.batch, OLD.run_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'income_batch_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER income_batch_steps BEFORE UPDATE ON income_batch
    FOR EACH ROW EXECUTE FUNCTION income_batch_steps();

-- Each house of a batch gets exactly its share, and nobody else anything (逐户入账与测算一致).
CREATE FUNCTION income_batch_booked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
           SELECT FROM (SELECT a.key, t.amount FROM ledger.transfer t
                          JOIN ledger.account a ON a.id = t.credit_account_id
                         WHERE t.entry_id = NEW.entry_id) AS got (key, amount)
             FULL JOIN (SELECT 'house:' || s.house_id, s.amount FROM income_share s
                         WHERE s.run_id = NEW.run_id AND s.batch = NEW.batch AND s.amount > 0)
                    AS due (key, amount) ON due.key = got.key
            WHERE got.amount IS DISTINCT FROM due.amount)
       OR NOT EXISTS (
           SELECT FROM ledger.journal_entry e JOIN fund_account f ON f.book_id = e.book_id
             JOIN income_run r ON r.fund_account_id = f.id
            WHERE e.id = NEW.entry_id AND r.id = NEW.run_id AND e.movement = 'M10') THEN
        RAISE 'batch % of run %: booked otherwise than shared', NEW.batch, NEW.run_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'income_batch_booked';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER income_batch_booked AFTER UPDATE ON income_batch
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.entry_id IS NOT NULL)
    EXECUTE FUNCTION income_batch_booked();

-- Income goes to houses by an approved run, and months close by their own step, or not at all (须有依据).
CREATE FUNCTION public.fund_entry_by_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.fund_account f WHERE f.book_id = NEW.book_id)
       OR NEW.movement = 'M10' AND EXISTS (SELECT FROM public.income_batch b WHERE b.entry_id = NEW.id)
       OR NEW.movement = 'M20' AND EXISTS (
              SELECT FROM public.fund_period p JOIN public.fund_account f ON f.id = p.fund_account_id
               WHERE f.book_id = NEW.book_id AND p.entry_ids @> ARRAY[NEW.id]) THEN
        RETURN NULL;
    END IF;
    RAISE 'entry % is of no approved sharing and of no closed month', NEW.reference
          USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_entry_by_step';
END $$;
CREATE CONSTRAINT TRIGGER fund_entry_by_step AFTER INSERT ON ledger.journal_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.movement IN ('M10', 'M20'))
    EXECUTE FUNCTION public.fund_entry_by_step();

-- Months close in order, each once (按月依次结转).
CREATE FUNCTION fund_period_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.month <> coalesce(
           (SELECT (max(p.month) + interval '1 month')::date FROM fund_period p
             WHERE p.fund_account_id = NEW.fund_account_id),
           (SELECT date_trunc('month', f.opened_on)::date FROM fund_account f
             WHERE f.id = NEW.fund_account_id)) THEN
        RAISE 'fund %: % is not the next month', NEW.fund_account_id, NEW.month
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_period_in_order';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fund_period_in_order BEFORE INSERT ON fund_period
    FOR EACH ROW EXECUTE FUNCTION fund_period_in_order();

-- Buying bonds takes money out of the fund account by the bank's slip (购买国债以银行单据为凭).
CREATE FUNCTION fund_outflow_bonds(of_entry bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM public.fund_income i WHERE i.entry_id = of_entry AND i.kind = 'bond-buy')
$$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['fund_income', 'income_run', 'income_batch'] LOOP
        EXECUTE format('CREATE TRIGGER written_once BEFORE DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION ledger.written_once()', name);
        EXECUTE format('CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['income_share', 'fund_period'] LOOP
        EXECUTE format('CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once()', name);
    END LOOP;
END $$;
CREATE OR REPLACE FUNCTION fund_outflow_papers(of_entry bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT fund_outflow_bonds(of_entry)
$$;
