-- As in 0055, on the house the deposit lies on (处置所载).
CREATE OR REPLACE FUNCTION ended_deposit_ways(said ended_deposit) RETURNS TABLE (way text, amount bigint)
LANGUAGE sql STABLE AS $$
    SELECT '9199 >9101 house:' || d.house_id, said.closes FROM deposit_place d
     WHERE d.deposit_id = said.deposit_id AND said.closes > 0
    UNION ALL
    SELECT CASE said.kind WHEN 'stay' THEN '9101 house:' || d.house_id || '>9199 '
                ELSE '9299 return:' || said.id || '>9201 house:' || d.house_id END, said.amount
      FROM deposit_place d WHERE d.deposit_id = said.deposit_id
$$;

-- As in 0055, of the house the deposit lies on and the contract it is for (处置须与交存、合同、凭证相符).
CREATE OR REPLACE FUNCTION ended_deposit_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said ended_deposit;
    given house_deposit;
    place deposit_place;
    fund integer;
    why text;
BEGIN
    SELECT * INTO said FROM ended_deposit WHERE id = NEW.id;
    SELECT * INTO given FROM house_deposit WHERE id = said.deposit_id;
    SELECT * INTO place FROM deposit_place WHERE deposit_id = said.deposit_id;
    SELECT fund_account_id INTO fund FROM fund_receipt WHERE id = given.receipt_id;
    why := CASE
        WHEN said.status = 'rejected' THEN NULL
        WHEN NOT EXISTS (SELECT FROM contract c JOIN house h ON h.unit_id = c.unit_id
                          WHERE c.id = said.contract_id AND c.status = 'cancelled' AND h.id = place.house_id)
             OR said.contract_id < place.contract_id OR place.contract_id IS NULL
        THEN 'its contract is not a cancelled one of this house'
        WHEN said.status = 'entered' AND said.contract_id IS DISTINCT FROM (
             SELECT o.contract_id FROM deposit_holder o WHERE o.deposit_id = said.deposit_id)
        THEN 'it counts for another contract'
        WHEN (SELECT sum(k.amount) FROM ended_deposit k
               WHERE (k.deposit_id, k.contract_id) = (said.deposit_id, said.contract_id)
                 AND k.status <> 'rejected') > given.amount
        THEN 'more than was paid'
        WHEN EXISTS (SELECT FROM ended_deposit k
                      WHERE k.deposit_id = said.deposit_id AND k.id <> said.id AND k.status <> 'rejected'
                        AND (k.kind = 'return' AND said.kind = 'return' AND k.contract_id <> said.contract_id
                             OR k.contract_id = said.contract_id AND 'stay' IN (k.kind, said.kind)))
        THEN 'it was decided otherwise'
        WHEN said.kind = 'stay' AND (said.amount <> given.amount OR NOT given.is_advance)
             OR said.payee = 'payer' AND given.is_advance
             OR said.payee IN ('developer', 'buyer') AND NOT given.is_advance
             OR said.closes > 0 AND said.payee = 'buyer' OR said.closes > 0 AND NOT given.is_advance
        THEN 'it was not theirs'
        WHEN said.payee = 'buyer' AND (
                 SELECT sum(k.amount) FROM ended_deposit k
                  WHERE k.contract_id = said.contract_id AND k.payee = 'buyer' AND k.status <> 'rejected')
             > (SELECT coalesce(sum(r.amount), 0) FROM advance_repayment r
                 WHERE r.contract_id = said.contract_id AND r.house_id = place.house_id AND r.status = 'confirmed')
        THEN 'the buyer has not repaid so much'
        WHEN said.status <> 'entered' AND EXISTS (
                 (SELECT * FROM ended_deposit_ways(said)
                  EXCEPT ALL SELECT * FROM fund_entry_ways(said.entry_id, fund))
                 UNION ALL
                 (SELECT * FROM fund_entry_ways(said.entry_id, fund)
                  EXCEPT ALL SELECT * FROM ended_deposit_ways(said)))
        THEN 'its entry moves something else' END;
    IF why IS NOT NULL THEN
        RAISE 'ended deposit % of %: %', said.id, said.amount, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'ended_deposit_whole';
    END IF;
    RETURN NULL;
END $$;

-- As in 0059, and: not what was paid before a contract that ended since (事项与凭证相符).
CREATE OR REPLACE FUNCTION house_change_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
    home house;
BEGIN
    SELECT * INTO home FROM house WHERE id = NEW.house_id;
    why := CASE
        WHEN NEW.booked_in <> pg_current_xact_id()::text::bigint THEN 'it is of another transaction'
        WHEN EXISTS (
                 (SELECT * FROM house_change_ways(NEW.id)
                  EXCEPT ALL SELECT * FROM fund_entry_ways(NEW.entry_id, NEW.fund_account_id))
                 UNION ALL
                 (SELECT * FROM fund_entry_ways(NEW.entry_id, NEW.fund_account_id)
                  EXCEPT ALL SELECT * FROM house_change_ways(NEW.id)))
        THEN 'its entry moves something else'
        WHEN NEW.kind = 'area' AND home.area <> NEW.area_after THEN 'the house has another area'
        WHEN NEW.kind = 'lost' AND home.status <> 'closed' THEN 'the house is still open'
        WHEN NEW.kind = 'lost' AND NEW.seller_amount > 0 AND home.nature <> 'public'
        THEN 'a commodity home has no seller''s part'
        WHEN NEW.kind = 'misplaced' AND NOT EXISTS (
             SELECT FROM house_deposit d LEFT JOIN contract c ON c.id = deposit_contract(d)
              WHERE d.id = NEW.deposit_id AND d.house_id = NEW.house_id AND d.amount = NEW.amount
                AND c.status IS DISTINCT FROM 'cancelled'
                AND (NOT d.is_advance OR EXISTS (
                     SELECT FROM contract o JOIN house h ON h.unit_id = o.unit_id
                      WHERE o.id = NEW.contract_id AND h.id = NEW.other_house_id AND o.status <> 'cancelled')))
        THEN 'no such deposit stands on it'
        WHEN NEW.kind = 'misplaced' AND (
             SELECT sum(s.amount) > NEW.due_after FROM standing_deposit s WHERE s.house_id = NEW.other_house_id)
        THEN 'the other house has no such room'
        WHEN NEW.kind = 'renewal' AND EXISTS (
             SELECT FROM fund_receipt r
              WHERE r.fund_account_id = NEW.fund_account_id AND r.bank_serial = NEW.document_no)
        THEN 'the bank''s line is booked already' END;
    IF why IS NOT NULL THEN
        RAISE 'change % of house %: %', NEW.id, home.unit_code, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_change_whole';
    END IF;
    RETURN NULL;
END $$;

-- As in 0059: what is being returned is not moved; what was moved is returned out of the house it lies on.
DROP TRIGGER moved_deposit_stands ON ended_deposit;
