-- A line of the fund's bank is booked once, whichever room it came to: a deposit the bank reported, a renewal or an
-- income officers read off its paper (一笔银行流水只入账一次).
CREATE TABLE fund_bank_line (
    fund_account_id integer NOT NULL,
    bank_serial varchar NOT NULL,
    booked_as varchar(32) NOT NULL,
    CONSTRAINT pk_fund_bank_line PRIMARY KEY (fund_account_id, bank_serial),
    CONSTRAINT ck_fund_bank_line_booked_as CHECK (booked_as IN ('deposit', 'renewal', 'income')),
    CONSTRAINT fk_fund_bank_line_fund_account_id FOREIGN KEY (fund_account_id) REFERENCES fund_account (id)
);
COMMENT ON TABLE fund_bank_line IS '维修资金专户已入账的银行流水，一笔只入账一次';
INSERT INTO fund_bank_line
SELECT fund_account_id, bank_serial, 'deposit' FROM fund_receipt
UNION ALL SELECT fund_account_id, document_no, 'renewal' FROM house_change WHERE kind = 'renewal' AND status = 'confirmed'
UNION ALL SELECT fund_account_id, bank_serial, 'income' FROM fund_income WHERE status = 'booked'
ON CONFLICT DO NOTHING;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON fund_bank_line FROM escrow_app;
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON fund_bank_line
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

CREATE FUNCTION fund_line_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO fund_bank_line
    VALUES (NEW.fund_account_id, to_jsonb(NEW) ->> TG_ARGV[1], TG_ARGV[0]);
    RETURN NULL;
EXCEPTION WHEN unique_violation THEN
    RAISE 'the bank''s line % is booked already', to_jsonb(NEW) ->> TG_ARGV[1]
          USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_line_once';
END $$;
CREATE TRIGGER fund_line_once AFTER INSERT ON fund_receipt
    FOR EACH ROW EXECUTE FUNCTION fund_line_once('deposit', 'bank_serial');
CREATE TRIGGER fund_line_once AFTER UPDATE ON house_change
    FOR EACH ROW WHEN (NEW.kind = 'renewal' AND NEW.status = 'confirmed')
    EXECUTE FUNCTION fund_line_once('renewal', 'document_no');
CREATE TRIGGER fund_line_once AFTER UPDATE ON fund_income
    FOR EACH ROW WHEN (NEW.status = 'booked')
    EXECUTE FUNCTION fund_line_once('income', 'bank_serial');
