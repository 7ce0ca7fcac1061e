-- In a fund's book an account of the house dimension is of a house or community of that fund, and of its nature:
-- asked once, when it is opened; neither the account nor the house's place ever changes (科目辅助核算).
CREATE FUNCTION fund_dimension() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    fund integer;
    of_house integer := substring(NEW.key FROM '^house:([1-9][0-9]{0,8})$')::integer;
    of_community integer := substring(NEW.key FROM '^community:([1-9][0-9]{0,8})(?::public)?$')::integer;
    of_nature text := CASE WHEN NEW.code IN ('3001', '400101', '510101') THEN 'commodity'
                           WHEN NEW.code IN ('3002', '400102', '510102') THEN 'public' END;
BEGIN
    SELECT f.id INTO fund FROM ledger.book b
      JOIN fund_account f ON f.account_no = substring(b.code FROM '^fund:(.+)$') AND f.status <> 'rejected'
     WHERE b.id = NEW.book_id;
    IF fund IS NULL THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
           SELECT FROM house h JOIN community_building b ON b.id = h.community_building_id
             JOIN community c ON c.id = b.community_id
            WHERE h.id = of_house AND c.fund_account_id = fund AND h.nature = coalesce(of_nature, h.nature))
       AND NOT EXISTS (
           SELECT FROM community c
            WHERE c.id = of_community AND c.fund_account_id = fund AND NEW.code NOT IN ('9101', '9201')
              AND (NEW.key LIKE '%:public') = (coalesce(of_nature, CASE WHEN NEW.key LIKE '%:public'
                                                THEN 'public' ELSE 'commodity' END) = 'public')) THEN
        RAISE 'account % %: no house or community of this fund', NEW.code, NEW.key
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_dimension';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fund_dimension AFTER INSERT ON ledger.account
    FOR EACH ROW WHEN (NEW.code IN ('3001', '3002', '400101', '400102', '500101', '500102', '500103', '500104',
                                    '510101', '510102', '9101', '9201'))
    EXECUTE FUNCTION fund_dimension();

-- What of an entry lies on a chart code's house keys: the same codes for the guard, the views and the check.
CREATE FUNCTION fund_share_code(code text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT code IN ('3001', '3002', '400101', '400102', '500101', '500102', '500103', '500104',
                    '510101', '510102')
$$;

-- Every entry of a fund's book moves what stands on its houses, each house locked in id order; no house goes below
-- zero or below what is held for a use. What leaves the bank account is noted, to be explained at the end.
CREATE FUNCTION fund_follows(ids bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public SET plan_cache_mode = 'force_generic_plan' AS $$
BEGIN
    WITH moved AS MATERIALIZED (
        SELECT substring(a.key FROM 7)::integer AS house_id,
               coalesce(sum(p.delta) FILTER (WHERE fund_share_code(a.code)), 0)::bigint AS balance,
               coalesce(sum(p.delta) FILTER (WHERE a.code = '9201'), 0)::bigint AS held,
               coalesce(-sum(p.delta) FILTER (WHERE a.code = '9101'), 0)::bigint AS owed
          FROM ledger.journal_entry e
          CROSS JOIN LATERAL (
              SELECT l.account, l.amount AS delta FROM unnest(e.credits, e.amounts) AS l (account, amount)
              UNION ALL
              SELECT l.account, -l.amount FROM unnest(e.debits, e.amounts) AS l (account, amount)) p
          JOIN ledger.account a ON a.id = p.account
         WHERE e.id = ANY (ids) AND a.key LIKE 'house:%'
           AND (fund_share_code(a.code) OR a.code IN ('9101', '9201'))
         GROUP BY a.key
    ), locked AS MATERIALIZED (
        SELECT b.house_id, m.balance, m.held, m.owed
          FROM house_balance b JOIN moved m ON m.house_id = b.house_id
         ORDER BY b.house_id FOR NO KEY UPDATE OF b
    )
    UPDATE house_balance b
       SET balance = b.balance + l.balance, held = b.held + l.held, owed = b.owed + l.owed
      FROM locked l WHERE b.house_id = l.house_id;

    INSERT INTO fund_outflow (entry_id, amount)
    SELECT e.id, sum(CASE WHEN c.code LIKE '1001%' THEN l.amount ELSE 0 END
                   - CASE WHEN d.code LIKE '1001%' THEN l.amount ELSE 0 END)
      FROM ledger.journal_entry e
      CROSS JOIN LATERAL unnest(e.debits, e.credits, e.amounts) AS l (debit, credit, amount)
      JOIN ledger.account c ON c.id = l.credit
      JOIN ledger.account d ON d.id = l.debit
     WHERE e.id = ANY (ids) AND (c.code LIKE '1001%') <> (d.code LIKE '1001%')
     GROUP BY e.id
    HAVING sum(CASE WHEN c.code LIKE '1001%' THEN l.amount ELSE -l.amount END) > 0;
END $$;

-- Which papers let money out. None yet: a room that pays adds its own by replacing this.
CREATE FUNCTION fund_outflow_papers(of_entry bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT false
$$;
CREATE FUNCTION fund_outflow_explained() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF fund_outflow_papers(NEW.entry_id) THEN
        RETURN NULL;
    END IF;
    RAISE 'entry % takes % out of the fund account, and no paper says why', NEW.entry_id, NEW.amount
          USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_outflow_explained';
END $$;
CREATE CONSTRAINT TRIGGER fund_outflow_explained AFTER INSERT ON fund_outflow
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fund_outflow_explained();

-- As in 0029, with one more rule: an entry of a fund's book.
CREATE OR REPLACE FUNCTION public.rules_look() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    levels bigint[];
    orders bigint[];
    outflows bigint[];
    funds bigint[];
BEGIN
    SELECT array_agg(e.id) FILTER (WHERE t.level), array_agg(e.id) FILTER (WHERE t.transit),
           array_agg(e.id) FILTER (WHERE t.outflow),
           array_agg(e.id) FILTER (WHERE EXISTS (
               SELECT FROM public.fund_account f WHERE f.book_id = e.book_id))
      INTO levels, orders, outflows, funds
      FROM booked e CROSS JOIN LATERAL (
          SELECT bool_or(a.code IN ('2111', '2112', '8201', '8202', '8203', '8204')
                         AND a.key LIKE 'building:%') AS level,
                 bool_or(a.code IN ('2201', '2202')) AS transit,
                 bool_or(a.code = '1101' AND a.id = ANY (e.credits)) AS outflow
            FROM ledger.account a WHERE a.id = ANY (e.debits || e.credits)) t;
    IF levels IS NOT NULL THEN
        PERFORM public.key_funds_follow(levels);
    END IF;
    IF orders IS NOT NULL THEN
        PERFORM public.orders_follow(orders);
    END IF;
    IF outflows IS NOT NULL THEN
        PERFORM public.outflows_noted(outflows);
    END IF;
    IF funds IS NOT NULL THEN
        PERFORM public.fund_follows(funds);
    END IF;
    RETURN NULL;
END $$;
