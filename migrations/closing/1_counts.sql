-- A line counts against its contract, its invoice and the rolling sums while its application lives; of one whose
-- rest was given up, only what the bank has paid and not sent back (合同、发票与累计只算付出与在办的).
CREATE FUNCTION line_counts(of_line integer, whole varchar) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT whole NOT IN ('rejected', 'revoked') AND (whole <> 'closed' OR EXISTS (
        SELECT FROM withdrawal_order o JOIN instruction i ON i.id = o.instruction_id
         WHERE o.line_id = of_line AND i.status NOT IN ('failed', 'returned', 'cancelled')))
$$;

-- As before, counted like this (白名单、合同价、发票一次).
CREATE OR REPLACE FUNCTION withdrawal_line_stands() RETURNS trigger LANGUAGE plpgsql AS $$
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
     WHERE p.contract_id = contract.id AND line_counts(l.id, w.status);
    IF taken + NEW.amount > (contract.price * NEW.progress)::bigint THEN
        RAISE 'contract %: price %, already %', contract.contract_no, contract.price, taken
              USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_within_contract';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(one, 1))
       FROM unnest(ARRAY[NEW.invoice_no, NEW.invoice_hash]) AS one ORDER BY one;
    SELECT w.withdrawal_no INTO first FROM withdrawal_line l JOIN withdrawal w ON w.id = l.withdrawal_id
     WHERE (l.invoice_no = NEW.invoice_no OR l.invoice_hash = NEW.invoice_hash)
       AND line_counts(l.id, w.status) LIMIT 1;
    INSERT INTO filed_paper (file_hash, used_for) VALUES (NEW.invoice_hash, 'withdrawal_line')
        ON CONFLICT DO NOTHING;
    SELECT used_for INTO used FROM filed_paper WHERE file_hash = NEW.invoice_hash;
    IF first IS NOT NULL OR used <> 'withdrawal_line' THEN
        RAISE 'invoice %: used already, %', NEW.invoice_no, coalesce(first, used)
              USING ERRCODE = 'unique_violation', CONSTRAINT = 'invoice_once';
    END IF;
    RETURN NEW;
END $$;

-- As before, counted like this (核准须立得住).
CREATE OR REPLACE FUNCTION withdrawal_stands() RETURNS trigger LANGUAGE plpgsql AS $$
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
        SELECT sum(l.amount) AS total FROM withdrawal_line l JOIN withdrawal w ON w.id = l.withdrawal_id
         WHERE w.building_id = NEW.building_id AND line_counts(l.id, w.status)
           AND w.entered_at > NEW.entered_at - make_interval(days => days)
        UNION ALL
        SELECT sum(l.amount) FROM withdrawal_line l JOIN withdrawal w ON w.id = l.withdrawal_id
         WHERE w.entered_by = NEW.entered_by AND line_counts(l.id, w.status)
           AND w.entered_at > NEW.entered_at - make_interval(days => days)
        UNION ALL
        SELECT sum(l.amount) FROM withdrawal_line l JOIN withdrawal w ON w.id = l.withdrawal_id
          JOIN listed_payee p ON p.id = l.payee_id
         WHERE line_counts(l.id, w.status)
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
