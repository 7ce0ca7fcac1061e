-- Of which nature a use is: all houses of its list are of one (使用的房屋性质).
CREATE FUNCTION use_nature(of_use integer) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT min(h.nature)::text FROM use_share s JOIN house h ON h.id = s.house_id WHERE s.use_id = of_use
$$;

-- As in 0054, and: sold public housing too, by itself.
CREATE OR REPLACE FUNCTION use_shares_stand() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    said fund_use;
    why text;
BEGIN
    FOR said IN SELECT u.* FROM fund_use u WHERE u.id IN (SELECT m.use_id FROM made m) LOOP
        why := CASE
            WHEN said.status <> 'draft' THEN 'it is no draft any more'
            WHEN 1 < (SELECT count(DISTINCT s.nature) FROM use_scope(said.community_id, said.community_building_id) s)
            THEN 'there is housing of both natures in its scope'
            WHEN EXISTS (
                 SELECT FROM use_shares_of(said) d
                   FULL JOIN (SELECT * FROM use_share WHERE use_id = said.id) s ON s.house_id = d.house_id
                  WHERE (s.bearer, s.area, s.amount) IS DISTINCT FROM (d.bearer, d.area, d.amount))
            THEN 'these are not the shares by area'
            WHEN said.matter = 'use' AND EXISTS (
                 SELECT FROM use_share s
                  WHERE s.use_id = said.id AND s.bearer = 'fund' AND s.from_fund <> s.amount)
            THEN 'its owners were not asked to raise anything'
            WHEN said.fund_part <> (SELECT sum(s.from_fund) FROM use_share s WHERE s.use_id = said.id)
            THEN 'the houses'' parts are not the fund''s part' END;
        IF why IS NOT NULL THEN
            RAISE 'use %: %', said.use_no, why
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'use_shares_stand';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- As in 0056, out of the account of its nature (凭证逐户相符).
CREATE OR REPLACE FUNCTION use_payment_booked() RETURNS trigger LANGUAGE plpgsql AS $$
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
             FULL JOIN (SELECT u.works || ' house:' || p.house_id, '1001' || fund_nature_code(use_nature(NEW.use_id)) || ' ', p.amount
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
-- As in 0056, of its nature (使用应付).
CREATE OR REPLACE FUNCTION fund_order_due_uses(of_kind text, of_source text)
RETURNS TABLE (fund_account_id integer, nature text, amount bigint, decided_by integer)
LANGUAGE sql STABLE AS $$
    SELECT c.fund_account_id, use_nature(u.id), p.amount, p.decided_by
      FROM use_payment p JOIN fund_use u ON u.id = p.use_id JOIN community c ON c.id = u.community_id
     WHERE of_kind = 'fund-use-' || p.kind AND of_source = 'fund-use:' || u.id || ':payment:' || p.id
       AND p.id = substring(of_source FROM ':payment:([1-9][0-9]{0,8})$')::integer
       AND p.status = 'due' AND p.amount > 0
$$;
