-- Entered, then decided once; what was entered never changes (认领状态迁移).
CREATE FUNCTION receipt_claim_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'entered' THEN
            RAISE 'a claim begins as entered'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_claim_steps';
        END IF;
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'entered>confirmed' THEN '{status,decided_by,decided_at,entry_id,law}'
        WHEN 'entered>rejected' THEN '{status,decided_by,decided_at,reason}' END;
    IF decided IS NULL OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
        RAISE 'claim %: no such step', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_claim_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_claim_by_steps BEFORE INSERT OR UPDATE ON receipt_claim
    FOR EACH ROW EXECUTE FUNCTION receipt_claim_steps();
CREATE TRIGGER claim_paper BEFORE INSERT ON receipt_claim FOR EACH ROW EXECUTE FUNCTION claim_paper();
CREATE TRIGGER written_once BEFORE DELETE ON receipt_claim
    FOR EACH ROW EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON receipt_claim
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt_claim_part
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt_return_order
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- What of a receipt is nobody's: its amount less what is matched and what goes back; nothing once reversed.
CREATE FUNCTION receipt_remainder(of_receipt bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM receipt_reversal v WHERE v.receipt_id = r.id) THEN 0
           ELSE r.amount
              - coalesce((SELECT sum(s.amount) FROM receipt_allocation s WHERE s.receipt_id = r.id), 0)
              - coalesce((SELECT sum(c.amount) FROM receipt_claim c WHERE c.receipt_id = r.id
                             AND c.kind = 'return' AND c.status = 'confirmed'), 0) END::bigint
      FROM receipt r WHERE r.id = of_receipt
$$;

-- Looked at when the transaction ends, under the receipt's lock: one fen never counts twice (一分钱不两用).
CREATE FUNCTION unmatched_follows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
DECLARE
    said receipt;
    rest bigint;
BEGIN
    SELECT * INTO said FROM receipt WHERE id = (to_jsonb(NEW) ->> TG_ARGV[0])::bigint FOR NO KEY UPDATE;
    rest := receipt_remainder(said.id);
    IF rest < 0 THEN
        RAISE 'receipt % of %: % too much is matched or goes back', said.receipt_no, said.amount, -rest
              USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_counts_once';
    END IF;
    IF TG_TABLE_NAME <> 'receipt' OR rest > 0 THEN
        INSERT INTO unmatched_receipt (receipt_id, account_id, remainder)
        SELECT said.id, said.account_id, rest
         WHERE rest > 0 OR EXISTS (SELECT FROM unmatched_receipt u WHERE u.receipt_id = said.id)
        ON CONFLICT (receipt_id) DO UPDATE SET remainder = excluded.remainder;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER unmatched_follows AFTER INSERT ON receipt
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION unmatched_follows('id');
CREATE CONSTRAINT TRIGGER unmatched_follows AFTER INSERT ON receipt_allocation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION unmatched_follows('receipt_id');
CREATE CONSTRAINT TRIGGER unmatched_follows AFTER INSERT ON receipt_reversal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION unmatched_follows('receipt_id');
CREATE CONSTRAINT TRIGGER unmatched_follows AFTER UPDATE OF status ON receipt_claim
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'confirmed')
    EXECUTE FUNCTION unmatched_follows('receipt_id');

-- A claim is of money that is nobody's now, on an account that is not moving or ended (录入时余款须够).
CREATE FUNCTION receipt_claim_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM supervised_account a JOIN receipt r ON r.account_id = a.id
      WHERE r.id = NEW.receipt_id AND a.status <> 'closed' FOR SHARE OF a;
    IF NOT FOUND OR NEW.amount > receipt_remainder(NEW.receipt_id) THEN
        RAISE 'receipt %: % is not there to be claimed or returned', NEW.receipt_id, NEW.amount
              USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_claim_within_remainder';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_claim_stands BEFORE INSERT ON receipt_claim
    FOR EACH ROW EXECUTE FUNCTION receipt_claim_stands();
CREATE TRIGGER receipt_claim_stands_decided BEFORE UPDATE ON receipt_claim FOR EACH ROW
    WHEN (NEW.status = 'confirmed' AND NEW.kind = 'return') EXECUTE FUNCTION receipt_claim_stands();

