"""Files from the banks, the statements read from them and their lines; written once (对账单各表)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base
from escrow.statements.rules import (
    Cause,
    DifferenceKind,
    DifferenceStatus,
    Direction,
    FileKind,
    FileStatus,
    MatchClass,
    MatchHow,
    StatementStatus,
)
from ledger.money import Yuan
from ledger.tables import MoneyColumn, term


class StatementFile(Base):
    """A file as it came, with how far it is read (对账单原文)."""

    __tablename__ = "statement_file"
    __table_args__ = (
        CheckConstraint("size > 0 AND chunks > 0", name="size"),
        Index("ix_statement_file_waiting", "id", postgresql_where=text("status IN ('stored', 'reading')")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    size: Mapped[int] = mapped_column(BigInteger)
    chunks: Mapped[int]
    media: Mapped[str]
    bank_code: Mapped[str | None]
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    stored_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    status: Mapped[FileStatus] = mapped_column(term(FileStatus))
    token: Mapped[int] = mapped_column(
        server_default="0", comment="读取令牌：逐次递增，迟到的读取者写不进来"
    )
    touched_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    bytes_read: Mapped[int] = mapped_column(BigInteger, server_default="0")
    lines_read: Mapped[int] = mapped_column(server_default="0")
    faults: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class StatementChunk(Base):
    """A megabyte of a file, packed and sealed (原文片段)."""

    __tablename__ = "statement_chunk"

    file_id: Mapped[int] = mapped_column(ForeignKey("statement_file.id"), primary_key=True)
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Statement(Base):
    """One account and day as the bank tells it, version by version (对账单)."""

    __tablename__ = "statement"
    __table_args__ = (
        UniqueConstraint("account_id", "business_date", "version"),
        CheckConstraint("opening + credits - debits = closing", name="balance"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    statement_no: Mapped[str] = mapped_column(unique=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("statement_file.id"), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"))
    business_date: Mapped[date]
    version: Mapped[int]
    kind: Mapped[FileKind] = mapped_column(term(FileKind))
    reference: Mapped[str]
    opening: Mapped[int] = mapped_column(BigInteger)
    closing: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[int]
    credits: Mapped[Yuan] = mapped_column(MoneyColumn)
    debits: Mapped[Yuan] = mapped_column(MoneyColumn)
    received_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    status: Mapped[StatementStatus] = mapped_column(term(StatementStatus))
    matched: Mapped[int] = mapped_column(server_default="0")


class StatementLine(Base):
    """One movement as the bank booked it (对账单一笔)."""

    __tablename__ = "statement_line"
    __table_args__ = (
        CheckConstraint("line_no > 0", name="line_no"),
        Index("ix_statement_line_account_id_bank_serial", "account_id", "bank_serial"),
    )

    statement_id: Mapped[int] = mapped_column(
        ForeignKey("statement.id", deferrable=True, initially="DEFERRED"), primary_key=True
    )
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    bank_serial: Mapped[str]
    direction: Mapped[Direction] = mapped_column(term(Direction))
    amount: Mapped[Yuan] = mapped_column(MoneyColumn)
    value_date: Mapped[date]
    booked_at: Mapped[datetime] = mapped_column(DateTime(True))
    name_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    name_masked: Mapped[str]
    account_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    account_masked: Mapped[str]
    memo: Mapped[str]


class StatementMatch(Base):
    """Which line of the bank is which entry of the book (勾对)."""

    __tablename__ = "statement_match"
    __table_args__ = (
        ForeignKeyConstraint(
            ["statement_id", "line_no"], ["statement_line.statement_id", "statement_line.line_no"]
        ),
        Index("uq_statement_match_entry", "entry_id", unique=True, postgresql_where=text("live")),
    )

    statement_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    entry_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("ledger.journal_entry.id"))
    how: Mapped[MatchHow] = mapped_column(term(MatchHow))
    kind: Mapped[MatchClass] = mapped_column("class", term(MatchClass))
    live: Mapped[bool] = mapped_column(server_default="true")
    matched_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class StatementDifference(Base):
    """What stands between bank and book until new entries explain it (差异)."""

    __tablename__ = "statement_difference"
    __table_args__ = (
        CheckConstraint("asked_by <> decided_by", name="two_officers"),
        Index(
            "uq_statement_difference_line", "statement_id", "line_no", unique=True,
            postgresql_where=text("status = 'open' AND line_no IS NOT NULL"),
        ),
        Index(
            "uq_statement_difference_entry", "entry_id", unique=True,
            postgresql_where=text("status = 'open' AND kind = 'ledger-only'"),
        ),
        Index(
            "uq_statement_difference_balance", "statement_id", unique=True,
            postgresql_where=text("status = 'open' AND kind = 'balance-differs'"),
        ),
        Index("ix_statement_difference_open", "account_id", postgresql_where=text("status = 'open'")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"))
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id"), index=True)
    line_no: Mapped[int | None]
    entry_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("ledger.journal_entry.id"))
    kind: Mapped[DifferenceKind] = mapped_column(term(DifferenceKind))
    direction: Mapped[Direction | None] = mapped_column(term(Direction))
    bank_amount: Mapped[int | None] = mapped_column(BigInteger)
    ledger_amount: Mapped[int | None] = mapped_column(BigInteger)
    delta: Mapped[int] = mapped_column(BigInteger, comment="银行减账簿，分；非零者未了时账户不付款")
    on_date: Mapped[date]
    opened_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())
    live: Mapped[bool] = mapped_column(server_default="true")
    status: Mapped[DifferenceStatus] = mapped_column(term(DifferenceStatus))
    closed_how: Mapped[str | None] = mapped_column(String(32))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(True))
    worker_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    cause: Mapped[Cause | None] = mapped_column(term(Cause))
    note: Mapped[str | None]
    remedy: Mapped[str | None] = mapped_column(String(32))
    proposed: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))


class AccountJudged(Base):
    """How far an account's book was looked at when it was last matched (勾对到账簿的哪一版)."""

    __tablename__ = "account_judged"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("supervised_account.id"), primary_key=True, autoincrement=False
    )
    version: Mapped[int] = mapped_column(
        BigInteger, comment="勾对开始时 1101 的版本：其后又有动账的，版本已不同"
    )
    judged_at: Mapped[datetime] = mapped_column(DateTime(True))


class AccountDay(Base):
    """A closed day of an account with its signed root (日结报告)."""

    __tablename__ = "account_day"
    __table_args__ = (
        UniqueConstraint("account_id", "business_date"),
        CheckConstraint("closing + transit = ledger", name="identity"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("supervised_account.id"))
    business_date: Mapped[date]
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id"), unique=True)
    closing: Mapped[int] = mapped_column(BigInteger)
    transit: Mapped[int] = mapped_column(
        BigInteger, comment="账簿已记而银行列于其后对账单的、减银行已列而账簿记于其后的，分"
    )
    ledger: Mapped[int] = mapped_column(BigInteger)
    seal_no: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[str]
    signature: Mapped[str]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    closed_at: Mapped[datetime] = mapped_column(DateTime(True), server_default=func.clock_timestamp())


class DifferenceEntry(Base):
    """A new entry that explains a difference (差异的解释凭证)."""

    __tablename__ = "difference_entry"
    __table_args__ = (
        Index("uq_difference_entry_entry", "entry_id", unique=True, postgresql_where=text("live")),
    )

    difference_id: Mapped[int] = mapped_column(ForeignKey("statement_difference.id"), primary_key=True)
    entry_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("ledger.journal_entry.id"), primary_key=True, autoincrement=False
    )
    live: Mapped[bool] = mapped_column(server_default="true")
