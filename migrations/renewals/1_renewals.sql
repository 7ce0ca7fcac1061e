-- An owner renews a fund that runs low, or pays in what it lacks for a use the owners resolved to raise for, by the
-- bank's door: told with the line, counted as no first deposit (银行报送的续交与自筹).
ALTER TABLE house_deposit ADD COLUMN is_renewal boolean DEFAULT false NOT NULL;
ALTER TABLE house_deposit ADD CONSTRAINT ck_house_deposit_renewal_by_owner CHECK (
    NOT is_renewal OR payer_kind = 'owner' AND contract_id IS NULL);
COMMENT ON COLUMN house_deposit.is_renewal IS '续交或为使用自筹，不计首期';
COMMENT ON COLUMN house_deposit.due IS '交存之日的首期应缴；续交的为当日容得下之数';
INSERT INTO fund_limit VALUES ('', 'renewal_threshold', '1990-01-01', 0.30);

-- What uses the owners resolved to raise for will take of a house (自筹使用的分摊).
CREATE FUNCTION house_raise_need(of_house integer) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(s.from_fund), 0)::bigint FROM use_share s JOIN fund_use u ON u.id = s.use_id
     WHERE s.house_id = of_house AND (u.status, u.matter) = ('voted', 'raise')
$$;

-- As in 0061, and: a renewal is of no contract.
CREATE OR REPLACE FUNCTION deposit_contract(said house_deposit) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN said.contract_id IS NOT NULL THEN said.contract_id
                WHEN said.is_advance OR said.payer_kind = 'owner' AND NOT said.is_renewal
                THEN first_contract_after(said.house_id, said.booked_at) END
$$;
-- As in 0061, first deposits alone.
CREATE OR REPLACE VIEW standing_deposit AS
SELECT d.id, o.house_id, d.payer_kind, d.is_advance, d.amount, d.due, o.contract_id, d.receipt_id, d.decision_id,
       d.entry_id, d.paid_on, d.booked_at
  FROM deposit_holder o JOIN house_deposit d ON d.id = o.deposit_id LEFT JOIN contract c ON c.id = o.contract_id
 WHERE c.status IS DISTINCT FROM 'cancelled' AND NOT d.is_renewal
UNION ALL
SELECT -p.house_id::bigint, p.house_id, 'owner'::varchar(32), false, p.first_paid, p.first_paid, NULL, NULL, NULL, NULL, o.as_of,
       o.booked_at
  FROM house_opening p JOIN fund_opening o ON o.id = p.opening_id WHERE p.first_paid > 0;

-- As in 0061, and: what was booked as a renewal was never counted.
CREATE OR REPLACE FUNCTION house_first_paid(of_house integer) RETURNS TABLE (paid bigint, repaid bigint)
LANGUAGE sql STABLE AS $$
    SELECT (coalesce(sum(CASE WHEN p.side = 'credit' THEN p.amount ELSE -p.amount END) FILTER (
               WHERE a.code LIKE '4001%' AND e.movement <> 'M16'), 0) - (
               SELECT coalesce(sum(d.amount), 0) FROM deposit_place l JOIN house_deposit d ON d.id = l.deposit_id
                  JOIN ledger.journal_entry n ON n.id = d.entry_id AND n.movement <> 'M16'
                WHERE l.house_id = of_house AND NOT EXISTS (SELECT FROM standing_deposit s WHERE s.id = d.id)) + (
               SELECT coalesce(sum(k.amount), 0) FROM deposit_place l JOIN ended_deposit k ON k.deposit_id = l.deposit_id
                WHERE l.house_id = of_house AND k.status = 'returned'))::bigint
           + coalesce((SELECT o.first_paid FROM house_opening o WHERE o.house_id = of_house), 0),
           (coalesce(sum(CASE WHEN p.side = 'credit' THEN p.amount ELSE -p.amount END) FILTER (
               WHERE a.code = '9101' AND e.movement IN ('M2', 'M2x')), 0) - (
               SELECT coalesce(sum(r.amount), 0) FROM advance_repayment r JOIN contract c ON c.id = r.contract_id
                WHERE r.house_id = of_house AND r.status = 'confirmed' AND c.status = 'cancelled'))::bigint
      FROM house h JOIN community_building g ON g.id = h.community_building_id
      JOIN community c ON c.id = g.community_id JOIN fund_account f ON f.id = c.fund_account_id
      JOIN ledger.account a ON a.book_id = f.book_id AND a.key = 'house:' || h.id
       AND a.code = ANY (ARRAY['400101', '400102', '9101'])
      JOIN ledger.posting p ON p.account_id = a.id
      JOIN ledger.journal_entry e ON e.id = p.entry_id
     WHERE h.id = of_house
$$;
-- As in 0061, and: a renewal is not moved.
CREATE OR REPLACE FUNCTION house_change_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
    home house;
