-- The law's limits on uses as the database itself knows them: a row that brings its own law is judged by this one. The
-- same numbers as config/law, which a test compares; who changes the law there adds it here by a migration (法定限额).
CREATE TABLE fund_limit (
    division varchar NOT NULL,
    key varchar NOT NULL,
    in_force_from date NOT NULL,
    value numeric NOT NULL,
    CONSTRAINT pk_fund_limit PRIMARY KEY (division, key, in_force_from),
    CONSTRAINT ck_fund_limit_value CHECK (value > 0)
);
COMMENT ON TABLE fund_limit IS '维修资金使用的法定限额，与 config/law 相同';
COMMENT ON COLUMN fund_limit.division IS '区划代码前缀，空为全国';
INSERT INTO fund_limit VALUES
    ('', 'use_publication_days', '1990-01-01', 7),
    ('', 'emergency_cap', '1990-01-01', 150000.00),
    ('', 'emergency_house_ratio', '1990-01-01', 0.50),
    ('', 'emergency_split_days', '1990-01-01', 30),
    ('', 'use_advance_ratio', '1990-01-01', 0.50);
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON fund_limit FROM escrow_app;
CREATE FUNCTION fund_limit_on(region text, of_key text, day date) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT l.value FROM fund_limit l
     WHERE l.key = of_key AND l.in_force_from <= day AND starts_with(region, l.division)
     ORDER BY length(l.division) DESC, l.in_force_from DESC LIMIT 1
$$;

-- As in 0054, by the limits in force, whatever law the row says it was judged by (核准).
CREATE OR REPLACE FUNCTION fund_use_faults(said fund_use, before text, today date) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    place varchar := (SELECT c.region FROM community c WHERE c.id = said.community_id);
    cap numeric := fund_limit_on(place, 'emergency_cap', today) * 100;
    days integer := fund_limit_on(place, 'emergency_split_days', today);
    ratio numeric := fund_limit_on(place, 'emergency_house_ratio', today);
BEGIN
    IF said.approved_on <> today THEN
        RETURN 'it is approved today';
    ELSIF said.kind = 'ordinary' THEN
        RETURN CASE
            WHEN before <> 'voted' OR NOT use_is_carried(said.id, said.matter) THEN 'the owners have not agreed'
            WHEN said.published_until > today
                 OR today < said.published_on + fund_limit_on(place, 'use_publication_days', today)::integer
            THEN 'it is still being published' END;
    END IF;
    PERFORM FROM community c WHERE c.id = said.community_id FOR NO KEY UPDATE;
    RETURN CASE
        WHEN before <> 'draft' OR said.file_by IS NULL OR NOT EXISTS (
             SELECT FROM use_paper p WHERE p.use_id = said.id AND p.kind = 'proof')
        THEN 'an emergency needs its proof and a day to file by'
        WHEN cap IS NULL OR days IS NULL OR ratio IS NULL OR said.budget > cap
        THEN 'an emergency over its cap'
        WHEN cap < said.budget + (
             SELECT coalesce(sum(u.budget), 0) FROM fund_use u
              WHERE u.community_id = said.community_id AND u.kind = 'emergency' AND u.cause = said.cause
                AND u.approved_on > today - days AND u.id <> said.id
                AND coalesce(u.community_building_id = said.community_building_id, true))
        THEN 'an emergency split into parts'
        WHEN EXISTS (SELECT FROM use_share s JOIN house_balance b ON b.house_id = s.house_id
                      WHERE s.use_id = said.id AND s.from_fund > round(b.balance * ratio))
        THEN 'an emergency over what a house may give' END;
END $$;

-- As in 0056, by the ratio in force (付款状态).
CREATE OR REPLACE FUNCTION use_payment_steps() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    said fund_use;
    free text[];
    why text;
BEGIN
    SELECT * INTO said FROM fund_use WHERE id = NEW.use_id;
    IF TG_OP = 'INSERT' THEN
        why := CASE
            WHEN NEW.status <> 'entered' THEN 'it begins as entered'
            WHEN said.status <> CASE NEW.kind WHEN 'final' THEN 'accepted' ELSE 'approved' END THEN 'not at this step'
            WHEN NEW.kind <> 'advance' AND EXISTS (
                 SELECT FROM use_payment p WHERE p.use_id = NEW.use_id AND p.kind = 'advance'
                    AND p.status IN ('entered', 'due')) THEN 'the advance is open'
            WHEN NEW.kind = 'end' AND EXISTS (
                 SELECT FROM use_payment p WHERE p.use_id = NEW.use_id AND p.status <> 'rejected')
            THEN 'something is paid already'
            WHEN NEW.kind = 'final' AND (NEW.total > said.budget OR said.file_by IS NOT NULL AND said.filed_on IS NULL)
            THEN 'over its budget, or an emergency that nobody filed'
            WHEN NOT EXISTS (SELECT FROM use_paper p WHERE p.use_id = NEW.use_id
                                AND p.kind = CASE NEW.kind WHEN 'final' THEN 'settlement' ELSE NEW.kind END)
            THEN 'without its paper' END;
    ELSE
        free := CASE OLD.status || '>' || NEW.status
            WHEN 'entered>due' THEN '{status,decided_by,decided_at,law}'
            WHEN 'entered>paid' THEN '{status,decided_by,decided_at,law}'
            WHEN 'entered>rejected' THEN '{status,decided_by,decided_at,reason}'
            WHEN 'due>paid' THEN '{status}'
            WHEN 'paid>due' THEN '{status}' END;
        why := CASE
            WHEN free IS NULL OR to_jsonb(NEW) - free IS DISTINCT FROM to_jsonb(OLD) - free THEN 'no such step'
            WHEN OLD.status = 'entered' AND NEW.status <> 'rejected' AND (NEW.status = 'paid') <> (NEW.amount = 0)
            THEN 'what is paid goes by order'
            WHEN NEW.status = 'due' AND OLD.status = 'entered' AND NEW.kind = 'advance' AND NEW.amount > coalesce(
                 round(said.fund_part * fund_limit_on(
                     (SELECT c.region FROM community c WHERE c.id = said.community_id), 'use_advance_ratio',
                     (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date)), 0)
            THEN 'an advance over its ratio'
            WHEN OLD.status IN ('due', 'paid') AND NEW.status <> use_payment_ordered(NEW.use_id, NEW.id)
            THEN 'the bank said otherwise' END;
    END IF;
    IF why IS NOT NULL THEN
        RAISE 'payment % of use %: %', NEW.id, NEW.use_id, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'use_payment_steps';
    END IF;
    RETURN NEW;
END $$;
