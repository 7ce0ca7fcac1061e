-- The columns of an entry's lines are lists of one length, each from one (分录的各列等长).
ALTER TABLE ledger.journal_entry
    DROP CONSTRAINT ck_journal_entry_flat,
    DROP CONSTRAINT ck_journal_entry_transfers,
    ADD CONSTRAINT ck_journal_entry_flat
        CHECK (array_dims(amounts) ~ '^\[1:[0-9]+\]$') NOT VALID,
    ADD CONSTRAINT ck_journal_entry_transfers
        CHECK (cardinality(amounts) > 0 AND array_dims(debits) IS NOT DISTINCT FROM array_dims(amounts)
               AND array_dims(credits) IS NOT DISTINCT FROM array_dims(amounts)) NOT VALID;
ALTER TABLE ledger.journal_entry VALIDATE CONSTRAINT ck_journal_entry_flat;
ALTER TABLE ledger.journal_entry VALIDATE CONSTRAINT ck_journal_entry_transfers;
