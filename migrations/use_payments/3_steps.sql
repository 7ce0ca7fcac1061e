-- As in 0054, with acceptance, settlement and the end of a use nobody carried out (验收、结算、终止).
CREATE OR REPLACE FUNCTION fund_use_steps() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    today date := (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date;
    free text[];
    why text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' OR NEW.published_on IS NOT NULL OR NEW.voted_by IS NOT NULL
           OR NEW.decided_by IS NOT NULL OR NEW.file_by IS NOT NULL OR NEW.accepted_on IS NOT NULL
           OR NEW.final IS NOT NULL OR NEW.free_entry_id IS NOT NULL
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
        WHEN 'approved>approved' THEN '{filed_on,filed_by}'
        WHEN 'accepted>accepted' THEN '{filed_on,filed_by}'
        WHEN 'approved>accepted' THEN '{status,accepted_on,accepted_by,accepted_at}'
        WHEN 'approved>failed' THEN '{status,ended_by,ended_at,reason,free_entry_id}'
        WHEN 'accepted>settled' THEN '{status,final,free_entry_id}'
        WHEN 'settled>accepted' THEN '{status,final}' END;
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
        WHEN NEW.status = 'accepted' AND OLD.status = 'approved' AND NOT EXISTS (
             SELECT FROM use_paper p WHERE p.use_id = NEW.id AND p.kind = 'acceptance')
        THEN 'nobody has accepted the works'
        WHEN OLD.status IN ('approved', 'accepted', 'settled') AND NEW.status <> OLD.status
             AND NEW.status <> 'accepted' AND NOT EXISTS (
                 SELECT FROM use_payment p WHERE p.use_id = NEW.id AND p.status = 'paid'
                    AND (p.kind, p.total) = (CASE NEW.status WHEN 'failed' THEN 'end' ELSE 'final' END,
                                             coalesce(NEW.final, 0)))
             OR OLD.status = 'settled' AND (NEW.final IS NOT NULL OR NOT EXISTS (
                 SELECT FROM use_payment p WHERE p.use_id = NEW.id AND (p.kind, p.status) = ('final', 'due')))
             OR OLD.free_entry_id IS NOT NULL AND NEW.free_entry_id IS DISTINCT FROM OLD.free_entry_id
        THEN 'its account is not settled so'
        WHEN OLD.status IN ('approved', 'accepted') AND NEW.filed_on IS DISTINCT FROM OLD.filed_on
             AND (OLD.filed_on IS NOT NULL OR NEW.filed_on <> today OR NOT EXISTS (
                  SELECT FROM use_paper p WHERE p.use_id = NEW.id AND p.kind = 'filing'))
        THEN 'an emergency is filed once, today, with its paper' END;
    IF why IS NOT NULL THEN
        RAISE 'use %: %', OLD.use_no, why
              USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_use_steps';
    END IF;
    RETURN NEW;
END $$;

-- Once it is settled or ended nothing is held for it any more (占用解除).
CREATE FUNCTION use_is_freed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
           SELECT FROM ledger.journal_entry e
             JOIN ledger.account a ON a.book_id = e.book_id AND (a.code, a.key) = ('9299', 'use:' || NEW.id)
             JOIN ledger.balance b ON b.account_id = a.id
            WHERE e.id = NEW.entry_id AND b.balance <> 0) THEN
        RAISE 'use %: something is still held for it', NEW.use_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'use_is_freed';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER use_is_freed AFTER UPDATE ON fund_use
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('settled', 'failed') AND NEW.entry_id IS NOT NULL AND NEW.status <> OLD.status)
    EXECUTE FUNCTION use_is_freed();

-- What is held for a use moves by its approval, its end, or an order of it that the bank answered (占用须有依据).
CREATE OR REPLACE FUNCTION public.use_entry_known(of_use integer, of_entry bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM public.fund_use u
                    WHERE u.id = of_use AND of_entry IN (u.entry_id, u.free_entry_id))
        OR EXISTS (SELECT FROM ledger.journal_entry e JOIN public.fund_order o
                            ON e.reference IN ('fund-order:' || o.instruction_no || ':paid',
                                               'fund-order:' || o.instruction_no || ':returned')
                    WHERE e.id = of_entry AND o.source LIKE 'fund-use:' || of_use || ':payment:%')
$$;
