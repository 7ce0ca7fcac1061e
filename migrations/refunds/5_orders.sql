-- Which order to the bank pays which part; a part is ordered again only after the bank did not pay (签发).
CREATE TABLE refund_order (
    instruction_id integer NOT NULL,
    part_id integer NOT NULL,
    CONSTRAINT pk_refund_order PRIMARY KEY (instruction_id),
    CONSTRAINT fk_refund_order_instruction_id FOREIGN KEY (instruction_id) REFERENCES instruction (id),
    CONSTRAINT fk_refund_order_part_id FOREIGN KEY (part_id) REFERENCES refund_part (id)
);
CREATE INDEX ix_refund_order_part_id ON refund_order (part_id);

CREATE FUNCTION refund_order_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    part refund_part;
    whole refund;
    said instruction;
    why text;
BEGIN
    SELECT * INTO part FROM refund_part WHERE id = NEW.part_id;
    SELECT * INTO whole FROM refund WHERE id = part.refund_id FOR NO KEY UPDATE;
    SELECT * INTO said FROM instruction WHERE id = NEW.instruction_id;
    IF whole.status NOT IN ('due', 'issued') THEN
        why := 'the refund is not due';
    ELSIF (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date < whole.ready_on THEN
        why := 'it waits until ' || whole.ready_on;
    ELSIF (said.kind, said.amount, said.account_id, said.building_id, said.source_code, said.source_key)
          IS DISTINCT FROM ('refund'::varchar, part.amount, whole.account_id, whole.building_id,
                            '2301'::varchar,
                            ('building:' || whole.building_id || ':refund:' || whole.id)::varchar) THEN
        why := 'the order says something else';
    ELSIF EXISTS (SELECT FROM refund_order o JOIN instruction i ON i.id = o.instruction_id
                   WHERE o.part_id = part.id AND i.status NOT IN ('failed', 'returned', 'cancelled')) THEN
        why := 'it is ordered already';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'refund %, part %: %', whole.refund_no, part.id, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_order_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_order_stands BEFORE INSERT ON refund_order
    FOR EACH ROW EXECUTE FUNCTION refund_order_stands();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON refund_order
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- Issued is what has an order for every part (签发须逐笔有指令).
CREATE FUNCTION refund_issued_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM refund_part p WHERE p.refund_id = NEW.id AND NOT EXISTS (
                   SELECT FROM refund_order o WHERE o.part_id = p.id)) THEN
        RAISE 'refund %: a part has no order', NEW.refund_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_issued_whole';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_issued_whole BEFORE UPDATE ON refund FOR EACH ROW
    WHEN (NEW.status = 'issued') EXECUTE FUNCTION refund_issued_whole();

-- No order to pay a refund without a refund: looked at when the transaction ends (无退款不得签发退款通知书).
CREATE FUNCTION refund_behind_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM refund_order WHERE instruction_id = NEW.id) THEN
        RAISE 'order % pays no refund', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_behind_order';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refund_behind_order AFTER INSERT ON instruction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'refund')
    EXECUTE FUNCTION refund_behind_order();

-- An approved refund that waits for money comes before every withdrawal of its building (退款先于用款).
CREATE FUNCTION refund_before_withdrawal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    waiting text;
BEGIN
    SELECT refund_no INTO waiting FROM refund
     WHERE building_id = NEW.building_id AND status = 'approved' ORDER BY id LIMIT 1;
    IF FOUND THEN
        RAISE 'order %: refund % of the building waits for money', NEW.instruction_no, waiting
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_before_withdrawal';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_before_withdrawal BEFORE INSERT ON instruction
    FOR EACH ROW WHEN (NEW.kind = 'withdrawal') EXECUTE FUNCTION refund_before_withdrawal();
