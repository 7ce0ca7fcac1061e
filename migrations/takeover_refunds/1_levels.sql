-- A second level for another payee, and for every refund approved while a takeover is in force (接管期间退款两级).
ALTER TABLE refund DROP CONSTRAINT ck_refund_second_level_for_another;
CREATE FUNCTION refund_levels() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_taken_over boolean;
BEGIN
    PERFORM FROM supervised_account WHERE id = NEW.account_id FOR SHARE;
    is_taken_over := EXISTS (SELECT FROM takeover t WHERE t.account_id = NEW.account_id AND t.status = 'in-force');
    IF NEW.status = 'approved' AND NEW.reviewed_by IS NULL AND is_taken_over
       OR NEW.status = 'reviewed' AND NOT NEW.other_payee AND NOT is_taken_over THEN
        RAISE 'refund %: as many levels as its payee and the takeover ask for', NEW.refund_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_levels';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_levels BEFORE UPDATE ON refund FOR EACH ROW
    WHEN (NEW.status IN ('reviewed', 'approved') AND NEW.status <> OLD.status)
    EXECUTE FUNCTION refund_levels();
