"""A registration confirmed by hand is corrected by another row; the wrong one counts no more (登记更正)."""

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE first_registration
    ADD COLUMN corrects integer,
    ADD COLUMN grounds varchar,
    ADD COLUMN superseded_by integer,
    ADD CONSTRAINT fk_first_registration_corrects
        FOREIGN KEY (corrects) REFERENCES first_registration (id),
    ADD CONSTRAINT fk_first_registration_superseded_by
        FOREIGN KEY (superseded_by) REFERENCES first_registration (id),
    DROP CONSTRAINT ck_first_registration_building_count,
    ADD CONSTRAINT ck_first_registration_building_count
        CHECK (building_count > 0 OR building_count = 0 AND corrects IS NOT NULL),
    DROP CONSTRAINT ck_first_registration_manual_is_whole,
    ADD CONSTRAINT ck_first_registration_manual_is_whole CHECK (
        source = 'system' OR (event_id IS NULL AND client_id IS NULL
        AND entered_by IS NOT NULL AND file_hash IS NOT NULL
        AND (status IN ('confirmed', 'rejected', 'superseded')) = (decided_by IS NOT NULL))),
    DROP CONSTRAINT ck_first_registration_registration_status,
    ADD CONSTRAINT ck_first_registration_registration_status
        CHECK (status IN ('entered', 'confirmed', 'rejected', 'overtaken', 'superseded')),
    ADD CONSTRAINT ck_first_registration_corrected_with_grounds CHECK (
        (corrects IS NULL) = (grounds IS NULL) AND (corrects IS NULL OR source = 'manual')),
    ADD CONSTRAINT ck_first_registration_superseded_by_another
        CHECK ((status = 'superseded') = (superseded_by IS NOT NULL));
COMMENT ON COLUMN first_registration.corrects IS '所更正的登记';
COMMENT ON COLUMN first_registration.grounds IS '更正事由';
COMMENT ON COLUMN first_registration.superseded_by IS '更正后的登记';
CREATE INDEX ix_first_registration_corrects ON first_registration (corrects);
CREATE UNIQUE INDEX uq_first_registration_waiting_correction ON first_registration (corrects)
    WHERE status = 'entered';
ALTER TABLE registered_building
    DROP CONSTRAINT ck_registered_building_registration_status,
    ADD CONSTRAINT ck_registered_building_registration_status
        CHECK (status IN ('entered', 'confirmed', 'rejected', 'overtaken', 'superseded'));
"""

# Decided once as before (0009); a confirmed one by hand may then be superseded, once, by what corrects it.
STEPS = """
DROP TRIGGER decided_once ON first_registration;
CREATE TRIGGER decided_once BEFORE INSERT ON first_registration FOR EACH ROW
    EXECUTE FUNCTION decided_once('status', 'decided_by', 'decided_at', 'reason', 'overtaken_by');
CREATE TRIGGER decided_once_later BEFORE UPDATE ON first_registration
    FOR EACH ROW WHEN (NEW.status <> 'superseded')
    EXECUTE FUNCTION decided_once('status', 'decided_by', 'decided_at', 'reason', 'overtaken_by');

CREATE FUNCTION registration_superseded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'confirmed' OR OLD.source <> 'manual'
       OR to_jsonb(NEW) - ARRAY['status', 'superseded_by']
          IS DISTINCT FROM to_jsonb(OLD) - ARRAY['status', 'superseded_by'] THEN
        RAISE 'first registration % is not one to be corrected', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'registration_steps';
    END IF;
    -- A release holds the project too: either it is approved already, or it finds what is right.
    PERFORM FROM project WHERE id = OLD.project_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM registered_building r JOIN released_building x ON x.building_id = r.building_id
                WHERE r.registration_id = OLD.id) THEN
        RAISE 'first registration %: a building of it is released', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'registration_corrected';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER registration_superseded BEFORE UPDATE ON first_registration
    FOR EACH ROW WHEN (NEW.status = 'superseded') EXECUTE FUNCTION registration_superseded();

