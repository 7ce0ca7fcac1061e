-- Income that is computed and not yet booked is still to come to its house: it does not close before (分配未了不销户).
CREATE FUNCTION house_share_waits(of_house integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM income_run r JOIN income_share s ON s.run_id = r.id AND s.house_id = of_house
                     JOIN income_batch b ON (b.run_id, b.batch) = (s.run_id, s.batch)
                    WHERE r.status IN ('computed', 'approved') AND s.amount > 0 AND b.entry_id IS NULL)
$$;
CREATE FUNCTION house_closes_clear() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF house_share_waits(NEW.id) THEN
        RAISE 'house %: income computed for it is not booked yet', NEW.unit_code
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_closes_clear';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER house_closes_clear AFTER UPDATE OF status ON house
    FOR EACH ROW WHEN (NEW.status = 'closed' AND OLD.status <> 'closed') EXECUTE FUNCTION house_closes_clear();
