-- What goes back of a receipt: of this contract, no more than was matched and not refunded, and where it is
-- said to go to its payer, to exactly the account it came from (逐笔不超过入账，原路退回).
CREATE FUNCTION refund_part_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whole refund;
    matched bigint;
    of_source text;
    taken bigint;
    original boolean;
BEGIN
    PERFORM FROM contract WHERE id = NEW.contract_id FOR NO KEY UPDATE;
    SELECT * INTO whole FROM refund WHERE id = NEW.refund_id;
    SELECT s.amount, n.source, r.payer_account_sealed = NEW.payee_account_sealed
           AND r.payer_name_sealed = NEW.payee_name_sealed
           AND r.payer_account_masked = NEW.payee_account_masked
      INTO matched, of_source, original
      FROM receipt_allocation s JOIN receipt r ON r.id = s.receipt_id
      JOIN payment_notice n ON n.id = s.notice_id
     WHERE s.receipt_id = NEW.receipt_id AND s.contract_id = NEW.contract_id;
    IF whole.status <> 'entered' OR of_source IS DISTINCT FROM NEW.source
       OR NEW.to_original AND original IS NOT TRUE THEN
        RAISE 'refund %: receipt % does not go back like this', whole.refund_no, NEW.receipt_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_part_stands';
    END IF;
    SELECT coalesce(sum(p.amount), 0) INTO taken
      FROM refund_part p JOIN refund f ON f.id = p.refund_id
     WHERE p.receipt_id = NEW.receipt_id AND f.status NOT IN ('rejected', 'revoked');
    IF taken + NEW.amount > matched THEN
        RAISE 'receipt %: % matched, % already goes back', NEW.receipt_id, matched, taken
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_within_receipt';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_part_stands BEFORE INSERT ON refund_part
    FOR EACH ROW EXECUTE FUNCTION refund_part_stands();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON refund_part
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON refund_paper
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- Looked at when the transaction ends: the parts are the whole, another payee has its paper, and account and
-- building are the contract's own, so nothing can be added to it later either (明细与合计相符).
CREATE FUNCTION refund_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whole refund;
    said bigint;
    elsewhere boolean;
    own boolean;
BEGIN
    SELECT * INTO whole FROM refund WHERE id = (to_jsonb(NEW) ->> TG_ARGV[0])::integer;
    SELECT coalesce(sum(amount), 0), coalesce(bool_or(NOT to_original), false) INTO said, elsewhere
      FROM refund_part WHERE refund_id = whole.id;
    SELECT u.building_id = whole.building_id AND a.project_id = c.project_id INTO own
      FROM contract c JOIN unit u ON u.id = c.unit_id, supervised_account a
     WHERE c.id = whole.contract_id AND a.id = whole.account_id;
    IF said <> whole.amount OR elsewhere <> whole.other_payee OR own IS NOT TRUE
       OR elsewhere <> EXISTS (SELECT FROM refund_paper WHERE refund_id = whole.id) THEN
        RAISE 'refund % states %, its parts %', whole.refund_no, whole.amount, said
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refund_whole AFTER INSERT ON refund
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refund_whole('id');
CREATE CONSTRAINT TRIGGER refund_whole AFTER INSERT ON refund_part
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refund_whole('refund_id');
CREATE CONSTRAINT TRIGGER refund_whole AFTER INSERT ON refund_paper
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refund_whole('refund_id');

