"""Models and migrations tell the same story (表与迁移一致)."""

import importlib
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, pool

from config.database import Base
from config.migrate import head, upgrade

HOUSE = Path(__file__).resolve().parents[1]


def all_models():
    """Import every module that holds tables."""
    for path in sorted((HOUSE / "escrow").rglob("*.py")):
        if path.name.endswith("models.py") or path.name == "outbox.py":
            importlib.import_module(".".join(path.relative_to(HOUSE).with_suffix("").parts))
    return Base.metadata


@pytest.mark.filterwarnings("ignore:Did not recognize type .xid8.")
def test_models_are_what_the_migrations_made(cluster):
    """模型与迁移一致：逐表逐列比较，没有差别。"""
    tables = all_models()
    engine = create_engine(cluster.url("owner", "escrow_template"), poolclass=pool.NullPool)

    def ours(name, kind, parents):
        return kind != "schema" or name in {table.schema for table in tables.tables.values()}

    def is_modelled(found, name, kind, reflected, compare_to):
        return not (kind == "table" and reflected and name == "alembic_version")

    with engine.connect() as connection:
        told = {"include_name": ours, "include_object": is_modelled, "include_schemas": True}
        context = MigrationContext.configure(connection, opts=told)
        differences = compare_metadata(context, tables)
    assert not differences, "\n".join(map(str, differences))


def test_migrations_are_run_by_the_owner_who_is_no_superuser(house):
    """所有表归 escrow_owner 所有，而它不是超级用户。"""
    with house.connect("reader") as connection:
        owners = connection.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('public', 'ledger')"
        ).fetchall()
        rights = connection.execute(
            "SELECT rolname FROM pg_roles"
            " WHERE rolname LIKE 'escrow%' AND (rolsuper OR rolcreaterole OR rolcreatedb)"
        ).fetchall()
    assert owners == [("escrow_owner",)]
    assert rights == []


def test_running_migrations_again_changes_nothing(house):
    """已是最新时再执行一次迁移，什么也不变。"""
    before = standing(house)
    upgrade(house.url("owner"))
    assert standing(house) == before == head()


def standing(house):
    """Which migration the house stands at, as the application sees it."""
    with house.connect("app") as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def test_a_migration_does_not_wait_long_for_a_busy_table(house):
    """迁移等锁不超过两秒：宁可失败重来，也不堵住办理业务的人。"""
    with house.connect("owner") as busy:
        busy.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        with house.connect("owner") as migrating, pytest.raises(psycopg.errors.LockNotAvailable):
            migrating.execute("SET lock_timeout = '200ms'")
            migrating.execute("ALTER TABLE alembic_version ADD COLUMN more text")
