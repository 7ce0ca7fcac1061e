-- What may be ordered now: the earlier branches, and what is due for lost houses (应付的依据).
CREATE OR REPLACE FUNCTION fund_order_due(of_kind text, of_source text)
RETURNS TABLE (fund_account_id integer, nature text, amount bigint, decided_by integer)
LANGUAGE sql STABLE AS $$
    SELECT * FROM fund_order_due_aparts(of_kind, of_source)
    UNION ALL SELECT * FROM fund_order_due_ended(of_kind, of_source)
    UNION ALL SELECT * FROM fund_order_due_uses(of_kind, of_source)
    UNION ALL SELECT * FROM fund_order_due_losses(of_kind, of_source)
$$;
