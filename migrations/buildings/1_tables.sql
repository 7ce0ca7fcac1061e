-- A release may be of chosen buildings while others stay (逐幢解除监管).
ALTER TABLE release_application ADD COLUMN is_whole boolean DEFAULT true NOT NULL;
ALTER TABLE release_application ADD COLUMN building_count integer;
ALTER TABLE release_application ADD CONSTRAINT ck_release_application_scope
    CHECK (is_whole = (building_count IS NULL) AND coalesce(building_count > 0, true));
COMMENT ON COLUMN release_application.is_whole IS '解除整个账户（其余全部楼幢）';
COMMENT ON COLUMN release_application.building_count IS '逐幢解除的幢数';
DROP INDEX uq_release_application_live;
CREATE UNIQUE INDEX uq_release_application_live ON release_application (account_id) WHERE status = 'entered';
CREATE UNIQUE INDEX uq_release_application_ended ON release_application (account_id)
    WHERE status = 'approved' AND is_whole;

CREATE TABLE release_building (
    release_id integer NOT NULL,
    building_id integer NOT NULL,
    CONSTRAINT pk_release_building PRIMARY KEY (release_id, building_id),
    CONSTRAINT fk_release_building_release_id FOREIGN KEY (release_id) REFERENCES release_application (id),
    CONSTRAINT fk_release_building_building_id FOREIGN KEY (building_id) REFERENCES building (id)
);
CREATE INDEX ix_release_building_building_id ON release_building (building_id);

-- What is released stays released: once for each building.
CREATE TABLE released_building (
    building_id integer NOT NULL,
    release_id integer NOT NULL,
    released_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_released_building PRIMARY KEY (building_id),
    CONSTRAINT fk_released_building_building_id FOREIGN KEY (building_id) REFERENCES building (id),
    CONSTRAINT fk_released_building_release_id FOREIGN KEY (release_id) REFERENCES release_application (id)
);
CREATE INDEX ix_released_building_release_id ON released_building (release_id);

CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON release_building
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON released_building
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- Released before this: every building of a released account.
INSERT INTO released_building (building_id, release_id, released_at)
SELECT b.id, r.id, r.decided_at FROM release_application r
  JOIN supervised_account s ON s.id = r.account_id
  JOIN building b ON b.project_id = s.project_id AND b.removed_at IS NULL
 WHERE r.status = 'approved';
