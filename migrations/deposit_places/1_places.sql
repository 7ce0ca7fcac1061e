-- Which contract came first after a house was given something, not counting those that had ended before: what was paid
-- before any contract was paid for that one (先缴后签的合同).
CREATE FUNCTION first_contract_after(of_house integer, at timestamptz) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT min(n.id) FROM house h JOIN contract n ON n.unit_id = h.unit_id
      LEFT JOIN contract_cancellation x ON x.contract_id = n.id
     WHERE h.id = of_house AND (x.id IS NULL OR x.cancelled_at > at)
$$;
CREATE FUNCTION deposit_contract(said house_deposit) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN said.contract_id IS NOT NULL THEN said.contract_id
                WHEN said.is_advance OR said.payer_kind = 'owner'
                THEN first_contract_after(said.house_id, said.booked_at) END
$$;

-- On which house a deposit lies, and for which contract it was paid: where it was corrected to, those of the right
-- house. What a developer paid for its own unsold home is for no contract (交存现在何处、作哪份合同).
CREATE VIEW deposit_place AS
SELECT d.id AS deposit_id, d.house_id, deposit_contract(d) AS contract_id
  FROM house_deposit d
 WHERE NOT EXISTS (SELECT FROM house_change k WHERE k.deposit_id = d.id AND k.status = 'confirmed')
UNION ALL
SELECT k.deposit_id, k.other_house_id,
       CASE WHEN k.contract_id IS NOT NULL THEN k.contract_id
            WHEN (SELECT d.payer_kind FROM house_deposit d WHERE d.id = k.deposit_id) = 'owner'
            THEN first_contract_after(k.other_house_id, k.decided_at) END
  FROM house_change k WHERE k.kind = 'misplaced' AND k.status = 'confirmed';

-- As in 0055, of the house it lies on; for none where it is for no contract.
CREATE OR REPLACE VIEW deposit_holder AS
SELECT p.deposit_id, p.house_id,
       CASE WHEN s.last IS NULL THEN p.contract_id
            ELSE (SELECT min(n.id) FROM contract n JOIN contract o ON o.id = p.contract_id
                   WHERE n.unit_id = o.unit_id AND n.id > s.last) END AS contract_id
  FROM deposit_place p LEFT JOIN LATERAL (
       SELECT max(k.contract_id) AS last FROM ended_deposit k
        WHERE k.deposit_id = p.deposit_id AND k.status = 'stays') s ON true;

-- As in 0059, of the house it lies on, unless the contract it is for has ended.
CREATE OR REPLACE VIEW standing_deposit AS
SELECT d.id, o.house_id, d.payer_kind, d.is_advance, d.amount, d.due, o.contract_id, d.receipt_id, d.decision_id,
       d.entry_id, d.paid_on, d.booked_at
  FROM deposit_holder o JOIN house_deposit d ON d.id = o.deposit_id LEFT JOIN contract c ON c.id = o.contract_id
 WHERE c.status IS DISTINCT FROM 'cancelled'
UNION ALL
SELECT -p.house_id::bigint, p.house_id, 'owner'::varchar(32), false, p.first_paid, p.first_paid, NULL, NULL, NULL, NULL, o.as_of,
       o.booked_at
  FROM house_opening p JOIN fund_opening o ON o.id = p.opening_id WHERE p.first_paid > 0;

-- As in 0059, of what lies on it now.
CREATE OR REPLACE FUNCTION house_first_paid(of_house integer) RETURNS TABLE (paid bigint, repaid bigint)
LANGUAGE sql STABLE AS $$
    SELECT (coalesce(sum(CASE WHEN p.side = 'credit' THEN p.amount ELSE -p.amount END) FILTER (
               WHERE a.code LIKE '4001%' AND e.movement <> 'M16'), 0) - (
               SELECT coalesce(sum(d.amount), 0) FROM deposit_place l JOIN house_deposit d ON d.id = l.deposit_id
                WHERE l.house_id = of_house AND NOT EXISTS (SELECT FROM standing_deposit s WHERE s.id = d.id)) + (
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
