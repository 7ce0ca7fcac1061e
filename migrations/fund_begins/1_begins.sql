-- The first day of a fund's books: its account was opened, or an earlier balance was brought in (账簿起始日).
CREATE FUNCTION fund_begins(of_fund integer) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT least(f.opened_on, (SELECT min(o.as_of) FROM fund_opening o
                                WHERE o.fund_account_id = f.id AND o.status = 'booked'))
      FROM fund_account f WHERE f.id = of_fund
$$;

-- No money came before its books begin: on an older day another standard would hold for its house, and days
-- would be shared in on which nothing lay there (起息日不早于账簿起始日).
CREATE FUNCTION fund_receipt_day() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
BEGIN
    IF NEW.value_date < fund_begins(NEW.fund_account_id) THEN
        RAISE 'receipt % comes before its fund''s books begin', NEW.receipt_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_receipt_day';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fund_receipt_by_day BEFORE INSERT ON fund_receipt
    FOR EACH ROW EXECUTE FUNCTION fund_receipt_day();
