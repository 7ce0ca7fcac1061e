-- A payment asked for: of a listed payee; wages to a wage account and nothing else there; on one contract no
-- more than its price; an invoice, and its file, in one living application only (白名单、合同价、发票一次).
CREATE FUNCTION withdrawal_line_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whole withdrawal;
    payee listed_payee;
    contract construction_contract;
    taken bigint;
    first text;
    used text;
BEGIN
    SELECT * INTO whole FROM withdrawal WHERE id = NEW.withdrawal_id;
    SELECT * INTO payee FROM listed_payee WHERE id = NEW.payee_id;
    SELECT * INTO contract FROM construction_contract WHERE id = payee.contract_id FOR NO KEY UPDATE;
    IF whole.status <> 'entered' OR payee.status <> 'listed' OR contract.status <> 'listed'
       OR (NEW.purpose = 'wages') <> (payee.kind = 'wages')
       OR (whole.channel = 'wages') AND NEW.purpose <> 'wages' THEN
        RAISE 'withdrawal %: payee % is not paid like this', whole.withdrawal_no, payee.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_line_stands';
    END IF;
    SELECT coalesce(sum(l.amount), 0) INTO taken
      FROM withdrawal_line l JOIN withdrawal w ON w.id = l.withdrawal_id
      JOIN listed_payee p ON p.id = l.payee_id
     WHERE p.contract_id = contract.id AND w.status NOT IN ('rejected', 'revoked');
    IF taken + NEW.amount > (contract.price * NEW.progress)::bigint THEN
        RAISE 'contract %: price %, already %', contract.contract_no, contract.price, taken
              USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_within_contract';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(one, 1))
       FROM unnest(ARRAY[NEW.invoice_no, NEW.invoice_hash]) AS one ORDER BY one;
    SELECT w.withdrawal_no INTO first FROM withdrawal_line l JOIN withdrawal w ON w.id = l.withdrawal_id
     WHERE (l.invoice_no = NEW.invoice_no OR l.invoice_hash = NEW.invoice_hash)
       AND w.status NOT IN ('rejected', 'revoked') LIMIT 1;
    INSERT INTO filed_paper (file_hash, used_for) VALUES (NEW.invoice_hash, 'withdrawal_line')
        ON CONFLICT DO NOTHING;
    SELECT used_for INTO used FROM filed_paper WHERE file_hash = NEW.invoice_hash;
    IF first IS NOT NULL OR used <> 'withdrawal_line' THEN
        RAISE 'invoice %: used already, %', NEW.invoice_no, coalesce(first, used)
              USING ERRCODE = 'unique_violation', CONSTRAINT = 'invoice_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER withdrawal_line_stands BEFORE INSERT ON withdrawal_line
    FOR EACH ROW EXECUTE FUNCTION withdrawal_line_stands();

-- Looked at when the transaction ends: the lines are the whole, and the building is the account's own.
CREATE FUNCTION withdrawal_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whole withdrawal;
    said bigint;
BEGIN
    SELECT * INTO whole FROM withdrawal WHERE id = (to_jsonb(NEW) ->> TG_ARGV[0])::integer;
    SELECT coalesce(sum(amount), 0) INTO said FROM withdrawal_line WHERE withdrawal_id = whole.id;
    IF said <> whole.amount OR NOT EXISTS (
           SELECT FROM supervised_account a JOIN building b ON b.project_id = a.project_id
            WHERE a.id = whole.account_id AND b.id = whole.building_id) THEN
        RAISE 'withdrawal % states %, its lines %', whole.withdrawal_no, whole.amount, said
              USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER withdrawal_whole AFTER INSERT ON withdrawal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION withdrawal_whole('id');
CREATE CONSTRAINT TRIGGER withdrawal_whole AFTER INSERT ON withdrawal_line
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION withdrawal_whole('withdrawal_id');

-- The hold is exactly what the approval says, and its mirror what is given up (占用与凭证一致).
CREATE FUNCTION withdrawal_follows_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    way text := CASE NEW.status WHEN 'approved' THEN '8199>8301' ELSE '8301>8199' END;
    entry bigint := CASE NEW.status WHEN 'approved' THEN NEW.hold_entry_id ELSE NEW.revoke_entry_id END;
    hold text := 'building:' || NEW.building_id || ':withdrawal:' || NEW.id;
    moved bigint;
    strange bigint;
