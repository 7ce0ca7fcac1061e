-- A paper proves one thing once, here as elsewhere; whatever uses were known before stay known.
DO $$
DECLARE
    known text;
BEGIN
    SELECT string_agg(quote_literal(m.use[1]), ', ') INTO known
      FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') AS m (use)
     WHERE c.conname = 'ck_filed_paper_paper_use';
    ALTER TABLE filed_paper DROP CONSTRAINT ck_filed_paper_paper_use;
    EXECUTE format('ALTER TABLE filed_paper ADD CONSTRAINT ck_filed_paper_paper_use
                    CHECK (used_for IN (%s, ''house_change''))', known);
END $$;
CREATE TRIGGER claim_paper BEFORE INSERT ON house_change FOR EACH ROW EXECUTE FUNCTION claim_paper();
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON house_change
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- Entered, then decided once by another; what was entered never changes (分户账事项状态迁移).
CREATE FUNCTION house_change_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'entered' OR NOT EXISTS (
               SELECT FROM house h JOIN community_building g ON g.id = h.community_building_id
                 JOIN community c ON c.id = g.community_id
                WHERE h.id = NEW.house_id AND h.status = 'built' AND c.fund_account_id = NEW.fund_account_id) THEN
            RAISE 'a change begins as entered, on an open house of its fund'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'house_change_steps';
        END IF;
        RETURN NEW;
    END IF;
    decided := CASE OLD.status || '>' || NEW.status
        WHEN 'entered>confirmed'
        THEN '{status,decided_by,decided_at,law,entry_id,booked_in,contract_id,due_before,due_after}'
        WHEN 'entered>rejected' THEN '{status,decided_by,decided_at,reason}' END;
    IF decided IS NULL OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
        RAISE 'change %: no such step', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_change_steps';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER house_change_steps BEFORE INSERT OR UPDATE ON house_change
    FOR EACH ROW EXECUTE FUNCTION house_change_steps();

-- What a confirmed change moves in the books, way by way (应记分录).
CREATE FUNCTION house_change_ways(of_change integer) RETURNS TABLE (way text, amount bigint)
LANGUAGE sql STABLE AS $$
    SELECT w.way, w.amount
      FROM house_change k JOIN house h ON h.id = k.house_id
      LEFT JOIN house_deposit d ON d.id = k.deposit_id
      CROSS JOIN LATERAL fund_nature_code(h.nature) AS n (code)
      CROSS JOIN LATERAL (VALUES
          ('misplaced', '4001' || n.code || ' house:' || k.house_id || '>4001' || n.code || ' house:' || k.other_house_id,
           k.amount),
          ('misplaced', '9101 house:' || k.other_house_id || '>9101 house:' || k.house_id,
           CASE WHEN d.is_advance THEN k.amount END),
          ('lost', '5101' || n.code || ' house:' || k.house_id || '>2001' || n.code || ' loss:' || k.id || ':owner',
           nullif(k.amount - k.seller_amount, 0)),
          ('lost', '5101' || n.code || ' house:' || k.house_id || '>2001' || n.code || ' loss:' || k.id || ':seller',
           nullif(k.seller_amount, 0)),
          ('renewal', '1001' || n.code || ' >4001' || n.code || ' house:' || k.house_id, k.amount)) AS w (kind, way, amount)
     WHERE k.id = of_change AND w.kind = k.kind AND w.amount IS NOT NULL
$$;

-- Confirmed, its entry moves exactly that, and the house is as it says (事项与凭证相符).
CREATE FUNCTION house_change_whole() RETURNS trigger LANGUAGE plpgsql AS $$
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
             SELECT FROM house_deposit d LEFT JOIN contract c ON c.id = d.contract_id
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
CREATE CONSTRAINT TRIGGER house_change_whole AFTER UPDATE ON house_change
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'confirmed')
    EXECUTE FUNCTION house_change_whole();

-- A house is lost, a deposit moved and a fund renewed by a confirmed change, or not at all (须有依据).
CREATE FUNCTION public.house_entry_by_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.fund_account f WHERE f.book_id = NEW.book_id) AND NOT EXISTS (
           SELECT FROM public.house_change k WHERE k.entry_id = NEW.id AND k.status = 'confirmed') THEN
        RAISE 'entry % is of no confirmed change of a house', NEW.reference
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_entry_by_change';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER house_entry_by_change AFTER INSERT ON ledger.journal_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.movement IN ('M15a', 'M16', 'M18'))
    EXECUTE FUNCTION public.house_entry_by_change();

