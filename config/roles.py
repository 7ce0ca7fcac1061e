"""The house's roles and databases on a PostgreSQL, and what that server must promise (角色与持久性)."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from config.postgres import FLOOR, CannotStart

OWNER, APP, READER, VERIFIER = ROLES = ("escrow_owner", "escrow_app", "escrow_reader", "escrow_verifier")
DATABASE = "escrow"
EMBEDDED = "sqla+postgresql+psycopg://"
# Second line behind the pool's own options: no session of the application waits for ever.
PATIENCE = {
    "lock_timeout": "3s", "statement_timeout": "60s", "idle_in_transaction_session_timeout": "5s",
    "jit": "off",
}  # fmt: skip
DURABILITY = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_apply"),
    "data_checksums": ("on",),
}

Connection = psycopg.Connection[tuple[object, ...]]


def url_for(url: str, role: str, password: str, database: str | None = None) -> str:
    """The same server as `url`, for another role and database (换角色的连接地址)."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    word = f":{quote(password, safe='')}" if password else ""
    path = parts.path if database is None else f"/{quote(database)}"
    return urlunsplit((parts.scheme, f"{quote(role)}{word}@{place}", path, parts.query, ""))


def urls(url: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """What house.json says of the four roles, on the server and database of `url` (各角色的连接地址)."""
    names = {OWNER: "owner_url", APP: "database_url", READER: "reader_url", VERIFIER: "verifier_url"}
    return {name: url_for(url, role, passwords[role]) for role, name in names.items()}


def broker_url(url: str, database: str) -> str:
    """The embedded broker: a database of its own on the same server, reached as the application (内置消息队列)."""
    parts = urlsplit(url)
    return urlunsplit((EMBEDDED.removesuffix("://"), parts.netloc, f"/{quote(database)}", parts.query, ""))


def settle(url: str, name: str, passwords: Mapping[str, str], *, broker: str | None) -> None:
    """Roles, the house's database and the broker's, as far as they are missing (建角色与数据库)."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        create_roles(connection, passwords)
        create_database(connection, name, OWNER)
        admit_roles(connection, name)
        if broker:
            create_database(connection, broker, APP)


def make_queue(broker: str) -> None:
    """The embedded broker's tables and its queue stand before anybody comes (消息队列建表).

    Whoever comes first makes them: of two who come together, one falls over what the other has just made.
    """
    if not broker.startswith(EMBEDDED):
        return
    from kombu import Connection as Broker
    from sqlalchemy import NullPool

    with Broker(broker, transport_options={"poolclass": NullPool}) as told:
        told.SimpleQueue("celery").close()
        told.default_channel.session.close()  # type: ignore[attr-defined]  # this transport has one


def clear_delivered(broker: str) -> None:
    """The embedded broker keeps what it has delivered for ever: put it away (清理已投递消息)."""
    if not broker.startswith(EMBEDDED):
        return
    url = broker.replace(EMBEDDED, "postgresql://", 1)
    with psycopg.connect(url, connect_timeout=5) as connection:
        if connection.execute("SELECT to_regclass('kombu_message')").fetchone() != (None,):
            connection.execute("DELETE FROM kombu_message WHERE NOT visible")


def migration_of(url: str) -> str | None:
    """Which migration the database stands at (当前迁移)."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        if connection.execute("SELECT to_regclass('public.alembic_version')").fetchone() == (None,):
            return None
        found = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
        return str(found[0]) if found else None


def create_roles(connection: Connection, passwords: Mapping[str, str]) -> None:
    """The four roles, none of them a superuser; passwords travel as verifiers only (建角色)."""
    held = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    for role in ROLES:
        verb = "ALTER" if role in held else "CREATE"
        statement = sql.SQL(verb + " ROLE {} LOGIN NOCREATEDB NOCREATEROLE PASSWORD {}")
        verifier = _verifier(connection, role, passwords[role])
        connection.execute(statement.format(sql.Identifier(role), verifier))


def create_database(connection: Connection, name: str, owner: str) -> None:
    """A database of its own, open to nobody but the house's roles (建库)."""
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(owner)))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def admit_roles(connection: Connection, name: str) -> None:
    """Who may connect to the house's database, and how long a session may wait (准入与时限)."""
    database = sql.Identifier(name)
    everyone = sql.SQL(", ").join(map(sql.Identifier, ROLES))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, everyone))
    # A temporary table is found by name before all others: with one, a guard could be made to look at it.
    told = sql.SQL(", ").join(map(sql.Identifier, (APP, READER, VERIFIER)))
    connection.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC, {}").format(database, told))
    for role in (APP, READER, VERIFIER):
        for setting, value in PATIENCE.items():
            statement = sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}")
            told = statement.format(sql.Identifier(role), database, sql.Identifier(setting), value)
            connection.execute(told)


def broken_promises(connection: Connection) -> list[str]:
    """Every durability setting that is not as it must be, in words (持久性检查)."""
    found = [
        f"{name} = {value}（须为 {' 或 '.join(DURABILITY[str(name)])}）"
        for name, value in connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s) ORDER BY name", [list(DURABILITY)]
        )
        if value not in DURABILITY[str(name)]
    ]
    if connection.info.server_version < FLOOR * 10000:
        found.append(f"server_version = {connection.info.server_version // 10000}（须为 {FLOOR} 或更新）")
    return found


def assert_durable(url: str) -> None:
    """Refuse to start on a server that may forget what it acknowledged (拒绝不持久的数据库)."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        if found := broken_promises(connection):
            raise CannotStart("数据库的持久性设定不合要求，拒绝启动：" + "；".join(found))


def _verifier(connection: Connection, role: str, password: str) -> sql.Literal:
    """A SCRAM verifier made here, so that no server log ever holds a password (口令校验值)."""
    made = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    return sql.Literal(made.decode())
