-- How postings move balances, and how days close (记账与日结).

-- Every new account has its balance row. KEY SHARE on the book waits for a close under way and is waited for.
CREATE FUNCTION ledger.open_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM ledger.book b WHERE b.id = NEW.book_id FOR KEY SHARE;
    INSERT INTO ledger.balance (account_id, book_id, sign, floor, closed_through)
    SELECT NEW.id, NEW.book_id, CASE NEW.side WHEN 'debit' THEN 1 ELSE -1 END, NEW.floor,
           coalesce(max(c.day), '-infinity')
      FROM ledger.day_close c WHERE c.book_id = NEW.book_id;
    RETURN NULL;
END $$;
CREATE TRIGGER open_balance AFTER INSERT ON ledger.account
    FOR EACH ROW EXECUTE FUNCTION ledger.open_balance();

-- The only writer of transfers, balances and day balances: it unfolds the entries one statement inserted.
CREATE FUNCTION ledger.book_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    seen record;
    below boolean;
BEGIN
    WITH net AS (
        SELECT l.account_id, sum(l.delta)::bigint AS delta, count(*) AS legs, min(e.book_id) AS book_id,
               max(e.book_id) AS other_book_id, min(e.effective_on) AS first_on, max(e.effective_on) AS last_on
          FROM entered e CROSS JOIN LATERAL (
                   SELECT d.id, d.amount FROM unnest(e.debits, e.amounts) AS d (id, amount)
                   UNION ALL
                   SELECT c.id, -c.amount FROM unnest(e.credits, e.amounts) AS c (id, amount)
               ) AS l (account_id, delta)
         GROUP BY l.account_id
    ), moved AS (
        UPDATE ledger.balance b
           SET balance = b.balance + b.sign * n.delta, version = b.version + n.legs,
               last_on = greatest(b.last_on, n.last_on)
          FROM net n WHERE b.account_id = n.account_id
        RETURNING b.account_id, b.balance, b.last_on, n.first_on = b.last_on AS on_last_day,
                  n.first_on <= b.closed_through AS on_closed_day,
                  n.book_id <> b.book_id OR n.other_book_id <> b.book_id AS in_other_book
    ), dated AS (
        INSERT INTO ledger.balance_day AS d (account_id, day, balance)
        SELECT m.account_id, m.last_on, m.balance FROM moved m WHERE m.on_last_day
        ON CONFLICT ON CONSTRAINT pk_balance_day DO UPDATE SET balance = excluded.balance
    )
    SELECT (SELECT count(*) FROM net) <> count(*) AS unknown, bool_or(m.in_other_book) AS in_other_book,
           bool_or(m.on_closed_day) AS on_closed_day, NOT bool_and(m.on_last_day) AS back_dated,
           EXISTS (SELECT FROM entered e WHERE coalesce(e.reverses_id, e.settles_id) IS NOT NULL) AS linked
      INTO seen FROM moved m;

    IF seen.unknown THEN
        RAISE '没有这个科目' USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'known_account';
    ELSIF seen.in_other_book THEN
        RAISE '科目属于另一账套' USING ERRCODE = 'check_violation', CONSTRAINT = 'same_book';
    ELSIF seen.on_closed_day THEN
        RAISE '该日已经日结' USING ERRCODE = 'check_violation', CONSTRAINT = 'day_open';
    END IF;

    -- Both sides of each transfer, with what its account had after it: counted back from the balance just moved.
    WITH leg AS MATERIALIZED (
        SELECT l.entry_id, l.line, l.account_id, l.is_debit, l.amount,
               b.version - (count(*) OVER later - 1) AS version,
               b.balance - b.sign * (sum(l.delta) OVER later - l.delta)::bigint AS balance, b.floor
          FROM (SELECT e.id, t.line, a.account_id, a.is_debit, t.amount,
                       CASE WHEN a.is_debit THEN t.amount ELSE -t.amount END
                  FROM entered e
                 CROSS JOIN LATERAL unnest(e.debits, e.credits, e.amounts)
                       WITH ORDINALITY AS t (debit, credit, amount, line)
                 CROSS JOIN LATERAL (VALUES (t.debit, true), (t.credit, false)) AS a (account_id, is_debit)
               ) AS l (entry_id, line, account_id, is_debit, amount, delta)
          JOIN ledger.balance b ON b.account_id = l.account_id
        WINDOW later AS (PARTITION BY l.account_id ORDER BY l.entry_id DESC, l.line DESC
                         ROWS UNBOUNDED PRECEDING)
    ), written AS (
        INSERT INTO ledger.transfer (entry_id, line, debit_account_id, credit_account_id, amount,
                                     debit_version, debit_balance, credit_version, credit_balance)
        SELECT l.entry_id, l.line,
               max(l.account_id) FILTER (WHERE l.is_debit), max(l.account_id) FILTER (WHERE NOT l.is_debit),
               max(l.amount),
               max(l.version) FILTER (WHERE l.is_debit), max(l.balance) FILTER (WHERE l.is_debit),
               max(l.version) FILTER (WHERE NOT l.is_debit), max(l.balance) FILTER (WHERE NOT l.is_debit)
          FROM leg l GROUP BY l.entry_id, l.line ORDER BY l.entry_id, l.line
    )
    SELECT bool_or(l.balance < l.floor) INTO below FROM leg l;

    IF below THEN
        PERFORM ledger.check_floors(array_agg(e.id)) FROM entered e;
    END IF;
    IF seen.back_dated THEN
        PERFORM ledger.back_date(array_agg(e.id)) FROM entered e;
    END IF;
    IF seen.linked THEN
        PERFORM ledger.check_links(array_agg(e.id)) FROM entered e;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER book_entries AFTER INSERT ON ledger.journal_entry
    REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION ledger.book_entries();

