"""What a statement must say of itself before any of it is believed (对账单整份核对). Pure.

Amounts are whole fen here: a day may have a hundred thousand lines.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from escrow.supervision.rules import AccountStatus
from ledger.money import yuan_of


class FileKind(StrEnum):
    """How a statement is written (对账单格式)."""

    CAMT_02 = "camt.053.001.02"
    CAMT_08 = "camt.053.001.08"
    CSV = "csv"


class FileStatus(StrEnum):
    """Life of a file: its bytes are kept whatever becomes of it (文件状态)."""

    STORED = "stored"
    READING = "reading"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Direction(StrEnum):
    """Which way a line moved the account, as the bank sees it (收付方向)."""

    CREDIT = "credit"
    DEBIT = "debit"


class StatementStatus(StrEnum):
    """How far a statement is worked through (对账单状态)."""

    RECEIVED = "received"
    MATCHING = "matching"
    MATCHED = "matched"
    DIFFERENCES = "differences"


class MatchHow(StrEnum):
    """What a line and its entry were known by (勾对依据)."""

    SERIAL = "serial"
    AMOUNT = "amount"
    NOTICE = "notice"
    BOOKED = "booked"


class MatchClass(StrEnum):
    """How well a line and its entry agree (勾对结果)."""

    MATCHED = "matched"
    AMOUNT = "amount-differs"
    DATE = "date-differs"


class DifferenceKind(StrEnum):
    """What stands between the bank and the book (差异种类)."""

    BANK_ONLY = "bank-only"
    LEDGER_ONLY = "ledger-only"
    AMOUNT = "amount-differs"
    DUPLICATE = "duplicate"
    DATE = "date-differs"
    BALANCE = "balance-differs"


class DifferenceStatus(StrEnum):
    """Whether a difference is explained (差异状态)."""

    OPEN = "open"
    CLOSED = "closed"


class Cause(StrEnum):
    """Why bank and book differed, as an officer found (差异成因)."""

    TIMING = "timing"
    FEE = "fee"
    OMISSION = "omission"
    OUTSIDE = "outside"
    ERROR = "error"


KIND_LABELS = {
    DifferenceKind.BANK_ONLY: "银行有、账簿无",
    DifferenceKind.LEDGER_ONLY: "账簿有、银行无",
    DifferenceKind.AMOUNT: "金额不符",
    DifferenceKind.DUPLICATE: "流水重复",
    DifferenceKind.DATE: "日期不符",
    DifferenceKind.BALANCE: "期初不符",
}
HOW_LABELS = {
    MatchHow.SERIAL: "流水号",
    MatchHow.AMOUNT: "金额与日期",
    MatchHow.NOTICE: "通知书号",
    MatchHow.BOOKED: "补记不明入账",
}
# Money that reached these accounts is in them, whatever was agreed (对账单可补记入账的账户). One released
# from supervision takes nothing more, as PostgreSQL says too: what still reaches it is a difference.
TAKES_BY_STATEMENT = frozenset({AccountStatus.ACTIVE, AccountStatus.SUSPENDED})
FILE_LABELS = {
    FileStatus.STORED: "已留存，待读取",
    FileStatus.READING: "读取中",
    FileStatus.ACCEPTED: "已接收",
    FileStatus.REFUSED: "整份不予接收",
}
STATUS_LABELS = {
    StatementStatus.RECEIVED: "已收，待勾对",
    StatementStatus.MATCHING: "勾对中",
    StatementStatus.MATCHED: "逐笔相符",
    StatementStatus.DIFFERENCES: "有差异",
}
DIRECTION_LABELS = {Direction.CREDIT: "收", Direction.DEBIT: "付"}
# The only steps of a file (文件状态迁移). A refused file sent again is read again: what it named may exist now.
FILE_STEPS = {
    (FileStatus.STORED, FileStatus.READING),
    (FileStatus.READING, FileStatus.READING),
    (FileStatus.READING, FileStatus.ACCEPTED),
    (FileStatus.READING, FileStatus.REFUSED),
    (FileStatus.REFUSED, FileStatus.READING),
}


# No supervised account is older (对账日下限).
_FIRST_DAY = date(1995, 1, 1)


class Unreadable(Exception):
    """A file that cannot be read as what it claims to be; whole or nothing (无法读取的对账单)."""


class Unacceptable(Exception):
    """A file that reads well and says what cannot be (内容不成立的对账单); by field."""

    def __init__(self, faults: dict[str, str]) -> None:
        self.faults = faults
        super().__init__("；".join(faults.values()))


class Line(NamedTuple):
    """One movement as the bank booked it (对账单一笔)."""

    no: int
    serial: str
    direction: str
    fen: int
    value_date: date
    booked_at: datetime
    name: str
    account_no: str
    memo: str


@dataclass(slots=True)
class Stated:
    """What a file says about some of its lines: how many, how much (文件自报的笔数与合计)."""

    lines: int | None = None
    fen: int | None = None


@dataclass(slots=True)
class Header:
    """Whose account, which day, from where to where (对账单抬头)."""

    kind: FileKind
    account_no: str
    business_date: date
    opening: int
    closing: int
    reference: str
    all: Stated
    credits: Stated
    debits: Stated
    # Entries, and credits among them, where one entry may be several lines.
    counted: tuple[int, int] | None = None


@dataclass(slots=True)
class Tally:
    """What a file's lines really add up to (逐笔累计)."""

    lines: int = 0
    credit_lines: int = 0
    credits: int = 0
    debits: int = 0
    latest_value: tuple[date, int] = (date.min, 0)
    latest_booked: tuple[date, int] = (date.min, 0)

    def add(self, line: Line, booked_on: date) -> None:
        """One more line (累计一笔)."""
        self.lines += 1
        if line.direction == Direction.CREDIT:
            self.credit_lines += 1
            self.credits += line.fen
        else:
            self.debits += line.fen
        if line.value_date > self.latest_value[0]:
            self.latest_value = (line.value_date, line.no)
        if booked_on > self.latest_booked[0]:
            self.latest_booked = (booked_on, line.no)


