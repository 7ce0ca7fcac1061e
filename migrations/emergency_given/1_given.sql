-- What each house gives to the emergencies of one cause in one community approved since a day: what is held for them or
-- paid, and how much of it has left its balance already. What was ended, or freed by settlement, does not count (应急已承担).
CREATE FUNCTION emergency_given(of_community integer, of_cause text, since date, but integer)
RETURNS TABLE (house_id integer, given bigint, paid bigint) LANGUAGE sql STABLE
SET plan_cache_mode = 'force_generic_plan' AS $$
    SELECT s.house_id,
           sum(CASE WHEN u.free_entry_id IS NULL THEN s.from_fund ELSE coalesce(p.decided, 0) END)::bigint,
           coalesce(sum(p.paid), 0)::bigint
      FROM fund_use u JOIN use_share s ON s.use_id = u.id
      LEFT JOIN LATERAL (
           SELECT sum(t.amount) AS decided, sum(t.amount) FILTER (WHERE m.status = 'paid') AS paid
             FROM use_payment m JOIN use_payment_part t ON (t.payment_id, t.house_id) = (m.id, s.house_id)
            WHERE m.use_id = u.id AND m.status IN ('due', 'paid')) p ON true
     WHERE u.community_id = of_community AND u.kind = 'emergency' AND u.cause = of_cause AND u.id <> but
       AND u.approved_on > since AND u.status <> 'failed' AND s.from_fund > 0
     GROUP BY s.house_id
$$;

-- As in 0063, and all emergencies of one cause together take no more of a house than one of them may (核准).
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
                       LEFT JOIN emergency_given(said.community_id, said.cause, today - days, said.id) g
                         ON g.house_id = s.house_id
                      WHERE s.use_id = said.id AND s.from_fund > 0
                        AND s.from_fund + coalesce(g.given, 0) > round((b.balance + coalesce(g.paid, 0)) * ratio))
        THEN 'an emergency over what a house may give' END;
END $$;