-- What an entry moves, heading by heading, in the account's own book; anything else is strange (凭证所记).
CREATE FUNCTION refund_moves(of_refund refund, of_entry bigint) RETURNS TABLE (way text, amount bigint)
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN d.book_id <> s.book_id THEN 'strange'
                WHEN d.code = '8199' AND c.code = '8302' AND c.key = k.refund THEN 'hold'
                WHEN d.code = '8302' AND c.code = '8199' AND d.key = k.refund THEN 'unhold'
                WHEN d.code = '8101' AND c.code = '8199' AND d.key = k.contract THEN 'unpay'
                WHEN d.code IN ('2111', '2112') AND c.code = '2301' AND d.key = k.building
                     AND c.key = k.refund THEN 'due'
                ELSE 'strange' END, sum(t.amount)::bigint
      FROM ledger.transfer t
      JOIN ledger.account d ON d.id = t.debit_account_id
      JOIN ledger.account c ON c.id = t.credit_account_id
      JOIN supervised_account s ON s.id = of_refund.account_id,
           LATERAL (SELECT 'building:' || of_refund.building_id AS building,
                           'contract:' || of_refund.contract_id AS contract,
                           'building:' || of_refund.building_id || ':refund:' || of_refund.id AS refund) k
     WHERE t.entry_id = of_entry GROUP BY 1;
$$;

-- The status and its money go together: P15, P16, and the hold given up again (状态与凭证一致).
CREATE FUNCTION refund_follows_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    SELECT string_agg(way || '=' || amount, ' ' ORDER BY way) INTO found
      FROM refund_moves(NEW, CASE NEW.status WHEN 'approved' THEN NEW.hold_entry_id
                                             WHEN 'due' THEN NEW.due_entry_id
                                             ELSE NEW.revoke_entry_id END);
    IF found IS DISTINCT FROM (CASE NEW.status
           WHEN 'approved' THEN format('hold=%s', NEW.amount)
           WHEN 'due' THEN format('due=%1$s unhold=%1$s unpay=%1$s', NEW.amount)
           ELSE format('unhold=%s', NEW.amount) END) THEN
        RAISE 'refund % of % is %, its entry moves %', NEW.refund_no, NEW.amount, NEW.status, found
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_follows_ledger';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_follows_ledger BEFORE UPDATE ON refund FOR EACH ROW
    WHEN (NEW.status IN ('approved', 'due', 'revoked') AND NEW.status <> OLD.status)
    EXECUTE FUNCTION refund_follows_ledger();

-- Approved only of a cancelled contract over an active account, within what it paid and nobody else holds,
-- of receipts that stand; another payee waits at least until the next day (核准须立得住).
CREATE FUNCTION refund_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
    held bigint;
    paid bigint;
BEGIN
    PERFORM FROM supervised_account WHERE id = NEW.account_id AND status = 'active' FOR SHARE;
    IF NOT FOUND THEN
        why := 'the account is not active';
    END IF;
    PERFORM FROM contract WHERE id = NEW.contract_id AND status = 'cancelled' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        why := 'the contract is not cancelled';
    END IF;
    IF EXISTS (SELECT FROM refund_part p JOIN receipt_reversal v ON v.receipt_id = p.receipt_id
                WHERE p.refund_id = NEW.id) THEN
        why := 'a receipt is reversed';
    END IF;
    IF NEW.ready_on < (NEW.decided_at AT TIME ZONE 'Asia/Shanghai')::date + NEW.other_payee::integer
       OR NEW.decided_at < clock_timestamp() - interval '1 minute' THEN
        why := 'it would not wait';
    END IF;
    SELECT coalesce(sum(b.balance) FILTER (WHERE a.code = '8302'), 0),
           coalesce(sum(b.balance) FILTER (WHERE a.code = '8101'), 0) INTO held, paid
      FROM supervised_account s JOIN ledger.account a ON a.book_id = s.book_id
      JOIN ledger.balance b ON b.account_id = a.id
     WHERE s.id = NEW.account_id
       AND (a.code = '8101' AND a.key = 'contract:' || NEW.contract_id
            OR a.code = '8302' AND a.key IN (
                SELECT 'building:' || f.building_id || ':refund:' || f.id FROM refund f
                 WHERE f.contract_id = NEW.contract_id));
    IF held > paid THEN
        why := format('%s is held for refunds, %s was paid', held, paid);
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'refund % may not be approved: %', NEW.refund_no, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_stands BEFORE UPDATE ON refund FOR EACH ROW
    WHEN (NEW.status = 'approved' AND OLD.status <> 'approved') EXECUTE FUNCTION refund_stands();