-- What an entry moves, heading by heading, in the receipt's own book; anything else is strange (凭证所记).
CREATE FUNCTION receipt_claim_moves(of_claim receipt_claim) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(way || '=' || amount, ' ' ORDER BY way) FROM (
        SELECT CASE WHEN d.book_id <> s.book_id THEN 'strange'
                    WHEN d.code = '2101' AND c.code IN ('2111', '2112') THEN c.key
                    WHEN d.code = '8199' AND c.code = '8101' THEN c.key
                    WHEN d.code = '2101' AND c.code = '2102' THEN c.key
                    ELSE 'strange' END AS way, sum(t.amount)::bigint AS amount
          FROM ledger.transfer t
          JOIN ledger.account d ON d.id = t.debit_account_id
          JOIN ledger.account c ON c.id = t.credit_account_id
          JOIN receipt r ON r.id = of_claim.receipt_id
          JOIN supervised_account s ON s.id = r.account_id
         WHERE t.entry_id = of_claim.entry_id GROUP BY 1) m
$$;
CREATE FUNCTION receipt_claim_says(of_claim receipt_claim) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(way || '=' || amount, ' ' ORDER BY way) FROM (
        SELECT 'return:' || of_claim.id AS way, of_claim.amount WHERE of_claim.kind = 'return'
        UNION ALL
        SELECT k.way, sum(p.amount)::bigint
          FROM receipt_claim_part p JOIN contract c ON c.id = p.contract_id JOIN unit u ON u.id = c.unit_id,
               LATERAL (VALUES ('contract:' || c.id), ('building:' || u.building_id)) AS k (way)
         WHERE p.claim_id = of_claim.id GROUP BY 1) m
$$;

-- Looked at when the transaction ends: the parts are the whole, of contracts of the receipt's own account;
-- what is confirmed has its entry (P3, P5) and, part by part, its allocation (份额、凭证与匹配相符).
CREATE FUNCTION receipt_claim_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said receipt_claim;
    parts bigint;
    foreign_parts bigint;
    unmatched_parts bigint;
    why text;
BEGIN
    SELECT * INTO said FROM receipt_claim WHERE id = (to_jsonb(NEW) ->> TG_ARGV[0])::integer;
    SELECT coalesce(sum(p.amount), 0), count(*) FILTER (WHERE a.id IS NULL),
           count(*) FILTER (WHERE s.id IS NULL) INTO parts, foreign_parts, unmatched_parts
      FROM receipt_claim_part p JOIN contract c ON c.id = p.contract_id
      JOIN receipt r ON r.id = said.receipt_id
      LEFT JOIN supervised_account a ON a.id = r.account_id AND a.project_id = c.project_id
      LEFT JOIN receipt_allocation s ON s.receipt_id = r.id AND s.notice_id = p.notice_id
                                    AND s.amount = p.amount
     WHERE p.claim_id = said.id;
    IF parts <> (CASE said.kind WHEN 'claim' THEN said.amount ELSE 0 END) THEN
        why := 'its parts are ' || parts;
    ELSIF foreign_parts > 0 THEN
        why := 'a contract is of another account';
    ELSIF said.status = 'confirmed' AND unmatched_parts > 0 THEN
        why := 'a part was not allocated';
    ELSIF said.status = 'confirmed'
          AND receipt_claim_moves(said) IS DISTINCT FROM receipt_claim_says(said) THEN
        why := format('its entry moves %s, not %s', receipt_claim_moves(said), receipt_claim_says(said));
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'claim % of %: %', said.id, said.amount, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_claim_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER receipt_claim_whole AFTER INSERT OR UPDATE ON receipt_claim
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION receipt_claim_whole('id');
CREATE CONSTRAINT TRIGGER receipt_claim_whole AFTER INSERT ON receipt_claim_part
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION receipt_claim_whole('claim_id');

