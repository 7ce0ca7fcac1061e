-- The rest of a partly paid application is given up, by another than who entered it, with a reason (余款了结).
ALTER TABLE withdrawal DROP CONSTRAINT ck_withdrawal_withdrawal_status;
ALTER TABLE withdrawal ADD CONSTRAINT ck_withdrawal_withdrawal_status CHECK (
    status IN ('entered', 'reviewed', 'approved', 'uncovered', 'issued', 'rejected', 'revoked', 'closed'));
ALTER TABLE withdrawal DROP CONSTRAINT ck_withdrawal_approved_with_law;
ALTER TABLE withdrawal ADD CONSTRAINT ck_withdrawal_approved_with_law
    CHECK ((status IN ('approved', 'uncovered', 'issued', 'revoked', 'closed'))
        = (law IS NOT NULL AND held IS NOT NULL AND key_amount IS NOT NULL AND levels IS NOT NULL));
ALTER TABLE withdrawal DROP CONSTRAINT ck_withdrawal_with_reason;
ALTER TABLE withdrawal ADD CONSTRAINT ck_withdrawal_with_reason
    CHECK ((status IN ('rejected', 'revoked', 'closed')) = (reason IS NOT NULL));
ALTER TABLE withdrawal DROP CONSTRAINT ck_withdrawal_revoked_by_someone;
ALTER TABLE withdrawal ADD CONSTRAINT ck_withdrawal_revoked_by_someone
    CHECK ((status IN ('revoked', 'closed')) = (revoked_by IS NOT NULL));
ALTER TABLE withdrawal DROP CONSTRAINT ck_withdrawal_issued_by_someone;
ALTER TABLE withdrawal ADD CONSTRAINT ck_withdrawal_issued_by_someone
    CHECK ((status IN ('issued', 'closed')) <= (issued_by IS NOT NULL));
COMMENT ON COLUMN withdrawal.reason IS '退回、撤销或了结理由';

-- As before, and what was issued may be closed (用款状态迁移).
CREATE OR REPLACE FUNCTION withdrawal_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    approved text[] := '{decided_by,decided_at,held,key_amount,levels,takeover_no,law,hold_entry_id}';
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        decided := CASE NEW.status WHEN 'entered' THEN '{}' END;
    ELSE
        decided := CASE OLD.status || '>' || NEW.status
            WHEN 'entered>reviewed' THEN '{reviewed_by,reviewed_at}'
            WHEN 'entered>approved' THEN approved
            WHEN 'reviewed>approved' THEN approved
            WHEN 'entered>rejected' THEN '{decided_by,decided_at,reason}'
            WHEN 'reviewed>rejected' THEN '{decided_by,decided_at,reason}'
            WHEN 'approved>uncovered' THEN '{}'
            WHEN 'approved>issued' THEN '{issued_by}'
            WHEN 'uncovered>issued' THEN '{issued_by}'
            WHEN 'approved>revoked' THEN '{revoked_by,revoke_entry_id,reason}'
            WHEN 'uncovered>revoked' THEN '{revoked_by,revoke_entry_id,reason}'
            WHEN 'issued>revoked' THEN '{revoked_by,reason}'
            WHEN 'issued>closed' THEN '{revoked_by,reason}' END;
        -- A court's hold that comes after the approval: the order is attached once, by somebody new to it.
        IF OLD.status = NEW.status AND OLD.status IN ('approved', 'uncovered', 'issued')
           AND OLD.court_order_no IS NULL AND NEW.court_order_by IS NOT NULL THEN
            decided := '{court_order_no,court_order_hash,court_order_by}';
        END IF;
    END IF;
    IF decided IS NULL OR TG_OP = 'UPDATE' AND to_jsonb(NEW) - (decided || '{status}') IS DISTINCT FROM
                                               to_jsonb(OLD) - (decided || '{status}') THEN
        RAISE 'withdrawal %: no such step', NEW.withdrawal_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_steps';
    END IF;
    RETURN NEW;
END $$;

-- Closed in part: the bank has answered every line, paid at least one and not paid at least one, and nothing of
-- it is held any more (银行全部答复、付了一部分，方可了结).
CREATE FUNCTION withdrawal_closed_in_part() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paid bigint;
    waiting bigint;
    unpaid bigint;
BEGIN
    SELECT count(*) FILTER (WHERE o.status = 'paid'), count(*) FILTER (WHERE o.status IN ('issued', 'unknown')),
           count(*) FILTER (WHERE o.status IS NULL) INTO paid, waiting, unpaid
      FROM withdrawal_line l LEFT JOIN LATERAL (
           SELECT i.status FROM withdrawal_order w JOIN instruction i ON i.id = w.instruction_id
            WHERE w.line_id = l.id AND i.status NOT IN ('failed', 'returned', 'cancelled')) o ON true
     WHERE l.withdrawal_id = NEW.id;
    IF paid = 0 OR waiting > 0 OR unpaid = 0 OR EXISTS (
           SELECT FROM supervised_account s JOIN ledger.account a ON a.book_id = s.book_id
             JOIN ledger.balance b ON b.account_id = a.id
            WHERE s.id = NEW.account_id AND a.code = '8301' AND b.balance <> 0
              AND a.key = 'building:' || NEW.building_id || ':withdrawal:' || NEW.id) THEN
        RAISE 'withdrawal %: % lines paid, % not answered, % not paid', NEW.withdrawal_no, paid, waiting, unpaid
              USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_closed_in_part';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER withdrawal_closed_in_part BEFORE UPDATE ON withdrawal FOR EACH ROW
    WHEN (NEW.status = 'closed' AND OLD.status <> 'closed') EXECUTE FUNCTION withdrawal_closed_in_part();