-- As in 0040, and: an area is corrected, a first due unsaid again, by a change that is being confirmed (分户账).
CREATE OR REPLACE FUNCTION house_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := '{status,area,first_due,first_due_on,first_due_standard,first_due_citation}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'built' OR NEW.first_due IS NOT NULL THEN
            RAISE 'a house account begins as built, nothing paid'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'house_steps';
        END IF;
        IF NEW.unit_id IS NOT NULL AND NOT EXISTS (
               SELECT FROM unit u JOIN community_building b ON b.building_id = u.building_id
                WHERE u.id = NEW.unit_id AND b.id = NEW.community_building_id AND u.removed_at IS NULL
                  AND (u.unit_code, u.area, u.use) = (NEW.unit_code, NEW.area, NEW.use)) THEN
            RAISE 'house % is not as the register has it', NEW.unit_code
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'house_of_register';
        END IF;
        IF NEW.unit_id IS NOT NULL AND NOT EXISTS (
               SELECT FROM house_batch b WHERE b.id = NEW.batch_id AND b.status = 'confirmed')
           OR NEW.unit_id IS NULL AND NEW.batch_id IS NOT NULL THEN
            RAISE 'house % is built by no confirmed batch', NEW.unit_code
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'house_of_batch';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - free IS DISTINCT FROM to_jsonb(OLD) - free
       OR NEW.status <> OLD.status AND (OLD.status, NEW.status) <> ('built', 'closed')
       OR (NEW.area <> OLD.area
           OR OLD.first_due IS NOT NULL
              AND (NEW.first_due, NEW.first_due_on, NEW.first_due_standard, NEW.first_due_citation)
                  IS DISTINCT FROM
                  (OLD.first_due, OLD.first_due_on, OLD.first_due_standard, OLD.first_due_citation))
          AND NOT EXISTS (
              SELECT FROM house_change k
               WHERE k.house_id = OLD.id AND k.status = 'confirmed'
                 AND k.booked_in = pg_current_xact_id()::text::bigint
                 AND (k.kind = 'area' AND (k.area_before, k.area_after) = (OLD.area, NEW.area)
                      AND NEW.first_due IS NOT DISTINCT FROM
                          CASE WHEN OLD.first_due IS NOT NULL THEN coalesce(k.due_after, OLD.first_due) END
                      AND NEW.first_due_on IS NOT DISTINCT FROM OLD.first_due_on
                      OR k.kind = 'misplaced' AND NEW.area = OLD.area AND NEW.first_due IS NULL)) THEN
        RAISE 'house %: no such step', OLD.unit_code
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_steps';
    END IF;
    IF NEW.status = 'closed' AND EXISTS (
           SELECT FROM house_balance b WHERE b.house_id = NEW.id AND (b.balance, b.held, b.owed) <> (0, 0, 0)) THEN
        RAISE 'house %: its account still holds something', OLD.unit_code
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_empty';
    END IF;
    RETURN NEW;
END $$;

-- As in 0055, and: a deposit moved to the right house counts there, and what an opening says was paid counts (有效交存).
CREATE OR REPLACE VIEW standing_deposit AS
SELECT d.* FROM house_deposit d LEFT JOIN deposit_holder o ON o.deposit_id = d.id
  LEFT JOIN contract c ON c.id = o.contract_id
 WHERE c.status IS DISTINCT FROM 'cancelled'
   AND NOT EXISTS (SELECT FROM house_change k WHERE k.deposit_id = d.id AND k.status = 'confirmed')
UNION ALL
SELECT d.id, k.other_house_id, d.payer_kind, d.is_advance, d.amount, d.due, k.contract_id, d.receipt_id,
       d.decision_id, d.entry_id, d.paid_on, d.booked_at
  FROM house_change k JOIN house_deposit d ON d.id = k.deposit_id LEFT JOIN contract c ON c.id = k.contract_id
 WHERE k.status = 'confirmed' AND k.kind = 'misplaced' AND c.status IS DISTINCT FROM 'cancelled'
