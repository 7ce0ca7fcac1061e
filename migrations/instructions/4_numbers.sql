-- Numbers are the counter's, one after the other, with none left out (编号连续).
CREATE FUNCTION instruction_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM instruction_counter c
                    WHERE NEW.instruction_no = 'ZL' || c.year || to_char(c.last, 'FM000000')) THEN
        RAISE 'order number % is not the one drawn', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'instruction_number';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER instruction_number BEFORE INSERT ON instruction
    FOR EACH ROW EXECUTE FUNCTION instruction_number();
CREATE FUNCTION counter_by_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.last <> (CASE TG_OP WHEN 'INSERT' THEN 1 ELSE OLD.last + 1 END)
       OR (TG_OP = 'UPDATE' AND NEW.year <> OLD.year) THEN
        RAISE 'order numbers follow each other'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'counter_by_one';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counter_by_one BEFORE INSERT OR UPDATE ON instruction_counter
    FOR EACH ROW EXECUTE FUNCTION counter_by_one();

-- A number that was drawn is an order's: looked at when the transaction ends (领出的号必有指令).
CREATE FUNCTION counter_is_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM instruction i
                    WHERE i.instruction_no = 'ZL' || NEW.year || to_char(NEW.last, 'FM000000')) THEN
        RAISE 'order number % of % was drawn for nothing', NEW.last, NEW.year
              USING ERRCODE = 'check_violation', CONSTRAINT = 'counter_is_used';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER counter_is_used AFTER INSERT OR UPDATE ON instruction_counter
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION counter_is_used();
