-- As before, and what reaches an account its project has left is booked for the one that lives (原账户进款照记).
CREATE OR REPLACE FUNCTION no_receipt_after_release() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found_status text;
BEGIN
    SELECT status INTO found_status FROM supervised_account WHERE id = NEW.account_id FOR SHARE;
    IF found_status = 'closed' AND EXISTS (
           SELECT FROM supervised_account n WHERE n.id = living_account(NEW.account_id)
              AND n.status IN ('active', 'suspended', 'releasing') AND NOT EXISTS (
                  SELECT FROM account_change c WHERE c.account_id = n.id AND c.status = 'ordered')) THEN
        RETURN NEW;
    ELSIF found_status IN ('releasing', 'closed') THEN
        RAISE 'account % is released and takes no deposit', NEW.account_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'no_receipt_after_release';
    ELSIF found_status = 'suspended' AND EXISTS (
              SELECT FROM account_change c WHERE c.account_id = NEW.account_id AND c.status = 'ordered') THEN
        RAISE 'account % is being changed and takes no deposit', NEW.account_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'not_while_changing';
    END IF;
    RETURN NEW;
END $$;

-- As before (出账须有凭据).
CREATE OR REPLACE FUNCTION outflow_explained() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.receipt_reversal r
                WHERE r.entry_id = NEW.entry_id AND r.amount = NEW.amount)
       OR EXISTS (SELECT FROM public.court_act a WHERE a.entry_id = NEW.entry_id AND a.amount = NEW.amount)
       OR EXISTS (SELECT FROM public.difference_entry x WHERE x.entry_id = NEW.entry_id)
       -- What had been paid before the books were opened: the opening's own guard holds it to the bank.
       OR EXISTS (SELECT FROM ledger.journal_entry e WHERE e.id = NEW.entry_id AND e.movement = 'P26')
       OR NEW.from_transit AND EXISTS (
              SELECT FROM ledger.journal_entry e
                JOIN public.instruction i ON i.instruction_no = e.event_group
                JOIN public.account_change c ON c.instruction_id = i.id AND c.amount = NEW.amount
                JOIN public.supervised_account s ON s.id IN (c.account_id, c.new_account_id)
               WHERE e.id = NEW.entry_id AND s.book_id = e.book_id)
       -- What was sent on had arrived, and the bank sent it back again.
       OR NEW.from_transit AND EXISTS (
              SELECT FROM ledger.journal_entry e
                JOIN public.instruction i ON i.instruction_no = e.event_group AND i.amount = NEW.amount
                JOIN public.onward_order o ON o.instruction_id = i.id
                JOIN public.supervised_account s ON s.id = o.to_account_id
               WHERE e.id = NEW.entry_id AND s.book_id = e.book_id) THEN
        RETURN NULL;
    END IF;
    RAISE 'entry % takes % out of the bank account, and no paper says why', NEW.entry_id, NEW.amount
          USING ERRCODE = 'check_violation', CONSTRAINT = 'outflow_explained';
END $$;

-- As before, in whichever of the project's books it stands (尚欠更正款).
CREATE OR REPLACE FUNCTION reversal_left(of_receipt bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT sum(b.balance)::bigint FROM supervised_account n
           JOIN ledger.account a ON a.book_id = n.book_id JOIN ledger.balance b ON b.account_id = a.id
          WHERE n.project_id = s.project_id AND a.code = '1301' AND a.key = 'receipt:' || r.id),
        (SELECT least(v.uncovered, b.balance)
           FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
          WHERE a.book_id = s.book_id AND a.code = '1301' AND a.key = ''), 0)
      FROM receipt r JOIN receipt_reversal v ON v.receipt_id = r.id
      JOIN supervised_account s ON s.id = r.account_id
     WHERE r.id = of_receipt
$$;

