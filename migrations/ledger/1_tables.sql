-- The books: what is kept, and the shapes PostgreSQL itself refuses (账簿各表).
CREATE SCHEMA ledger;

-- A set of books (账套): one per supervised account; entries never cross from one to another.
CREATE TABLE ledger.book (
    id bigint GENERATED ALWAYS AS IDENTITY,
    code text NOT NULL,
    title text NOT NULL,
    opened_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_book PRIMARY KEY (id),
    CONSTRAINT uq_book_code UNIQUE (code),
    CONSTRAINT ck_book_code CHECK (code <> '')
);

-- An account (科目): a chart code and what it is kept for. Never changed; its balance stands in its own row.
CREATE TABLE ledger.account (
    id bigint GENERATED ALWAYS AS IDENTITY,
    book_id bigint NOT NULL,
    code text NOT NULL,
    key text DEFAULT '' NOT NULL,
    side varchar(32) NOT NULL,
    floor bigint,
    opened_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_account PRIMARY KEY (id),
    CONSTRAINT uq_account_book_id_code_key UNIQUE (book_id, code, key),
    CONSTRAINT fk_account_book_id FOREIGN KEY (book_id) REFERENCES ledger.book (id),
    CONSTRAINT ck_account_code CHECK (code <> ''),
    CONSTRAINT ck_account_side CHECK (side IN ('debit', 'credit'))
);

-- The balance now (余额), on the account's own side. Only postings move it. `last_on` is the latest effective day,
-- `last_from` the version that day began from, `closed_through` the last closed day: here, so that a posting reads
-- them with the row it locks.
CREATE TABLE ledger.balance (
    account_id bigint NOT NULL,
    book_id bigint NOT NULL,
    sign smallint NOT NULL,
    floor bigint,
    balance bigint DEFAULT 0 NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    last_on date DEFAULT '0001-01-01' NOT NULL,
    last_from bigint DEFAULT 0 NOT NULL,
    closed_through date DEFAULT '0001-01-01' NOT NULL,
    CONSTRAINT pk_balance PRIMARY KEY (account_id),
    CONSTRAINT fk_balance_account_id FOREIGN KEY (account_id) REFERENCES ledger.account (id),
    CONSTRAINT ck_balance_floor CHECK (balance >= floor),
    CONSTRAINT ck_balance_sign CHECK (sign IN (1, -1))
) WITH (fillfactor = 50);
CREATE INDEX ix_balance_book_id ON ledger.balance (book_id);

-- A journal entry (记账凭证) states all its transfers at once: account, account, amount, line by line.
CREATE TABLE ledger.journal_entry (
    id bigint GENERATED ALWAYS AS IDENTITY,
    book_id bigint NOT NULL,
    movement text NOT NULL,
    reference text NOT NULL,
    event_group text,
    effective_on date NOT NULL,
    memo text DEFAULT '' NOT NULL,
    debits bigint[] NOT NULL,
    credits bigint[] NOT NULL,
    amounts bigint[] NOT NULL,
    reverses_id bigint,
    settles_id bigint,
    booked_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT pk_journal_entry PRIMARY KEY (id),
    CONSTRAINT uq_journal_entry_book_id_reference UNIQUE (book_id, reference),
    CONSTRAINT fk_journal_entry_reverses_id FOREIGN KEY (reverses_id) REFERENCES ledger.journal_entry (id),
    CONSTRAINT fk_journal_entry_settles_id FOREIGN KEY (settles_id) REFERENCES ledger.journal_entry (id),
    CONSTRAINT ck_journal_entry_transfers CHECK (
        cardinality(amounts) > 0
        AND cardinality(debits) = cardinality(amounts) AND cardinality(credits) = cardinality(amounts)
    ),
    CONSTRAINT ck_journal_entry_reference CHECK (reference <> ''),
    CONSTRAINT ck_journal_entry_effective_on CHECK (effective_on BETWEEN '1900-01-01' AND '9999-12-31'),
    CONSTRAINT ck_journal_entry_links CHECK (reverses_id IS NULL OR settles_id IS NULL)
);
CREATE UNIQUE INDEX uq_journal_entry_reverses_id ON ledger.journal_entry (reverses_id)
    WHERE reverses_id IS NOT NULL;
