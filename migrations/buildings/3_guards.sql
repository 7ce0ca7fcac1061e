-- First registration of each building that is released, whatever the agreement says (所解除楼幢已首次登记).
CREATE OR REPLACE FUNCTION release_after_first_registration() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    buildings bigint;
    registered bigint;
BEGIN
    SELECT count(*), count(r.building_id) INTO buildings, registered
      FROM buildings_of_release(NEW) AS b (id)
      LEFT JOIN registered_building r ON r.building_id = b.id AND r.status = 'confirmed';
    IF buildings = 0 OR registered <> buildings THEN
        RAISE 'release %: % of % buildings have their first registration',
              NEW.release_no, registered, buildings
              USING ERRCODE = 'check_violation', CONSTRAINT = 'release_after_first_registration';
    END IF;
    RETURN NEW;
END $$;

-- The building an account of the book is of: by its key, or by its order's source; null: of all of them.
CREATE FUNCTION building_of(code text, key text) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN key LIKE 'building:%' THEN split_part(key, ':', 2)::integer
                WHEN code IN ('2201', '2202') THEN (
                    SELECT coalesce(i.building_id,
                                    nullif(substring(i.source_key FROM '^building:([0-9]+)'), '')::integer)
                      FROM instruction i WHERE i.id = substring(key FROM '^instruction:([0-9]+)$')::integer)
           END
$$;

-- The amount is what the entry moves, 2111 and 2112 of its buildings to their 2501, in this account's own
-- book; afterwards nothing of them is left and nothing on P20's list is open, theirs or the account's.
CREATE OR REPLACE FUNCTION release_follows_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    book bigint;
    moved bigint;
    strange bigint;
    open_code text;
    scope integer[];
BEGIN
    SELECT book_id INTO book FROM supervised_account WHERE id = NEW.account_id FOR UPDATE;
    SELECT array_agg(b.id) INTO scope FROM buildings_of_release(NEW) AS b (id);
    SELECT coalesce(sum(t.amount), 0),
           count(*) FILTER (WHERE d.book_id <> book OR d.code NOT IN ('2111', '2112') OR c.code <> '2501'
                               OR NOT NEW.is_whole AND (d.key <> c.key
                                  OR coalesce(public.building_of(d.code, d.key) <> ALL (scope), true)))
      INTO moved, strange
      FROM ledger.transfer t
      JOIN ledger.account d ON d.id = t.debit_account_id
      JOIN ledger.account c ON c.id = t.credit_account_id
     WHERE t.entry_id = NEW.entry_id;
    IF moved <> NEW.amount OR strange > 0 THEN
        RAISE 'release % states %, its entry moves %', NEW.release_no, NEW.amount, moved
              USING ERRCODE = 'check_violation', CONSTRAINT = 'release_follows_ledger';
    END IF;
    SELECT a.code INTO open_code
      FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
     WHERE a.book_id = book AND b.balance <> 0
       AND a.code IN ('1102', '1301', '2101', '2102', '2111', '2112', '2201', '2202', '2301', '2401', '2901',
                      '8202', '8301', '8302', '8303')
       AND (NEW.is_whole OR coalesce(public.building_of(a.code, a.key) = ANY (scope), true))
     ORDER BY a.code LIMIT 1;
    IF FOUND THEN
        RAISE 'release %: account % is not zero', NEW.release_no, open_code
              USING ERRCODE = 'check_violation', CONSTRAINT = 'release_follows_ledger';
    END IF;
    RETURN NEW;
END $$;

-- No contract of its buildings is left in the middle (所解除楼幢的合同了结).
CREATE OR REPLACE FUNCTION release_contracts_settled() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    open_contract text;
BEGIN
    SELECT c.contract_no INTO open_contract
      FROM supervised_account s JOIN contract c ON c.project_id = s.project_id
      JOIN unit u ON u.id = c.unit_id
      LEFT JOIN ledger.account a ON a.book_id = s.book_id AND a.code = '8101' AND a.key = 'contract:' || c.id
      LEFT JOIN ledger.balance b ON b.account_id = a.id
     WHERE s.id = NEW.account_id
       AND (NEW.is_whole OR u.building_id IN (SELECT buildings_of_release(NEW)))
       AND (c.status = 'at-risk' OR c.status IN ('drafted', 'cancelled') AND b.balance <> 0)
     ORDER BY c.id LIMIT 1;
    IF FOUND THEN
        RAISE 'release %: contract % is not settled', NEW.release_no, open_contract
              USING ERRCODE = 'check_violation', CONSTRAINT = 'release_contracts_settled';
    END IF;
    RETURN NEW;
END $$;

-- Papers stay with the project when its account is changed; so does who handled them (经手人回避).
CREATE OR REPLACE FUNCTION release_approver_independent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM first_registration f JOIN supervised_account a ON a.project_id = f.project_id
                WHERE a.id = NEW.account_id AND f.source = 'manual'
                  AND (f.entered_by = NEW.decided_by
                       OR (f.decided_by = NEW.decided_by AND f.status = 'confirmed')))
       OR EXISTS (SELECT FROM release_evidence e JOIN supervised_account o ON o.id = e.account_id
                    JOIN supervised_account a ON a.project_id = o.project_id
                   WHERE a.id = NEW.account_id
                     AND (e.entered_by = NEW.decided_by
                          OR (e.decided_by = NEW.decided_by AND e.status = 'confirmed'))) THEN
        RAISE 'officer % made facts by hand that release % stands on', NEW.decided_by, NEW.release_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'release_approver_independent';
    END IF;
    RETURN NEW;
END $$;

-- A released building takes no more money for a contract, no new contract and no new home (解除后不再收存).
CREATE FUNCTION released_building_takes_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_building integer;
BEGIN
    IF TG_TABLE_NAME = 'receipt_allocation' THEN
        SELECT u.building_id INTO of_building FROM contract c JOIN unit u ON u.id = c.unit_id
         WHERE c.id = NEW.contract_id;
    ELSIF TG_TABLE_NAME = 'contract' THEN
        SELECT u.building_id INTO of_building FROM unit u WHERE u.id = NEW.unit_id;
    ELSE
        of_building := NEW.building_id;
    END IF;
    IF EXISTS (SELECT FROM released_building d WHERE d.building_id = of_building) THEN
        RAISE '%: building % is released from supervision', TG_TABLE_NAME, of_building
              USING ERRCODE = 'check_violation', CONSTRAINT = 'released_building_takes_nothing';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER released_building_takes_nothing BEFORE INSERT ON receipt_allocation
    FOR EACH ROW EXECUTE FUNCTION released_building_takes_nothing();
CREATE TRIGGER released_building_takes_nothing BEFORE INSERT ON contract
    FOR EACH ROW EXECUTE FUNCTION released_building_takes_nothing();
CREATE TRIGGER released_building_takes_nothing BEFORE INSERT ON unit
    FOR EACH ROW EXECUTE FUNCTION released_building_takes_nothing();
CREATE TRIGGER released_building_takes_nothing_back BEFORE UPDATE ON unit FOR EACH ROW
    WHEN (OLD.removed_at IS NOT NULL AND NEW.removed_at IS NULL OR NEW.building_id <> OLD.building_id)
    EXECUTE FUNCTION released_building_takes_nothing();
