"""Who an officer is and may do is not rewritten; a new password is given by name, and told (人员与口令).

The application may count the authenticator's steps and retire a person, end a session, retire a client,
revoke a token, and nothing else of theirs.
"""

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

NARROWED = """
REVOKE UPDATE ON officer, officer_session, api_client, api_token FROM escrow_app;
GRANT UPDATE (totp_last_step, retired_at) ON officer TO escrow_app;
GRANT UPDATE (seen_at, verified_at, ended_at) ON officer_session TO escrow_app;
GRANT UPDATE (retired_at) ON api_client TO escrow_app;
GRANT UPDATE (revoked_at) ON api_token TO escrow_app;
"""

# For the owner too: another post is another row. A code spent stays spent, a leaver stays away.
STANDS = """
CREATE TRIGGER stands BEFORE UPDATE OR DELETE ON officer FOR EACH ROW
    EXECUTE FUNCTION stands('id', 'username', 'full_name', 'staff_no', 'roles', 'added_at');
CREATE TRIGGER stands_whole BEFORE TRUNCATE ON officer FOR EACH STATEMENT EXECUTE FUNCTION stands();

CREATE FUNCTION officer_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'officer %: neither back from leaving nor back to a spent code', OLD.username
          USING ERRCODE = 'check_violation', CONSTRAINT = 'officer_stays';
END $$;
CREATE TRIGGER officer_stays BEFORE UPDATE ON officer FOR EACH ROW
    WHEN (OLD.retired_at IS NOT NULL AND NEW.retired_at IS DISTINCT FROM OLD.retired_at
          OR NEW.totp_last_step < OLD.totp_last_step AND NEW.totp_sealed = OLD.totp_sealed)
    EXECUTE FUNCTION officer_stays();

CREATE FUNCTION session_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'session % has ended', OLD.id USING ERRCODE = 'check_violation', CONSTRAINT = 'session_stays';
END $$;
CREATE TRIGGER session_stays BEFORE UPDATE ON officer_session FOR EACH ROW
    WHEN (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)
    EXECUTE FUNCTION session_stays();
"""

# The trail's row is part of the deed: a person is taken on with it, and gets a new password by it alone.
TOLD = """
CREATE FUNCTION officer_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM audit_event WHERE subject = NEW.username AND action = 'officer.added'
                      AND at >= transaction_timestamp()) THEN
        RAISE 'officer % was taken on without a word', NEW.username
              USING ERRCODE = 'check_violation', CONSTRAINT = 'officer_told';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER officer_told AFTER INSERT ON officer
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION officer_told();

CREATE FUNCTION reset_officer(said_username text, said_hash text, said_totp bytea, told jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    who integer;
BEGIN
    UPDATE public.officer SET password_hash = said_hash, totp_sealed = said_totp, totp_last_step = 0
     WHERE username = said_username AND retired_at IS NULL RETURNING id INTO STRICT who;
    UPDATE public.officer_session SET ended_at = clock_timestamp()
     WHERE officer_id = who AND ended_at IS NULL;
    INSERT INTO public.audit_event (action, subject_kind, subject, actor_kind, actor_id, actor_name, address,
                                    request_id)
    VALUES ('officer.reset', 'officer', said_username, told ->> 'actor_kind', told ->> 'actor_id',
            told ->> 'actor_name', told ->> 'address', told ->> 'request_id');
END $$;
REVOKE EXECUTE ON FUNCTION reset_officer(text, text, bytea, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reset_officer(text, text, bytea, jsonb) TO escrow_app;
"""


def upgrade() -> None:
    op.execute(NARROWED)
    op.execute(STANDS)
    op.execute(TOLD)


def downgrade() -> None:
    raise NotImplementedError("审计不可撤除；请以新的迁移修正。")