BEGIN
    SELECT * INTO home FROM house WHERE id = NEW.house_id;
    why := CASE
        WHEN NEW.booked_in <> pg_current_xact_id()::text::bigint THEN 'it is of another transaction'
        WHEN EXISTS (
                 (SELECT * FROM house_change_ways(NEW.id)
                  EXCEPT ALL SELECT * FROM fund_entry_ways(NEW.entry_id, NEW.fund_account_id))
                 UNION ALL
                 (SELECT * FROM fund_entry_ways(NEW.entry_id, NEW.fund_account_id)
                  EXCEPT ALL SELECT * FROM house_change_ways(NEW.id)))
        THEN 'its entry moves something else'
        WHEN NEW.kind = 'area' AND home.area <> NEW.area_after THEN 'the house has another area'
        WHEN NEW.kind = 'lost' AND home.status <> 'closed' THEN 'the house is still open'
        WHEN NEW.kind = 'lost' AND NEW.seller_amount > 0 AND home.nature <> 'public'
        THEN 'a commodity home has no seller''s part'
        WHEN NEW.kind = 'misplaced' AND NOT EXISTS (
             SELECT FROM house_deposit d LEFT JOIN contract c ON c.id = deposit_contract(d)
              WHERE d.id = NEW.deposit_id AND d.house_id = NEW.house_id AND d.amount = NEW.amount AND NOT d.is_renewal
                AND c.status IS DISTINCT FROM 'cancelled'
                AND (NOT d.is_advance OR EXISTS (
                     SELECT FROM contract o JOIN house h ON h.unit_id = o.unit_id
                      WHERE o.id = NEW.contract_id AND h.id = NEW.other_house_id AND o.status <> 'cancelled')))
        THEN 'no such deposit stands on it'
        WHEN NEW.kind = 'misplaced' AND (
             SELECT sum(s.amount) > NEW.due_after FROM standing_deposit s WHERE s.house_id = NEW.other_house_id)
        THEN 'the other house has no such room'
        WHEN NEW.kind = 'renewal' AND EXISTS (
             SELECT FROM fund_receipt r
              WHERE r.fund_account_id = NEW.fund_account_id AND r.bank_serial = NEW.document_no)
        THEN 'the bank''s line is booked already' END;
    IF why IS NOT NULL THEN
        RAISE 'change % of house %: %', NEW.id, home.unit_code, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_change_whole';
    END IF;
    RETURN NULL;
END $$;

-- As in 0043, and: a renewal fits a house that runs low, up to its first deposit, or lacks what it is to give.
CREATE OR REPLACE FUNCTION house_deposit_stands() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    wrong record;
    decision apart_decision;
BEGIN
    SELECT h.unit_code, s.amount AS stands, greatest(m.due, h.first_due) AS due,
           f.receipt_id IS NULL AS other_fund INTO wrong
      FROM (SELECT house_id, max(due) AS due, max(receipt_id) AS receipt_id,
                   count(*) FILTER (WHERE contract_id IS NOT NULL) AS contracts
              FROM made WHERE NOT is_renewal GROUP BY house_id) m
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
    SELECT h.unit_code, b.balance AS stands, h.first_due AS due INTO wrong
      FROM made m JOIN house h ON h.id = m.house_id JOIN house_balance b ON b.house_id = h.id
      JOIN community_building g ON g.id = h.community_building_id JOIN community c ON c.id = g.community_id
     WHERE m.is_renewal
       AND NOT coalesce(m.payer_kind = 'owner' AND m.contract_id IS NULL AND h.status = 'built' AND h.first_due > 0
                        AND (b.balance <= h.first_due
                             AND b.balance - m.amount < round(h.first_due * fund_limit_on(c.region, 'renewal_threshold',
                                 (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date))
                             OR b.balance - b.held <= house_raise_need(h.id)), false)
     LIMIT 1;
    IF FOUND THEN
        RAISE 'house %: renewed to %, its first deposit is %', wrong.unit_code, wrong.stands, wrong.due
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_deposit_stands';
    END IF;
    PERFORM fund_receipt_whole(ARRAY(SELECT DISTINCT receipt_id FROM made WHERE decision_id IS NULL));
    FOR decision IN SELECT * FROM apart_decision WHERE id IN (SELECT decision_id FROM made) LOOP
        PERFORM apart_decision_whole(decision);
    END LOOP;
    RETURN NULL;
END $$;

-- As in 0059, and: a line of the bank that renews houses, and does nothing else.
CREATE OR REPLACE FUNCTION public.house_entry_by_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.fund_account f WHERE f.book_id = NEW.book_id) AND NOT EXISTS (
           SELECT FROM public.house_change k WHERE k.entry_id = NEW.id AND k.status = 'confirmed')
       AND NOT (NEW.movement = 'M16' AND EXISTS (
           SELECT FROM public.fund_receipt r JOIN public.house_deposit d ON d.receipt_id = r.id
            WHERE r.entry_id = NEW.id AND d.decision_id IS NULL
           HAVING bool_and(d.is_renewal) AND sum(d.amount) = min(r.amount))) THEN
        RAISE 'entry % is of no confirmed change of a house', NEW.reference
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_entry_by_change';
    END IF;
    RETURN NULL;
END $$;
