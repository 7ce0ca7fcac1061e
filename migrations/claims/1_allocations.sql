-- A receipt may belong to several notices, of one contract or of several; each fen to one (一笔入账可分归数份合同).
ALTER TABLE deposit_check_receipt DROP CONSTRAINT fk_deposit_check_receipt_receipt_id;
ALTER TABLE refund_part DROP CONSTRAINT fk_refund_part_receipt_id;
ALTER TABLE receipt_allocation DROP CONSTRAINT uq_receipt_allocation_receipt_id;
ALTER TABLE receipt_allocation DROP CONSTRAINT uq_receipt_allocation_receipt_id_contract_id;
ALTER TABLE receipt_allocation
    ADD CONSTRAINT uq_receipt_allocation_receipt_id_notice_id UNIQUE (receipt_id, notice_id);
-- Of which contract a receipt is part: the guards below ask it; allocations are written once and never leave.
ALTER TABLE deposit_check_receipt ADD CONSTRAINT fk_deposit_check_receipt_receipt_id
    FOREIGN KEY (receipt_id) REFERENCES receipt (id);
ALTER TABLE refund_part ADD CONSTRAINT fk_refund_part_receipt_id
    FOREIGN KEY (receipt_id) REFERENCES receipt (id);

-- A receipt counts in a check once, for all that was allocated of it to that contract (逐笔列示、不多不少).
CREATE OR REPLACE FUNCTION check_counts_allocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(amount) FROM receipt_allocation
         WHERE receipt_id = NEW.receipt_id AND contract_id = NEW.contract_id) IS DISTINCT FROM NEW.amount THEN
        RAISE 'receipt % is not allocated with % to contract %', NEW.receipt_id, NEW.amount, NEW.contract_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'check_counts_allocation';
    END IF;
    RETURN NEW;
END $$;

-- As before, counted over all that this contract has of the receipt, and nothing of what another has.
CREATE OR REPLACE FUNCTION refund_part_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whole refund;
    matched bigint;
    of_source text;
    taken bigint;
    original boolean;
BEGIN
    PERFORM FROM contract WHERE id = NEW.contract_id FOR NO KEY UPDATE;
    SELECT * INTO whole FROM refund WHERE id = NEW.refund_id;
    SELECT sum(s.amount), min(n.source) INTO matched, of_source
      FROM receipt_allocation s JOIN payment_notice n ON n.id = s.notice_id
     WHERE s.receipt_id = NEW.receipt_id AND s.contract_id = NEW.contract_id;
    SELECT r.payer_account_sealed = NEW.payee_account_sealed
           AND r.payer_name_sealed = NEW.payee_name_sealed
           AND r.payer_account_masked = NEW.payee_account_masked
      INTO original FROM receipt r WHERE r.id = NEW.receipt_id;
    IF whole.status <> 'entered' OR of_source IS DISTINCT FROM NEW.source
       OR NEW.to_original AND original IS NOT TRUE THEN
        RAISE 'refund %: receipt % does not go back like this', whole.refund_no, NEW.receipt_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_part_stands';
    END IF;
    SELECT coalesce(sum(p.amount), 0) INTO taken
      FROM refund_part p JOIN refund f ON f.id = p.refund_id
     WHERE p.receipt_id = NEW.receipt_id AND p.contract_id = NEW.contract_id
       AND f.status NOT IN ('rejected', 'revoked');
    IF taken + NEW.amount > matched THEN
        RAISE 'receipt %: % matched, % already goes back', NEW.receipt_id, matched, taken
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_within_receipt';
    END IF;
    RETURN NEW;
END $$;

-- A reversal takes a receipt from every notice it was matched to (冲正及于各份通知书).
CREATE OR REPLACE FUNCTION paid_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said record;
BEGIN
    FOR said IN
        SELECT n.id, n.paid, coalesce(sum(s.amount) FILTER (WHERE v.id IS NULL), 0) AS standing
          FROM payment_notice n LEFT JOIN receipt_allocation s ON s.notice_id = n.id
          LEFT JOIN receipt_reversal v ON v.receipt_id = s.receipt_id
         WHERE n.id = ANY (CASE TG_TABLE_NAME
               WHEN 'payment_notice' THEN ARRAY[(to_jsonb(NEW) ->> 'id')::integer]
               WHEN 'receipt_allocation' THEN ARRAY[(to_jsonb(NEW) ->> 'notice_id')::integer]
               ELSE ARRAY(SELECT a.notice_id FROM receipt_allocation a
                           WHERE a.receipt_id = (to_jsonb(NEW) ->> 'receipt_id')::bigint) END)
         GROUP BY n.id
    LOOP
        IF said.paid <> said.standing THEN
            RAISE 'notice %: stated as paid %, allocated and standing %', said.id, said.paid, said.standing
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'paid_follows';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
