"""A client gets a new secret by name and with its row in the trail, as a person a new password (重发客户端密钥).

0045 took the plain UPDATE away; a first load of the demo that was broken off is loaded again through this.
"""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

REDRAW = """
CREATE FUNCTION redraw_client(said_client text, said_hash bytea, told jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    who integer;
BEGIN
    UPDATE public.api_client SET secret_hash = said_hash
     WHERE client_id = said_client AND retired_at IS NULL RETURNING id INTO STRICT who;
    UPDATE public.api_token SET revoked_at = clock_timestamp()
     WHERE api_client_id = who AND revoked_at IS NULL;
    INSERT INTO public.audit_event (action, subject_kind, subject, actor_kind, actor_id, actor_name, address,
                                    request_id)
    VALUES ('client.redrawn', 'client', said_client, told ->> 'actor_kind', told ->> 'actor_id',
            told ->> 'actor_name', told ->> 'address', told ->> 'request_id');
END $$;
REVOKE EXECUTE ON FUNCTION redraw_client(text, bytea, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION redraw_client(text, bytea, jsonb) TO escrow_app;
"""


def upgrade() -> None:
    op.execute(REDRAW)


def downgrade() -> None:
    raise NotImplementedError("审计不可撤除；请以新的迁移修正。")
