-- A year begins as entered, by somebody; its days are its own, and never change (工作日历的规矩).
CREATE FUNCTION working_year_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'entered' OR NEW.entered_by IS NULL THEN
            RAISE 'year % begins as entered, by somebody', NEW.year
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'working_year_steps';
        END IF;
        IF EXISTS (SELECT FROM unnest(NEW.holidays || NEW.working_weekends) AS d
                    WHERE d IS NULL OR extract(year FROM d) <> NEW.year)
           OR EXISTS (SELECT FROM unnest(NEW.working_weekends) AS d WHERE extract(isodow FROM d) < 6)
           OR EXISTS (SELECT FROM unnest(NEW.holidays || NEW.working_weekends) AS d GROUP BY d HAVING count(*) > 1)
           OR NOT NEW.holidays @> ARRAY[make_date(NEW.year, 1, 1), make_date(NEW.year, 5, 1),
                                        make_date(NEW.year, 10, 1), make_date(NEW.year, 10, 2),
                                        make_date(NEW.year, 10, 3)] THEN
            RAISE 'these are not the days of %', NEW.year
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'working_year_days';
        END IF;
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'entered>in-force' THEN '{decided_by,decided_at,law}'
        WHEN 'entered>rejected' THEN '{decided_by,decided_at,reason}'
        WHEN 'in-force>superseded' THEN '{}' END;
    IF decided IS NULL OR to_jsonb(NEW) - (decided || '{status}') IS DISTINCT FROM
                          to_jsonb(OLD) - (decided || '{status}') THEN
        RAISE 'year %: no such step', OLD.year
              USING ERRCODE = 'check_violation', CONSTRAINT = 'working_year_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER working_year_steps BEFORE INSERT OR UPDATE ON working_year
    FOR EACH ROW EXECUTE FUNCTION working_year_steps();

-- A year that is known stays known: it is superseded only by the same year, in the same transaction (不留空白).
CREATE FUNCTION working_year_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM working_year y WHERE y.year = NEW.year AND y.status = 'in-force') THEN
        RAISE 'year % would be known no more', NEW.year
              USING ERRCODE = 'check_violation', CONSTRAINT = 'working_year_follows';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER working_year_follows AFTER UPDATE ON working_year DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.status = 'superseded') EXECUTE FUNCTION working_year_follows();
CREATE TRIGGER written_once BEFORE DELETE ON working_year
    FOR EACH ROW EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON working_year
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
