"""A fund's sums are read from its few accounts, and each level is compared with another source (各级合计).

What belongs to houses is what the bank holds less what is owed and undistributed: at a million houses that is
a hundred accounts to read instead of millions. The check then compares it with the houses themselves.
"""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

FUND_BALANCE = """
CREATE OR REPLACE VIEW public.fund_balance AS
SELECT f.id AS fund_account_id, f.book_id,
       (s.at_bank + s.bonds + s.imprest - s.liabilities - s.undistributed)::bigint AS balance,
       s.at_bank, s.bonds, s.imprest, s.liabilities, s.undistributed
  FROM public.fund_account f CROSS JOIN LATERAL (
       SELECT coalesce(sum(b.balance) FILTER (WHERE a.code LIKE '1001%'), 0)::bigint AS at_bank,
              coalesce(sum(b.balance) FILTER (WHERE a.code LIKE '1101%'), 0)::bigint AS bonds,
              coalesce(sum(b.balance) FILTER (WHERE a.code = '1201'), 0)::bigint AS imprest,
              coalesce(sum(b.balance) FILTER (WHERE a.code LIKE '2%'), 0)::bigint AS liabilities,
              coalesce(sum(-b.sign * b.balance) FILTER (WHERE a.code >= '3'), 0)::bigint AS undistributed
         FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
        WHERE a.book_id = f.book_id
          AND (a.code < '3' OR a.code BETWEEN '3100' AND '3999' OR a.code BETWEEN '4100' AND '4999'
               OR a.code BETWEEN '5900' AND '5999')) s
 WHERE f.book_id IS NOT NULL;
"""

DISAGREEMENTS = """
CREATE OR REPLACE FUNCTION public.fund_disagreements() RETURNS TABLE (rule text, what text)
LANGUAGE sql STABLE SET enable_seqscan = on AS $$
    WITH booked AS MATERIALIZED (
        SELECT a.book_id, a.key,
               coalesce(sum(-b.sign * b.balance) FILTER (WHERE public.fund_share_code(a.code)), 0)::bigint
                   AS balance,
               coalesce(sum(b.balance) FILTER (WHERE a.code = '9201'), 0)::bigint AS held,
               coalesce(sum(b.balance) FILTER (WHERE a.code = '9101'), 0)::bigint AS owed
          FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
         WHERE a.book_id IN (SELECT f.book_id FROM public.fund_account f)
           AND (public.fund_share_code(a.code) OR a.code IN ('9101', '9201'))
         GROUP BY a.book_id, a.key
    ), placed AS MATERIALIZED (
        SELECT h.unit_code, g.id AS building_id, g.building_no, c.id AS community_id, c.name,
               c.fund_account_id, s.balance, s.held, s.owed, coalesce(l.balance, 0) AS in_books,
               coalesce(l.held, 0) AS held_in_books, coalesce(l.owed, 0) AS owed_in_books
          FROM public.house h JOIN public.community_building g ON g.id = h.community_building_id
          JOIN public.community c ON c.id = g.community_id
          JOIN public.fund_account f ON f.id = c.fund_account_id
          LEFT JOIN public.house_balance s ON s.house_id = h.id
          LEFT JOIN booked l ON (l.book_id, l.key) = (f.book_id, 'house:' || h.id)
    ), undivided AS (
        SELECT l.book_id, sum(l.balance) AS balance FROM booked l WHERE l.key LIKE 'community:%'
         GROUP BY l.book_id
    )
    SELECT 'house', format('分户 %s 载余额 %s、占用 %s、待归还 %s 分，账上为 %s、%s、%s 分', p.unit_code,
                           p.balance, p.held, p.owed, p.in_books, p.held_in_books, p.owed_in_books)
      FROM placed p
     WHERE (p.balance, p.held, p.owed) IS DISTINCT FROM (p.in_books, p.held_in_books, p.owed_in_books)
    UNION ALL
    SELECT 'building', format('小区 %s %s 幢：各户合计 %s 分，账上 %s 分', p.name, p.building_no,
                              sum(p.balance), sum(p.in_books))
      FROM placed p GROUP BY p.building_id, p.building_no, p.name
    HAVING sum(p.balance) IS DISTINCT FROM sum(p.in_books)
    UNION ALL
    SELECT 'community', format('专户 %s：各小区合计 %s 分，专户存款等减负债与待分配为 %s 分', f.account_no,
                               coalesce(t.balance, 0) + coalesce(u.balance, 0), v.balance)
      FROM public.fund_account f JOIN public.fund_balance v ON v.fund_account_id = f.id
      LEFT JOIN (SELECT p.fund_account_id, sum(p.balance) AS balance FROM placed p
                  GROUP BY p.fund_account_id) t ON t.fund_account_id = f.id
      LEFT JOIN undivided u ON u.book_id = f.book_id
     WHERE coalesce(t.balance, 0) + coalesce(u.balance, 0) <> v.balance
    UNION ALL
    SELECT 'account', format('专户 %s：净资产各户各小区科目合计 %s 分，存款等减负债与待分配为 %s 分',
                             f.account_no, coalesce(l.balance, 0), v.balance)
      FROM public.fund_account f JOIN public.fund_balance v ON v.fund_account_id = f.id
      LEFT JOIN (SELECT k.book_id, sum(k.balance) AS balance FROM booked k GROUP BY k.book_id) l
        ON l.book_id = f.book_id
     WHERE coalesce(l.balance, 0) <> v.balance
$$;
"""


def upgrade() -> None:
    # A colon before a word is no parameter here: as the driver takes it.
    driver = op.get_bind().connection.driver_connection
    driver.execute(FUND_BALANCE)
    driver.execute(DISAGREEMENTS)


def downgrade() -> None:
    raise NotImplementedError("账簿与留痕不可撤除；请以新的迁移修正。")
