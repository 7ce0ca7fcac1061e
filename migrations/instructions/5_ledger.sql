-- What an order says and what its own in-transit account says is one thing, when the transaction ends (I6):
-- its entry put exactly its amount there; it stands there while nobody knows better, and nothing afterwards;
-- it left the bank account exactly when the order is paid, and came back exactly when it was returned.
CREATE FUNCTION instruction_follows_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said instruction;
    transit bigint;
    standing bigint;
    ordered numeric;
    went numeric;
    came numeric;
BEGIN
    SELECT * INTO said FROM instruction WHERE id = NEW.id;
    SELECT a.id, b.balance INTO transit, standing
      FROM supervised_account s JOIN ledger.account a ON a.book_id = s.book_id
      JOIN ledger.balance b ON b.account_id = a.id
     WHERE s.id = said.account_id AND a.code = CASE said.kind WHEN 'refund' THEN '2202' ELSE '2201' END
       AND a.key = 'instruction:' || said.id;
    SELECT coalesce(sum(t.amount) FILTER (WHERE t.entry_id = said.entry_id), 0),
           coalesce(sum(t.amount) FILTER (WHERE o.code = '1101'), 0) INTO ordered, came
      FROM ledger.transfer t JOIN ledger.account o ON o.id = t.debit_account_id
     WHERE t.credit_account_id = transit;
    SELECT coalesce(sum(t.amount) FILTER (WHERE o.code = '1101'), 0) INTO went
      FROM ledger.transfer t JOIN ledger.account o ON o.id = t.credit_account_id
     WHERE t.debit_account_id = transit;
    IF ordered <> said.amount
       OR coalesce(standing, 0) <> (CASE WHEN said.status IN ('issued', 'unknown') THEN said.amount ELSE 0 END)
       OR went <> (CASE WHEN said.status IN ('paid', 'returned') THEN said.amount ELSE 0 END)
       OR came <> (CASE WHEN said.status = 'returned' THEN said.amount ELSE 0 END) THEN
        RAISE 'order % of % is %: ordered %, in transit %, paid %, returned %',
              said.instruction_no, said.amount, said.status, ordered, coalesce(standing, 0), went, came
              USING ERRCODE = 'check_violation', CONSTRAINT = 'instruction_follows_ledger';
    ELSIF said.status IN ('paid', 'failed', 'returned') AND NOT EXISTS (
              SELECT FROM instruction_result r WHERE r.instruction_id = said.id AND r.outcome = said.status
                 AND r.verdict IN ('moves', 'early') AND r.amount = said.amount) THEN
        RAISE 'order % is %, and no bank said so', said.instruction_no, said.status
              USING ERRCODE = 'check_violation', CONSTRAINT = 'instruction_follows_ledger';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER instruction_follows_ledger AFTER INSERT OR UPDATE ON instruction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION instruction_follows_ledger();

-- Whoever moves an order's money has the order looked at: the update changes nothing and queues the trigger above.
-- What is in transit from a supervised account is some order's: without one nothing is paid (无指令不付款).
CREATE FUNCTION orders_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT DISTINCT a.book_id, a.key, substring(a.key FROM '^instruction:([0-9]{1,9})$')::integer AS id
          FROM booked e CROSS JOIN LATERAL unnest(e.debits || e.credits) AS l (id)
          JOIN ledger.account a ON a.id = l.id
         WHERE a.code IN ('2201', '2202')
    LOOP
        IF NOT public.look_at_order(one.book_id, one.id)
           AND EXISTS (SELECT FROM public.supervised_account s WHERE s.book_id = one.book_id) THEN
            RAISE '% is no order of this account', one.key
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'order_exists';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- The ledger posts with a search path of its own; what stands on `instruction` is written for ours.
CREATE FUNCTION look_at_order(of_book bigint, of_order integer) RETURNS boolean LANGUAGE plpgsql
SET search_path = public AS $$
BEGIN
    UPDATE instruction i SET entry_id = i.entry_id FROM supervised_account s
     WHERE i.id = of_order AND s.id = i.account_id AND s.book_id = of_book;
    RETURN FOUND;
END $$;
CREATE TRIGGER orders_follow AFTER INSERT ON ledger.journal_entry
    REFERENCING NEW TABLE AS booked FOR EACH STATEMENT EXECUTE FUNCTION orders_follow();

-- An answer that was believed says what its order says, and the order went where it says (采信的答复与指令相符).
CREATE FUNCTION result_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said instruction;
BEGIN
    SELECT * INTO said FROM instruction WHERE id = NEW.instruction_id;
    IF NEW.amount <> said.amount
       OR NEW.bank_code <> (SELECT bank_code FROM supervised_account WHERE id = said.account_id)
       OR NOT (CASE WHEN NEW.verdict = 'early' THEN said.status IN ('issued', 'unknown', 'returned')
                   WHEN NEW.outcome = 'paid' THEN said.status IN ('paid', 'returned')
                   WHEN NEW.outcome = 'unknown' THEN said.status NOT IN ('issued', 'cancelled')
                   ELSE said.status = NEW.outcome END) THEN
        RAISE 'order % is %: this answer was not believed', said.instruction_no, said.status
              USING ERRCODE = 'check_violation', CONSTRAINT = 'result_stands';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER result_stands AFTER INSERT ON instruction_result
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.verdict IN ('moves', 'early'))
    EXECUTE FUNCTION result_stands();
