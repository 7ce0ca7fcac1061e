-- As in 0061, not counting drafts that ended before they were filed and before their buyer repaid anything: what a
-- developer paid ahead for a home waits for the contract that is filed on it (先缴后签的合同).
CREATE OR REPLACE FUNCTION first_contract_after(of_house integer, at timestamptz) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT min(n.id) FROM house h JOIN contract n ON n.unit_id = h.unit_id
      LEFT JOIN contract_cancellation x ON x.contract_id = n.id
     WHERE h.id = of_house AND (x.id IS NULL OR x.cancelled_at > at)
       AND (n.status <> 'cancelled'
            OR EXISTS (SELECT FROM contract_filing f WHERE f.contract_id = n.id)
            OR EXISTS (SELECT FROM advance_repayment r WHERE r.contract_id = n.id AND r.status = 'confirmed'))
$$;
