-- Whether somebody else became its owner since a moment; the unit is held, so that the register speaks before or after
-- (此后业主有无变动；占住房屋，与登记机构报送分先后).
CREATE FUNCTION owner_known_since(of_house integer, moment timestamptz, but_change integer) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan' AS $$
BEGIN
    PERFORM FROM house h JOIN unit u ON u.unit_code = h.unit_code WHERE h.id = of_house FOR UPDATE OF u;
    RETURN EXISTS (SELECT FROM house_ownership s WHERE s.house_id = of_house AND s.known_at > moment
                      AND (s.change_id <> but_change) IS NOT FALSE);
END $$;

-- As in 0053; when it was entered and decided is said by the clock, not by whoever writes.
CREATE OR REPLACE FUNCTION owner_change_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF (NEW.kind = 'opening') <> (NEW.status = 'confirmed')
           OR NEW.kind <> 'opening' AND NEW.status <> 'entered' THEN
            RAISE 'a change of owner begins as entered'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'owner_change_steps';
        END IF;
        NEW.entered_at := clock_timestamp();
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'entered>confirmed' THEN '{status,decided_by,decided_at,law}'
        WHEN 'entered>rejected' THEN '{status,decided_by,decided_at,reason}' END;
    IF decided IS NULL OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
        RAISE 'change of owner %: no such step', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'owner_change_steps';
    END IF;
    NEW.decided_at := clock_timestamp();
    RETURN NEW;
END $$;

-- As in 0053, and: the register's later day stands, what it told since the entry stands, and so do its certificates.
CREATE OR REPLACE FUNCTION owner_change_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
BEGIN
    why := CASE
        WHEN NOT EXISTS (SELECT FROM house_owner o WHERE o.change_id = NEW.id) THEN 'nobody is named'
        WHEN NEW.status <> 'rejected' AND EXISTS (
             SELECT FROM house h WHERE h.id = NEW.house_id AND h.status <> 'built') THEN 'the house is closed'
        WHEN NEW.kind = 'opening' OR NEW.status <> 'confirmed' THEN NULL
        WHEN owner_known_since(NEW.house_id, NEW.entered_at, NEW.id)
        THEN 'another owner was registered since it was entered'
        WHEN NEW.kind <> 'correction' AND EXISTS (
             SELECT FROM house_ownership s WHERE s.house_id = NEW.house_id AND s.from_day > NEW.from_day)
        THEN 'a later one stands'
        WHEN EXISTS (SELECT FROM transfer_registration t JOIN unit u ON u.id = t.unit_id
                       JOIN house h ON h.id = NEW.house_id
                      WHERE t.certificate_no = NEW.certificate_no
                        AND (NEW.kind <> 'correction' OR u.unit_code <> h.unit_code))
        THEN 'the register has told of its certificate' END;
    IF why IS NOT NULL THEN
        RAISE 'change of owner %: %', NEW.id, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'owner_change_stands';
    END IF;
    RETURN NULL;
END $$;

-- What a lost house is due goes to who owned it when that was entered, or is entered anew (灭失返还的业主不得在录入后变动).
CREATE FUNCTION loss_is_of_its_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF owner_known_since(NEW.house_id, NEW.entered_at, NULL) THEN
        RAISE 'change %: the house has another owner since it was entered', NEW.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'loss_is_of_its_owner';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER loss_is_of_its_owner BEFORE UPDATE ON house_change FOR EACH ROW
    WHEN (NEW.kind = 'lost' AND OLD.status = 'entered' AND NEW.status = 'confirmed')
    EXECUTE FUNCTION loss_is_of_its_owner();
