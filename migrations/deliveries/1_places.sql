-- Every event gets its place once it is committed, by one router at a time (事件位次). Numbers alone will not do:
-- a lower number may be committed after a higher one was read.
CREATE TABLE event_place (
    place bigint GENERATED ALWAYS AS IDENTITY,
    event_id bigint NOT NULL,
    CONSTRAINT pk_event_place PRIMARY KEY (place),
    CONSTRAINT uq_event_place_event_id UNIQUE (event_id),
    CONSTRAINT fk_event_place_event_id FOREIGN KEY (event_id) REFERENCES outbox_event (id)
);
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON event_place
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
CREATE INDEX ix_outbox_event_xid ON outbox_event (xid);

-- One row: every transaction before this one is done, and its events have their places.
CREATE TABLE event_routing (
    is_whole boolean DEFAULT true NOT NULL,
    routed_before xid8 NOT NULL,
    CONSTRAINT pk_event_routing PRIMARY KEY (is_whole),
    CONSTRAINT ck_event_routing_one CHECK (is_whole)
);
INSERT INTO event_routing (routed_before) VALUES ('0');

CREATE FUNCTION event_routing_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.routed_before < OLD.routed_before
       OR NEW.routed_before > pg_snapshot_xmin(pg_current_snapshot())
       OR EXISTS (SELECT FROM outbox_event e
                   WHERE e.xid >= OLD.routed_before AND e.xid < NEW.routed_before
                     AND NOT EXISTS (SELECT FROM event_place p WHERE p.event_id = e.id)) THEN
        RAISE 'routing goes forward, past running transactions never, and passes no event over'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'event_routing_forward';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER event_routing_forward AFTER UPDATE ON event_routing
    FOR EACH ROW EXECUTE FUNCTION event_routing_forward();
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON event_routing
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();
