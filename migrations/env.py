"""Runs migrations as escrow_owner, one house at a time (迁移环境)."""

from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, pool, text

from config.settings import Settings

# Two starts at once wait for each other here; any other lock must come within two seconds or not at all.
ONE_AT_A_TIME = 0x45534352


def show_version_to_all(ctx: MigrationContext, **_: object) -> None:
    """Every role may know which migration stands: /readyz asks. In each migration's own transaction."""
    if ctx.connection is not None:
        ctx.connection.execute(text("GRANT SELECT ON alembic_version TO PUBLIC"))


def run() -> None:
    """Connect as the owner and bring the schema to its target (执行迁移)."""
    url = context.config.attributes.get("url") or Settings.from_environment().owner_url
    engine = create_engine(url, poolclass=pool.NullPool, connect_args={"connect_timeout": 5})
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '60s'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ONE_AT_A_TIME})
        connection.execute(text("SET lock_timeout = '2s'"))
        connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
        connection.commit()
        context.configure(
            connection=connection, transaction_per_migration=True, on_version_apply=show_version_to_all
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ONE_AT_A_TIME})
        connection.commit()


run()
