-- Whether a house is still the developer's: in the register, under no filed contract, and nobody registered (未售).
CREATE FUNCTION house_is_unsold(of_house integer, of_unit integer) RETURNS boolean LANGUAGE sql STABLE
SET plan_cache_mode = 'force_generic_plan' AS $$
    SELECT of_unit IS NOT NULL
       AND NOT EXISTS (SELECT FROM contract k WHERE k.unit_id = of_unit AND k.status IN ('filed', 'at-risk'))
       AND NOT EXISTS (SELECT FROM owner_change c WHERE c.house_id = of_house AND c.status = 'confirmed')
$$;

-- The houses of a scope, as the share list is drawn from them: a community, or one building of it (使用范围).
CREATE FUNCTION use_scope(of_community integer, of_building integer) RETURNS TABLE (
    house_id integer, unit_code text, area numeric, nature text, bearer text
) LANGUAGE sql STABLE SET plan_cache_mode = 'force_generic_plan' AS $$
    SELECT h.id, h.unit_code, h.area, h.nature,
           CASE WHEN house_is_unsold(h.id, h.unit_id) THEN 'developer' ELSE 'fund' END
      FROM community_building g JOIN house h ON h.community_building_id = g.id
     WHERE g.community_id = of_community AND g.id = coalesce(of_building, g.id) AND h.status = 'built'
$$;

-- A budget shared by area: whole fen first, then one each by largest remainder, ties by unit code (按面积分摊).
CREATE FUNCTION use_shares_of(said fund_use) RETURNS TABLE (
    house_id integer, bearer text, area numeric, amount bigint
) LANGUAGE sql STABLE AS $$
    WITH home AS (
        SELECT s.*, sum(s.area) OVER () AS whole FROM use_scope(said.community_id, said.community_building_id) s
    ), part AS (
        SELECT h.*, floor(said.budget * h.area / h.whole) AS base,
               said.budget * h.area - floor(said.budget * h.area / h.whole) * h.whole AS rest
          FROM home h
    ), turn AS (
        SELECT p.*, row_number() OVER (ORDER BY p.rest DESC, p.unit_code COLLATE "C") AS place,
               said.budget - sum(p.base) OVER () AS spare
          FROM part p
    )
    SELECT t.house_id, t.bearer, t.area, (t.base + CASE WHEN t.place <= t.spare THEN 1 ELSE 0 END)::bigint
      FROM turn t
$$;

-- Shares are written whole, once, while the use is a draft: every house of the scope, by area, no public housing.
CREATE FUNCTION use_shares_stand() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    said fund_use;
    why text;
BEGIN
    FOR said IN SELECT u.* FROM fund_use u WHERE u.id IN (SELECT m.use_id FROM made m) LOOP
        why := CASE
            WHEN said.status <> 'draft' THEN 'it is no draft any more'
            WHEN EXISTS (SELECT FROM use_scope(said.community_id, said.community_building_id) s
                          WHERE s.nature <> 'commodity')
            THEN 'there is public housing in its scope'
            WHEN EXISTS (
                 SELECT FROM use_shares_of(said) d
                   FULL JOIN (SELECT * FROM use_share WHERE use_id = said.id) s ON s.house_id = d.house_id
                  WHERE (s.bearer, s.area, s.amount) IS DISTINCT FROM (d.bearer, d.area, d.amount))
            THEN 'these are not the shares by area'
            WHEN said.matter = 'use' AND EXISTS (
                 SELECT FROM use_share s
                  WHERE s.use_id = said.id AND s.bearer = 'fund' AND s.from_fund <> s.amount)
            THEN 'its owners were not asked to raise anything'
            WHEN said.fund_part <> (SELECT sum(s.from_fund) FROM use_share s WHERE s.use_id = said.id)
            THEN 'the houses'' parts are not the fund''s part' END;
        IF why IS NOT NULL THEN
            RAISE 'use %: %', said.use_no, why
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'use_shares_stand';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER use_shares_stand AFTER INSERT ON use_share
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION use_shares_stand();

CREATE FUNCTION use_is_shared() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM use_share s WHERE s.use_id = NEW.id)
       OR NOT EXISTS (SELECT FROM use_paper p WHERE p.use_id = NEW.id AND p.kind = 'plan') THEN
        RAISE 'use %: without its share list or its plan', NEW.use_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'use_is_shared';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER use_is_shared AFTER INSERT ON fund_use
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION use_is_shared();

-- Of all owners those who took part, of these those who agreed; the developer's unsold houses are one head (表决统计).
CREATE FUNCTION use_tally(of_use integer) RETURNS TABLE (
    area_all numeric, area_in numeric, area_yes numeric, heads_all bigint, heads_in bigint, heads_yes bigint
) LANGUAGE sql STABLE SET plan_cache_mode = 'force_generic_plan' AS $$
    SELECT coalesce(sum(s.area), 0), coalesce(sum(s.area) FILTER (WHERE v.ballot IS NOT NULL), 0),
           coalesce(sum(s.area) FILTER (WHERE v.ballot = 'yes'), 0),
           count(DISTINCT s.head), count(DISTINCT s.head) FILTER (WHERE v.ballot IS NOT NULL),
           count(DISTINCT s.head) FILTER (WHERE v.ballot = 'yes')
      FROM (SELECT h.*, CASE h.bearer WHEN 'developer' THEN 0 ELSE h.house_id END AS head
              FROM use_share h WHERE h.use_id = of_use) s
      LEFT JOIN use_vote v ON (v.use_id, v.house_id) = (s.use_id, s.house_id)
$$;

-- 民法典 278: two thirds of area and heads take part; of these more than half agree, to raise money three quarters.
CREATE FUNCTION use_is_carried(of_use integer, of_matter text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT t.area_in * 3 >= t.area_all * 2 AND t.heads_in * 3 >= t.heads_all * 2
       AND CASE of_matter
               WHEN 'raise' THEN t.area_yes * 4 >= t.area_in * 3 AND t.heads_yes * 4 >= t.heads_in * 3
               ELSE t.area_yes * 2 > t.area_in AND t.heads_yes * 2 > t.heads_in END
      FROM use_tally(of_use) t
$$;

-- Ballots are recorded whole, once, while the plan is published; the developer has one mind (表决一次记全).
CREATE FUNCTION use_votes_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said record;
BEGIN
    FOR said IN SELECT u.id, u.use_no, u.status, u.voted_by, (SELECT count(*) FROM made m WHERE m.use_id = u.id) AS made
                  FROM fund_use u WHERE u.id IN (SELECT m.use_id FROM made m) LOOP
        IF said.status <> 'published' OR said.voted_by IS NOT NULL
           OR said.made <> (SELECT count(*) FROM use_vote v WHERE v.use_id = said.id)
           OR 1 < (SELECT count(DISTINCT v.ballot) FROM use_vote v JOIN use_share s USING (use_id, house_id)
                    WHERE v.use_id = said.id AND s.bearer = 'developer') THEN
            RAISE 'use %: its ballots are recorded once, while it is published', said.use_no
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'use_votes_stand';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER use_votes_stand AFTER INSERT ON use_vote
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION use_votes_stand();
