-- As before, from the account that is the project's now, within what that one has (按现账户签发).
CREATE OR REPLACE FUNCTION withdrawal_order_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line withdrawal_line;
    whole withdrawal;
    payee listed_payee;
    said instruction;
    key_funds bigint;
    why text;
BEGIN
    SELECT * INTO line FROM withdrawal_line WHERE id = NEW.line_id;
    SELECT * INTO whole FROM withdrawal WHERE id = line.withdrawal_id FOR NO KEY UPDATE;
    SELECT * INTO payee FROM listed_payee WHERE id = line.payee_id;
    SELECT * INTO said FROM instruction WHERE id = NEW.instruction_id;
    SELECT coalesce(sum(t.amount), 0) INTO key_funds FROM ledger.transfer t
      JOIN ledger.account d ON d.id = t.debit_account_id JOIN ledger.account c ON c.id = t.credit_account_id
     WHERE t.entry_id = said.entry_id AND d.code = '2111' AND c.code = '2201';
    why := payments_stopped(said.account_id, whole.building_id);
    IF why IS NOT NULL THEN
        NULL;
    ELSIF whole.status NOT IN ('approved', 'uncovered', 'issued') THEN
        why := 'the application is not approved';
    ELSIF said.issued_by IN (whole.decided_by, whole.reviewed_by, whole.court_order_by) THEN
        why := 'who approved it does not issue it';
    ELSIF whole.reviewed_by IS NULL AND EXISTS (
              SELECT FROM takeover t WHERE t.account_id = said.account_id AND t.status = 'in-force') THEN
        why := 'the project is taken over: two levels look at every payment';
    ELSIF key_funds < line.amount
          AND promised_too_much(said.account_id, whole.building_id, whole.court_order_no IS NOT NULL) THEN
        why := 'general funds do not cover it any more';
    ELSIF key_funds > 0 AND (
              whole.channel = 'general' OR line.purpose = 'other'
              OR whole.court_order_no IS NULL AND funds_of(said.account_id, NULL, '{8303}') > 0
              OR said.key_amount > 0 AND funds_of(said.account_id, whole.building_id, '{8203}')
                                         < funds_of(said.account_id, whole.building_id, '{8204}')) THEN
        why := 'key funds do not pay it';
    ELSIF payee.status <> 'listed'
          OR payee.usable_on > (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date THEN
        why := 'the payee may not be paid';
    ELSIF (said.kind, said.amount, said.account_id, said.building_id, said.payee_name_masked,
           right(said.payee_account_masked, 4), said.payee_bank) IS DISTINCT FROM
          ('withdrawal'::varchar, line.amount, living_account(whole.account_id), whole.building_id, payee.name,
           right(payee.account_no, 4), payee.bank_name) THEN
        why := 'the order says something else';
    ELSIF EXISTS (SELECT FROM withdrawal_order o JOIN instruction i ON i.id = o.instruction_id
                   WHERE o.line_id = line.id AND i.status NOT IN ('failed', 'returned', 'cancelled')) THEN
        why := 'it is ordered already';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'withdrawal %, line %: %', whole.withdrawal_no, line.id, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_order_stands';
    END IF;
    RETURN NEW;
END $$;

-- As before, from that account.
CREATE OR REPLACE FUNCTION refund_order_stands() RETURNS trigger LANGUAGE plpgsql AS $$
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
          IS DISTINCT FROM ('refund'::varchar, part.amount, living_account(whole.account_id), whole.building_id,
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
