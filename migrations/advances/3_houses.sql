-- What houses are given: no house more than its first deposit is due, each for a contract of its own, each with the
-- line or the decision that says so. The ledger has locked the houses before, so two payments see each other.
CREATE FUNCTION house_deposit_stands() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    wrong record;
    decision apart_decision;
BEGIN
    SELECT h.unit_code, s.amount AS stands, greatest(m.due, h.first_due) AS due,
           f.receipt_id IS NULL AS other_fund INTO wrong
      FROM (SELECT house_id, max(due) AS due, max(receipt_id) AS receipt_id,
                   count(*) FILTER (WHERE contract_id IS NOT NULL) AS contracts FROM made GROUP BY house_id) m
      JOIN house h ON h.id = m.house_id
      CROSS JOIN LATERAL (SELECT sum(d.amount) AS amount FROM standing_deposit d WHERE d.house_id = h.id) s
      LEFT JOIN LATERAL (
           SELECT r.id AS receipt_id FROM fund_receipt r
             JOIN community_building g ON g.id = h.community_building_id
             JOIN community c ON c.id = g.community_id AND c.fund_account_id = r.fund_account_id
            WHERE r.id = m.receipt_id) f ON true
     WHERE h.status <> 'built' OR f.receipt_id IS NULL OR s.amount IS NULL
        OR s.amount > greatest(m.due, h.first_due)
        OR m.contracts <> (SELECT count(*) FROM made n JOIN contract c ON c.id = n.contract_id
                            WHERE n.house_id = h.id AND c.unit_id = h.unit_id AND c.status <> 'cancelled')
     LIMIT 1;
    IF FOUND THEN
        RAISE 'house %: % stands, % is due', wrong.unit_code, wrong.stands, wrong.due
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_deposit_stands';
    END IF;
    PERFORM fund_receipt_whole(ARRAY(SELECT DISTINCT receipt_id FROM made WHERE decision_id IS NULL));
    FOR decision IN SELECT * FROM apart_decision WHERE id IN (SELECT decision_id FROM made) LOOP
        PERFORM apart_decision_whole(decision);
    END LOOP;
    RETURN NULL;
END $$;

-- What is confirmed has its entry: part by part into its houses, or whole to be returned (处理与凭证相符).
CREATE FUNCTION apart_decision_whole(said apart_decision) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    fund integer;
    why text;
BEGIN
    SELECT r.fund_account_id INTO fund
      FROM apart_money a JOIN fund_receipt r ON r.id = a.receipt_id WHERE a.id = said.apart_id;
    why := CASE
        WHEN said.amount <> CASE said.kind WHEN 'return' THEN said.amount ELSE (
                 SELECT coalesce(sum(p.amount), 0) FROM apart_decision_part p WHERE p.decision_id = said.id) END
             OR said.kind = 'return' AND EXISTS (
                 SELECT FROM apart_decision_part p WHERE p.decision_id = said.id)
        THEN 'its parts are not the whole'
        WHEN said.status NOT IN ('confirmed', 'return-due', 'returned')
        THEN CASE WHEN EXISTS (SELECT FROM house_deposit d WHERE d.decision_id = said.id) THEN 'nobody confirmed it' END
        WHEN said.status = 'confirmed' AND EXISTS (
             SELECT FROM apart_decision_part p
               FULL JOIN (SELECT * FROM house_deposit WHERE decision_id = said.id) d
                      ON d.house_id = p.house_id AND d.entry_id = said.entry_id
                         AND d.payer_kind = said.payer_kind
              WHERE coalesce(p.decision_id, said.id) = said.id AND p.amount IS DISTINCT FROM d.amount)
        THEN 'a house was given something else'
        WHEN said.payee = 'developer' AND NOT EXISTS (
             SELECT FROM advance_repayment p WHERE p.decision_id = said.id AND p.amount = said.amount)
        THEN 'the buyer has not repaid by it'
        WHEN EXISTS (
                 (SELECT * FROM apart_decision_ways(said.id)
                  EXCEPT ALL SELECT * FROM fund_entry_ways(said.entry_id, fund))
                 UNION ALL
                 (SELECT * FROM fund_entry_ways(said.entry_id, fund)
                  EXCEPT ALL SELECT * FROM apart_decision_ways(said.id)))
        THEN 'its entry moves something else' END;
    IF why IS NOT NULL THEN
        RAISE 'decision % of %: %', said.id, said.amount, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'apart_decision_whole';
    END IF;
