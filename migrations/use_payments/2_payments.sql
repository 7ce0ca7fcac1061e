-- Entered, decided once by another, paid when the bank says so, due again when the money came back (付款状态).
CREATE FUNCTION use_payment_steps() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    said fund_use;
    free text[];
    why text;
BEGIN
    SELECT * INTO said FROM fund_use WHERE id = NEW.use_id;
    IF TG_OP = 'INSERT' THEN
        why := CASE
            WHEN NEW.status <> 'entered' THEN 'it begins as entered'
            WHEN said.status <> CASE NEW.kind WHEN 'final' THEN 'accepted' ELSE 'approved' END THEN 'not at this step'
            WHEN NEW.kind <> 'advance' AND EXISTS (
                 SELECT FROM use_payment p WHERE p.use_id = NEW.use_id AND p.kind = 'advance'
                    AND p.status IN ('entered', 'due')) THEN 'the advance is open'
            WHEN NEW.kind = 'end' AND EXISTS (
                 SELECT FROM use_payment p WHERE p.use_id = NEW.use_id AND p.status <> 'rejected')
            THEN 'something is paid already'
            WHEN NEW.kind = 'final' AND (NEW.total > said.budget OR said.file_by IS NOT NULL AND said.filed_on IS NULL)
            THEN 'over its budget, or an emergency that nobody filed'
            WHEN NOT EXISTS (SELECT FROM use_paper p WHERE p.use_id = NEW.use_id
                                AND p.kind = CASE NEW.kind WHEN 'final' THEN 'settlement' ELSE NEW.kind END)
            THEN 'without its paper' END;
    ELSE
        free := CASE OLD.status || '>' || NEW.status
            WHEN 'entered>due' THEN '{status,decided_by,decided_at,law}'
            WHEN 'entered>paid' THEN '{status,decided_by,decided_at,law}'
            WHEN 'entered>rejected' THEN '{status,decided_by,decided_at,reason}'
            WHEN 'due>paid' THEN '{status}'
            WHEN 'paid>due' THEN '{status}' END;
        why := CASE
            WHEN free IS NULL OR to_jsonb(NEW) - free IS DISTINCT FROM to_jsonb(OLD) - free THEN 'no such step'
            WHEN OLD.status = 'entered' AND NEW.status <> 'rejected' AND (NEW.status = 'paid') <> (NEW.amount = 0)
            THEN 'what is paid goes by order'
            WHEN NEW.status = 'due' AND OLD.status = 'entered' AND NEW.kind = 'advance' AND NEW.amount > coalesce(
                 round(said.fund_part * (NEW.law #>> '{provisions,use_advance_ratio,value}')::numeric), 0)
            THEN 'an advance over its ratio'
            WHEN OLD.status IN ('due', 'paid') AND NEW.status <> use_payment_ordered(NEW.use_id, NEW.id)
            THEN 'the bank said otherwise' END;
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'payment % of use %: %', NEW.id, NEW.use_id, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'use_payment_steps';
    END IF;
    RETURN NEW;
END $$;

-- Where its newest order stands: paid, or still due (指令现状).
CREATE FUNCTION use_payment_ordered(of_use integer, of_payment integer) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN EXISTS (
        SELECT FROM fund_order o WHERE o.status = 'paid'
           AND o.source = 'fund-use:' || of_use || ':payment:' || of_payment) THEN 'paid' ELSE 'due' END
$$;
CREATE TRIGGER use_payment_steps BEFORE INSERT OR UPDATE ON use_payment
    FOR EACH ROW EXECUTE FUNCTION use_payment_steps();

-- Its parts are the whole; no house pays more than was held for it, all payments together (逐户付款与占用).
CREATE FUNCTION use_payment_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.amount <> (SELECT coalesce(sum(p.amount), 0) FROM use_payment_part p WHERE p.payment_id = NEW.id)
       OR EXISTS (
           SELECT FROM use_payment_part p JOIN use_payment m ON m.id = p.payment_id AND m.status <> 'rejected'
             LEFT JOIN use_share s ON (s.use_id, s.house_id) = (m.use_id, p.house_id)
            WHERE m.use_id = NEW.use_id
            GROUP BY p.house_id, s.from_fund HAVING sum(p.amount) > coalesce(s.from_fund, 0)) THEN
        RAISE 'payment % of use %: its parts do not fit', NEW.id, NEW.use_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'use_payment_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER use_payment_whole AFTER INSERT OR UPDATE ON use_payment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION use_payment_whole();
CREATE FUNCTION use_parts_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM use_payment p WHERE p.id IN (SELECT m.payment_id FROM made m)
                  AND (p.status <> 'entered' OR p.amount <> (
                       SELECT sum(t.amount) FROM use_payment_part t WHERE t.payment_id = p.id))) THEN
        RAISE 'the parts of a payment are written once, whole, before anybody decides'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'use_payment_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER use_parts_stand AFTER INSERT ON use_payment_part
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION use_parts_stand();

-- What the bank's answer books: each house spends its part and its hold goes with it; back the same way (凭证逐户相符).
CREATE FUNCTION use_payment_booked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    step text := CASE NEW.status WHEN 'paid' THEN 'paid' ELSE 'returned' END;
    entry bigint;
BEGIN
    SELECT e.id INTO entry FROM fund_order o JOIN fund_account f ON f.id = o.fund_account_id
      JOIN ledger.journal_entry e ON e.book_id = f.book_id
       AND e.reference = 'fund-order:' || o.instruction_no || ':' || step
     WHERE o.source = 'fund-use:' || NEW.use_id || ':payment:' || NEW.id ORDER BY o.id DESC LIMIT 1;
    IF entry IS NULL OR EXISTS (
           SELECT FROM (SELECT CASE step WHEN 'paid' THEN d.code || ' ' || d.key ELSE c.code || ' ' || c.key END,
                               CASE step WHEN 'paid' THEN c.code || ' ' || c.key ELSE d.code || ' ' || d.key END,
                               t.amount
                          FROM ledger.transfer t JOIN ledger.account d ON d.id = t.debit_account_id
                          JOIN ledger.account c ON c.id = t.credit_account_id
                         WHERE t.entry_id = entry) AS got (debit, credit, amount)
             FULL JOIN (SELECT u.works || ' house:' || p.house_id, '100101 ', p.amount
                          FROM use_payment_part p JOIN fund_use u ON u.id = NEW.use_id WHERE p.payment_id = NEW.id
                         UNION ALL
                        SELECT '9201 house:' || p.house_id, '9299 use:' || NEW.use_id, p.amount
                          FROM use_payment_part p WHERE p.payment_id = NEW.id) AS due (debit, credit, amount)
               ON (due.debit, due.credit) = (got.debit, got.credit)
            WHERE got.amount IS DISTINCT FROM due.amount) THEN
        RAISE 'payment % of use %: booked otherwise than shared', NEW.id, NEW.use_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'use_payment_booked';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER use_payment_booked AFTER UPDATE ON use_payment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.amount > 0 AND (OLD.status, NEW.status) IN (('due', 'paid'), ('paid', 'due')))
    EXECUTE FUNCTION use_payment_booked();

-- An order that the bank paid or returned is not left without its payment (指令与付款同行).
CREATE FUNCTION use_order_followed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
           SELECT FROM use_payment p
            WHERE p.id = substring(NEW.source FROM '^fund-use:[0-9]+:payment:([1-9][0-9]{0,8})$')::integer
              AND p.use_id = substring(NEW.source FROM '^fund-use:([1-9][0-9]{0,8}):')::integer
              AND p.status = use_payment_ordered(p.use_id, p.id)
              AND (p.payee_name_sealed, p.payee_account_sealed, p.payee_bank)
                = (NEW.payee_name_sealed, NEW.payee_account_sealed, NEW.payee_bank)) THEN
        RAISE 'order %: its payment says otherwise', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'use_order_followed';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER use_order_followed AFTER INSERT OR UPDATE ON fund_order
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.source LIKE 'fund-use:%')
    EXECUTE FUNCTION use_order_followed();

-- What two officers have decided to pay for a use (使用应付).
CREATE FUNCTION fund_order_due_uses(of_kind text, of_source text)
RETURNS TABLE (fund_account_id integer, nature text, amount bigint, decided_by integer)
LANGUAGE sql STABLE AS $$
    SELECT c.fund_account_id, 'commodity'::text, p.amount, p.decided_by
      FROM use_payment p JOIN fund_use u ON u.id = p.use_id JOIN community c ON c.id = u.community_id
     WHERE of_kind = 'fund-use-' || p.kind AND of_source = 'fund-use:' || u.id || ':payment:' || p.id
       AND p.id = substring(of_source FROM ':payment:([1-9][0-9]{0,8})$')::integer
       AND p.status = 'due' AND p.amount > 0
$$;
CREATE OR REPLACE FUNCTION fund_order_due(of_kind text, of_source text)
RETURNS TABLE (fund_account_id integer, nature text, amount bigint, decided_by integer)
LANGUAGE sql STABLE AS $$
    SELECT * FROM fund_order_due_aparts(of_kind, of_source)
    UNION ALL SELECT * FROM fund_order_due_ended(of_kind, of_source)
    UNION ALL SELECT * FROM fund_order_due_uses(of_kind, of_source)
$$;
