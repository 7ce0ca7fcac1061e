-- As in 0067, and: a home is renewed whose first deposit is whole and which runs low, up to that first deposit, as by the
-- bank's door (首期缴足而余额不足的方可续交).
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
        THEN 'the bank''s line is booked already'
        WHEN NEW.kind = 'renewal' AND NOT coalesce((
             SELECT home.first_due > 0 AND b.balance <= home.first_due
                    AND home.first_due <= (SELECT sum(s.amount) FROM standing_deposit s WHERE s.house_id = home.id)
                    AND b.balance - NEW.amount
                    < round(home.first_due * fund_limit_on(c.region, 'renewal_threshold',
                            (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date))
               FROM house_balance b JOIN community_building g ON g.id = home.community_building_id
               JOIN community c ON c.id = g.community_id WHERE b.house_id = home.id), false)
        THEN 'its first deposit is not whole, or it does not run low' END;
    IF why IS NOT NULL THEN
        RAISE 'change % of house %: %', NEW.id, home.unit_code, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_change_whole';
    END IF;
    RETURN NULL;
END $$;
