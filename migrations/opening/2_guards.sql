-- An opening entry belongs to the opening that is booked in this very transaction, of this very book: looked
-- at when the transaction ends, so none comes before it and none after (期初凭证只在批准时).
CREATE FUNCTION public.opening_by_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.account_opening o
                     JOIN public.supervised_account s ON s.id = o.account_id
                    WHERE o.opening_no = NEW.event_group AND s.book_id = NEW.book_id AND o.status = 'booked'
                      AND o.booked_in = pg_current_xact_id()::text::bigint) THEN
        RAISE 'entry %: no opening of its book is being approved', NEW.reference
              USING ERRCODE = 'check_violation', CONSTRAINT = 'opening_by_approval';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER opening_by_approval AFTER INSERT ON ledger.journal_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.movement = 'P26')
    EXECUTE FUNCTION public.opening_by_approval();

-- Booked only into a book that had no money and a project that had no contract; what it brought is what it
-- states, to the fen, and what the bank certifies (期初只入空账，与银行余额一致).
CREATE FUNCTION opening_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place supervised_account;
    at_bank numeric;
    unclaimed numeric;
    under_contracts numeric;
    received numeric;
    brought bigint;
    strange text;
    why text;
BEGIN
    SELECT * INTO place FROM supervised_account WHERE id = NEW.account_id;
    SELECT coalesce(sum(b.balance) FILTER (WHERE a.code = '1101'), 0),
           coalesce(sum(b.balance) FILTER (WHERE a.code = '2101'), 0),
           coalesce(sum(b.balance) FILTER (WHERE a.code = '8101'), 0)
      INTO at_bank, unclaimed, under_contracts
      FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id WHERE a.book_id = place.book_id;
    SELECT coalesce(sum(amount), 0) INTO received FROM receipt WHERE account_id = place.id;
    SELECT count(*) INTO brought FROM opening_contract WHERE opening_id = NEW.id;
    SELECT e.reference INTO strange FROM ledger.journal_entry e
     WHERE e.book_id = place.book_id AND e.movement NOT IN ('P7', 'P8')
       AND (e.movement <> 'P26' OR e.event_group IS DISTINCT FROM NEW.opening_no) LIMIT 1;
    IF strange IS NOT NULL THEN
        why := 'the book holds ' || strange;
    ELSIF (at_bank, unclaimed, under_contracts) <> (NEW.bank_balance, NEW.unmatched, NEW.paid_in) THEN
        why := format('the book says %s, %s, %s', at_bank, unclaimed, under_contracts);
    ELSIF received <> NEW.paid_in + NEW.unmatched THEN
        why := format('its receipts are %s', received);
    ELSIF brought <> NEW.contracts
          OR brought <> (SELECT count(*) FROM contract WHERE project_id = place.project_id) THEN
        why := format('it brought %s contracts', brought);
    ELSIF NEW.booked_in <> pg_current_xact_id()::text::bigint THEN
        why := 'it is of another transaction';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'opening %: %', NEW.opening_no, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'opening_follows';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER opening_follows AFTER UPDATE ON account_opening
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'booked')
    EXECUTE FUNCTION opening_follows();

-- A contract is of an opening only while that is being booked; a filing number serves once, here or there.
CREATE FUNCTION opening_contract_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM account_opening o JOIN supervised_account s ON s.id = o.account_id
                     JOIN contract c ON c.project_id = s.project_id
                    WHERE o.id = NEW.opening_id AND c.id = NEW.contract_id AND o.status = 'booked'
                      AND o.booked_in = pg_current_xact_id()::text::bigint)
       OR EXISTS (SELECT FROM contract_filing f WHERE f.filing_no = NEW.filing_no) THEN
        RAISE 'contract % is not of opening %', NEW.contract_id, NEW.opening_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'opening_contract_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER opening_contract_stands BEFORE INSERT ON opening_contract
    FOR EACH ROW EXECUTE FUNCTION opening_contract_stands();

CREATE FUNCTION filing_number_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM opening_contract o WHERE o.filing_no = NEW.filing_no) THEN
        RAISE 'filing number % was used before', NEW.filing_no
              USING ERRCODE = 'unique_violation', CONSTRAINT = 'uq_opening_contract_filing_no';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER filing_number_once BEFORE INSERT ON contract_filing
    FOR EACH ROW EXECUTE FUNCTION filing_number_once();

-- A contract is filed by its filing, here or before the opening, and by nothing else.
CREATE OR REPLACE FUNCTION filed_needs_filing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM contract_filing WHERE contract_id = NEW.id)
       AND NOT EXISTS (SELECT FROM opening_contract WHERE contract_id = NEW.id AND filing_no IS NOT NULL) THEN
        RAISE 'contract % has no filing', NEW.contract_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'filed_needs_filing';
    END IF;
    RETURN NULL;
END $$;