def faults(header: Header, tally: Tally, today: date) -> dict[str, str]:
    """Everything about a whole file that does not hold, by field; empty when it is accepted (整份核对)."""
    return {**_day_faults(header, tally, today), **_count_faults(header, tally), **_sum_faults(header, tally)}


def _day_faults(header: Header, tally: Tally, today: date) -> dict[str, str]:
    found, day = {}, header.business_date
    if day > today:
        found["business_date"] = f"对账日 {day} 晚于今天。"
    if day < _FIRST_DAY:
        found["business_date"] = f"对账日 {day} 过早，早于 {_FIRST_DAY} 的不收。"
    if tally.latest_value[0] > day:
        found["value_date"] = f"第 {tally.latest_value[1]} 笔的起息日 {tally.latest_value[0]} 晚于对账日 {day}。"
    if tally.latest_booked[0] > day:
        message = f"第 {tally.latest_booked[1]} 笔的记账日 {tally.latest_booked[0]} 晚于对账日 {day}。"
        found["booked_at"] = message
    return found


def _count_faults(header: Header, tally: Tally) -> dict[str, str]:
    found = {}
    every, credit = header.counted or (tally.lines, tally.credit_lines)
    counted = {
        "lines": (header.all, every, "笔数"),
        "credit_lines": (header.credits, credit, "收款笔数"),
        "debit_lines": (header.debits, every - credit, "付款笔数"),
    }
    for field, (stated, count, label) in counted.items():
        if stated.lines is not None and stated.lines != count:
            found[field] = f"文件自报{label} {stated.lines}，实有 {count}。"
    return found


def _sum_faults(header: Header, tally: Tally) -> dict[str, str]:
    found = {}
    summed = {
        "sum": (header.all, tally.credits + tally.debits, "发生额合计"),
        "credits": (header.credits, tally.credits, "收款合计"),
        "debits": (header.debits, tally.debits, "付款合计"),
    }
    for field, (stated, fen, label) in summed.items():
        if stated.fen is not None and stated.fen != fen:
            found[field] = f"文件自报{label} {yuan_of(stated.fen)} 元，逐笔相加为 {yuan_of(fen)} 元。"
    if (ends := header.opening + tally.credits - tally.debits) != header.closing:
        found["closing_balance"] = (
            f"期初 {yuan_of(header.opening)} ＋ 收 {yuan_of(tally.credits)} － 付 {yuan_of(tally.debits)}"
            f" ＝ {yuan_of(ends)} 元，与所报期末 {yuan_of(header.closing)} 元不符。"
        )
    return found
