-- What stands on each level; what is not yet of a house stands with its community (各级余额).
CREATE VIEW building_balance AS
SELECT h.community_building_id, count(*) AS houses, sum(b.balance)::bigint AS balance,
       sum(b.held)::bigint AS held, sum(b.owed)::bigint AS owed
  FROM house h JOIN house_balance b ON b.house_id = h.id
 GROUP BY h.community_building_id;

CREATE VIEW community_balance AS
SELECT c.id AS community_id, c.fund_account_id, coalesce(s.buildings, 0) AS buildings,
       coalesce(s.houses, 0)::bigint AS houses, coalesce(s.balance, 0) AS in_houses,
       coalesce(u.balance, 0) AS undivided, coalesce(s.balance, 0) + coalesce(u.balance, 0) AS balance,
       coalesce(s.held, 0) AS held, coalesce(s.owed, 0) AS owed
  FROM community c JOIN fund_account f ON f.id = c.fund_account_id
  LEFT JOIN LATERAL (
       SELECT count(*) AS buildings, sum(v.houses)::bigint AS houses, sum(v.balance)::bigint AS balance,
              sum(v.held)::bigint AS held, sum(v.owed)::bigint AS owed
         FROM community_building g LEFT JOIN LATERAL (
              SELECT count(*) AS houses, sum(b.balance) AS balance, sum(b.held) AS held, sum(b.owed) AS owed
                FROM house h JOIN house_balance b ON b.house_id = h.id
               WHERE h.community_building_id = g.id) v ON true
        WHERE g.community_id = c.id) s ON true
  LEFT JOIN LATERAL (
       SELECT sum(-b.sign * b.balance)::bigint AS balance
         FROM (VALUES ('3001', ''), ('3002', ':public'), ('400101', ''), ('400102', ':public'),
                      ('500101', ''), ('500102', ''), ('500103', ''), ('500104', ''),
                      ('500101', ':public'), ('500102', ':public'), ('500103', ':public'), ('500104', ':public'),
                      ('510101', ''), ('510102', ':public')) AS k (code, nature)
         JOIN ledger.account a ON (a.book_id, a.code, a.key) = (f.book_id, k.code, 'community:' || c.id || k.nature)
         JOIN ledger.balance b ON b.account_id = a.id) u ON true;

CREATE VIEW fund_balance AS
SELECT f.id AS fund_account_id, f.book_id,
       coalesce(sum(-b.sign * b.balance) FILTER (WHERE fund_share_code(a.code)), 0)::bigint AS balance,
       coalesce(sum(b.balance) FILTER (WHERE a.code LIKE '1001%'), 0)::bigint AS at_bank,
       coalesce(sum(b.balance) FILTER (WHERE a.code LIKE '1101%'), 0)::bigint AS bonds,
       coalesce(sum(b.balance) FILTER (WHERE a.code = '1201'), 0)::bigint AS imprest,
       coalesce(sum(b.balance) FILTER (WHERE a.code LIKE '2%'), 0)::bigint AS liabilities,
       coalesce(sum(-b.sign * b.balance) FILTER (
           WHERE a.code ~ '^[345]' AND NOT fund_share_code(a.code)), 0)::bigint AS undistributed
  FROM fund_account f JOIN ledger.account a ON a.book_id = f.book_id
  JOIN ledger.balance b ON b.account_id = a.id
 GROUP BY f.id;

-- I7, by name: what does not agree between the levels, one text a row; nothing when all agree (各级余额相符).
CREATE FUNCTION fund_disagreements() RETURNS TABLE (rule text, what text) LANGUAGE sql STABLE AS $$
    SELECT 'house', format('分户 %s 载余额 %s、占用 %s、待归还 %s 分，账上为 %s、%s、%s 分', h.unit_code,
                           s.balance, s.held, s.owed, l.balance, l.held, l.owed)
      FROM house h JOIN community_building g ON g.id = h.community_building_id
      JOIN community c ON c.id = g.community_id JOIN fund_account f ON f.id = c.fund_account_id
      LEFT JOIN house_balance s ON s.house_id = h.id
      LEFT JOIN (
           SELECT a.book_id, a.key, coalesce(sum(-b.sign * b.balance) FILTER (WHERE fund_share_code(a.code)), 0),
                  coalesce(sum(b.balance) FILTER (WHERE a.code = '9201'), 0),
                  coalesce(sum(b.balance) FILTER (WHERE a.code = '9101'), 0)
             FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
            WHERE a.key LIKE 'house:%' AND (fund_share_code(a.code) OR a.code IN ('9101', '9201'))
            GROUP BY a.book_id, a.key) AS l (book_id, key, balance, held, owed)
        ON (l.book_id, l.key) = (f.book_id, 'house:' || h.id)
     WHERE (s.balance, s.held, s.owed) IS DISTINCT FROM
           (coalesce(l.balance, 0), coalesce(l.held, 0), coalesce(l.owed, 0))
    UNION ALL
    SELECT 'community', format('专户 %s：各小区合计 %s 分，专户 %s 分', f.account_no, coalesce(s.balance, 0), v.balance)
      FROM fund_account f JOIN fund_balance v ON v.fund_account_id = f.id
      LEFT JOIN (SELECT fund_account_id, sum(balance) FROM community_balance GROUP BY fund_account_id)
             AS s (fund_account_id, balance) ON s.fund_account_id = f.id
     WHERE coalesce(s.balance, 0) <> v.balance
    UNION ALL
    SELECT 'building', format('小区 %s：各幢合计 %s 分，小区 %s 分', c.name, coalesce(s.balance, 0), v.in_houses)
      FROM community c JOIN community_balance v ON v.community_id = c.id
      LEFT JOIN (SELECT g.community_id, sum(b.balance) FROM community_building g
                   JOIN building_balance b ON b.community_building_id = g.id GROUP BY g.community_id)
             AS s (community_id, balance) ON s.community_id = c.id
     WHERE coalesce(s.balance, 0) <> v.in_houses
    UNION ALL
    SELECT 'account', format('专户 %s：存款、国债、备用金 %s 分，负债 %s 分、净资产 %s 分', f.account_no,
                             v.at_bank + v.bonds + v.imprest, v.liabilities, v.balance + v.undistributed)
      FROM fund_account f JOIN fund_balance v ON v.fund_account_id = f.id
     WHERE v.at_bank + v.bonds + v.imprest <> v.liabilities + v.balance + v.undistributed
$$;