BEGIN
    SELECT coalesce(sum(t.amount) FILTER (WHERE d.code || '>' || c.code = way AND hold IN (d.key, c.key)
                                            AND d.book_id = s.book_id), 0),
           coalesce(sum(t.amount), 0)
      INTO moved, strange
      FROM ledger.transfer t JOIN ledger.account d ON d.id = t.debit_account_id
      JOIN ledger.account c ON c.id = t.credit_account_id
      JOIN supervised_account s ON s.id = NEW.account_id
     WHERE t.entry_id = entry;
    IF moved <> NEW.held OR strange <> moved THEN
        RAISE 'withdrawal % holds %, its entry moves % of %', NEW.withdrawal_no, NEW.held, moved, strange
              USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_follows_ledger';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER withdrawal_follows_ledger BEFORE UPDATE ON withdrawal FOR EACH ROW
    WHEN (NEW.status IN ('approved', 'revoked') AND NEW.status <> OLD.status AND OLD.status <> 'issued')
    EXECUTE FUNCTION withdrawal_follows_ledger();

-- What a building and its account hold, by heading; keys narrowed to the building (账上现状).
CREATE FUNCTION funds_of(of_account integer, of_building integer, codes text[]) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(b.balance), 0)::bigint
      FROM supervised_account s JOIN ledger.account a ON a.book_id = s.book_id
      JOIN ledger.balance b ON b.account_id = a.id
     WHERE s.id = of_account AND a.code = ANY (codes)
       AND (of_building IS NULL OR a.key = 'building:' || of_building
            OR a.key LIKE 'building:' || of_building || ':%');
$$;

-- Why nothing leaves this building now, whatever it is for: the account, a filing at risk, a lapsed guarantee
-- whose money has not come back (账户与楼幢不付款).
CREATE FUNCTION payments_stopped(of_account integer, of_building integer) RETURNS text LANGUAGE plpgsql STABLE
AS $$
DECLARE
    standing text;
    mode text;
    level bigint;
BEGIN
    SELECT a.status, g.clauses ->> 'quota_mode' INTO standing, mode
      FROM supervised_account a JOIN agreement g ON g.id = a.agreement_id WHERE a.id = of_account;
    IF standing <> 'active' THEN
        RETURN 'the account is not active';
    ELSIF EXISTS (SELECT FROM contract c JOIN unit u ON u.id = c.unit_id
                   WHERE u.building_id = of_building AND c.status = 'at-risk') THEN
        RETURN 'a filing is at risk';
    ELSIF EXISTS (SELECT FROM guarantee WHERE building_id = of_building AND status = 'lapsed') THEN
        level := funds_of(of_account, of_building, '{8201}') - CASE mode
            WHEN 'draw_down' THEN funds_of(of_account, of_building, '{8202,8204}')
            ELSE greatest(funds_of(of_account, of_building, '{8202}'),
                          funds_of(of_account, of_building, '{8203}')) END;
        IF funds_of(of_account, of_building, '{2111,2112}') < level THEN
            RETURN 'a guarantee has lapsed';
        END IF;
    END IF;
    RETURN NULL;
END $$;

-- Whether more general funds are promised than the building has, or than the account's cash covers (超过可拨).
CREATE FUNCTION promised_too_much(of_account integer, of_building integer, past_court boolean) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT funds_of(of_account, of_building, '{2112}') < funds_of(of_account, of_building, '{8301,8302}')
        OR funds_of(of_account, NULL, '{1101}')
           < funds_of(of_account, NULL, '{2101,2102,2201,2202,2301,2401,2501,2901,2111,8301,8302}')
             + CASE WHEN past_court THEN 0 ELSE funds_of(of_account, NULL, '{8303}') END
$$;

