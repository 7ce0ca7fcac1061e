"""One look at an entry decides which rules of the supervised book look closer (一次查看，各守其则).

Three guards each read every entry of every book to find that it was none of theirs; most entries are of one.
"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

# The three rules as 0012, 0013 and 0024 made them, of the entries named instead of all that were inserted.
KEY_FUNDS_FOLLOW = """
CREATE FUNCTION public.key_funds_follow(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT s.book_id, k.key, p.key_funds, l.due, w.broken
      INTO wrong
      FROM ledger.journal_entry e
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
     WHERE e.id = ANY (ids) AND w.broken IS NOT NULL
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
END $$;
"""

ORDERS_FOLLOW = """
CREATE FUNCTION public.orders_follow(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT DISTINCT a.book_id, a.key, substring(a.key FROM '^instruction:([0-9]{1,9})$')::integer AS id
          FROM ledger.journal_entry e
          JOIN ledger.account a ON a.id = ANY (e.debits || e.credits) AND a.code IN ('2201', '2202')
         WHERE e.id = ANY (ids)
    LOOP
        IF NOT public.look_at_order(one.book_id, one.id)
           AND EXISTS (SELECT FROM public.supervised_account s WHERE s.book_id = one.book_id) THEN
            RAISE '% is no order of this account', one.key
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'order_exists';
        END IF;
    END LOOP;
END $$;
"""

OUTFLOWS_NOTED = """
CREATE FUNCTION public.outflows_noted(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.bank_outflow (entry_id, amount, from_transit)
    SELECT e.id, sum(l.amount), bool_and(d.code = '1102')
      FROM ledger.journal_entry e
      CROSS JOIN LATERAL unnest(e.debits, e.credits, e.amounts) AS l (debit, credit, amount)
      JOIN ledger.account c ON c.id = l.credit AND c.code = '1101'
      JOIN ledger.account d ON d.id = l.debit AND d.code NOT IN ('2201', '2202')
     WHERE e.id = ANY (ids)
       AND EXISTS (SELECT FROM public.supervised_account s WHERE s.book_id = e.book_id)
     GROUP BY e.id;
END $$;
"""

# After the ledger has moved the balances: its trigger's name, book_entries, sorts before this one.
RULES_LOOK = """
CREATE FUNCTION public.rules_look() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    levels bigint[];
    orders bigint[];
    outflows bigint[];
BEGIN
    SELECT array_agg(e.id) FILTER (WHERE t.level), array_agg(e.id) FILTER (WHERE t.transit),
           array_agg(e.id) FILTER (WHERE t.outflow)
      INTO levels, orders, outflows
      FROM booked e CROSS JOIN LATERAL (
          SELECT bool_or(a.code IN ('2111', '2112', '8201', '8202', '8203', '8204')
                         AND a.key LIKE 'building:%') AS level,
                 bool_or(a.code IN ('2201', '2202')) AS transit,
                 bool_or(a.code = '1101' AND a.id = ANY (e.credits)) AS outflow
            FROM ledger.account a WHERE a.id = ANY (e.debits || e.credits)) t;
    IF levels IS NOT NULL THEN
        PERFORM public.key_funds_follow(levels);
    END IF;
    IF orders IS NOT NULL THEN
        PERFORM public.orders_follow(orders);
    END IF;
    IF outflows IS NOT NULL THEN
        PERFORM public.outflows_noted(outflows);
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER key_funds_follow ON ledger.journal_entry;
DROP TRIGGER orders_follow ON ledger.journal_entry;
DROP TRIGGER outflows_noted ON ledger.journal_entry;
DROP FUNCTION key_funds_follow();
DROP FUNCTION orders_follow();
DROP FUNCTION outflows_noted();
CREATE TRIGGER rules_look AFTER INSERT ON ledger.journal_entry
    REFERENCING NEW TABLE AS booked FOR EACH STATEMENT EXECUTE FUNCTION public.rules_look();
"""


def upgrade() -> None:
    for statement in (KEY_FUNDS_FOLLOW, ORDERS_FOLLOW, OUTFLOWS_NOTED, RULES_LOOK):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
