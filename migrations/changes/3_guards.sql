-- Approved only over an active account with nothing open and nothing under way, for exactly what it holds,
-- by an order of its own (批准须立得住).
CREATE FUNCTION account_change_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place supervised_account;
    open_code text;
    held numeric;
    why text;
BEGIN
    SELECT * INTO place FROM supervised_account WHERE id = NEW.account_id FOR UPDATE;
    SELECT a.code INTO open_code FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
     WHERE a.book_id = place.book_id AND b.balance <> 0
       AND (a.code IN ('1301', '2101', '2102', '2202', '2301', '2401', '2501', '2901', '8202', '8301', '8302',
                       '8303')
            OR a.code = '2201' AND a.key IS DISTINCT FROM 'instruction:' || NEW.instruction_id
            OR a.code IN ('1102', '2201') AND b.balance <> NEW.amount)
     ORDER BY a.code LIMIT 1;
    SELECT coalesce(sum(b.balance), 0) INTO held
      FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
     WHERE a.book_id = place.book_id AND a.code = '1101';
    IF place.status <> 'active' THEN
        why := 'the account is ' || place.status;
    ELSIF open_code IS NOT NULL THEN
        why := 'account ' || open_code || ' is not zero';
    ELSIF held <> NEW.amount THEN
        why := format('the account holds %s, not %s', held, NEW.amount);
    ELSIF EXISTS (SELECT FROM instruction i WHERE i.account_id = NEW.account_id
                     AND i.status IN ('issued', 'unknown') AND i.id IS DISTINCT FROM NEW.instruction_id) THEN
        why := 'an order is open';
    ELSIF NEW.instruction_id IS NOT NULL AND NOT EXISTS (
              SELECT FROM instruction i WHERE i.id = NEW.instruction_id AND i.account_id = NEW.account_id
                 AND i.kind = 'transfer' AND i.amount = NEW.amount AND i.status = 'issued') THEN
        why := 'the order is another';
    ELSIF EXISTS (SELECT FROM supervised_account s WHERE s.account_no = NEW.account_no) THEN
        why := 'the new account is a supervised account already';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'change % may not be approved: %', NEW.change_no, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_change_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER account_change_stands BEFORE UPDATE ON account_change FOR EACH ROW
    WHEN (OLD.status = 'entered' AND NEW.status IN ('ordered', 'done'))
    EXECUTE FUNCTION account_change_stands();

-- Looked at when the transaction ends: status, order, accounts and both books say the same (变更与账簿一致).
CREATE FUNCTION account_change_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said account_change;
    old_one supervised_account;
    new_one supervised_account;
    ordered text;
    old_left bigint;
    new_held numeric;
    may boolean;
BEGIN
    SELECT * INTO said FROM account_change WHERE id = NEW.id;
    SELECT * INTO old_one FROM supervised_account WHERE id = said.account_id;
    SELECT * INTO new_one FROM supervised_account WHERE id = said.new_account_id;
    SELECT status INTO ordered FROM instruction WHERE id = said.instruction_id;
    SELECT count(*) INTO old_left FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
     WHERE a.book_id = old_one.book_id AND b.balance <> 0;
    SELECT coalesce(sum(b.balance), 0) INTO new_held
      FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
     WHERE a.book_id = new_one.book_id AND a.code = '1101';
    may := CASE said.status
        WHEN 'ordered' THEN old_one.status = 'suspended' AND ordered = 'issued'
        WHEN 'done' THEN old_one.status = 'closed' AND old_left = 0 AND new_one.status = 'active'
            AND (new_one.project_id, new_one.account_no, new_one.bank_code, new_one.account_name)
                = (old_one.project_id, said.account_no, said.bank_code, said.account_name)
            AND new_held = said.amount
            AND ordered IS NOT DISTINCT FROM (CASE WHEN said.amount > 0 THEN 'paid' END)
        WHEN 'failed' THEN old_one.status IN ('active', 'suspended') AND ordered IN ('failed', 'cancelled')
        WHEN 'returned' THEN old_one.status IN ('active', 'suspended') AND ordered = 'returned'
            AND coalesce(new_one.status, 'closed') = 'closed'
        ELSE true END;
    IF may IS NOT TRUE THEN
        RAISE 'change % is %: order %, old account %, new account %', said.change_no, said.status, ordered,
              old_one.status, new_one.status
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_change_follows';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER account_change_follows AFTER UPDATE ON account_change
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION account_change_follows();