-- Approved only over an active account, by as many officers as the amount, the rolling sum, the takeover and
-- the court ask, and within what the building and the account have left. The law kept with the approval may
-- ask for a second level below five million in thirty days, never only above (核准须立得住).
CREATE FUNCTION withdrawal_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
    account supervised_account;
    mode text;
    large bigint := (NEW.law #>> '{provisions,withdrawal_second_level,value}')::bigint * 1000000;
    days integer := (NEW.law #>> '{provisions,withdrawal_rolling_days,value}')::integer;
    recent bigint;
    reserved bigint;
BEGIN
    SELECT * INTO account FROM supervised_account WHERE id = NEW.account_id FOR NO KEY UPDATE;
    SELECT clauses ->> 'quota_mode' INTO mode FROM agreement WHERE id = account.agreement_id;
    why := payments_stopped(NEW.account_id, NEW.building_id);
    SELECT max(total) INTO recent FROM (
        SELECT sum(amount) AS total FROM withdrawal
         WHERE building_id = NEW.building_id AND status NOT IN ('rejected', 'revoked')
           AND entered_at > NEW.entered_at - make_interval(days => days)
        UNION ALL
        SELECT sum(amount) FROM withdrawal
         WHERE entered_by = NEW.entered_by AND status NOT IN ('rejected', 'revoked')
           AND entered_at > NEW.entered_at - make_interval(days => days)
        UNION ALL
        SELECT sum(l.amount) FROM withdrawal_line l JOIN withdrawal w ON w.id = l.withdrawal_id
          JOIN listed_payee p ON p.id = l.payee_id
         WHERE w.status NOT IN ('rejected', 'revoked')
           AND w.entered_at > NEW.entered_at - make_interval(days => days)
           AND p.account_no IN (SELECT q.account_no FROM withdrawal_line m
                                  JOIN listed_payee q ON q.id = m.payee_id WHERE m.withdrawal_id = NEW.id)
         GROUP BY p.account_no) AS sums;
    IF NEW.reviewed_by IS NULL AND (
           large IS NULL OR days IS NULL OR large > 500000000 OR days < 30
           OR greatest(NEW.amount, recent) >= large
           OR NEW.court_order_no IS NOT NULL OR mode = 'floor' AND NEW.key_amount > 0
           OR EXISTS (SELECT FROM takeover t WHERE t.account_id = NEW.account_id AND t.status = 'in-force'))
    THEN
        why := 'a second level has to look at it';
    END IF;
    IF NEW.key_amount > 0 AND (
           mode = 'floor' AND NEW.channel <> 'wages' OR NEW.channel = 'general'
           OR EXISTS (SELECT FROM withdrawal_line WHERE withdrawal_id = NEW.id AND purpose = 'other')) THEN
        why := 'key funds do not pay this';
    END IF;
    IF NEW.court_order_no IS NOT NULL AND EXISTS (
           SELECT FROM withdrawal_line WHERE withdrawal_id = NEW.id AND purpose = 'other') THEN
        why := 'a court''s hold is passed by construction alone';
    END IF;
    IF NEW.held > 0 AND promised_too_much(NEW.account_id, NEW.building_id, NEW.court_order_no IS NOT NULL) THEN
        why := 'more would be held than there is';
    END IF;
    SELECT coalesce(sum(key_amount), 0) + NEW.key_amount INTO reserved FROM withdrawal
     WHERE building_id = NEW.building_id AND status IN ('approved', 'uncovered') AND id <> NEW.id;
    IF NEW.key_amount > 0 AND (
           reserved > funds_of(NEW.account_id, NEW.building_id, '{2111}')
           OR mode = 'draw_down' AND reserved > funds_of(NEW.account_id, NEW.building_id, '{8203}')
                                              - funds_of(NEW.account_id, NEW.building_id, '{8204}')
           OR NEW.court_order_no IS NULL AND funds_of(NEW.account_id, NULL, '{8303}') > 0) THEN
        why := 'the key funds do not reach';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'withdrawal % may not be approved: %', NEW.withdrawal_no, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER withdrawal_stands BEFORE UPDATE ON withdrawal FOR EACH ROW
    WHEN (NEW.status = 'approved' AND OLD.status <> 'approved') EXECUTE FUNCTION withdrawal_stands();
