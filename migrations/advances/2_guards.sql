-- A paper proves one thing once, here as elsewhere; whatever uses were known before stay known.
DO $$
DECLARE
    known text;
BEGIN
    SELECT string_agg(quote_literal(m.use[1]), ', ') INTO known
      FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') AS m (use)
     WHERE c.conname = 'ck_filed_paper_paper_use';
    ALTER TABLE filed_paper DROP CONSTRAINT ck_filed_paper_paper_use;
    EXECUTE format('ALTER TABLE filed_paper ADD CONSTRAINT ck_filed_paper_paper_use
                    CHECK (used_for IN (%s, ''apart_decision'', ''advance_repayment''))', known);
END $$;
CREATE TRIGGER claim_paper BEFORE INSERT ON apart_decision FOR EACH ROW EXECUTE FUNCTION claim_paper();
CREATE TRIGGER claim_paper BEFORE INSERT ON advance_repayment
    FOR EACH ROW WHEN (NEW.file_hash IS NOT NULL) EXECUTE FUNCTION claim_paper();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['fund_receipt', 'fund_receipt_line', 'house_deposit', 'apart_decision_part'] LOOP
        EXECUTE format('CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['apart_money', 'apart_decision', 'advance_repayment'] LOOP
        EXECUTE format('CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once()', name);
    END LOOP;
END $$;
REVOKE UPDATE ON apart_money FROM escrow_app;

-- Entered, then decided once by another; what was entered never changes; a return is done when its money has left.
CREATE FUNCTION apart_decision_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
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
        WHEN 'return-due>returned' THEN '{status}' END;
    IF decided IS NULL OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
        RAISE 'decision %: no such step', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'apart_decision_steps';
    END IF;
    IF NEW.status = 'returned' AND EXISTS (
           SELECT FROM ledger.journal_entry e JOIN ledger.balance b ON b.book_id = e.book_id
             JOIN ledger.account a ON a.id = b.account_id
            WHERE e.id = NEW.entry_id AND a.code = '2903' AND a.key = 'return:' || NEW.id AND b.balance <> 0) THEN
        RAISE 'decision %: its money has not left', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'apart_decision_paid';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER apart_decision_by_steps BEFORE INSERT OR UPDATE ON apart_decision
    FOR EACH ROW EXECUTE FUNCTION apart_decision_steps();

CREATE FUNCTION advance_repayment_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> (CASE NEW.origin WHEN 'page' THEN 'entered' ELSE 'confirmed' END) THEN
            RAISE 'a repayment begins as entered, or is reported whole'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'advance_repayment_steps';
        END IF;
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'entered>confirmed' THEN '{status,decided_by,decided_at,entry_id,law}'
        WHEN 'entered>rejected' THEN '{status,decided_by,decided_at,reason}' END;
    IF decided IS NULL OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
        RAISE 'repayment %: no such step', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'advance_repayment_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER advance_repayment_by_steps BEFORE INSERT OR UPDATE ON advance_repayment
    FOR EACH ROW EXECUTE FUNCTION advance_repayment_steps();

-- Every way an entry moves money, heading and key to heading and key, in one fund's book (凭证所记).
CREATE FUNCTION fund_entry_ways(of_entry bigint, of_fund integer) RETURNS TABLE (way text, amount bigint)
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN f.id IS NULL THEN 'another book' ELSE d.code || ' ' || d.key || '>' || c.code || ' ' || c.key END,
           sum(l.amount)::bigint
      FROM ledger.journal_entry e
      CROSS JOIN LATERAL unnest(e.debits, e.credits, e.amounts) AS l (debit, credit, amount)
      JOIN ledger.account d ON d.id = l.debit JOIN ledger.account c ON c.id = l.credit
      LEFT JOIN fund_account f ON f.id = of_fund AND f.book_id = e.book_id
     WHERE e.id = of_entry GROUP BY 1
$$;
CREATE FUNCTION fund_nature_code(nature text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE nature WHEN 'public' THEN '02' ELSE '01' END
$$;
CREATE FUNCTION fund_aside_code(aside text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE aside WHEN 'unclaimed' THEN '2901' WHEN 'prepaid' THEN '2902' ELSE '2903' END
$$;

-- What a bank's line says it moved: into houses, apart, and what buyers owe for it (入账所载).
CREATE FUNCTION fund_receipt_ways(of_receipt bigint) RETURNS TABLE (way text, amount bigint)
LANGUAGE sql STABLE AS $$
    SELECT '1001' || n.code || ' >4001' || n.code || ' house:' || d.house_id, d.amount
      FROM house_deposit d JOIN house h ON h.id = d.house_id, fund_nature_code(h.nature) AS n (code)
     WHERE d.receipt_id = of_receipt AND d.decision_id IS NULL
    UNION ALL
    SELECT '9101 house:' || d.house_id || '>9199 ', d.amount FROM house_deposit d
     WHERE d.receipt_id = of_receipt AND d.decision_id IS NULL AND d.is_advance
    UNION ALL
    SELECT '1001' || fund_nature_code(h.nature) || ' >' || fund_aside_code(a.aside) || ' apart:' || a.id, a.amount
      FROM apart_money a LEFT JOIN house h ON h.id = a.house_id WHERE a.receipt_id = of_receipt
$$;

-- What a decision says it moved: out of the sum set apart, into houses or to be returned (处理所载).
CREATE FUNCTION apart_decision_ways(of_decision integer) RETURNS TABLE (way text, amount bigint)
LANGUAGE sql STABLE AS $$
    SELECT s.source || '>4001' || fund_nature_code(h.nature) || ' house:' || d.house_id, d.amount
      FROM apart_decision k JOIN house_deposit d ON d.decision_id = k.id JOIN house h ON h.id = d.house_id
      JOIN apart_money a ON a.id = k.apart_id, LATERAL (
           SELECT fund_aside_code(a.aside) || ' apart:' || a.id) AS s (source)
     WHERE k.id = of_decision
    UNION ALL
    SELECT '9101 house:' || d.house_id || '>9199 ', d.amount FROM house_deposit d
     WHERE d.decision_id = of_decision AND d.is_advance
    UNION ALL
    SELECT fund_aside_code(a.aside) || ' apart:' || a.id || '>2903 return:' || k.id, k.amount
      FROM apart_decision k JOIN apart_money a ON a.id = k.apart_id
     WHERE k.id = of_decision AND k.kind = 'return'
    UNION ALL
    SELECT '9199 >9101 house:' || p.house_id, p.amount FROM advance_repayment p WHERE p.decision_id = of_decision
$$;

-- Looked at when the statement that writes a bank's line ends: lines, houses, sums apart and entry are one.
CREATE FUNCTION fund_receipt_whole(ids bigint[]) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    said fund_receipt;
    why text;
BEGIN
    FOR said IN SELECT * FROM fund_receipt WHERE id = ANY (ids) LOOP
        why := CASE
            WHEN EXISTS ((SELECT * FROM fund_receipt_ways(said.id)
                          EXCEPT ALL SELECT * FROM fund_entry_ways(said.entry_id, said.fund_account_id))
                         UNION ALL
                         (SELECT * FROM fund_entry_ways(said.entry_id, said.fund_account_id)
                          EXCEPT ALL SELECT * FROM fund_receipt_ways(said.id)))
            THEN 'its entry moves something else'
            WHEN said.amount <> (SELECT coalesce(sum(w.amount), 0) FROM fund_receipt_ways(said.id) w
                                  WHERE w.way LIKE '1001%')
            THEN 'its parts are not the whole'
            WHEN EXISTS (SELECT FROM fund_receipt_line l WHERE l.receipt_id = said.id)
                 AND said.amount <> (SELECT sum(l.amount) FROM fund_receipt_line l WHERE l.receipt_id = said.id)
            THEN 'its lines are not the whole'
            WHEN EXISTS (
                SELECT FROM fund_receipt_line l
                  FULL JOIN (SELECT * FROM house_deposit WHERE receipt_id = said.id AND decision_id IS NULL) d
                         ON d.house_id = l.house_id AND l.booked > 0
                 WHERE coalesce(l.receipt_id, said.id) = said.id
                   AND coalesce(l.booked, 0) <> coalesce(d.amount, 0))
            THEN 'a line says something else of its house'
            WHEN EXISTS (SELECT FROM house_deposit d WHERE d.receipt_id = said.id AND d.decision_id IS NULL
                            AND (d.entry_id, d.paid_on, d.payer_kind)
                                <> (said.entry_id, said.value_date, said.payer_kind))
            THEN 'a deposit is of another booking' END;
        IF why IS NOT NULL THEN
            RAISE 'receipt % of %: %', said.receipt_no, said.amount, why
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_receipt_whole';
        END IF;
    END LOOP;
END $$;
CREATE FUNCTION fund_receipt_looked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
BEGIN
    IF TG_TABLE_NAME = 'fund_receipt' THEN
        SELECT array_agg(id) INTO ids FROM made;
    ELSE
        SELECT array_agg(DISTINCT receipt_id) INTO ids FROM made;
    END IF;
    PERFORM fund_receipt_whole(ids);
    RETURN NULL;
END $$;
CREATE TRIGGER fund_receipt_whole AFTER INSERT ON fund_receipt
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION fund_receipt_looked();
CREATE TRIGGER fund_receipt_whole AFTER INSERT ON fund_receipt_line
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION fund_receipt_looked();
CREATE TRIGGER fund_receipt_whole AFTER INSERT ON apart_money
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION fund_receipt_looked();
