-- Entries that only a step of some room may bring: one trigger looks whose they are, where seven did (凭证须有来由).

CREATE FUNCTION public.opening_by_approval(e ledger.journal_entry) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.account_opening o
                     JOIN public.supervised_account s ON s.id = o.account_id
                    WHERE o.opening_no = e.event_group AND s.book_id = e.book_id AND o.status = 'booked'
                      AND o.booked_in = pg_current_xact_id()::text::bigint) THEN
        RAISE 'entry %: no opening of its book is being approved', e.reference
              USING ERRCODE = 'check_violation', CONSTRAINT = 'opening_by_approval';
    END IF;
END $$;

CREATE FUNCTION public.fund_opening_entry(e ledger.journal_entry) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.fund_account f WHERE f.book_id = e.book_id) AND NOT EXISTS (
           SELECT FROM public.fund_opening o JOIN public.fund_account f ON f.id = o.fund_account_id
            WHERE o.opening_no = e.event_group AND f.book_id = e.book_id AND o.status = 'booked'
              AND o.booked_in = pg_current_xact_id()::text::bigint) THEN
        RAISE 'entry %: no opening of its book is being booked', e.reference
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_opening_entry';
    END IF;
END $$;

CREATE FUNCTION public.fund_entry_by_step(e ledger.journal_entry) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.fund_account f WHERE f.book_id = e.book_id)
       OR e.movement = 'M10' AND EXISTS (SELECT FROM public.income_batch b WHERE b.entry_id = e.id)
       OR e.movement = 'M20' AND EXISTS (
              SELECT FROM public.fund_period p JOIN public.fund_account f ON f.id = p.fund_account_id
               WHERE f.book_id = e.book_id AND p.entry_ids @> ARRAY[e.id]) THEN
        RETURN;
    END IF;
    RAISE 'entry % is of no approved sharing and of no closed month', e.reference
          USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_entry_by_step';
END $$;

CREATE FUNCTION public.fund_order_entry(e ledger.journal_entry) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.fund_order_result r WHERE r.entry_id = e.id)
       AND NOT EXISTS (
           SELECT FROM public.fund_order o JOIN public.fund_account f ON f.id = o.fund_account_id
            WHERE f.book_id = e.book_id AND o.status = 'returned'
              AND e.reference = 'fund-order:' || o.instruction_no || ':returned') THEN
        RAISE 'entry %: no bank answered so', e.reference
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_order_entry';
    END IF;
END $$;

CREATE FUNCTION public.use_entry_by_step(e ledger.journal_entry) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
           SELECT FROM ledger.account a
            WHERE a.id = ANY (e.debits || e.credits) AND a.code = '9299' AND a.key LIKE 'use:%'
              AND NOT public.use_entry_known(substring(a.key FROM '^use:([0-9]{1,9})$')::integer, e.id)) THEN
        RAISE 'entry % moves what is held for a use, by no step of it', e.reference
              USING ERRCODE = 'check_violation', CONSTRAINT = 'use_entry_by_step';
    END IF;
END $$;

CREATE FUNCTION public.ended_entry_by_step(e ledger.journal_entry) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger.account a
                WHERE a.id = ANY (e.debits || e.credits) AND a.code = '9299' AND a.key LIKE 'return:%')
       AND e.reference NOT LIKE 'fund-order:%'
       AND NOT EXISTS (SELECT FROM public.ended_deposit k WHERE k.entry_id = e.id) THEN
        RAISE 'entry % moves what is held for a return, by no step of it', e.reference
              USING ERRCODE = 'check_violation', CONSTRAINT = 'ended_entry_by_step';
    END IF;
END $$;

CREATE FUNCTION public.house_entry_by_change(e ledger.journal_entry) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.fund_account f WHERE f.book_id = e.book_id) AND NOT EXISTS (
           SELECT FROM public.house_change k WHERE k.entry_id = e.id AND k.status = 'confirmed')
       AND NOT (e.movement = 'M16' AND EXISTS (
           SELECT FROM public.fund_receipt r JOIN public.house_deposit d ON d.receipt_id = r.id
            WHERE r.entry_id = e.id AND d.decision_id IS NULL
           HAVING bool_and(d.is_renewal) AND sum(d.amount) = min(r.amount))) THEN
        RAISE 'entry % is of no confirmed change of a house', e.reference
              USING ERRCODE = 'check_violation', CONSTRAINT = 'house_entry_by_change';
    END IF;
END $$;

CREATE FUNCTION public.entry_by_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.movement = 'P26' THEN
        PERFORM public.opening_by_approval(NEW);
    END IF;
    IF NEW.movement = 'M0' AND NEW.reverses_id IS NULL THEN
        PERFORM public.fund_opening_entry(NEW);
    END IF;
    IF NEW.movement IN ('M10', 'M20') THEN
        PERFORM public.fund_entry_by_step(NEW);
    END IF;
    IF NEW.movement IN ('M11', 'M12', 'M13c') THEN
        PERFORM public.use_entry_by_step(NEW);
    END IF;
    IF NEW.movement IN ('M11', 'M12', 'M14', 'M14h') THEN
        PERFORM public.ended_entry_by_step(NEW);
    END IF;
    IF NEW.movement IN ('M15a', 'M16', 'M18') THEN
        PERFORM public.house_entry_by_change(NEW);
    END IF;
    IF NEW.reference LIKE 'fund-order:%' THEN
        PERFORM public.fund_order_entry(NEW);
    END IF;
    RETURN NULL;
END $$;

DROP TRIGGER opening_by_approval ON ledger.journal_entry;
DROP TRIGGER fund_opening_entry ON ledger.journal_entry;
DROP TRIGGER fund_entry_by_step ON ledger.journal_entry;
DROP TRIGGER fund_order_entry ON ledger.journal_entry;
DROP TRIGGER use_entry_by_step ON ledger.journal_entry;
DROP TRIGGER ended_entry_by_step ON ledger.journal_entry;
DROP TRIGGER house_entry_by_change ON ledger.journal_entry;
-- No movement of pre-sale escrow but an opening begins so.
CREATE CONSTRAINT TRIGGER entry_by_step AFTER INSERT ON ledger.journal_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.movement ^@ 'M' OR NEW.movement = 'P26' OR NEW.reference ^@ 'fund-order:')
    EXECUTE FUNCTION public.entry_by_step();
DROP FUNCTION public.opening_by_approval();
DROP FUNCTION public.fund_opening_entry();
DROP FUNCTION public.fund_entry_by_step();
DROP FUNCTION public.fund_order_entry();
DROP FUNCTION public.use_entry_by_step();
DROP FUNCTION public.ended_entry_by_step();
DROP FUNCTION public.house_entry_by_change();
