-- An order pays one line of an approved application, exactly, to the payee as listed; again only after the
-- bank did not pay (签发按明细，收款人按白名单).
CREATE FUNCTION withdrawal_order_stands() RETURNS trigger LANGUAGE plpgsql AS $$
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
    why := payments_stopped(whole.account_id, whole.building_id);
    IF why IS NOT NULL THEN
        NULL;
    ELSIF whole.status NOT IN ('approved', 'uncovered', 'issued') THEN
        why := 'the application is not approved';
    ELSIF said.issued_by IN (whole.decided_by, whole.reviewed_by, whole.court_order_by) THEN
        why := 'who approved it does not issue it';
    ELSIF whole.reviewed_by IS NULL AND EXISTS (
              SELECT FROM takeover t WHERE t.account_id = whole.account_id AND t.status = 'in-force') THEN
        why := 'the project is taken over: two levels look at every payment';
    ELSIF key_funds < line.amount
          AND promised_too_much(whole.account_id, whole.building_id, whole.court_order_no IS NOT NULL) THEN
        why := 'general funds do not cover it any more';
    ELSIF key_funds > 0 AND (
              whole.channel = 'general' OR line.purpose = 'other'
              OR whole.court_order_no IS NULL AND funds_of(whole.account_id, NULL, '{8303}') > 0
              OR said.key_amount > 0 AND funds_of(whole.account_id, whole.building_id, '{8203}')
                                         < funds_of(whole.account_id, whole.building_id, '{8204}')) THEN
        why := 'key funds do not pay it';
    ELSIF payee.status <> 'listed'
          OR payee.usable_on > (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date THEN
        why := 'the payee may not be paid';
    ELSIF (said.kind, said.amount, said.account_id, said.building_id, said.payee_name_masked,
           right(said.payee_account_masked, 4), said.payee_bank) IS DISTINCT FROM
          ('withdrawal'::varchar, line.amount, whole.account_id, whole.building_id, payee.name,
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
CREATE TRIGGER withdrawal_order_stands BEFORE INSERT ON withdrawal_order
    FOR EACH ROW EXECUTE FUNCTION withdrawal_order_stands();

-- No order to pay a contractor without an application: looked at when the transaction ends (无用款不得签发).
CREATE FUNCTION withdrawal_behind_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM withdrawal_order WHERE instruction_id = NEW.id) THEN
        RAISE 'order % pays no withdrawal', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_behind_order';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER withdrawal_behind_order AFTER INSERT ON instruction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'withdrawal')
    EXECUTE FUNCTION withdrawal_behind_order();

-- What is issued is given up only when the bank paid none of it (银行一笔未付方可了结).
CREATE FUNCTION withdrawal_given_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM withdrawal_line l JOIN withdrawal_order o ON o.line_id = l.id
                 JOIN instruction i ON i.id = o.instruction_id
                WHERE l.withdrawal_id = NEW.id AND i.status NOT IN ('failed', 'returned', 'cancelled')) THEN
        RAISE 'withdrawal %: the bank has paid, or may still pay', NEW.withdrawal_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_given_up';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER withdrawal_given_up BEFORE UPDATE ON withdrawal FOR EACH ROW
    WHEN (NEW.status = 'revoked' AND OLD.status = 'issued') EXECUTE FUNCTION withdrawal_given_up();

-- Issued: every line has its order and nothing of it is held any more (签发须逐笔有指令，占用已注销).
CREATE FUNCTION withdrawal_issued_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hold text := 'building:' || NEW.building_id || ':withdrawal:' || NEW.id;
BEGIN
    IF EXISTS (SELECT FROM withdrawal_line l WHERE l.withdrawal_id = NEW.id AND NOT EXISTS (
                   SELECT FROM withdrawal_order o WHERE o.line_id = l.id))
       OR EXISTS (SELECT FROM supervised_account s JOIN ledger.account a ON a.book_id = s.book_id
                    JOIN ledger.balance b ON b.account_id = a.id
                   WHERE s.id = NEW.account_id AND a.code = '8301' AND a.key = hold AND b.balance <> 0) THEN
        RAISE 'withdrawal %: not every line has its order', NEW.withdrawal_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_issued_whole';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER withdrawal_issued_whole BEFORE UPDATE ON withdrawal FOR EACH ROW
    WHEN (NEW.status = 'issued' AND OLD.status <> 'issued') EXECUTE FUNCTION withdrawal_issued_whole();

-- Supervision of a building does not end while an application for it waits, is held for, or is not covered;
-- which buildings a release is of is told in 0021 (有在办用款不得解除监管).
CREATE FUNCTION release_after_withdrawals() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    waiting text;
BEGIN
    SELECT withdrawal_no INTO waiting FROM withdrawal
     WHERE account_id = NEW.account_id AND status IN ('entered', 'reviewed', 'approved', 'uncovered')
       AND (NEW.is_whole OR building_id IN (SELECT buildings_of_release(NEW)))
     ORDER BY id LIMIT 1;
    IF FOUND THEN
        RAISE 'release %: withdrawal % is open', NEW.release_no, waiting
              USING ERRCODE = 'check_violation', CONSTRAINT = 'release_after_withdrawals';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER release_after_withdrawals BEFORE UPDATE ON release_application FOR EACH ROW
    WHEN (NEW.status = 'approved' AND OLD.status <> 'approved')
    EXECUTE FUNCTION release_after_withdrawals();
