-- An account closes empty, with every order answered (空户方可销户).
CREATE FUNCTION closes_empty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
                WHERE a.book_id = NEW.book_id AND a.code = '1101' AND b.balance <> 0)
       OR EXISTS (SELECT FROM instruction WHERE account_id = NEW.id AND status IN ('issued', 'unknown')) THEN
        RAISE 'account % is not empty', NEW.account_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'closes_empty';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER closes_empty BEFORE UPDATE OF status ON supervised_account FOR EACH ROW
    WHEN (NEW.status = 'closed' AND OLD.status <> 'closed') EXECUTE FUNCTION closes_empty();

-- Nothing is ordered from an account that is stopped, not in effect or closed (停户不得签发指令).
CREATE FUNCTION account_pays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM supervised_account s WHERE s.id = NEW.account_id AND s.status IN ('active', 'releasing')
        AND NOT EXISTS (SELECT FROM account_suspension p WHERE p.account_id = s.id AND p.reopened_by IS NULL)
        FOR SHARE OF s;
    IF NOT FOUND THEN
        RAISE 'order %: the account does not pay', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_pays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER account_pays BEFORE INSERT ON instruction
    FOR EACH ROW EXECUTE FUNCTION account_pays();
