-- An application says how many buildings it is of, so that none can be slipped in later; they are of its
-- project and none of them is released already (申请范围).
CREATE FUNCTION release_names_its_buildings() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said release_application;
    named bigint;
    own bigint;
BEGIN
    SELECT * INTO said FROM release_application WHERE id = (to_jsonb(NEW) ->> TG_ARGV[0])::integer;
    SELECT count(*), count(*) FILTER (WHERE b.project_id = s.project_id AND b.removed_at IS NULL)
      INTO named, own
      FROM release_building r JOIN building b ON b.id = r.building_id
      JOIN supervised_account s ON s.id = said.account_id
     WHERE r.release_id = said.id;
    IF named <> coalesce(said.building_count, 0) OR own <> named THEN
        RAISE 'release % is of % buildings, it names % of which % are its own',
              said.release_no, said.building_count, named, own
              USING ERRCODE = 'check_violation', CONSTRAINT = 'release_names_its_buildings';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER release_names_its_buildings AFTER INSERT ON release_application
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION release_names_its_buildings('id');
CREATE CONSTRAINT TRIGGER release_names_its_buildings AFTER INSERT ON release_building
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION release_names_its_buildings('release_id');

-- The buildings a release is of: those it names, or all that still stand (解除所及楼幢).
CREATE FUNCTION buildings_of_release(said release_application) RETURNS SETOF integer LANGUAGE sql STABLE AS $$
    SELECT r.building_id FROM release_building r WHERE r.release_id = said.id AND NOT said.is_whole
    UNION ALL
    SELECT b.id FROM supervised_account s
      JOIN building b ON b.project_id = s.project_id AND b.removed_at IS NULL
     WHERE s.id = said.account_id AND said.is_whole
$$;

-- A building is released by the approval it stands in, and by nothing else; the approval releases all of its
-- buildings, and the last of them end the account (决定与楼幢同在).
CREATE FUNCTION released_by_approval() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said release_application;
BEGIN
    SELECT * INTO said FROM release_application WHERE id = NEW.release_id;
    IF said.status <> 'approved' OR NEW.building_id NOT IN (SELECT buildings_of_release(said)) THEN
        RAISE 'building % is not released by %', NEW.building_id, said.release_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'released_by_approval';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER released_by_approval BEFORE INSERT ON released_building
    FOR EACH ROW EXECUTE FUNCTION released_by_approval();

CREATE OR REPLACE FUNCTION approval_ends_supervision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stands text;
BEGIN
    SELECT status INTO stands FROM supervised_account WHERE id = NEW.account_id;
    IF stands NOT IN ('releasing', 'closed') AND NEW.is_whole THEN
        RAISE 'release % is approved, its account still takes deposits', NEW.release_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_ends_supervision';
    ELSIF EXISTS (SELECT FROM buildings_of_release(NEW) AS b (id)
                   WHERE NOT EXISTS (SELECT FROM released_building d WHERE d.building_id = b.id)) THEN
        RAISE 'release % is approved, a building of it is not released', NEW.release_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_ends_supervision';
    ELSIF NOT NEW.is_whole AND NOT EXISTS (
              SELECT FROM supervised_account s
                JOIN building b ON b.project_id = s.project_id AND b.removed_at IS NULL
               WHERE s.id = NEW.account_id
                 AND NOT EXISTS (SELECT FROM released_building d WHERE d.building_id = b.id)) THEN
        RAISE 'release % is of the last buildings and ends the account', NEW.release_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_ends_supervision';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION releasing_needs_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM release_application
                    WHERE account_id = NEW.id AND status = 'approved' AND is_whole) THEN
        RAISE 'account % has no approved release', NEW.account_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'releasing_needs_approval';
    END IF;
    RETURN NEW;
END $$;
