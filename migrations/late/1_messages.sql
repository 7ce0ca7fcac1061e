-- What a bank told of a receipt after its statement had: whose money it is. Written once (迟到的入账通知).
CREATE TABLE late_message (
    receipt_id bigint NOT NULL,
    notice_no varchar,
    bank_booked_at timestamptz NOT NULL,
    payer_name_sealed bytea NOT NULL,
    payer_name_masked varchar NOT NULL,
    payer_account_sealed bytea NOT NULL,
    payer_account_masked varchar NOT NULL,
    channel varchar(32) NOT NULL,
    memo varchar,
    notice_id integer,
    contract_id integer,
    matched bigint NOT NULL,
    entry_id bigint,
    told_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_late_message PRIMARY KEY (receipt_id),
    CONSTRAINT uq_late_message_entry_id UNIQUE (entry_id),
    CONSTRAINT ck_late_message_channel
        CHECK (channel IN ('counter', 'pos', 'transfer', 'online', 'loan', 'provident_fund')),
    CONSTRAINT ck_late_message_matched CHECK (matched >= 0),
    CONSTRAINT ck_late_message_matched_whole CHECK (
        (matched > 0) = (entry_id IS NOT NULL) AND (matched > 0) = (notice_id IS NOT NULL)
        AND (matched > 0) = (contract_id IS NOT NULL)),
    CONSTRAINT fk_late_message_receipt_id FOREIGN KEY (receipt_id) REFERENCES receipt (id),
    CONSTRAINT fk_late_message_entry_id FOREIGN KEY (entry_id) REFERENCES ledger.journal_entry (id),
    CONSTRAINT fk_late_message_notice_id
        FOREIGN KEY (notice_id, contract_id) REFERENCES payment_notice (id, contract_id)
);
CREATE INDEX ix_late_message_notice_id ON late_message (notice_id);
COMMENT ON COLUMN late_message.matched IS '依所报通知书归入合同的，分；其余仍待认领';
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON late_message
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- Only of money a statement booked; and what it brings to a contract is moved by its own entry, out of 2101
-- into that building and noted as paid in, no more and nowhere else (P3). Looked at when the transaction ends.
CREATE FUNCTION late_message_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved text;
    said text;
BEGIN
    IF NOT EXISTS (SELECT FROM receipt r JOIN statement_match m ON m.entry_id = r.entry_id
                    WHERE r.id = NEW.receipt_id AND m.how = 'booked') THEN
        RAISE 'receipt % was booked by its own message', NEW.receipt_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'late_message_of_statement';
    END IF;
    SELECT string_agg(way || '=' || amount, ' ' ORDER BY way) INTO moved FROM (
        SELECT CASE WHEN d.book_id <> s.book_id THEN 'strange'
                    WHEN d.code = '2101' AND c.code IN ('2111', '2112') THEN c.key
                    WHEN d.code = '8199' AND c.code = '8101' THEN c.key
                    ELSE 'strange' END AS way, sum(t.amount)::bigint AS amount
          FROM ledger.transfer t JOIN ledger.account d ON d.id = t.debit_account_id
          JOIN ledger.account c ON c.id = t.credit_account_id
          JOIN receipt r ON r.id = NEW.receipt_id JOIN supervised_account s ON s.id = r.account_id
         WHERE t.entry_id = NEW.entry_id GROUP BY 1) m;
    SELECT string_agg(k.way || '=' || NEW.matched, ' ' ORDER BY k.way) INTO said
      FROM contract c JOIN unit u ON u.id = c.unit_id,
           LATERAL (VALUES ('contract:' || c.id), ('building:' || u.building_id)) AS k (way)
     WHERE c.id = NEW.contract_id;
    IF moved IS DISTINCT FROM said OR NEW.matched > 0 AND NOT EXISTS (
           SELECT FROM receipt_allocation a WHERE a.receipt_id = NEW.receipt_id
              AND a.notice_id = NEW.notice_id AND a.amount = NEW.matched) THEN
        RAISE 'message on receipt % brings %, its entry %', NEW.receipt_id, said, moved
              USING ERRCODE = 'check_violation', CONSTRAINT = 'late_message_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER late_message_stands AFTER INSERT ON late_message
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late_message_stands();

-- As before, and where the bank's own message came after its statement (匹配须有来历).
CREATE OR REPLACE FUNCTION allocation_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
BEGIN
    IF NOT EXISTS (SELECT FROM receipt_claim_part p JOIN receipt_claim c ON c.id = p.claim_id
                    WHERE c.receipt_id = NEW.receipt_id AND c.status = 'confirmed'
                      AND p.notice_id = NEW.notice_id AND p.amount = NEW.amount)
       AND NOT EXISTS (SELECT FROM receipt r JOIN ledger.transfer t ON t.entry_id = r.entry_id
                         JOIN ledger.account a ON a.id = t.credit_account_id
                        WHERE r.id = NEW.receipt_id AND a.code = '8101' AND t.amount = NEW.amount
                          AND a.key = 'contract:' || NEW.contract_id)
       AND NOT EXISTS (SELECT FROM late_message m WHERE m.receipt_id = NEW.receipt_id
                          AND m.notice_id = NEW.notice_id AND m.matched = NEW.amount) THEN
        why := 'neither its booking nor a confirmed claim says so';
    ELSIF EXISTS (SELECT FROM receipt_allocation s JOIN payment_notice n ON n.id = s.notice_id
                    JOIN payment_notice own ON own.id = NEW.notice_id
                   WHERE s.receipt_id = NEW.receipt_id AND s.contract_id = NEW.contract_id
                     AND n.source <> own.source) THEN
        why := 'one receipt would be of two sources';
    ELSIF EXISTS (SELECT FROM receipt r JOIN contract c ON c.id = NEW.contract_id
                    JOIN supervised_account a ON a.id = r.account_id
                   WHERE r.id = NEW.receipt_id AND a.project_id <> c.project_id) THEN
        why := 'the contract is of another account';
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'receipt %, notice %: %', NEW.receipt_id, NEW.notice_id, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_stands';
    END IF;
    RETURN NULL;
END $$;
