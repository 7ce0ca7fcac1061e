-- What PostgreSQL refuses, whoever is connected (数据库层面的账簿约束).

-- For tables that are only ever added to.
CREATE FUNCTION ledger.written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE '%.% 只增不改：不得 %', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
          USING ERRCODE = 'check_violation', CONSTRAINT = 'written_once';
END $$;

-- For tables that only the ledger's own triggers write: at depth 0 somebody is writing by hand. No setting and
-- no session state can lift that depth; only a trigger can, and making one is DDL.
CREATE FUNCTION ledger.by_posting_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE '%.% 只随记账变动：不得直接 %', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
          USING ERRCODE = 'check_violation', CONSTRAINT = 'by_posting_only';
END $$;

-- For instants and transaction ids: PostgreSQL's own, never told.
CREATE FUNCTION ledger.never_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE '%.% 的时间与事务号由数据库给出，不得自报', TG_TABLE_SCHEMA, TG_TABLE_NAME
          USING ERRCODE = 'check_violation', CONSTRAINT = 'never_told';
END $$;

CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.book
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.journal_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.day_close
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.seal
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON ledger.balance
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON ledger.balance_day
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

CREATE TRIGGER by_posting_only BEFORE INSERT ON ledger.transfer
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger.by_posting_only();
CREATE TRIGGER by_posting_only BEFORE INSERT OR UPDATE ON ledger.balance
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger.by_posting_only();
CREATE TRIGGER by_posting_only BEFORE INSERT OR UPDATE ON ledger.balance_day
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger.by_posting_only();

CREATE TRIGGER never_told BEFORE INSERT ON ledger.journal_entry FOR EACH ROW
    WHEN (NEW.booked_at NOT BETWEEN clock_timestamp() - interval '1 second' AND clock_timestamp()
          OR NEW.xid <> pg_current_xact_id())
    EXECUTE FUNCTION ledger.never_told();
CREATE TRIGGER never_told BEFORE INSERT ON ledger.day_close FOR EACH ROW
    WHEN (NEW.closed_at NOT BETWEEN clock_timestamp() - interval '1 second' AND clock_timestamp())
    EXECUTE FUNCTION ledger.never_told();
