-- A draft is published, voted on, approved; an emergency is approved at once; what was entered never changes (使用状态).
CREATE FUNCTION fund_use_steps() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    today date := (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date;
    free text[];
    why text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' OR NEW.published_on IS NOT NULL OR NEW.voted_by IS NOT NULL
           OR NEW.decided_by IS NOT NULL OR NEW.file_by IS NOT NULL
           OR NEW.community_building_id IS NOT NULL AND NOT EXISTS (
                  SELECT FROM community_building g
                   WHERE (g.id, g.community_id) = (NEW.community_building_id, NEW.community_id)) THEN
            RAISE 'a use begins as a draft, of a community or a building of it'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_use_steps';
        END IF;
        RETURN NEW;
    END IF;
    free := CASE OLD.status || '>' || NEW.status
        WHEN 'draft>published' THEN '{status,published_by,published_at,published_on,published_until}'
        WHEN 'published>voted' THEN '{status,voted_by,voted_at}'
        WHEN 'draft>approved' THEN '{status,decided_by,decided_at,approved_on,entry_id,law,file_by}'
        WHEN 'voted>approved' THEN '{status,decided_by,decided_at,approved_on,entry_id,law}'
        WHEN 'draft>failed' THEN '{status,ended_by,ended_at,reason}'
        WHEN 'published>failed' THEN '{status,ended_by,ended_at,reason,voted_by,voted_at}'
        WHEN 'voted>failed' THEN '{status,ended_by,ended_at,reason}'
        WHEN 'approved>approved' THEN '{filed_on,filed_by}' END;
    why := CASE
        WHEN free IS NULL OR to_jsonb(NEW) - free IS DISTINCT FROM to_jsonb(OLD) - free THEN 'no such step'
        WHEN OLD.status = 'draft' AND NEW.status = 'published'
             AND (NEW.kind <> 'ordinary' OR NEW.published_on <> today OR NEW.published_until <= today)
        THEN 'an ordinary use is published today, for some days'
        WHEN NEW.status = 'voted'
             AND NOT (use_is_carried(NEW.id, NEW.matter) AND EXISTS (
                      SELECT FROM use_paper p WHERE p.use_id = NEW.id AND p.kind = 'vote'))
        THEN 'the owners have not agreed'
        WHEN NEW.status = 'approved' AND OLD.status <> 'approved' THEN fund_use_faults(NEW, OLD.status, today)
        WHEN OLD.status = 'approved' AND NEW.filed_on IS DISTINCT FROM OLD.filed_on
             AND (OLD.filed_on IS NOT NULL OR NEW.filed_on <> today OR NOT EXISTS (
                  SELECT FROM use_paper p WHERE p.use_id = NEW.id AND p.kind = 'filing'))
        THEN 'an emergency is filed once, today, with its paper' END;
    IF why IS NOT NULL THEN
        RAISE 'use %: %', OLD.use_no, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_use_steps';
    END IF;
    RETURN NEW;
END $$;

-- What stands against an approval: votes counted again, time to read, caps of an emergency and its split (核准).
CREATE FUNCTION fund_use_faults(said fund_use, before text, today date) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    cap numeric := (said.law #>> '{provisions,emergency_cap,value}')::numeric * 100;
    days integer := (said.law #>> '{provisions,emergency_split_days,value}')::integer;
    ratio numeric := (said.law #>> '{provisions,emergency_house_ratio,value}')::numeric;
BEGIN
    IF said.approved_on <> today THEN
        RETURN 'it is approved today';
    ELSIF said.kind = 'ordinary' THEN
        RETURN CASE
            WHEN before <> 'voted' OR NOT use_is_carried(said.id, said.matter) THEN 'the owners have not agreed'
            WHEN said.published_until > today THEN 'it is still being published' END;
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
CREATE TRIGGER fund_use_steps BEFORE INSERT OR UPDATE ON fund_use
    FOR EACH ROW EXECUTE FUNCTION fund_use_steps();

-- What approval holds is each house's part, to the fen, and nothing else (占用与分摊相符).
CREATE FUNCTION use_is_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
           SELECT FROM ledger.journal_entry e JOIN fund_account f ON f.book_id = e.book_id
             JOIN community c ON c.fund_account_id = f.id
            WHERE e.id = NEW.entry_id AND c.id = NEW.community_id AND e.movement = 'M11'
              AND e.reverses_id IS NULL)
       OR EXISTS (
           SELECT FROM (SELECT d.code || ' ' || d.key AS debit, c.code || ' ' || c.key AS credit, t.amount
                          FROM ledger.transfer t JOIN ledger.account d ON d.id = t.debit_account_id
                          JOIN ledger.account c ON c.id = t.credit_account_id
                         WHERE t.entry_id = NEW.entry_id) AS got
             FULL JOIN (SELECT '9299 use:' || NEW.id AS debit, '9201 house:' || s.house_id AS credit,
                               s.from_fund AS amount
                          FROM use_share s WHERE s.use_id = NEW.id AND s.from_fund > 0) AS due
               ON (due.debit, due.credit) = (got.debit, got.credit)
            WHERE got.amount IS DISTINCT FROM due.amount) THEN
        RAISE 'use %: what is held is not its share list', NEW.use_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'use_is_held';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER use_is_held AFTER UPDATE ON fund_use
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.entry_id IS NOT NULL AND OLD.entry_id IS NULL) EXECUTE FUNCTION use_is_held();

-- What is held for a use moves by that use's own steps, or not at all (占用须有依据).
CREATE FUNCTION public.use_entry_known(of_use integer, of_entry bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM public.fund_use u WHERE u.id = of_use AND u.entry_id = of_entry)
$$;
CREATE FUNCTION public.use_entry_by_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
           SELECT FROM ledger.account a
            WHERE a.id = ANY (NEW.debits || NEW.credits) AND a.code = '9299' AND a.key LIKE 'use:%'
              AND NOT public.use_entry_known(substring(a.key FROM '^use:([0-9]{1,9})$')::integer, NEW.id)) THEN
        RAISE 'entry % moves what is held for a use, by no step of it', NEW.reference
              USING ERRCODE = 'check_violation', CONSTRAINT = 'use_entry_by_step';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER use_entry_by_step AFTER INSERT ON ledger.journal_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.movement IN ('M11', 'M12', 'M13c'))
    EXECUTE FUNCTION public.use_entry_by_step();
