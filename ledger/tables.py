"""How terms and money stand in PostgreSQL, and the ledger's tables for reading (表)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.types import TypeDecorator, UserDefinedType

from config.database import Base
from ledger.money import Yuan
from ledger.terms import Side


def term(words: type[StrEnum]) -> Enum:
    """A term's column: text that holds its values, checked by PostgreSQL (术语列)."""
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in words.__name__).lstrip(
        "_"
    )
    return Enum(
        words,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


class MoneyColumn(TypeDecorator[Yuan]):
    """Yuan in Python, whole fen in a BIGINT (金额列)."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        if value is None or isinstance(value, int):
            return value
        if not isinstance(value, Yuan):
            raise TypeError(type(value).__name__)
        return value.fen

    def process_result_value(self, value: Any, dialect: Dialect) -> Yuan | None:
        return None if value is None else Yuan.from_fen(int(value))


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id (事务号)."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


def _instant(name: str) -> Column[datetime]:
    return Column(name, DateTime(True), nullable=False, server_default=func.clock_timestamp())


# The ledger's tables, for reading and for foreign keys of others; what guards them stands in migration 0001.
book = Table(
    "book",
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    _instant("opened_at"),
    schema="ledger",
)

account = Table(
    "account",
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("book_id", ForeignKey("ledger.book.id"), nullable=False),
    Column("code", Text, nullable=False),
    Column("key", Text, nullable=False, server_default=""),
    Column("side", term(Side), nullable=False),
    Column("floor", MoneyColumn),
    _instant("opened_at"),
    UniqueConstraint("book_id", "code", "key"),
    schema="ledger",
)

balance = Table(
    "balance",
    Base.metadata,
    Column("account_id", ForeignKey("ledger.account.id"), primary_key=True, autoincrement=False),
    Column("book_id", BigInteger, nullable=False, index=True),
    Column("sign", SmallInteger, nullable=False),
    Column("floor", MoneyColumn),
    Column("balance", MoneyColumn, nullable=False, server_default=text("0")),
    Column("version", BigInteger, nullable=False, server_default=text("0")),
    Column("last_on", Date, nullable=False, server_default=text("'0001-01-01'::date")),
    Column("last_from", BigInteger, nullable=False, server_default=text("0")),
    Column("closed_through", Date, nullable=False, server_default=text("'0001-01-01'::date")),
    schema="ledger",
)

journal_entry = Table(
    "journal_entry",
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("book_id", BigInteger, nullable=False),
    Column("movement", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("event_group", Text),
    Column("effective_on", Date, nullable=False),
    Column("memo", Text, nullable=False, server_default=""),
    Column("debits", ARRAY(BigInteger), nullable=False),
    Column("credits", ARRAY(BigInteger), nullable=False),
    Column("amounts", ARRAY(BigInteger), nullable=False),
    Column("reverses_id", ForeignKey("ledger.journal_entry.id")),
    Column("settles_id", ForeignKey("ledger.journal_entry.id")),
    _instant("booked_at"),
    Column("xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    UniqueConstraint("book_id", "reference"),
    Index(
        "uq_journal_entry_reverses_id",
        "reverses_id",
        unique=True,
        postgresql_where=text("reverses_id IS NOT NULL"),
    ),
    Index(
        "uq_journal_entry_settles_id",
        "settles_id",
        unique=True,
        postgresql_where=text("settles_id IS NOT NULL"),
    ),
    Index(
        "uq_journal_entry_resolves",
        text("COALESCE(reverses_id, settles_id)"),
        unique=True,
        postgresql_where=text("COALESCE(reverses_id, settles_id) IS NOT NULL"),
    ),
    Index("ix_journal_entry_xid_id", "xid", "id"),
    schema="ledger",
)

transfer = Table(
    "transfer",
    Base.metadata,
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("debit_account_id", BigInteger, nullable=False),
    Column("credit_account_id", BigInteger, nullable=False),
    Column("amount", MoneyColumn, nullable=False),
    Column("debit_version", BigInteger, nullable=False),
    Column("debit_balance", MoneyColumn, nullable=False),
    Column("credit_version", BigInteger, nullable=False),
    Column("credit_balance", MoneyColumn, nullable=False),
    UniqueConstraint("debit_account_id", "debit_version"),
    UniqueConstraint("credit_account_id", "credit_version"),
    schema="ledger",
)

balance_day = Table(
    "balance_day",
    Base.metadata,
    Column("account_id", ForeignKey("ledger.account.id"), primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("opening", MoneyColumn, nullable=False),
    schema="ledger",
)

day_close = Table(
    "day_close",
    Base.metadata,
    Column("book_id", ForeignKey("ledger.book.id"), primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    _instant("closed_at"),
    schema="ledger",
)

seal = Table(
    "seal",
    Base.metadata,
    Column("no", BigInteger, primary_key=True, autoincrement=False),
    Column("through_xid", Xid8, nullable=False),
    Column("through_id", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("sealed_at", DateTime(True), nullable=False),
    schema="ledger",
)
