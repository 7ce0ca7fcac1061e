-- An order pays one line of an approved application, exactly, to the payee as listed; again only after the
-- bank did not pay (签发按明细，收款人按白名单).
CREATE FUNCTION withdrawal_order_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line withdrawal_line;
    whole withdrawal;
    payee listed_payee;
    said instruction;
    why text;
BEGIN
    SELECT * INTO line FROM withdrawal_line WHERE id = NEW.line_id;
    SELECT * INTO whole FROM withdrawal WHERE id = line.withdrawal_id FOR NO KEY UPDATE;
    SELECT * INTO payee FROM listed_payee WHERE id = line.payee_id;
    SELECT * INTO said FROM instruction WHERE id = NEW.instruction_id;
    IF whole.status NOT IN ('approved', 'uncovered', 'issued') THEN
        why := 'the application is not approved';
    ELSIF said.issued_by IN (whole.decided_by, whole.reviewed_by) THEN
        why := 'who approved it does not issue it';
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
    WHEN (NEW.status = 'issued') EXECUTE FUNCTION withdrawal_issued_whole();

-- Supervision does not end while an application waits, is held for, or is not covered (有在办用款不得解除监管).
CREATE FUNCTION release_after_withdrawals() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    waiting text;
BEGIN
    SELECT withdrawal_no INTO waiting FROM withdrawal
     WHERE account_id = NEW.account_id AND status IN ('entered', 'reviewed', 'approved', 'uncovered')
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