CREATE UNIQUE INDEX uq_journal_entry_settles_id ON ledger.journal_entry (settles_id)
    WHERE settles_id IS NOT NULL;
-- What was reversed cannot be settled, what was settled cannot be reversed.
CREATE UNIQUE INDEX uq_journal_entry_resolves ON ledger.journal_entry (coalesce(reverses_id, settles_id))
    WHERE coalesce(reverses_id, settles_id) IS NOT NULL;
CREATE INDEX ix_journal_entry_xid_id ON ledger.journal_entry (xid, id);

-- A transfer (一借一贷) with the version and balance of both accounts after it. Only book_entries() writes here, from
-- an entry it holds and from balance rows it has just moved, so foreign keys would prove again, at a third of a
-- batch's time, what cannot be otherwise; `flask verify` still looks for orphans.
CREATE TABLE ledger.transfer (
    entry_id bigint NOT NULL,
    line integer NOT NULL,
    debit_account_id bigint NOT NULL,
    credit_account_id bigint NOT NULL,
    amount bigint NOT NULL,
    debit_version bigint NOT NULL,
    debit_balance bigint NOT NULL,
    credit_version bigint NOT NULL,
    credit_balance bigint NOT NULL,
    CONSTRAINT pk_transfer PRIMARY KEY (entry_id, line),
    CONSTRAINT uq_transfer_debit_account_id_debit_version UNIQUE (debit_account_id, debit_version),
    CONSTRAINT uq_transfer_credit_account_id_credit_version UNIQUE (credit_account_id, credit_version),
    CONSTRAINT ck_transfer_amount CHECK (amount BETWEEN 1 AND 10000000000000),
    CONSTRAINT ck_transfer_accounts CHECK (debit_account_id <> credit_account_id)
);

-- The two sides of every transfer (分录).
CREATE VIEW ledger.posting AS
SELECT entry_id, line, debit_account_id AS account_id, 'debit' AS side, amount,
       debit_version AS version, debit_balance AS balance, credit_account_id AS counter_id
  FROM ledger.transfer
UNION ALL
SELECT entry_id, line, credit_account_id, 'credit', amount, credit_version, credit_balance, debit_account_id
  FROM ledger.transfer;

-- What stood on the account before each effective day on which it moved (起息日期初余额). Written when a day first
-- moves, not at every posting: the balance at the end of a day is the opening of the next one, or the balance now.
CREATE TABLE ledger.balance_day (
    account_id bigint NOT NULL,
    day date NOT NULL,
    opening bigint NOT NULL,
    CONSTRAINT pk_balance_day PRIMARY KEY (account_id, day),
    CONSTRAINT fk_balance_day_account_id FOREIGN KEY (account_id) REFERENCES ledger.account (id)
);

-- A day of a book that takes no more postings (日结).
CREATE TABLE ledger.day_close (
    book_id bigint NOT NULL,
    day date NOT NULL,
    closed_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_day_close PRIMARY KEY (book_id, day),
    CONSTRAINT fk_day_close_book_id FOREIGN KEY (book_id) REFERENCES ledger.book (id),
    CONSTRAINT ck_day_close_day CHECK (day BETWEEN '1900-01-01' AND '9999-12-31')
);

-- A sealed block (封存): every entry after the block before it, up to (through_xid, through_id), under one hash.
CREATE TABLE ledger.seal (
    no bigint NOT NULL,
    through_xid xid8 NOT NULL,
    through_id bigint NOT NULL,
    entries integer NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT pk_seal PRIMARY KEY (no),
    CONSTRAINT ck_seal_entries CHECK (entries BETWEEN 1 AND 1000),
    CONSTRAINT ck_seal_hash CHECK (octet_length(hash) = 32 AND octet_length(previous) = 32)
);
