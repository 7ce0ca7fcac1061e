"""Key funds are what the building's level asks, after every entry, whoever posts it (重点资金等于应留存额)."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# I3: 2111 = min(T, L) for each building an entry of a supervised book touches; without a quota all is locked.
# A level that an entry sets is not below the quota agreed, and releases no more than the reached node does
# (node_released is written in 0016).
# Once for each statement, after the ledger has moved the balances (its trigger's name sorts before this one).
KEY_FUNDS_FOLLOW = """
CREATE FUNCTION public.quota_agreed(of_agreement integer, of_key text) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT ((q.one ->> 'amount')::numeric * 100)::bigint
      FROM public.agreement g
      JOIN public.building b ON b.id = split_part(of_key, ':', 2)::integer
     CROSS JOIN LATERAL jsonb_array_elements(g.clauses -> 'quotas') AS q (one)
     WHERE g.id = of_agreement AND q.one ->> 'building_no' = b.building_no
$$;
CREATE FUNCTION public.key_funds_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT s.book_id, k.key, p.key_funds, l.due, w.broken
      INTO wrong
      FROM booked e
      JOIN public.supervised_account s ON s.book_id = e.book_id
      JOIN public.agreement g ON g.id = s.agreement_id
      CROSS JOIN LATERAL (
          SELECT a.key, bool_or(a.code IN ('8201', '8203')) AS levelled FROM ledger.account a
           WHERE a.id = ANY (e.debits || e.credits) AND a.key LIKE 'building:%'
             AND a.code IN ('2111', '2112', '8201', '8202', '8203', '8204')
           GROUP BY a.key) k
      CROSS JOIN LATERAL (
          SELECT coalesce(sum(b.balance) FILTER (WHERE a.code = '2111'), 0) AS key_funds,
                 coalesce(sum(b.balance) FILTER (WHERE a.code IN ('2111', '2112')), 0) AS held,
                 sum(b.balance) FILTER (WHERE a.code = '8201') AS quota,
                 coalesce(sum(b.balance) FILTER (WHERE a.code = '8202'), 0) AS guarantee,
                 coalesce(sum(b.balance) FILTER (WHERE a.code = '8203'), 0) AS released,
                 coalesce(sum(b.balance) FILTER (WHERE a.code = '8204'), 0) AS paid
            FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
           WHERE a.book_id = s.book_id AND a.key = k.key
             AND a.code IN ('2111', '2112', '8201', '8202', '8203', '8204')) p
      CROSS JOIN LATERAL (
          SELECT CASE WHEN p.quota IS NULL THEN p.held
                      WHEN g.clauses ->> 'quota_mode' = 'draw_down'
                      THEN least(p.held, greatest(0, p.quota - p.guarantee - p.paid))
                      ELSE least(p.held, greatest(0, p.quota - greatest(p.guarantee, p.released)))
                 END AS due) l
      CROSS JOIN LATERAL (
          SELECT CASE WHEN p.key_funds <> l.due THEN 'key_funds_follow'
                      WHEN NOT k.levelled THEN NULL
                      WHEN p.held > 0 AND p.quota < public.quota_agreed(g.id, k.key) THEN 'quota_by_agreement'
                      WHEN p.released > 0
                           AND p.released > public.node_released(s.book_id, k.key, p.quota::bigint)
                      THEN 'released_by_node' END AS broken) w
     WHERE w.broken IS NOT NULL
     LIMIT 1;
    IF FOUND AND wrong.broken <> 'key_funds_follow' THEN
        RAISE 'book %, %: its level is not what agreement and nodes make it (%)',
              wrong.book_id, wrong.key, wrong.broken
              USING ERRCODE = 'check_violation', CONSTRAINT = wrong.broken;
    ELSIF FOUND THEN
        RAISE 'book %, %: key funds are %, the level asks %',
              wrong.book_id, wrong.key, wrong.key_funds, wrong.due
              USING ERRCODE = 'check_violation', CONSTRAINT = 'key_funds_follow';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER key_funds_follow AFTER INSERT ON ledger.journal_entry
    REFERENCING NEW TABLE AS booked FOR EACH STATEMENT EXECUTE FUNCTION key_funds_follow();
"""


def upgrade() -> None:
    op.execute(KEY_FUNDS_FOLLOW)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
