-- Sold and not handed over: under a filed contract, nobody registered since, its building without first registration,
-- and its buyer has not repaid the developer as is done at the handover (已售未交付).
CREATE FUNCTION house_is_undelivered(of_house integer, of_unit integer) RETURNS boolean LANGUAGE sql STABLE
SET plan_cache_mode = 'force_generic_plan' AS $$
    SELECT EXISTS (SELECT FROM contract k WHERE k.unit_id = of_unit AND k.status IN ('filed', 'at-risk'))
       AND NOT EXISTS (SELECT FROM owner_change c WHERE c.house_id = of_house AND c.status = 'confirmed')
       AND NOT EXISTS (SELECT FROM unit u JOIN registered_building r ON r.building_id = u.building_id
                        WHERE u.id = of_unit AND r.status = 'confirmed')
       AND NOT EXISTS (SELECT FROM advance_repayment p JOIN contract k ON k.id = p.contract_id
                        WHERE p.house_id = of_house AND p.status = 'confirmed' AND k.status <> 'cancelled')
$$;

-- Who is one owner where owners are counted (法释〔2020〕17号 第九条): the developer with all that is unsold or not handed
-- over; the same people with all that is theirs; else each house. Names alone, as old files have them, prove nobody the
-- same.
CREATE FUNCTION house_head(of_house integer, bearer text) RETURNS text LANGUAGE sql STABLE
SET plan_cache_mode = 'force_generic_plan' AS $$
    WITH home AS (SELECT h.id, h.unit_id FROM house h WHERE h.id = of_house),
    last AS (
        SELECT k.id FROM owner_change k WHERE k.house_id = of_house AND k.status = 'confirmed'
         ORDER BY k.from_day DESC, k.id DESC LIMIT 1),
    people AS (
        SELECT w.id_no_index FROM house_owner w WHERE w.change_id = (SELECT id FROM last)
        UNION ALL
        SELECT y.id_no_index FROM home h
          JOIN contract c ON c.unit_id = h.unit_id AND c.status IN ('filed', 'at-risk')
          JOIN party y ON (y.contract_id, y.version) = (c.id, c.version)
         WHERE NOT EXISTS (SELECT FROM last))
    SELECT CASE WHEN bearer = 'developer' OR house_is_undelivered(h.id, h.unit_id) THEN 'developer'
                ELSE coalesce((
                    SELECT 'owner:' || encode(sha256(string_agg(DISTINCT p.id_no_index, ''::bytea
                                                                ORDER BY p.id_no_index)), 'hex')
                      FROM people p HAVING bool_and(p.id_no_index IS NOT NULL)), 'house:' || h.id) END
      FROM home h
$$;

-- Said with the share list, by the database itself; what was listed before stays as it was counted.
ALTER TABLE use_share ADD COLUMN head varchar;
COMMENT ON COLUMN use_share.head IS '计为哪一位业主：建设单位、同一业主、本户';
CREATE FUNCTION use_share_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.head := house_head(NEW.house_id, NEW.bearer);
    RETURN NEW;
END $$;
CREATE TRIGGER use_share_head BEFORE INSERT ON use_share FOR EACH ROW EXECUTE FUNCTION use_share_head();
CREATE FUNCTION use_head(said use_share) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(said.head, CASE said.bearer WHEN 'developer' THEN 'developer' ELSE 'house:' || said.house_id END)
$$;

-- As in 0053, by these heads.
CREATE OR REPLACE FUNCTION use_tally(of_use integer) RETURNS TABLE (
    area_all numeric, area_in numeric, area_yes numeric, heads_all bigint, heads_in bigint, heads_yes bigint
) LANGUAGE sql STABLE SET plan_cache_mode = 'force_generic_plan' AS $$
    SELECT coalesce(sum(s.area), 0), coalesce(sum(s.area) FILTER (WHERE v.ballot IS NOT NULL), 0),
           coalesce(sum(s.area) FILTER (WHERE v.ballot = 'yes'), 0),
           count(DISTINCT use_head(s)), count(DISTINCT use_head(s)) FILTER (WHERE v.ballot IS NOT NULL),
           count(DISTINCT use_head(s)) FILTER (WHERE v.ballot = 'yes')
      FROM use_share s LEFT JOIN use_vote v ON (v.use_id, v.house_id) = (s.use_id, s.house_id)
     WHERE s.use_id = of_use
$$;

-- As in 0053, and: not the developer alone, nobody has two minds (一人一种意见).
CREATE OR REPLACE FUNCTION use_votes_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said record;
BEGIN
    FOR said IN SELECT u.id, u.use_no, u.status, u.voted_by, (SELECT count(*) FROM made m WHERE m.use_id = u.id) AS made
                  FROM fund_use u WHERE u.id IN (SELECT m.use_id FROM made m) LOOP
        IF said.status <> 'published' OR said.voted_by IS NOT NULL
           OR said.made <> (SELECT count(*) FROM use_vote v WHERE v.use_id = said.id)
           OR EXISTS (SELECT FROM use_vote v JOIN use_share s ON (s.use_id, s.house_id) = (v.use_id, v.house_id)
                       WHERE v.use_id = said.id GROUP BY use_head(s) HAVING count(DISTINCT v.ballot) > 1) THEN
            RAISE 'use %: its ballots are recorded once, while it is published, each owner of one mind', said.use_no
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'use_votes_stand';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
