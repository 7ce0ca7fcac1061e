-- Void because the account changed: only by a finished change of the contract's project, and only what was
-- issued before it (因换户作废的通知书).
CREATE FUNCTION notice_of_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM account_change c JOIN supervised_account s ON s.id = c.account_id
                     JOIN contract t ON t.project_id = s.project_id
                    WHERE c.id = NEW.account_change_id AND t.id = NEW.contract_id
                      AND c.status IN ('done', 'returned') AND c.new_account_id IS NOT NULL
                      AND NEW.issued_at <= c.finished_at) THEN
        RAISE 'notice %: no change of account made it void', NEW.notice_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'notice_of_change';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER notice_of_change BEFORE INSERT OR UPDATE ON payment_notice FOR EACH ROW
    WHEN (NEW.account_change_id IS NOT NULL) EXECUTE FUNCTION notice_of_change();

-- As before; but what a change of account voided and nobody has reissued yet is missing and may be (通知书待重签).
CREATE OR REPLACE FUNCTION contract_agrees() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found contract;
    asked numeric;
    waiting numeric;
BEGIN
    SELECT * INTO found FROM contract WHERE id = (to_jsonb(NEW) ->> TG_ARGV[0])::integer;
    IF NOT EXISTS (SELECT FROM contract_version v
                    WHERE v.contract_id = found.id AND v.version = found.version
                      AND v.price = found.price) THEN
        RAISE 'contract %: version % is not on record', found.contract_no, found.version
              USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_version_on_record';
    END IF;
    SELECT sum(n.amount) INTO asked FROM payment_notice n
     WHERE n.contract_id = found.id AND n.voided_at IS NULL;
    IF found.status <> 'cancelled' AND asked IS DISTINCT FROM found.price THEN
        SELECT sum(n.amount) INTO waiting FROM payment_notice n
         WHERE n.contract_id = found.id AND n.account_change_id = (
               SELECT max(m.account_change_id) FROM payment_notice m WHERE m.contract_id = found.id);
        IF coalesce(asked, 0) + waiting IS DISTINCT FROM found.price THEN
            RAISE 'contract %: price %, its notices ask for %', found.contract_no, found.price, asked
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_sum_to_price';
        END IF;
    END IF;
    IF (found.status = 'cancelled') <> EXISTS (
        SELECT FROM contract_cancellation x WHERE x.contract_id = found.id) THEN
        RAISE 'contract %: cancelled and its cancellation disagree', found.contract_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'cancelled_with_its_reason';
    END IF;
    RETURN NULL;
END $$;
