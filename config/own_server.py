"""A PostgreSQL of the bureau's own: what the house needs there, made or named (自有数据库)."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from config.postgres import CannotStart
from config.roles import (
    APP,
    OWNER,
    ROLES,
    Connection,
    admit_roles,
    broken_promises,
    broker_url,
    create_database,
    create_roles,
    url_for,
    urls,
)  # fmt: skip

TOLD = {
    "owner_url": "ESCROW_OWNER_URL",
    "database_url": "ESCROW_APP_URL",
    "reader_url": "ESCROW_READER_URL",
    "verifier_url": "ESCROW_VERIFIER_URL",
}


def bootstrap(environ: Mapping[str, str], kept: dict[str, Any]) -> str:
    """Roles, database and broker on DATABASE_URL's server; fills `kept`, returns the server's version."""
    admin = environ["DATABASE_URL"]
    admin = "postgresql" + admin[admin.index("://") :] if "://" in admin else admin
    broker = environ.get("CELERY_BROKER_URL")
    with _connect(admin, "DATABASE_URL") as connection:
        if found := broken_promises(connection):
            raise CannotStart(f"DATABASE_URL 所指的数据库不合要求：{'；'.join(found)}。数据库未作任何改动")
        if all(environ.get(name) for name in TOLD.values()):
            kept.update({key: environ[name] for key, name in TOLD.items()})
        else:
            _make_roles(connection, admin, environ, kept["role_passwords"])
            kept.update(urls(admin, kept["role_passwords"]))
        version = str(connection.info.server_version // 10000)
        kept["broker_url"] = broker or _make_broker(connection, kept["database_url"])
    for key, name in TOLD.items():
        _connect(kept[key], name).close()
    return version


def broker_answers(url: str) -> None:
    """A Redis or RabbitMQ of one's own has to answer before work is entrusted to it (消息队列)."""
    from kombu import Connection as Broker
    from kombu.exceptions import KombuError

    try:
        with Broker(url, connect_timeout=5) as broker:
            broker.ensure_connection(max_retries=1, timeout=5)
    except (KombuError, OSError, KeyError, ValueError, ImportError) as error:
        raise CannotStart(f"连不上 CELERY_BROKER_URL 所指的消息队列：{error}") from error


def _make_roles(
    connection: Connection, admin: str, environ: Mapping[str, str], passwords: Mapping[str, str]
) -> None:
    held = {str(name) for (name,) in connection.execute("SELECT rolname FROM pg_roles")}.intersection(ROLES)
    strange = [role for role in ROLES if role in held and not _opens(url_for(admin, role, passwords[role]))]
    if strange and environ.get("ESCROW_ADOPT_ROLES") != "1":
        raise CannotStart(
            f"这台服务器上已有角色 {'、'.join(strange)}，但口令与本数据文件夹不符（可能属于另一套系统）；数据库未作任何改动。"
            f"请以 ESCROW_DATA 指向原来的数据文件夹，或以 {'、'.join(TOLD.values())} 告知四个连接地址；"
            "确认无人使用后，可用 ESCROW_ADOPT_ROLES=1 重设其口令"
        )
    name = connection.info.dbname
    try:
        with connection.transaction():
            if strange or len(held) < len(ROLES):
                create_roles(connection, passwords)
            _own(connection, name)
            admit_roles(connection, name)
    except psycopg.errors.InsufficientPrivilege as error:
        raise CannotStart(_wanting(connection, name, error)) from error


def _own(connection: Connection, name: str) -> None:
    """The house's database belongs to escrow_owner, and nobody else may enter it."""
    owner = connection.execute(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [name]
    ).fetchone()
    if owner != (OWNER,):
        _join(connection, OWNER)
        statement = sql.SQL("ALTER DATABASE {} OWNER TO {}")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(OWNER)))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def _make_broker(connection: Connection, app: str) -> str:
    """A database for messages beside the house's own (内置消息队列)."""
    name = f"{connection.info.dbname}_broker"
    try:
        _join(connection, APP)
        create_database(connection, name, APP)
    except psycopg.errors.InsufficientPrivilege as error:
        raise CannotStart(
            f"DATABASE_URL 的用户 {connection.info.user} 不能建消息队列的数据库。请以 CELERY_BROKER_URL 指明 Redis 或"
            f" RabbitMQ，或由管理员执行：CREATE DATABASE {name} OWNER {APP};"
        ) from error
    return broker_url(app, name)


def _join(connection: Connection, role: str) -> None:
    """Only a member may hand a database to a role; superusers are members of all."""
    if connection.execute("SELECT pg_has_role(%s, 'MEMBER')", [role]).fetchone() != (True,):
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))


def _wanting(connection: Connection, name: str, error: psycopg.Error) -> str:
    roles = " ".join(f"CREATE ROLE {role} LOGIN PASSWORD '…';" for role in ROLES)
    return (
        f"DATABASE_URL 的用户 {connection.info.user} 权限不够（{error.diag.message_primary}）：须能建角色（CREATEROLE），"
        f"并是数据库 {name} 的所有者；或由管理员先执行：{roles} ALTER DATABASE {name} OWNER TO {OWNER}; "
        f"再以 {'、'.join(TOLD.values())} 告知四个连接地址。数据库未作任何改动"
    )


def _connect(url: str, name: str) -> Connection:
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.Error as error:
        raise CannotStart(f"连不上 {name}：{str(error).strip().splitlines()[0]}") from error


def _opens(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error:
        return False
    return True
