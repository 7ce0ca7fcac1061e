-- As in 0067, asking of this house alone: without the house the planner looked through every deposit there is.
CREATE OR REPLACE FUNCTION house_first_paid(of_house integer) RETURNS TABLE (paid bigint, repaid bigint)
LANGUAGE sql STABLE AS $$
    SELECT (coalesce(sum(CASE WHEN p.side = 'credit' THEN p.amount ELSE -p.amount END) FILTER (
               WHERE a.code LIKE '4001%' AND e.movement <> 'M16'), 0) - (
               SELECT coalesce(sum(d.amount), 0) FROM deposit_place l JOIN house_deposit d ON d.id = l.deposit_id
                  JOIN ledger.journal_entry n ON n.id = d.entry_id AND n.movement <> 'M16'
                WHERE l.house_id = of_house AND NOT EXISTS (SELECT FROM standing_deposit s WHERE s.id = d.id AND s.house_id = of_house)) + (
               SELECT coalesce(sum(k.amount), 0) FROM deposit_place l JOIN ended_deposit k ON k.deposit_id = l.deposit_id
                WHERE l.house_id = of_house AND k.status = 'returned'))::bigint
           + coalesce((SELECT o.first_paid FROM house_opening o WHERE o.house_id = of_house), 0),
           (coalesce(sum(CASE WHEN p.side = 'credit' THEN p.amount ELSE -p.amount END) FILTER (
               WHERE a.code = '9101' AND e.movement IN ('M2', 'M2x')), 0) - (
               SELECT coalesce(sum(r.amount), 0) FROM advance_repayment r JOIN contract c ON c.id = r.contract_id
                WHERE r.house_id = of_house AND r.status = 'confirmed' AND c.status = 'cancelled'))::bigint
      FROM house h JOIN community_building g ON g.id = h.community_building_id
      JOIN community c ON c.id = g.community_id JOIN fund_account f ON f.id = c.fund_account_id
      JOIN ledger.account a ON a.book_id = f.book_id AND a.key = 'house:' || h.id
       AND a.code = ANY (ARRAY['400101', '400102', '9101'])
      JOIN ledger.posting p ON p.account_id = a.id
      JOIN ledger.journal_entry e ON e.id = p.entry_id
     WHERE h.id = of_house
$$;