-- In a batch each entry must leave its accounts at or above their floors, not only the last one.
CREATE FUNCTION ledger.check_floors(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM (
        SELECT DISTINCT ON (p.account_id, p.entry_id) p.account_id, p.balance
          FROM ledger.posting p WHERE p.entry_id = ANY (ids)
         ORDER BY p.account_id, p.entry_id, p.line DESC
    ) AS left_by JOIN ledger.balance b ON b.account_id = left_by.account_id WHERE left_by.balance < b.floor;
    IF FOUND THEN
        RAISE '科目余额不足' USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_balance_floor';
    END IF;
END $$;

-- What a batch moves, by account and day, on the accounts it did not meet on their last day only.
CREATE FUNCTION ledger.back_dated(ids bigint[]) RETURNS TABLE (account_id bigint, day date, delta bigint)
LANGUAGE sql STABLE AS $$
    SELECT m.account_id, m.effective_on, sum(m.delta)::bigint
      FROM (SELECT p.account_id, e.effective_on, b.last_on,
                   b.sign * CASE p.side WHEN 'debit' THEN p.amount ELSE -p.amount END AS delta,
                   min(e.effective_on) OVER (PARTITION BY p.account_id) AS first_on
              FROM ledger.posting p
              JOIN ledger.journal_entry e ON e.id = p.entry_id
              JOIN ledger.balance b ON b.account_id = p.account_id
             WHERE p.entry_id = ANY (ids)) AS m
     WHERE m.first_on < m.last_on
     GROUP BY m.account_id, m.effective_on
$$;

-- Back-dated postings move their day and every later one of the account (倒起息).
CREATE FUNCTION ledger.back_date(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- A day that did not exist starts from what stood before it.
    INSERT INTO ledger.balance_day (account_id, day, balance)
    SELECT m.account_id, m.day, coalesce((
               SELECT d.balance FROM ledger.balance_day d
                WHERE d.account_id = m.account_id AND d.day < m.day ORDER BY d.day DESC LIMIT 1), 0)
      FROM ledger.back_dated(ids) m
    ON CONFLICT ON CONSTRAINT pk_balance_day DO NOTHING;

    UPDATE ledger.balance_day d SET balance = d.balance + moved.delta
      FROM (SELECT later.account_id, later.day, sum(m.delta)::bigint AS delta
              FROM ledger.back_dated(ids) m
              JOIN ledger.balance_day later ON later.account_id = m.account_id AND later.day >= m.day
             GROUP BY later.account_id, later.day) AS moved
     WHERE d.account_id = moved.account_id AND d.day = moved.day;
END $$;

-- A reversal is the exact mirror of an entry that is none itself; a settlement stays in the book of its hold.
CREATE FUNCTION ledger.check_links(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM ledger.journal_entry e JOIN ledger.journal_entry o ON o.id = e.reverses_id
      WHERE e.id = ANY (ids)
        AND (o.reverses_id IS NOT NULL OR o.id >= e.id
             OR (e.book_id, e.debits, e.credits, e.amounts) <> (o.book_id, o.credits, o.debits, o.amounts));
    IF FOUND THEN
        RAISE '冲正须与原凭证借贷相反、金额相同，冲正凭证不得再冲正'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'exact_mirror';
    END IF;
    PERFORM FROM ledger.journal_entry e JOIN ledger.journal_entry o ON o.id = e.settles_id
      WHERE e.id = ANY (ids) AND (o.reverses_id IS NOT NULL OR o.id >= e.id OR e.book_id <> o.book_id);
    IF FOUND THEN
        RAISE '了结须在占用的同一账套，冲正凭证不得了结'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'same_hold_book';
    END IF;
END $$;

-- A close waits for every posting of the book under way, and every later posting meets its day (日结).
CREATE FUNCTION ledger.close_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM ledger.book b WHERE b.id = NEW.book_id FOR UPDATE;
    PERFORM FROM ledger.balance b WHERE b.book_id = NEW.book_id ORDER BY b.account_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM ledger.day_close c WHERE c.book_id = NEW.book_id AND c.day > NEW.day) THEN
        RAISE '更晚的一天已经日结' USING ERRCODE = 'check_violation', CONSTRAINT = 'days_in_order';
    END IF;
    UPDATE ledger.balance b SET closed_through = NEW.day WHERE b.book_id = NEW.book_id;
    RETURN NULL;
END $$;
CREATE TRIGGER close_accounts AFTER INSERT ON ledger.day_close
    FOR EACH ROW EXECUTE FUNCTION ledger.close_accounts();
