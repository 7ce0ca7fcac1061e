-- The application reads and calls; nobody but the owner's functions writes (权限).
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO escrow_app, escrow_reader, escrow_verifier;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO escrow_app, escrow_reader, escrow_verifier;
GRANT EXECUTE ON FUNCTION ledger.balance_at TO escrow_app, escrow_reader, escrow_verifier;
GRANT EXECUTE ON FUNCTION
    ledger.open_book, ledger.open_account, ledger.lock_balances, ledger.post_entries, ledger.reverse_entry,
    ledger.close_day, ledger.seal_next
    TO escrow_app;
