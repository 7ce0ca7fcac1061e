"""Reads the CSV statement of the contract with the banks, line by line (文本对账单)."""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from config.clock import BUREAU
from escrow.fields import ACCOUNT_NO_PATTERN, INSTANT_PATTERN, KEY_PATTERN, MONEY_PATTERN, read_day, read_text
from escrow.statements.rules import Direction, FileKind, Header, Line, Stated, Unacceptable, Unreadable
from escrow.statements.words import plain, read_fen, read_line_fen

HEAD = ["account_no", "business_date", "opening_balance", "closing_balance"]
COLUMNS = [
    "bank_serial", "direction", "amount", "value_date", "booked_at", "counterparty_name",
    "counterparty_account", "memo",
]  # fmt: skip
ENCODINGS = ("utf-8-sig", "gb18030")
_LONGEST = 4000
_BATCH = 2000
_SERIAL = re.compile(KEY_PATTERN[1:-1], re.ASCII)
_MONEY = re.compile(MONEY_PATTERN[1:-1], re.ASCII)
_INSTANT = re.compile(INSTANT_PATTERN[1:-1], re.ASCII)
_SIDES = frozenset(Direction)


def encoding_of(chunks: Iterable[bytes]) -> str:
    """UTF-8 where it is UTF-8 to the last byte, else GB18030 (判别编码). Raises Unreadable."""
    decoders = [codecs.getincrementaldecoder(name)() for name in ENCODINGS]
    names = list(ENCODINGS)
    for chunk in chunks:
        for name, decoder in list(zip(names, decoders, strict=True)):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                decoders.pop(names.index(name))
                names.remove(name)
    for name, decoder in zip(names, decoders, strict=True):
        try:
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            continue
        return name
    raise Unreadable("文件既不是 UTF-8，也不是 GB18030 编码")


class CsvReader:
    """One CSV file: its header, then its lines in batches (文本读取)."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.account_no = ""
        self.told: Header | None = None

    def batches(self, chunks: Iterable[bytes]) -> Iterator[list[Line]]:
        """The lines, some thousand at once (逐批读取). Raises Unreadable or Unacceptable."""
        rows = csv.reader(_text_lines(chunks, self.encoding), strict=True)
        try:
            self._read_head(rows)
            batch: list[Line] = []
            for no, row in enumerate(filter(None, rows), 1):
                batch.append(_line(no, row))
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
            yield batch
        except csv.Error as fault:
            raise Unreadable(f"第 {rows.line_num} 行不是合规的 CSV：{fault}") from None

    def header(self) -> Header:
        """What the file says of itself (抬头)."""
        if self.told is None:
            raise Unreadable("文件是空的")
        return self.told

    def _read_head(self, rows: Iterator[list[str]]) -> None:
        first, told, empty, second = (next(rows, None) for _ in range(4))
        if first != HEAD or told is None or len(told) != len(HEAD):
            raise Unreadable(f"第一行须为 {','.join(HEAD)}，第二行为其值")
        if empty != [] or second != COLUMNS:
            raise Unreadable(f"第三行须空，第四行须为 {','.join(COLUMNS)}")
        self.told = _head(told)
        self.account_no = self.told.account_no


def _head(told: list[str]) -> Header:
    found, read = dict[str, str](), list[Any]()
    for field, value, reader in zip(HEAD, told, (_account_no, read_day, _balance, _balance), strict=True):
        try:
            read.append(reader(value))
        except ValueError as fault:
            found[field] = str(fault)
    if found:
        raise Unacceptable(found)
    account_no, day, opening, closing = read
    return Header(FileKind.CSV, account_no, day, opening, closing, "", Stated(), Stated(), Stated())


def _account_no(text: str) -> str:
    return read_text(text, 32, ACCOUNT_NO_PATTERN)


def _balance(text: str) -> int:
    if not _MONEY.fullmatch(text):
        raise ValueError("余额须为两位小数的元，如 350000.00。")
    return read_fen(text)


def _line(no: int, row: list[str]) -> Line:
    """One row; what is wrong with it is told with its number."""
    try:
        if len(row) != len(COLUMNS):
            raise ValueError(f"须有 {len(COLUMNS)} 列，现有 {len(row)} 列")
        serial, side, amount, value_date, booked_at, name, account_no, memo = row
        if not _SERIAL.fullmatch(serial):
            raise ValueError("bank_serial 格式不正确")
        if side not in _SIDES:
            raise ValueError("direction 须为 credit 或 debit")
        if not _MONEY.fullmatch(amount):
            raise ValueError("amount 须为两位小数且大于零的元")
        fen = read_line_fen(amount)
        if not _INSTANT.fullmatch(booked_at):
            raise ValueError("booked_at 须为带时区的 RFC 3339 时刻")
        at = datetime.fromisoformat(booked_at.upper()).astimezone(BUREAU)
        on = _day(value_date)
    except (ValueError, OverflowError) as fault:
        raise Unacceptable({f"lines[{no}]": f"第 {no} 笔：{fault}"}) from None
    return Line(no, serial, side, fen, on, at, plain(name, 140), plain(account_no, 64), plain(memo, 500))


@lru_cache(maxsize=64)
def _day(text: str) -> date:
    return read_day(text)


def _text_lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Lines of text as the chunks come; a line that never ends is no statement."""
    decoder, rest = codecs.getincrementaldecoder(encoding)(), ""
    for chunk in chunks:
        *lines, rest = (rest + decoder.decode(chunk)).split("\n")
        for line in lines:
            yield _checked(line)
        _checked(rest)
    if rest := rest + decoder.decode(b"", True):
        yield _checked(rest)


def _checked(line: str) -> str:
    if len(line) > _LONGEST:
        raise Unreadable("有一行过长，不是对账单")
    if "\0" in line:
        raise Unreadable("文件含有 NUL 字符")
    return line.removesuffix("\r")
