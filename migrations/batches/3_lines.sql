-- Every line that moved what stands on a house, in booking order, with what stood after it (分户账明细).
CREATE FUNCTION house_lines(of_house integer) RETURNS TABLE (
    entry_id bigint, movement text, memo text, reference text, effective_on date, booked_at timestamptz,
    reverses_id bigint, amount bigint, balance bigint) LANGUAGE sql STABLE AS $$
    SELECT m.entry_id, m.movement, m.memo, m.reference, m.effective_on, m.booked_at, m.reverses_id, m.amount,
           (sum(m.amount) OVER (ORDER BY m.entry_id))::bigint
      FROM (SELECT e.id AS entry_id, e.movement, e.memo, e.reference, e.effective_on, e.booked_at, e.reverses_id,
                   sum(CASE p.side WHEN 'credit' THEN p.amount ELSE -p.amount END)::bigint AS amount
              FROM house h JOIN community_building g ON g.id = h.community_building_id
              JOIN community c ON c.id = g.community_id JOIN fund_account f ON f.id = c.fund_account_id
              JOIN ledger.account a ON a.book_id = f.book_id AND a.key = 'house:' || h.id
               AND a.code = ANY (ARRAY['3001', '3002', '400101', '400102', '500101', '500102', '500103', '500104',
                                       '510101', '510102'])
              JOIN ledger.posting p ON p.account_id = a.id
              JOIN ledger.journal_entry e ON e.id = p.entry_id
             WHERE h.id = of_house
             GROUP BY e.id HAVING sum(CASE p.side WHEN 'credit' THEN p.amount ELSE -p.amount END) <> 0) m
$$;

-- What was paid for a house as first deposit, whoever paid, and what its buyer has repaid the developer: both
-- stand as booked. Renewals (M16) are no first deposit (首期已缴、已归还).
CREATE FUNCTION house_first_paid(of_house integer) RETURNS TABLE (paid bigint, repaid bigint)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(CASE WHEN p.side = 'credit' THEN p.amount ELSE -p.amount END) FILTER (
               WHERE a.code LIKE '4001%' AND e.movement <> 'M16'), 0)::bigint,
           coalesce(sum(CASE WHEN p.side = 'credit' THEN p.amount ELSE -p.amount END) FILTER (
               WHERE a.code = '9101' AND e.movement = 'M2'), 0)::bigint
      FROM house h JOIN community_building g ON g.id = h.community_building_id
      JOIN community c ON c.id = g.community_id JOIN fund_account f ON f.id = c.fund_account_id
      JOIN ledger.account a ON a.book_id = f.book_id AND a.key = 'house:' || h.id
       AND a.code = ANY (ARRAY['400101', '400102', '9101'])
      JOIN ledger.posting p ON p.account_id = a.id
      JOIN ledger.journal_entry e ON e.id = p.entry_id
     WHERE h.id = of_house
$$;