END $$;
CREATE FUNCTION apart_decision_looked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said apart_decision;
BEGIN
    SELECT * INTO said FROM apart_decision WHERE id = (to_jsonb(NEW) ->> TG_ARGV[0])::integer;
    PERFORM apart_decision_whole(said);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER apart_decision_whole AFTER INSERT OR UPDATE ON apart_decision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION apart_decision_looked('id');
CREATE TRIGGER house_deposit_stands AFTER INSERT ON house_deposit
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION house_deposit_stands();

-- Parts are written with what they are parts of, before anybody decides (份额随录入写定).
CREATE FUNCTION apart_parts_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM made m JOIN apart_decision k ON k.id = m.decision_id WHERE k.status <> 'entered')
       OR EXISTS (SELECT FROM apart_decision k
                   WHERE k.id IN (SELECT decision_id FROM made)
                     AND k.amount <> (SELECT sum(p.amount) FROM apart_decision_part p WHERE p.decision_id = k.id)) THEN
        RAISE 'these are not the parts of what was entered'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'apart_decision_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER apart_parts_stand AFTER INSERT ON apart_decision_part
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION apart_parts_stand();

-- What is left of a sum set apart is kept here alone, beside the ledger's own account of it (另列余额).
CREATE FUNCTION apart_money_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.remainder := NEW.amount;
    RETURN NEW;
END $$;
CREATE TRIGGER apart_money_begins BEFORE INSERT ON apart_money
    FOR EACH ROW EXECUTE FUNCTION apart_money_begins();
CREATE FUNCTION apart_money_follows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
BEGIN
    UPDATE apart_money SET remainder = remainder - NEW.amount WHERE id = NEW.apart_id;
    RETURN NULL;
END $$;
CREATE TRIGGER apart_money_follows AFTER UPDATE ON apart_decision
    FOR EACH ROW WHEN (OLD.status = 'entered' AND NEW.status IN ('confirmed', 'return-due'))
    EXECUTE FUNCTION apart_money_follows();
CREATE FUNCTION apart_money_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'remainder' IS DISTINCT FROM to_jsonb(OLD) - 'remainder'
       OR NEW.remainder <> NEW.amount - (
           SELECT coalesce(sum(k.amount), 0) FROM apart_decision k
            WHERE k.apart_id = NEW.id AND k.status IN ('confirmed', 'return-due', 'returned')) THEN
        RAISE 'what was set apart stays as it was written'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'apart_money_stands';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER apart_money_stands AFTER UPDATE ON apart_money
    FOR EACH ROW EXECUTE FUNCTION apart_money_stands();
-- Entered for no more than is there, and what is to be returned is not claimed (录入时余款须够).
CREATE FUNCTION apart_decision_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found apart_money;
BEGIN
    SELECT * INTO found FROM apart_money WHERE id = NEW.apart_id;
    IF NEW.amount > found.remainder OR NEW.kind = 'claim' AND found.aside = 'overpaid' THEN
        RAISE 'of % set apart % is left', found.amount, found.remainder
              USING ERRCODE = 'check_violation', CONSTRAINT = 'apart_decision_within_remainder';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER apart_decision_stands BEFORE INSERT ON apart_decision
    FOR EACH ROW EXECUTE FUNCTION apart_decision_stands();

-- The first deposit is said to be whole when it is (缴足之日所定).
CREATE FUNCTION first_due_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paid bigint;
BEGIN
    SELECT sum(d.amount) INTO paid FROM standing_deposit d WHERE d.house_id = NEW.id;
    IF paid IS DISTINCT FROM NEW.first_due AND (paid IS NOT NULL OR NEW.unit_id IS NOT NULL) THEN
        RAISE 'house %: % was paid, not %', NEW.unit_code, paid, NEW.first_due
              USING ERRCODE = 'check_violation', CONSTRAINT = 'first_due_stands';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER first_due_stands AFTER UPDATE OF first_due ON house
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.first_due IS NOT NULL AND OLD.first_due IS NULL)
    EXECUTE FUNCTION first_due_stands();

