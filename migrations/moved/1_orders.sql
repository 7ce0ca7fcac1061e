-- After a change of account: which account is a project's own now, and what moves between it and those left (换户之后).
CREATE FUNCTION living_account(of_account integer) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT n.id FROM supervised_account s JOIN supervised_account n ON n.project_id = s.project_id
     WHERE s.id = of_account ORDER BY n.status = 'closed', n.id <> s.id LIMIT 1
$$;

-- An order that sends on what an account left behind took in, or back to its bank what it reversed; written once.
CREATE TABLE onward_order (
    instruction_id integer NOT NULL,
    from_account_id integer NOT NULL,
    to_account_id integer NOT NULL,
    receipt_id bigint,
    CONSTRAINT pk_onward_order PRIMARY KEY (instruction_id),
    CONSTRAINT fk_onward_order_instruction_id FOREIGN KEY (instruction_id) REFERENCES instruction (id),
    CONSTRAINT fk_onward_order_from_account_id
        FOREIGN KEY (from_account_id) REFERENCES supervised_account (id),
    CONSTRAINT fk_onward_order_to_account_id FOREIGN KEY (to_account_id) REFERENCES supervised_account (id),
    CONSTRAINT fk_onward_order_receipt_id FOREIGN KEY (receipt_id) REFERENCES receipt (id)
);
CREATE INDEX ix_onward_order_from_account_id ON onward_order (from_account_id);
CREATE INDEX ix_onward_order_to_account_id ON onward_order (to_account_id);
CREATE INDEX ix_onward_order_receipt_id ON onward_order (receipt_id);
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON onward_order
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

ALTER TABLE instruction DROP CONSTRAINT ck_instruction_source;
ALTER TABLE instruction ADD CONSTRAINT ck_instruction_source CHECK (CASE kind
    WHEN 'withdrawal' THEN source_code IN ('2111', '2112')
    WHEN 'refund' THEN source_code = '2301'
    WHEN 'release' THEN source_code = '2501'
    WHEN 'transfer' THEN source_code IN ('1102', '2203') AND source_key = '' AND building_id IS NULL
    ELSE source_code = '2102' END);

-- Between a project's own accounts only: on from one it has left to the one that lives, or back to where the
-- bank reversed a receipt; to that very account, as the paper says (只在本项目新旧账户之间).
CREATE FUNCTION onward_order_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said instruction;
    source supervised_account;
    target supervised_account;
    why text;
BEGIN
    SELECT * INTO said FROM instruction WHERE id = NEW.instruction_id;
    SELECT * INTO source FROM supervised_account WHERE id = NEW.from_account_id;
    SELECT * INTO target FROM supervised_account WHERE id = NEW.to_account_id;
    IF source.project_id <> target.project_id OR said.account_id <> source.id
       OR (said.payee_account_masked, said.payee_name_masked)
          IS DISTINCT FROM (target.account_no, target.account_name) THEN
        why := 'it is not between the accounts of one project';
    ELSIF NEW.receipt_id IS NULL AND (
              (said.kind, said.source_code) IS DISTINCT FROM ('transfer'::varchar, '2203'::varchar)
              OR source.status <> 'closed' OR target.status NOT IN ('active', 'suspended', 'releasing')) THEN
        why := 'it does not go on to the account that lives';
    ELSIF NEW.receipt_id IS NOT NULL AND (
              (said.kind, said.source_key)
                  IS DISTINCT FROM ('return'::varchar, ('reversal:' || NEW.receipt_id)::varchar)
              OR target.status <> 'closed'
              OR NOT EXISTS (SELECT FROM receipt_reversal v JOIN receipt r ON r.id = v.receipt_id
                              WHERE r.id = NEW.receipt_id AND r.account_id = target.id)) THEN
        why := 'it does not go back to the bank that reversed the receipt';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'order %: %', said.instruction_no, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'onward_order_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER onward_order_stands BEFORE INSERT ON onward_order
    FOR EACH ROW EXECUTE FUNCTION onward_order_stands();

-- As before, or it sends on what an account left behind took in (划转指令必属变更或余款划转).
CREATE OR REPLACE FUNCTION transfer_of_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.kind = 'transfer')
       <> (EXISTS (SELECT FROM account_change c WHERE c.instruction_id = NEW.id)
           OR EXISTS (SELECT FROM onward_order o WHERE o.instruction_id = NEW.id AND o.receipt_id IS NULL)) THEN
        RAISE 'order % and its change disagree', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_of_change';
    END IF;
    RETURN NULL;
END $$;

-- As before, or it goes back to the bank that reversed (无决定不得签发退回).
CREATE OR REPLACE FUNCTION return_behind_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM receipt_return_order WHERE instruction_id = NEW.id)
       AND NOT EXISTS (SELECT FROM onward_order WHERE instruction_id = NEW.id AND receipt_id IS NOT NULL) THEN
        RAISE 'order % returns no receipt', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'return_behind_order';
    END IF;
    RETURN NULL;
END $$;

-- As before (停户不得签发指令).
CREATE OR REPLACE FUNCTION account_pays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM supervised_account s WHERE s.id = NEW.account_id AND s.status IN ('active', 'releasing')
        AND NOT EXISTS (SELECT FROM account_suspension p WHERE p.account_id = s.id AND p.reopened_by IS NULL)
        FOR SHARE OF s;
    -- What an account left behind took in goes on to the one that lives, and nowhere else.
    IF NOT FOUND AND NOT (NEW.kind = 'transfer' AND NEW.source_code = '2203' AND EXISTS (
           SELECT FROM supervised_account s JOIN supervised_account n ON n.id = living_account(s.id)
            WHERE s.id = NEW.account_id AND s.status = 'closed' AND n.status <> 'closed')) THEN
        RAISE 'order %: the account does not pay', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_pays';
    END IF;
    IF EXISTS (SELECT FROM statement_difference d
                WHERE d.account_id = NEW.account_id AND d.status = 'open' AND d.delta <> 0) THEN
        RAISE 'order %: bank and book differ', NEW.instruction_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'account_reconciled';
    END IF;
    RETURN NEW;
END $$;