-- As before, over all entries of one event (差额须与凭证相符).
CREATE OR REPLACE FUNCTION reversal_follows_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owed bigint;
BEGIN
    SELECT coalesce(sum(t.amount), 0) INTO owed FROM ledger.transfer t
      JOIN ledger.account d ON d.id = t.debit_account_id
      JOIN receipt r ON r.id = NEW.receipt_id JOIN supervised_account s ON s.id = r.account_id
      JOIN supervised_account n ON n.project_id = s.project_id
      JOIN ledger.journal_entry e ON e.id = NEW.entry_id
     WHERE d.code = '1301' AND d.book_id = n.book_id AND d.key IN ('', 'receipt:' || NEW.receipt_id)
       -- One event: what it left owing may stand in the books of the account that lives.
       AND (t.entry_id = e.id OR t.entry_id IN (
            SELECT g.id FROM ledger.journal_entry g WHERE g.event_group = e.event_group));
    IF owed <> NEW.uncovered THEN
        RAISE 'receipt %: % uncovered, its entry leaves % owed', NEW.receipt_id, NEW.uncovered, owed
              USING ERRCODE = 'check_violation', CONSTRAINT = 'reversal_follows_ledger';
    END IF;
    RETURN NULL;
END $$;

-- As before, on the account the money is owed to now (录入时余款须够).
CREATE OR REPLACE FUNCTION receipt_claim_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM supervised_account a JOIN receipt r ON living_account(r.account_id) = a.id
      WHERE r.id = NEW.receipt_id AND a.status <> 'closed' FOR SHARE OF a;
    IF NOT FOUND OR NEW.amount > receipt_remainder(NEW.receipt_id) THEN
        RAISE 'receipt %: % is not there to be claimed or returned', NEW.receipt_id, NEW.amount
              USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_claim_within_remainder';
    END IF;
    RETURN NEW;
END $$;

-- As before, in the books of that account (凭证所记).
CREATE OR REPLACE FUNCTION receipt_claim_moves(of_claim receipt_claim) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(way || '=' || amount, ' ' ORDER BY way) FROM (
        SELECT CASE WHEN d.book_id <> s.book_id THEN 'strange'
                    WHEN d.code = '2101' AND c.code IN ('2111', '2112') THEN c.key
                    WHEN d.code = '8199' AND c.code = '8101' THEN c.key
                    WHEN d.code = '2101' AND c.code = '2102' THEN c.key
                    WHEN d.code = '2101' AND c.code = '1301' THEN 'receivable:' || c.key
                    ELSE 'strange' END AS way, sum(t.amount)::bigint AS amount
          FROM ledger.transfer t
          JOIN ledger.account d ON d.id = t.debit_account_id
          JOIN ledger.account c ON c.id = t.credit_account_id
          JOIN receipt r ON r.id = of_claim.receipt_id
          JOIN supervised_account s ON s.id = living_account(r.account_id)
         WHERE t.entry_id = of_claim.entry_id GROUP BY 1) m
$$;

-- As before, from that account (退回指令).
CREATE OR REPLACE FUNCTION return_order_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said receipt_claim;
    paid receipt;
    ordered instruction;
    why text;
BEGIN
    SELECT * INTO said FROM receipt_claim WHERE id = NEW.claim_id FOR NO KEY UPDATE;
    SELECT * INTO paid FROM receipt WHERE id = said.receipt_id;
    SELECT * INTO ordered FROM instruction WHERE id = NEW.instruction_id;
    IF said.kind <> 'return' OR said.status <> 'confirmed' THEN
        why := 'no return was decided';
    ELSIF (ordered.kind, ordered.amount, ordered.account_id, ordered.source_key,
           ordered.payee_name_masked, ordered.payee_account_masked)
          IS DISTINCT FROM ('return'::varchar, said.amount, living_account(paid.account_id), ('return:' || said.id)::varchar,
                            paid.payer_name_masked, paid.payer_account_masked) THEN
        why := 'the order says something else';
    ELSIF EXISTS (SELECT FROM receipt_return_order o JOIN instruction i ON i.id = o.instruction_id
                   WHERE o.claim_id = said.id AND i.status NOT IN ('failed', 'returned', 'cancelled')) THEN
        why := 'it is ordered already';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'return %: %', said.id, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'return_order_stands';
    END IF;
    RETURN NEW;
END $$;