UNION ALL
SELECT -p.house_id::bigint, p.house_id, 'owner'::varchar(32), false, p.first_paid, p.first_paid, NULL, NULL, NULL, NULL, o.as_of,
       o.booked_at
  FROM house_opening p JOIN fund_opening o ON o.id = p.opening_id WHERE p.first_paid > 0;

-- As in 0055, and: what was not paid for a living contract is taken off where it lies now (首期已缴).
CREATE OR REPLACE FUNCTION house_first_paid(of_house integer) RETURNS TABLE (paid bigint, repaid bigint)
LANGUAGE sql STABLE AS $$
    SELECT (coalesce(sum(CASE WHEN p.side = 'credit' THEN p.amount ELSE -p.amount END) FILTER (
               WHERE a.code LIKE '4001%' AND e.movement <> 'M16'), 0) - (
               SELECT coalesce(sum(d.amount), 0) FROM house_deposit d
                WHERE (d.house_id = of_house AND NOT EXISTS (
                           SELECT FROM house_change k WHERE k.deposit_id = d.id AND k.status = 'confirmed')
                       OR d.id IN (SELECT k.deposit_id FROM house_change k
                                    WHERE k.other_house_id = of_house AND k.status = 'confirmed'))
                  AND NOT EXISTS (SELECT FROM standing_deposit s WHERE s.id = d.id)) + (
               SELECT coalesce(sum(k.amount), 0) FROM ended_deposit k JOIN house_deposit d ON d.id = k.deposit_id
                WHERE d.house_id = of_house AND k.status = 'returned'))::bigint
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
-- A deposit that was moved away is not returned out of the house it left, nor one moved that is being returned.
CREATE FUNCTION moved_deposit_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM house_change k JOIN ended_deposit e ON e.deposit_id = k.deposit_id
                WHERE k.deposit_id = NEW.deposit_id AND k.status = 'confirmed' AND e.status <> 'rejected') THEN
        RAISE 'deposit % lies on another house', NEW.deposit_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'moved_deposit_stands';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER moved_deposit_stands AFTER INSERT ON ended_deposit
    FOR EACH ROW EXECUTE FUNCTION moved_deposit_stands();
CREATE TRIGGER moved_deposit_stands AFTER UPDATE ON house_change
    FOR EACH ROW WHEN (NEW.status = 'confirmed' AND NEW.deposit_id IS NOT NULL)
    EXECUTE FUNCTION moved_deposit_stands();

-- What two have decided is due for a lost house; nobody else is paid, and no more (房屋灭失返还).
CREATE FUNCTION fund_order_due_losses(of_kind text, of_source text)
RETURNS TABLE (fund_account_id integer, nature text, amount bigint, decided_by integer)
LANGUAGE sql STABLE AS $$
    SELECT k.fund_account_id, h.nature::text,
           CASE WHEN of_source LIKE '%:seller' THEN k.seller_amount ELSE k.amount - k.seller_amount END, k.decided_by
      FROM house_change k JOIN house h ON h.id = k.house_id
     WHERE of_kind = 'fund-loss' AND k.kind = 'lost' AND k.status = 'confirmed'
       AND k.id = substring(of_source FROM '^loss:([1-9][0-9]{0,8}):(?:owner|seller)$')::integer
$$;
CREATE FUNCTION loss_order_payee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
           SELECT FROM house_change k
            WHERE k.id = substring(NEW.source FROM '^loss:([1-9][0-9]{0,8}):')::integer
              AND CASE WHEN NEW.source LIKE '%:seller'
                       THEN (k.seller_name_sealed, k.seller_account_sealed, k.seller_bank)
                       ELSE (k.payee_name_sealed, k.payee_account_sealed, k.payee_bank) END
                  = (NEW.payee_name_sealed, NEW.payee_account_sealed, NEW.payee_bank)) THEN
        RAISE 'order %: it pays somebody else', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'loss_order_payee';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER loss_order_payee BEFORE INSERT ON fund_order
    FOR EACH ROW WHEN (NEW.source LIKE 'loss:%') EXECUTE FUNCTION loss_order_payee();