CREATE FUNCTION correction_of() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM first_registration w WHERE w.id = NEW.corrects AND w.status = 'confirmed'
                      AND w.source = 'manual' AND w.project_id = NEW.project_id) THEN
        RAISE 'first registration % cannot be corrected by this one', NEW.corrects
              USING ERRCODE = 'check_violation', CONSTRAINT = 'correction_of';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER correction_of BEFORE INSERT ON first_registration
    FOR EACH ROW WHEN (NEW.corrects IS NOT NULL) EXECUTE FUNCTION correction_of();
"""

# The two go together, and what rests on a registration still does when both are done (更正前后相连).
FOLLOWS = """
CREATE FUNCTION correction_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong integer := CASE NEW.status WHEN 'superseded' THEN NEW.id ELSE NEW.corrects END;
    righted integer := CASE NEW.status WHEN 'superseded' THEN NEW.superseded_by ELSE NEW.id END;
    lost integer;
BEGIN
    IF NOT EXISTS (SELECT FROM first_registration w JOIN first_registration c ON c.corrects = w.id
                    WHERE w.id = wrong AND c.id = righted AND w.superseded_by = c.id
                      AND w.status = 'superseded' AND c.status IN ('confirmed', 'superseded')) THEN
        RAISE 'first registrations % and % do not correct each other', wrong, righted
              USING ERRCODE = 'check_violation', CONSTRAINT = 'correction_follows';
    END IF;
    SELECT r.building_id INTO lost FROM registered_building r
      LEFT JOIN registered_building o ON o.building_id = r.building_id AND o.status = 'confirmed'
      LEFT JOIN first_registration f ON f.id = o.registration_id
     WHERE r.registration_id = wrong
       AND (EXISTS (SELECT FROM transfer_registration t JOIN unit u ON u.id = t.unit_id
                     WHERE u.building_id = r.building_id
                       AND (f.registered_on IS NULL OR t.registered_on < f.registered_on))
            OR f.registered_on IS NULL AND (
                SELECT n.node FROM node_claim n WHERE n.building_id = r.building_id AND n.status = 'approved'
                 ORDER BY n.id DESC LIMIT 1) LIKE '%首次登记%')
     LIMIT 1;
    IF lost IS NOT NULL THEN
        RAISE 'building % would lose the registration that others rest on', lost
              USING ERRCODE = 'check_violation', CONSTRAINT = 'correction_keeps';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER correction_follows AFTER UPDATE ON first_registration
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status = 'superseded' OR NEW.status = 'confirmed' AND NEW.corrects IS NOT NULL)
    EXECUTE FUNCTION correction_follows();
"""

# As in 0009 and 0021; a certificate that names no building here uses up nothing, and who confirmed what was
# corrected afterwards still handled it.
AS_BEFORE = """
CREATE OR REPLACE FUNCTION one_certificate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.certificate_no, 0));
    IF NEW.building_count > 0 AND EXISTS (
           SELECT FROM first_registration other
            WHERE other.certificate_no = NEW.certificate_no AND other.status = 'confirmed'
              AND other.id <> NEW.id AND other.building_count > 0
              AND (other.project_id, other.registered_on) <> (NEW.project_id, NEW.registered_on)) THEN
        RAISE 'certificate % is another registration''s', NEW.certificate_no
              USING ERRCODE = 'unique_violation', CONSTRAINT = 'one_certificate';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION release_approver_independent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM first_registration f JOIN supervised_account a ON a.project_id = f.project_id
                WHERE a.id = NEW.account_id AND f.source = 'manual'
                  AND (f.entered_by = NEW.decided_by
                       OR (f.decided_by = NEW.decided_by AND f.status IN ('confirmed', 'superseded'))))
       OR EXISTS (SELECT FROM release_evidence e JOIN supervised_account o ON o.id = e.account_id
                    JOIN supervised_account a ON a.project_id = o.project_id
                   WHERE a.id = NEW.account_id
                     AND (e.entered_by = NEW.decided_by
                          OR (e.decided_by = NEW.decided_by AND e.status = 'confirmed'))) THEN
        RAISE 'officer % made facts by hand that release % stands on', NEW.decided_by, NEW.release_no
              USING ERRCODE = 'check_violation', CONSTRAINT = 'release_approver_independent';
    END IF;
    RETURN NEW;
END $$;
"""


def upgrade() -> None:
    for statement in (COLUMNS, STEPS, FOLLOWS, AS_BEFORE):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("登记事实不可撤除；请以新的迁移修正。")