-- Money belongs to a contract because its own booking said so, or because a claim was confirmed; and within
-- one contract a receipt is of one source, so that a refund knows where it goes (匹配须有来历).
CREATE FUNCTION allocation_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
BEGIN
    IF NOT EXISTS (SELECT FROM receipt_claim_part p JOIN receipt_claim c ON c.id = p.claim_id
                    WHERE c.receipt_id = NEW.receipt_id AND c.status = 'confirmed'
                      AND p.notice_id = NEW.notice_id AND p.amount = NEW.amount)
       AND NOT EXISTS (SELECT FROM receipt r JOIN ledger.transfer t ON t.entry_id = r.entry_id
                         JOIN ledger.account a ON a.id = t.credit_account_id
                        WHERE r.id = NEW.receipt_id AND a.code = '8101' AND t.amount = NEW.amount
                          AND a.key = 'contract:' || NEW.contract_id) THEN
        why := 'neither its booking nor a confirmed claim says so';
    ELSIF EXISTS (SELECT FROM receipt_allocation s JOIN payment_notice n ON n.id = s.notice_id
                    JOIN payment_notice own ON own.id = NEW.notice_id
                   WHERE s.receipt_id = NEW.receipt_id AND s.contract_id = NEW.contract_id
                     AND n.source <> own.source) THEN
        why := 'one receipt would be of two sources';
    ELSIF EXISTS (SELECT FROM receipt r JOIN contract c ON c.id = NEW.contract_id
                    JOIN supervised_account a ON a.id = r.account_id
                   WHERE r.id = NEW.receipt_id AND a.project_id <> c.project_id) THEN
        why := 'the contract is of another account';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'receipt %, notice %: %', NEW.receipt_id, NEW.notice_id, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_stands';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER allocation_stands AFTER INSERT ON receipt_allocation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION allocation_stands();

-- What goes back to its payer is not reversed as well (在退的款不得再冲正).
CREATE FUNCTION reversal_not_returned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM receipt WHERE id = NEW.receipt_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM receipt_claim c WHERE c.receipt_id = NEW.receipt_id AND c.kind = 'return'
                  AND c.status IN ('entered', 'confirmed')) THEN
        RAISE 'receipt %: a part goes back to its payer', NEW.receipt_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'reversal_not_returned';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reversal_not_returned BEFORE INSERT ON receipt_reversal
    FOR EACH ROW EXECUTE FUNCTION reversal_not_returned();

-- A return is ordered to the account the money came from, for all that was decided, one order at a time (退回指令).
CREATE FUNCTION return_order_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said receipt_claim;
    paid receipt;
    ordered instruction;
    why text;
BEGIN
    SELECT * INTO said FROM receipt_claim WHERE id = NEW.claim_id FOR NO KEY UPDATE;
    SELECT * INTO paid FROM receipt WHERE id = said.receipt_id;
    SELECT * INTO ordered FROM instruction WHERE id = NEW.instruction_id;
    IF said.kind <> 'return' OR said.status <> 'confirmed' THEN
        why := 'no return was decided';
    ELSIF (ordered.kind, ordered.amount, ordered.account_id, ordered.source_key,
           ordered.payee_name_masked, ordered.payee_account_masked)
          IS DISTINCT FROM ('return'::varchar, said.amount, paid.account_id, ('return:' || said.id)::varchar,
                            paid.payer_name_masked, paid.payer_account_masked) THEN
        why := 'the order says something else';
    ELSIF EXISTS (SELECT FROM receipt_return_order o JOIN instruction i ON i.id = o.instruction_id
                   WHERE o.claim_id = said.id AND i.status NOT IN ('failed', 'returned', 'cancelled')) THEN
        why := 'it is ordered already';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'return %: %', said.id, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'return_order_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER return_order_stands BEFORE INSERT ON receipt_return_order
    FOR EACH ROW EXECUTE FUNCTION return_order_stands();

-- No order to return money without a decision: looked at when the transaction ends (无决定不得签发退回).
CREATE FUNCTION return_behind_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM receipt_return_order WHERE instruction_id = NEW.id) THEN
        RAISE 'order % returns no receipt', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'return_behind_order';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER return_behind_order AFTER INSERT ON instruction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'return')
    EXECUTE FUNCTION return_behind_order();
