-- Whose a house became, since when, and by which word: what two officers saw, and what the register itself told. The
-- register's own row is the change: nothing is copied, so nothing can be forged, doubled or forgotten, whenever the
-- house's account was built (业主沿革以登记簿与两人所录为准).
CREATE VIEW house_ownership AS
SELECT k.house_id, k.from_day, k.decided_at AS known_at, k.kind, k.certificate_no, k.id AS change_id,
       NULL::integer AS transfer_id
  FROM owner_change k WHERE k.status = 'confirmed'
UNION ALL
SELECT h.id, t.registered_on, t.received_at, 'registered', t.certificate_no, NULL, t.id
  FROM house h JOIN unit u ON u.unit_code = h.unit_code JOIN transfer_registration t ON t.unit_id = u.id;
COMMENT ON VIEW house_ownership IS '各户业主沿革：期初、两人所录、登记机构所报';

-- The owners of today: by the day of registration, of one day by what came last (现业主).
CREATE FUNCTION house_owners(of_house integer) RETURNS TABLE (
    from_day date, kind text, certificate_no text, place integer, name_masked text, id_no_masked text, id_no_index bytea
) LANGUAGE sql STABLE SET plan_cache_mode = 'force_generic_plan' AS $$
    WITH last AS (
        SELECT * FROM house_ownership s WHERE s.house_id = of_house ORDER BY s.from_day DESC, s.known_at DESC LIMIT 1)
    SELECT l.from_day, l.kind, l.certificate_no, w.position, w.name_masked, w.id_no_masked, w.id_no_index
      FROM last l JOIN house_owner w ON w.change_id = l.change_id
    UNION ALL
    SELECT l.from_day, l.kind, l.certificate_no, 1, t.owner_name_masked, t.owner_id_no_masked, t.owner_id_no_index
      FROM last l JOIN transfer_registration t ON t.id = l.transfer_id
$$;

-- As in 0054 and 0062, by every word of who owns it.
CREATE OR REPLACE FUNCTION house_is_unsold(of_house integer, of_unit integer) RETURNS boolean LANGUAGE sql STABLE
SET plan_cache_mode = 'force_generic_plan' AS $$
    SELECT of_unit IS NOT NULL
       AND NOT EXISTS (SELECT FROM contract k WHERE k.unit_id = of_unit AND k.status IN ('filed', 'at-risk'))
       AND NOT EXISTS (SELECT FROM house_ownership s WHERE s.house_id = of_house)
$$;

CREATE OR REPLACE FUNCTION house_is_undelivered(of_house integer, of_unit integer) RETURNS boolean LANGUAGE sql STABLE
SET plan_cache_mode = 'force_generic_plan' AS $$
    SELECT EXISTS (SELECT FROM contract k WHERE k.unit_id = of_unit AND k.status IN ('filed', 'at-risk'))
       AND NOT EXISTS (SELECT FROM house_ownership s WHERE s.house_id = of_house)
       AND NOT EXISTS (SELECT FROM unit u JOIN registered_building r ON r.building_id = u.building_id
                        WHERE u.id = of_unit AND r.status = 'confirmed')
       AND NOT EXISTS (SELECT FROM advance_repayment p JOIN contract k ON k.id = p.contract_id
                        WHERE p.house_id = of_house AND p.status = 'confirmed' AND k.status <> 'cancelled')
$$;

CREATE OR REPLACE FUNCTION house_head(of_house integer, bearer text) RETURNS text LANGUAGE sql STABLE
SET plan_cache_mode = 'force_generic_plan' AS $$
    WITH home AS (SELECT h.id, h.unit_id FROM house h WHERE h.id = of_house),
    owned AS (SELECT w.id_no_index FROM house_owners(of_house) w),
    people AS (
        SELECT w.id_no_index FROM owned w
        UNION ALL
        SELECT y.id_no_index FROM home h
          JOIN contract c ON c.unit_id = h.unit_id AND c.status IN ('filed', 'at-risk')
          JOIN party y ON (y.contract_id, y.version) = (c.id, c.version)
         WHERE NOT EXISTS (SELECT FROM owned))
    SELECT CASE WHEN bearer = 'developer' OR house_is_undelivered(h.id, h.unit_id) THEN 'developer'
                ELSE coalesce((
                    SELECT 'owner:' || encode(sha256(string_agg(DISTINCT p.id_no_index, ''::bytea
                                                                ORDER BY p.id_no_index)), 'hex')
                      FROM people p HAVING bool_and(p.id_no_index IS NOT NULL)), 'house:' || h.id) END
      FROM home h
$$;
