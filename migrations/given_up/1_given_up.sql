-- As in 0055 and 0073: what a developer paid ahead waits for the contract that is filed on the home; what an owner paid
-- for itself is of the first contract that came after, a draft given up too, and goes back to whoever paid it with
-- that (业主先缴的随其后第一份合同，草拟作废的也退原付款人).
CREATE FUNCTION first_contract_after(of_house integer, at timestamptz, by_owner boolean) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT min(n.id) FROM house h JOIN contract n ON n.unit_id = h.unit_id
      LEFT JOIN contract_cancellation x ON x.contract_id = n.id
     WHERE h.id = of_house AND (x.id IS NULL OR x.cancelled_at > at)
       AND (by_owner OR n.status <> 'cancelled'
            OR EXISTS (SELECT FROM contract_filing f WHERE f.contract_id = n.id)
            OR EXISTS (SELECT FROM advance_repayment r WHERE r.contract_id = n.id AND r.status = 'confirmed'))
$$;

CREATE OR REPLACE FUNCTION deposit_contract(said house_deposit) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN said.contract_id IS NOT NULL THEN said.contract_id
                WHEN said.is_advance OR said.payer_kind = 'owner' AND NOT said.is_renewal
                THEN first_contract_after(said.house_id, said.booked_at, said.payer_kind = 'owner') END
$$;

CREATE OR REPLACE VIEW deposit_place AS
SELECT d.id AS deposit_id, d.house_id, deposit_contract(d) AS contract_id
  FROM house_deposit d
 WHERE NOT EXISTS (SELECT FROM house_change k WHERE k.deposit_id = d.id AND k.status = 'confirmed')
UNION ALL
SELECT k.deposit_id, k.other_house_id,
       CASE WHEN k.contract_id IS NOT NULL THEN k.contract_id
            WHEN (SELECT d.payer_kind FROM house_deposit d WHERE d.id = k.deposit_id) = 'owner'
            THEN first_contract_after(k.other_house_id, k.decided_at, true) END
  FROM house_change k WHERE k.kind = 'misplaced' AND k.status = 'confirmed';
