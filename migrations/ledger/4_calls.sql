-- The application's only ways in: functions that run as the owner, named by schema throughout (应用可用的入口).

CREATE FUNCTION ledger.open_book(book_code text, book_title text) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_id bigint;
BEGIN
    INSERT INTO ledger.book (code, title) VALUES (book_code, book_title)
    ON CONFLICT ON CONSTRAINT uq_book_code DO NOTHING RETURNING id INTO found_id;
    IF found_id IS NULL THEN
        SELECT b.id INTO found_id FROM ledger.book b WHERE b.code = book_code;
    END IF;
    RETURN found_id;
END $$;

CREATE FUNCTION ledger.open_account(of_book bigint, of_code text, of_key text, of_side text, of_floor bigint)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_id bigint;
BEGIN
    INSERT INTO ledger.account (book_id, code, key, side, floor)
    VALUES (of_book, of_code, of_key, of_side, of_floor)
    ON CONFLICT ON CONSTRAINT uq_account_book_id_code_key DO NOTHING RETURNING id INTO found_id;
    IF found_id IS NULL THEN
        SELECT a.id INTO found_id FROM ledger.account a
         WHERE a.book_id = of_book AND a.code = of_code AND a.key = of_key
           AND a.side = of_side AND a.floor IS NOT DISTINCT FROM of_floor;
        IF found_id IS NULL THEN
            PERFORM ledger.refuse('account_as_opened');
        END IF;
    END IF;
    RETURN found_id;
END $$;

CREATE FUNCTION ledger.lock_balances(ids bigint[]) RETURNS TABLE (account_id bigint, balance bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT b.account_id, b.balance FROM ledger.balance b
     WHERE b.account_id = ANY (ids) ORDER BY b.account_id FOR NO KEY UPDATE
$$;

-- Arrays in, one round trip: a single entry is a batch of one. Entry n has the transfers firsts[n] to lasts[n].
-- Plans are made once and kept. One made on empty tables must not scan full ones, and one made for a thousand
-- entries must not read every balance for a single one: rows are found by index, one at a time.
CREATE FUNCTION ledger.post_entries(
    books bigint[], movements text[], refs text[], groups text[], days date[], memos text[],
    reversals bigint[], settlements bigint[], firsts integer[], lasts integer[],
    debits bigint[], credits bigint[], amounts bigint[]
) RETURNS TABLE (entry_id bigint, at timestamptz) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
BEGIN
    -- Locks in id order, before the booking time is taken and in a statement of its own: a lock wait inside a
    -- statement does not refresh what that statement reads.
    PERFORM FROM ledger.balance b WHERE b.account_id = ANY (debits || credits)
      ORDER BY b.account_id FOR NO KEY UPDATE;
    RETURN QUERY
    INSERT INTO ledger.journal_entry AS e (book_id, movement, reference, event_group, effective_on, memo,
                                           reverses_id, settles_id, debits, credits, amounts)
    SELECT d.book, d.movement, d.ref, d.event_group, d.day, d.memo, d.reverses, d.settles,
           debits[d.first : d.last], credits[d.first : d.last], amounts[d.first : d.last]
      FROM (SELECT unnest(books) AS book, unnest(movements) AS movement, unnest(refs) AS ref,
                   unnest(groups) AS event_group, unnest(days) AS day, unnest(memos) AS memo,
                   unnest(reversals) AS reverses, unnest(settlements) AS settles,
                   unnest(firsts) AS first, unnest(lasts) AS last) AS d
    RETURNING e.id, e.booked_at;
END $$;

-- The mirror of one entry, made from the entry itself (冲正).
CREATE FUNCTION ledger.reverse_entry(original bigint, ref text, day date, why text, in_group text)
RETURNS TABLE (entry_id bigint, at timestamptz) LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.entry_id, p.at
      FROM ledger.journal_entry o,
           ledger.post_entries(ARRAY[o.book_id], ARRAY[o.movement], ARRAY[ref], ARRAY[in_group], ARRAY[day],
                               ARRAY[why], ARRAY[o.id], ARRAY[NULL::bigint], ARRAY[1],
                               ARRAY[cardinality(o.amounts)], ledger.reversed(o.credits),
                               ledger.reversed(o.debits), ledger.reversed(o.amounts)) AS p
     WHERE o.id = original
$$;

CREATE FUNCTION ledger.close_day(of_book bigint, closing date) RETURNS void LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO ledger.day_close (book_id, day) VALUES (of_book, closing)
$$;

-- The balance after the last posting booked at or before an instant: bisection over the account's versions,
-- whose booking times rise because they are taken under its lock (时点余额).
CREATE FUNCTION ledger.balance_at(account bigint, instant timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 0;
    high bigint;
    middle bigint;
    probed record;
    answer bigint := 0;
BEGIN
    SELECT b.version INTO high FROM ledger.balance b WHERE b.account_id = account;
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        SELECT e.booked_at, p.balance INTO probed
          FROM ledger.posting p JOIN ledger.journal_entry e ON e.id = p.entry_id
         WHERE p.account_id = account AND p.version = middle;
        IF probed.booked_at <= instant THEN
            low := middle;
            answer := probed.balance;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN answer;
END $$;
