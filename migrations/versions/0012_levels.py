"""Key funds are what the building's level asks, after every entry, whoever posts it (重点资金等于应留存额)."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# I3: 2111 = min(T, L) for each building an entry of a supervised book touches; without a quota all is locked.
# Once for each statement, after the ledger has moved the balances (its trigger's name sorts before this one).
KEY_FUNDS_FOLLOW = """
CREATE FUNCTION public.key_funds_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT t.book_id, t.key, g.clauses ->> 'quota_mode' AS mode
          FROM (SELECT DISTINCT a.book_id, a.key
                  FROM booked e CROSS JOIN LATERAL unnest(e.debits || e.credits) AS l (id)
                  JOIN ledger.account a ON a.id = l.id
                 WHERE a.code IN ('2111', '2112', '8201', '8202', '8203', '8204')
                   AND a.key LIKE 'building:%') t
          JOIN public.supervised_account s ON s.book_id = t.book_id
          JOIN public.agreement g ON g.id = s.agreement_id
    LOOP
        PERFORM public.check_key_funds(one.book_id, one.key, one.mode);
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION public.check_key_funds(of_book bigint, of_key text, mode text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    key_funds bigint; general bigint; due bigint;
    quota bigint; guarantee bigint; released bigint; paid bigint;
BEGIN
    SELECT coalesce(max(b.balance) FILTER (WHERE a.code = '2111'), 0),
           coalesce(max(b.balance) FILTER (WHERE a.code = '2112'), 0),
           max(b.balance) FILTER (WHERE a.code = '8201'),
           coalesce(max(b.balance) FILTER (WHERE a.code = '8202'), 0),
           coalesce(max(b.balance) FILTER (WHERE a.code = '8203'), 0),
           coalesce(max(b.balance) FILTER (WHERE a.code = '8204'), 0)
      INTO key_funds, general, quota, guarantee, released, paid
      FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
     WHERE a.book_id = of_book AND a.key = of_key
       AND a.code IN ('2111', '2112', '8201', '8202', '8203', '8204');
    due := key_funds + general;
    IF quota IS NOT NULL THEN
        due := least(due, greatest(0, CASE mode WHEN 'draw_down' THEN quota - guarantee - paid
                                           ELSE least(quota - guarantee, quota - released) END));
    END IF;
    IF key_funds <> due THEN
        RAISE 'book %, %: key funds are %, the level asks %', of_book, of_key, key_funds, due
              USING ERRCODE = 'check_violation', CONSTRAINT = 'key_funds_follow';
    END IF;
END $$;
CREATE TRIGGER key_funds_follow AFTER INSERT ON ledger.journal_entry
    REFERENCING NEW TABLE AS booked FOR EACH STATEMENT EXECUTE FUNCTION key_funds_follow();
"""


def upgrade() -> None:
    op.execute(KEY_FUNDS_FOLLOW)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