-- A buyer repays for a living contract, no more than was advanced and still stands; the memo alone moves (归还).
CREATE FUNCTION advance_repayment_stands() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    home record;
    advanced bigint;
    repaid bigint;
    why text;
BEGIN
    SELECT h.unit_id, c.fund_account_id INTO home FROM house h
      JOIN community_building g ON g.id = h.community_building_id
      JOIN community c ON c.id = g.community_id WHERE h.id = NEW.house_id;
    SELECT coalesce(sum(d.amount), 0) INTO advanced FROM standing_deposit d
     WHERE d.house_id = NEW.house_id AND d.is_advance;
    SELECT coalesce(sum(p.amount), 0) INTO repaid FROM advance_repayment p
     WHERE p.house_id = NEW.house_id AND p.contract_id = NEW.contract_id
       AND (p.status = 'confirmed' OR p.id = NEW.id);
    why := CASE
        WHEN NOT EXISTS (SELECT FROM contract k WHERE k.id = NEW.contract_id AND k.unit_id = home.unit_id
                            AND k.status <> 'cancelled')
        THEN 'its contract is not a living one of this house'
        WHEN repaid > advanced THEN format('%s was advanced, %s would be repaid', advanced, repaid)
        WHEN NEW.status = 'confirmed' AND NEW.origin <> 'returned' AND (
                 SELECT array_agg((w.way, w.amount)::text) FROM fund_entry_ways(NEW.entry_id, home.fund_account_id) w)
             IS DISTINCT FROM ARRAY[('9199 >9101 house:' || NEW.house_id, NEW.amount)::text]
        THEN 'its entry moves something else' END;
    IF why IS NOT NULL THEN
        RAISE 'repayment % of %: %', NEW.id, NEW.amount, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'advance_repayment_stands';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER advance_repayment_stands AFTER INSERT OR UPDATE ON advance_repayment
    FOR EACH ROW WHEN (NEW.status <> 'rejected') EXECUTE FUNCTION advance_repayment_stands();
-- One that closes with a return is part of that return's own entry (误缴退建设单位而了结).
CREATE FUNCTION repayment_by_return() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said apart_decision;
BEGIN
    SELECT * INTO said FROM apart_decision WHERE id = NEW.decision_id;
    IF (said.payee, said.amount, said.entry_id) IS DISTINCT FROM ('developer'::varchar, NEW.amount, NEW.entry_id) THEN
        RAISE 'repayment %: that return says something else', NEW.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'advance_repayment_stands';
    END IF;
    PERFORM apart_decision_whole(said);
    RETURN NULL;
END $$;
CREATE TRIGGER repayment_by_return AFTER INSERT ON advance_repayment
    FOR EACH ROW WHEN (NEW.decision_id IS NOT NULL) EXECUTE FUNCTION repayment_by_return();

-- As in 0040, and what a buyer paid into the fund by mistake, returned to the developer, is repaid too (M2, M2x).
CREATE OR REPLACE FUNCTION house_first_paid(of_house integer) RETURNS TABLE (paid bigint, repaid bigint)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(CASE WHEN p.side = 'credit' THEN p.amount ELSE -p.amount END) FILTER (
               WHERE a.code LIKE '4001%' AND e.movement <> 'M16'), 0)::bigint,
           coalesce(sum(CASE WHEN p.side = 'credit' THEN p.amount ELSE -p.amount END) FILTER (
               WHERE a.code = '9101' AND e.movement IN ('M2', 'M2x')), 0)::bigint
      FROM house h JOIN community_building g ON g.id = h.community_building_id
      JOIN community c ON c.id = g.community_id JOIN fund_account f ON f.id = c.fund_account_id
      JOIN ledger.account a ON a.book_id = f.book_id AND a.key = 'house:' || h.id
       AND a.code = ANY (ARRAY['400101', '400102', '9101'])
      JOIN ledger.posting p ON p.account_id = a.id
      JOIN ledger.journal_entry e ON e.id = p.entry_id
     WHERE h.id = of_house
$$;
