-- How postings move balances, and how days close (记账与日结).

-- Every new account has its balance row. KEY SHARE on the book waits for a close under way and is waited for.
CREATE FUNCTION ledger.open_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM ledger.book b WHERE b.id = NEW.book_id FOR KEY SHARE;
    INSERT INTO ledger.balance (account_id, book_id, sign, floor, closed_through)
    SELECT NEW.id, NEW.book_id, CASE NEW.side WHEN 'debit' THEN 1 ELSE -1 END, NEW.floor,
           coalesce(max(c.day), '0001-01-01')
      FROM ledger.day_close c WHERE c.book_id = NEW.book_id;
    RETURN NULL;
END $$;
CREATE TRIGGER open_balance AFTER INSERT ON ledger.account
    FOR EACH ROW EXECUTE FUNCTION ledger.open_balance();

-- The refusals that are not a table's own constraints, by name (拒绝).
CREATE FUNCTION ledger.refuse(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE '%', CASE what
        WHEN 'known_account' THEN '没有这个科目'
        WHEN 'same_book' THEN '科目属于另一账套'
        WHEN 'day_open' THEN '该日已经日结'
        WHEN 'days_in_order' THEN '更晚的一天已经日结'
        WHEN 'ck_balance_floor' THEN '科目余额不足'
        WHEN 'exact_mirror' THEN '冲正须与原凭证逐行相反，冲正凭证不得再冲正'
        WHEN 'same_hold_book' THEN '了结须在占用的同一账套，冲正凭证不得了结'
        WHEN 'account_as_opened' THEN '该科目已按另一方向或下限开立'
        WHEN 'seals_in_step' THEN '事务号早于最近一次封存：数据库经逻辑恢复，须先推进事务号'
        ELSE what
    END USING ERRCODE = 'check_violation', CONSTRAINT = what;
END $$;

-- The only writer of transfers, balances and openings: it unfolds the entries that one statement inserted, transfer
-- by transfer in their order. A few are moved one by one, many in one statement: the outcome is the same.
CREATE FUNCTION ledger.book_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    few CONSTANT integer := 4;
    ids bigint[];
    transfers bigint;
    linked boolean;
BEGIN
    SELECT array_agg(e.id), sum(cardinality(e.amounts)), bool_or(coalesce(e.reverses_id, e.settles_id) IS NOT NULL)
      INTO ids, transfers, linked FROM entered e;
    IF transfers <= few THEN
        PERFORM ledger.book_one(e) FROM entered e;
    ELSE
        PERFORM ledger.book_many(ids);
    END IF;
    IF linked THEN
        PERFORM ledger.check_links(ids);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER book_entries AFTER INSERT ON ledger.journal_entry
    REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION ledger.book_entries();

-- Move one balance by what its own side makes of a debit above or a credit below zero; a day that first moves opens.
CREATE FUNCTION ledger.move_balance(of_book bigint, account bigint, delta bigint, effective date)
RETURNS ledger.balance LANGUAGE plpgsql AS $$
DECLARE
    moved ledger.balance;
BEGIN
    UPDATE ledger.balance b
       SET balance = b.balance + b.sign * delta, version = b.version + 1,
           last_from = CASE WHEN effective > b.last_on THEN b.version ELSE b.last_from END,
           last_on = greatest(b.last_on, effective)
     WHERE b.account_id = account RETURNING b.* INTO moved;
    IF moved.account_id IS NULL THEN
        PERFORM ledger.refuse('known_account');
    ELSIF moved.book_id <> of_book THEN
        PERFORM ledger.refuse('same_book');
    ELSIF effective <= moved.closed_through THEN
        PERFORM ledger.refuse('day_open');
    ELSIF moved.last_from = moved.version - 1 THEN
        INSERT INTO ledger.balance_day (account_id, day, opening)
        VALUES (account, effective, moved.balance - moved.sign * delta);
    END IF;
    RETURN moved;
END $$;

-- One entry, transfer by transfer.
CREATE FUNCTION ledger.book_one(e ledger.journal_entry) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    debit ledger.balance;
    credit ledger.balance;
    back_dated boolean := false;
BEGIN
    FOR line IN 1 .. cardinality(e.amounts) LOOP
        debit := ledger.move_balance(e.book_id, e.debits[line], e.amounts[line], e.effective_on);
        credit := ledger.move_balance(e.book_id, e.credits[line], -e.amounts[line], e.effective_on);
        INSERT INTO ledger.transfer (entry_id, line, debit_account_id, credit_account_id, amount,
                                     debit_version, debit_balance, credit_version, credit_balance)
        VALUES (e.id, line, debit.account_id, credit.account_id, e.amounts[line],
                debit.version, debit.balance, credit.version, credit.balance);
        back_dated := back_dated OR e.effective_on < debit.last_on OR e.effective_on < credit.last_on;
    END LOOP;
    IF back_dated THEN
        PERFORM ledger.back_date(ARRAY[e.id]);
    END IF;
END $$;

-- sum() over bigint counts in numeric; fen stay in bigint, and an overflow is an error.
CREATE AGGREGATE ledger.total(bigint) (sfunc = int8pl, stype = bigint, initcond = '0');

-- The same for many entries at once.
CREATE FUNCTION ledger.book_many(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    seen record;
BEGIN
    WITH written AS MATERIALIZED (
        SELECT e.id, e.book_id, e.effective_on, t.*
          FROM ledger.journal_entry e CROSS JOIN LATERAL unnest(e.debits, e.credits, e.amounts)
               WITH ORDINALITY AS t (debit, credit, amount, line)
         WHERE e.id = ANY (ids)
    ), leg AS MATERIALIZED (
        -- Both sides of every transfer, account by account, with the account's movement up to and including it.
        SELECT s.*, count(*) OVER so_far AS legs, ledger.total(s.delta) OVER so_far AS moved,
               max(s.effective_on) OVER so_far AS last_on, lead(s.id) OVER so_far IS NULL AS is_last
          FROM (SELECT w.id, w.line, w.debit AS account_id, true AS is_debit, w.amount AS delta,
                       w.amount, w.book_id, w.effective_on FROM written w
                UNION ALL
                SELECT w.id, w.line, w.credit, false, -w.amount, w.amount, w.book_id, w.effective_on FROM written w
               ) AS s
        WINDOW so_far AS (PARTITION BY s.account_id ORDER BY s.id, s.line ROWS UNBOUNDED PRECEDING)
    ), account AS (
        UPDATE ledger.balance b
           SET balance = b.balance + b.sign * l.moved, version = b.version + l.legs,
               last_from = CASE WHEN l.last_on > b.last_on THEN b.version ELSE b.last_from END,
               last_on = greatest(b.last_on, l.last_on)
          FROM leg l WHERE l.is_last AND b.account_id = l.account_id
        RETURNING b.account_id, b.book_id, b.sign, b.floor, b.last_on, b.last_from, b.closed_through,
                  b.balance - b.sign * l.moved AS balance_before, b.version - l.legs AS version_before
    ), opened AS (
        INSERT INTO ledger.balance_day (account_id, day, opening)
        SELECT a.account_id, a.last_on, a.balance_before FROM account a WHERE a.last_from = a.version_before
    ), stood AS MATERIALIZED (
        -- FULL, though every leg should meet its account: such a join is never a nested loop, which a plan made
        -- for a few entries would keep for a thousand.
        SELECT l.id, l.line, l.account_id, l.is_debit, l.amount, a.version_before + l.legs AS version,
               a.balance_before + a.sign * l.moved AS balance, a.floor,
               a.account_id IS NULL AS unknown, l.book_id <> a.book_id AS elsewhere,
               l.effective_on <= a.closed_through AS closed, l.effective_on < a.last_on AS back_dated
          FROM leg l FULL JOIN account a ON a.account_id = l.account_id
    ), transferred AS (
        INSERT INTO ledger.transfer (entry_id, line, debit_account_id, credit_account_id, amount,
                                     debit_version, debit_balance, credit_version, credit_balance)
        SELECT s.id, s.line,
               max(s.account_id) FILTER (WHERE s.is_debit), max(s.account_id) FILTER (WHERE NOT s.is_debit),
               max(s.amount),
               max(s.version) FILTER (WHERE s.is_debit), max(s.balance) FILTER (WHERE s.is_debit),
               max(s.version) FILTER (WHERE NOT s.is_debit), max(s.balance) FILTER (WHERE NOT s.is_debit)
          FROM stood s WHERE NOT s.unknown GROUP BY s.id, s.line HAVING count(*) = 2 ORDER BY s.id, s.line
    )
    SELECT bool_or(s.unknown) AS unknown, bool_or(s.elsewhere) AS elsewhere, bool_or(s.closed) AS closed,
           bool_or(s.back_dated) AS back_dated, bool_or(s.balance < s.floor) AS below
      INTO seen FROM stood s;

    IF seen.unknown THEN
        PERFORM ledger.refuse('known_account');
    ELSIF seen.elsewhere THEN
        PERFORM ledger.refuse('same_book');
    ELSIF seen.closed THEN
        PERFORM ledger.refuse('day_open');
    ELSIF seen.below THEN
        PERFORM ledger.refuse('ck_balance_floor');
    END IF;
    IF seen.back_dated THEN
        PERFORM ledger.back_date(ids);
    END IF;
END $$;

-- What these entries move, by account and day, before the account's last day.
CREATE FUNCTION ledger.back_dated(ids bigint[]) RETURNS TABLE (account_id bigint, day date, delta bigint)
LANGUAGE sql STABLE AS $$
    SELECT p.account_id, e.effective_on,
           ledger.total(b.sign * CASE p.side WHEN 'debit' THEN p.amount ELSE -p.amount END)
      FROM ledger.posting p
      JOIN ledger.journal_entry e ON e.id = p.entry_id
      JOIN ledger.balance b ON b.account_id = p.account_id
     WHERE p.entry_id = ANY (ids) AND e.effective_on < b.last_on
     GROUP BY p.account_id, e.effective_on
$$;

-- Back-dated postings move the opening of every later day of the account (倒起息).
CREATE FUNCTION ledger.back_date(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- A day that did not exist opens as the next one did: nothing had moved in between.
    INSERT INTO ledger.balance_day (account_id, day, opening)
    SELECT m.account_id, m.day, (
               SELECT d.opening FROM ledger.balance_day d
                WHERE d.account_id = m.account_id AND d.day > m.day ORDER BY d.day LIMIT 1)
      FROM ledger.back_dated(ids) m
    ON CONFLICT ON CONSTRAINT pk_balance_day DO NOTHING;

    UPDATE ledger.balance_day d SET opening = d.opening + moved.delta
      FROM (SELECT later.account_id, later.day, ledger.total(m.delta) AS delta
              FROM ledger.back_dated(ids) m
              JOIN ledger.balance_day later ON later.account_id = m.account_id AND later.day > m.day
             GROUP BY later.account_id, later.day) AS moved
     WHERE d.account_id = moved.account_id AND d.day = moved.day;
END $$;

-- Line by line the other way round, the last one first, so that no account dips lower than it did before.
CREATE FUNCTION ledger.reversed(lines bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(l.value ORDER BY l.line DESC) FROM unnest(lines) WITH ORDINALITY AS l (value, line)
$$;

-- A reversal is the exact mirror of an entry that is none itself; a settlement stays in the book of its hold.
CREATE FUNCTION ledger.check_links(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM ledger.journal_entry e JOIN ledger.journal_entry o ON o.id = e.reverses_id
      WHERE e.id = ANY (ids)
        AND (o.reverses_id IS NOT NULL OR o.id >= e.id OR e.book_id <> o.book_id
             OR e.debits <> ledger.reversed(o.credits) OR e.credits <> ledger.reversed(o.debits)
             OR e.amounts <> ledger.reversed(o.amounts));
    IF FOUND THEN
        PERFORM ledger.refuse('exact_mirror');
    END IF;
    PERFORM FROM ledger.journal_entry e JOIN ledger.journal_entry o ON o.id = e.settles_id
      WHERE e.id = ANY (ids) AND (o.reverses_id IS NOT NULL OR o.id >= e.id OR e.book_id <> o.book_id);
    IF FOUND THEN
        PERFORM ledger.refuse('same_hold_book');
    END IF;
END $$;

-- A close waits for every posting of the book under way, and every later posting meets its day (日结).
CREATE FUNCTION ledger.close_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM ledger.book b WHERE b.id = NEW.book_id FOR UPDATE;
    PERFORM FROM ledger.balance b WHERE b.book_id = NEW.book_id ORDER BY b.account_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM ledger.day_close c WHERE c.book_id = NEW.book_id AND c.day > NEW.day) THEN
        PERFORM ledger.refuse('days_in_order');
    END IF;
    UPDATE ledger.balance b SET closed_through = NEW.day WHERE b.book_id = NEW.book_id;
    RETURN NULL;
END $$;
CREATE TRIGGER close_accounts AFTER INSERT ON ledger.day_close
    FOR EACH ROW EXECUTE FUNCTION ledger.close_accounts();