-- An order that moves a whole account is a change's, and no other order is (划转指令必属变更).
CREATE FUNCTION transfer_of_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.kind = 'transfer') <> EXISTS (SELECT FROM account_change c WHERE c.instruction_id = NEW.id) THEN
        RAISE 'order % and its change disagree', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_of_change';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transfer_of_change AFTER INSERT ON instruction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transfer_of_change();

-- A project has a second account only by a change that made it (换户必经变更).
CREATE FUNCTION account_by_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM supervised_account s WHERE s.project_id = NEW.project_id AND s.id <> NEW.id)
       AND NOT EXISTS (SELECT FROM account_change c WHERE c.new_account_id = NEW.id) THEN
        RAISE 'account %: its project has another, and no change made this one', NEW.account_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_by_change';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER account_by_change AFTER INSERT ON supervised_account
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION account_by_change();

-- While the balance is on its way nothing else happens on the account (划转在途，其他事项暂停).
CREATE FUNCTION not_while_changing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM account_change c WHERE c.account_id = NEW.account_id AND c.status = 'ordered') THEN
        RAISE '%: account % is being changed', TG_TABLE_NAME, NEW.account_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'not_while_changing';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER not_while_changing BEFORE INSERT ON court_hold
    FOR EACH ROW EXECUTE FUNCTION not_while_changing();
CREATE TRIGGER not_while_changing BEFORE INSERT OR UPDATE ON guarantee
    FOR EACH ROW EXECUTE FUNCTION not_while_changing();
CREATE TRIGGER not_while_changing BEFORE INSERT OR UPDATE ON takeover
    FOR EACH ROW EXECUTE FUNCTION not_while_changing();
CREATE TRIGGER not_while_changing BEFORE INSERT OR UPDATE ON node_claim
    FOR EACH ROW EXECUTE FUNCTION not_while_changing();
CREATE TRIGGER not_while_changing BEFORE INSERT OR UPDATE ON refund
    FOR EACH ROW EXECUTE FUNCTION not_while_changing();
CREATE TRIGGER not_while_changing BEFORE INSERT OR UPDATE ON withdrawal
    FOR EACH ROW EXECUTE FUNCTION not_while_changing();
CREATE TRIGGER not_while_changing BEFORE INSERT OR UPDATE ON release_application
    FOR EACH ROW EXECUTE FUNCTION not_while_changing();

CREATE FUNCTION no_version_while_changing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM account_change c JOIN supervised_account s ON s.id = c.account_id
                WHERE s.project_id = NEW.project_id AND c.status = 'ordered') THEN
        RAISE 'project %: its account is being changed', NEW.project_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'not_while_changing';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER not_while_changing BEFORE INSERT ON agreement
    FOR EACH ROW EXECUTE FUNCTION no_version_while_changing();

-- As before, and an account whose balance is on its way takes no deposit (解除后、划转在途不得入账).
CREATE OR REPLACE FUNCTION no_receipt_after_release() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found_status text;
BEGIN
    SELECT status INTO found_status FROM supervised_account WHERE id = NEW.account_id FOR SHARE;
    IF found_status IN ('releasing', 'closed') THEN
        RAISE 'account % is released and takes no deposit', NEW.account_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'no_receipt_after_release';
    ELSIF found_status = 'suspended' AND EXISTS (
              SELECT FROM account_change c WHERE c.account_id = NEW.account_id AND c.status = 'ordered') THEN
        RAISE 'account % is being changed and takes no deposit', NEW.account_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'not_while_changing';
    END IF;
    RETURN NEW;
END $$;

-- As before, but a project that moved to another account is not released (换户不是解除).
CREATE OR REPLACE FUNCTION released_project_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT a.status FROM building b JOIN supervised_account a ON a.project_id = b.project_id
         WHERE b.id = NEW.building_id ORDER BY a.status = 'closed', a.id DESC LIMIT 1)
       IN ('releasing', 'closed') THEN
        RAISE 'unit %: its project is released from supervision', NEW.unit_code
              USING ERRCODE = 'check_violation', CONSTRAINT = 'released_project_stands';
    END IF;
    RETURN NEW;
END $$;
