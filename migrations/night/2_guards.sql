-- What a run came to is written once, and may go when it is old (运行记录只写一次).
CREATE TRIGGER written_once BEFORE UPDATE OR TRUNCATE ON task_run
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- An alarm is cleared once and says otherwise what it said; it never leaves (报警只能解除).
CREATE FUNCTION alarm_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.cleared_at IS NOT NULL OR NEW.cleared_at IS NULL
       OR to_jsonb(NEW) - 'cleared_at' IS DISTINCT FROM to_jsonb(OLD) - 'cleared_at' THEN
        RAISE 'alarm % stands as it was raised', OLD.id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'alarm_stands';
    END IF;
    NEW.cleared_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER alarm_stands BEFORE UPDATE ON alarm FOR EACH ROW EXECUTE FUNCTION alarm_stands();
CREATE TRIGGER written_once BEFORE DELETE ON alarm FOR EACH ROW EXECUTE FUNCTION ledger.written_once();
CREATE TRIGGER written_once_whole BEFORE TRUNCATE ON alarm
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.written_once();

-- Only what is long over may be purged, whoever asks; an answer about money never (清理只及早已了结的).
CREATE FUNCTION purge_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one jsonb := to_jsonb(OLD);
BEGIN
    IF (CASE TG_TABLE_NAME
       WHEN 'officer_session' THEN coalesce(one ->> 'ended_at', one ->> 'opened_at')::timestamptz
            > clock_timestamp() - interval '90 days'
       WHEN 'task_run' THEN (one ->> 'ended_at')::timestamptz > clock_timestamp() - interval '90 days'
       WHEN 'api_token' THEN (one ->> 'expires_at')::timestamptz > clock_timestamp()
       WHEN 'answered_request' THEN one ->> 'key' NOT LIKE 'deposit-check:%'
            OR (one ->> 'answered_at')::timestamptz > clock_timestamp() - interval '1 year'
       ELSE true END) THEN
        RAISE '% is kept', TG_TABLE_NAME USING ERRCODE = 'check_violation', CONSTRAINT = 'purge_stands';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER purge_stands BEFORE DELETE ON officer_session FOR EACH ROW EXECUTE FUNCTION purge_stands();
CREATE TRIGGER purge_stands BEFORE DELETE ON task_run FOR EACH ROW EXECUTE FUNCTION purge_stands();
CREATE TRIGGER purge_stands BEFORE DELETE ON api_token FOR EACH ROW EXECUTE FUNCTION purge_stands();
CREATE TRIGGER purge_stands BEFORE DELETE ON answered_request FOR EACH ROW EXECUTE FUNCTION purge_stands();
GRANT DELETE ON officer_session, answered_request, task_run TO escrow_app;
CREATE INDEX ix_answered_request_checks ON answered_request (answered_at) WHERE key LIKE 'deposit-check:%';
