"""Reads ISO 20022 camt.053 as it streams by, versions 001.02 and 001.08 (国际标准对账单报文).

Source: ISO 20022 BankToCustomerStatement. expat alone, no tree: a day may have a hundred thousand entries.
Any DOCTYPE is refused, so no entity can be declared; nothing outside the file is ever opened.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any
from xml.parsers import expat

from escrow.fields import ACCOUNT_NO_PATTERN
from escrow.statements.entries import (
    DETAILS,
    MOST_PAYMENTS,
    NOTES,
    SIDES,
    instant_of,
    line_of,
    payments_of,
    status_of,
)
from escrow.statements.rules import Direction, FileKind, Header, Line, Stated, Unacceptable, Unreadable
from escrow.statements.words import plain, read_fen

_SPACE = "urn:iso:std:iso:20022:tech:xsd:"
_KINDS = {_SPACE + kind.value: kind for kind in (FileKind.CAMT_02, FileKind.CAMT_08)}
_STATEMENT = "/Document/BkToCstmrStmt/Stmt"
_ENTRY = _STATEMENT + "/Ntry"
_BALANCE = _STATEMENT + "/Bal"
_AMOUNTS = frozenset({_ENTRY + "/Amt", _BALANCE + "/Amt"})
_HEAD = len(_STATEMENT) + 1
_TRANSACTION = _ENTRY + "/NtryDtls/TxDtls"
_OWN_AMOUNTS = frozenset({_TRANSACTION + "/Amt", _TRANSACTION + "/AmtDtls/TxAmt/Amt"})
_DEEPEST, _LONGEST, _MOST_NOTES, _MOST_NAMES, _MOST_PARTS = 40, 2000, 20, 600, 1000
_DECLARED_WITHIN = 256
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,30})["']""")


class CamtReader:
    """One camt.053 file: its lines chunk by chunk, its header when all is read (报文读取)."""

    def __init__(self) -> None:
        self.kind: FileKind | None = None
        self.head: dict[str, str] = {}
        self.balances: list[dict[str, str]] = []
        self.entry: dict[str, str] = {}
        self.notes: list[str] = []
        self.text: list[str] = []
        self.paths = [""]
        self.found: list[Line] = []
        # Entries, and credits among them; a batch entry may be many lines.
        self.count = self.credits = self.lines = 0
        self.details: list[dict[str, str]] = []
        self.statements = 0
        self.names: dict[str, str] = {}

    def batches(self, chunks: Iterable[bytes]) -> Iterator[list[Line]]:
        """The lines of each chunk (逐段读取). Raises Unreadable or Unacceptable."""
        parser = decode = None  # Of the first piece, which is never missing.
        for chunk in _with_declaration(chunks):
            if parser is None:
                parser, decode = self._parser(chunk)
            self._feed(parser, decode(chunk) if decode else chunk, final=False)
            yield self._taken()
        self._feed(parser, decode(b"", True) if decode else b"", final=True)
        yield self._taken()

    @property
    def account_no(self) -> str:
        """Whose statement it is; known before its first entry (账号)."""
        return self.head.get("Acct/Id/Othr/Id") or self.head.get("Acct/Id/IBAN", "")

    def header(self) -> Header:
        """What the whole file says of itself (抬头). Raises Unacceptable."""
        head, found = self.head, dict[str, str]()
        if self.kind is None or self.statements != 1:
            raise Unacceptable({"Stmt": f"一份文件须恰有一个账户一天的对账单，现有 {self.statements} 个。"})
        pages = {head.get(part, "true") for part in ("LastPgInd", "StmtPgntn/LastPgInd")}
        if not pages <= {"true", "1"}:
            found["MsgPgntn"] = "文件不是最后一页；对账单须整份报送。"
        opening = _balance(self.balances, ("OPBD", "PRCD"), found, "opening_balance")
        closing = _balance(self.balances, ("CLBD",), found, "closing_balance")
        if head.get("Acct/Ccy", "CNY") != "CNY":
            found["Acct/Ccy"] = "只收人民币账户。"
        if not re.fullmatch(ACCOUNT_NO_PATTERN[1:-1], self.account_no, re.ASCII):
            found["account_no"] = "账号须为 8 至 32 位数字。"
        stated = [_stated(head, f"TxsSummry/{part}", found) for part in _PARTS]
        if found or opening is None or closing is None:
            raise Unacceptable(found)
        return Header(
            self.kind, self.account_no, closing[1], opening[0], closing[0], plain(head.get("Id", ""), 64),
            stated[0], stated[1], stated[2], (self.count, self.credits),
        )  # fmt: skip

    # --- expat ---

    def _parser(self, first: bytes) -> tuple[Any, Any]:
        """A parser for the file's encoding: UTF-8, or GB18030 made UTF-8 on the way."""
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in first[:4]:
            raise Unreadable("文件须以 UTF-8 或 GB18030 编码")
        said = _ENCODING.match(first.removeprefix(codecs.BOM_UTF8)[:200])
        name = said[1].decode().lower() if said else "utf-8"
        if name not in ("utf-8", "utf8", "gb18030", "gbk", "gb2312"):
            raise Unreadable(f"不支持的编码 {name}，须为 UTF-8 或 GB18030")
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.EntityDeclHandler = _refuse_doctype
        parser.ExternalEntityRefHandler = _refuse_doctype
        if name.startswith("gb"):
            told = codecs.getincrementaldecoder("gb18030")()
            return parser, lambda chunk, final=False: told.decode(chunk, final).encode()
        return parser, None

    def _feed(self, parser: Any, chunk: bytes, *, final: bool) -> None:
        try:
            parser.Parse(chunk, final)
        except expat.ExpatError as fault:
            raise Unreadable(f"不是完整合规的 XML：第 {fault.lineno} 行，{expat.ErrorString(fault.code)}") from None
        except UnicodeDecodeError:
            raise Unreadable("文件内容与所报编码不符") from None

    def _taken(self) -> list[Line]:
        taken, self.found = self.found, []
        return taken

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        path = self.paths[-1] + "/" + (self.names.get(name) or self._local(name))
        if len(self.paths) > _DEEPEST:
            raise Unreadable("报文层次过深")
        if path == _ENTRY:
            self.entry, self.notes, self.details = {}, [], []
            if not self.account_no:
                raise Unacceptable({"account_no": "分录之前没有写明账号。"})
        elif path == _BALANCE:
            self.balances.append({})
        elif path == _STATEMENT:
            self.statements += 1
        elif path == _TRANSACTION and len(self.details) < MOST_PAYMENTS:
            self.details.append({})
        elif path in _OWN_AMOUNTS and attributes.get("Ccy") != "CNY":
            self.details[-1]["foreign"] = "true"
        if path in _AMOUNTS and attributes.get("Ccy") != "CNY":
            raise Unacceptable({"Ccy": "只收人民币金额。"})
        self.paths.append(path)
        self.text = []

    def _local(self, name: str) -> str:
        space, _, local = name.rpartition(" ")
        if self.kind is None:
            self.kind = _KINDS.get(space)
            if self.kind is None or local != "Document":
                raise Unreadable("须为 camt.053.001.02 或 camt.053.001.08 的 Document")
        if _KINDS.get(space) is not self.kind:
            local = "-"  # Another vocabulary inside (SplmtryData): passed over.
        if len(self.names) == _MOST_NAMES:
            raise Unreadable("报文用语过多，不是对账单")
        self.names[name] = local
        return local

    def _characters(self, text: str) -> None:
        if len(self.text) < _LONGEST:
            self.text.append(text[:_LONGEST])

    def _end(self, _: str) -> None:
        path = self.paths.pop()
        if path.startswith(_ENTRY):
            if path == _ENTRY:
                self._close_entry()
            else:
                self._note(path[len(_ENTRY) + 1 :])
        elif path.startswith(_BALANCE + "/"):
            _keep(self.balances[-1], path[len(_BALANCE) + 1 :], "".join(self.text).strip())
        elif path.startswith(_STATEMENT + "/"):
            _keep(self.head, path[_HEAD:], "".join(self.text).strip())
        elif path.endswith("/MsgPgntn/LastPgInd"):
            self.head["LastPgInd"] = "".join(self.text).strip()
        self.text = []

    def _note(self, part: str) -> None:
        text = "".join(self.text).strip()
        if not text:
            return
        if part in NOTES and len(self.notes) < _MOST_NOTES and text != "NOTPROVIDED":
            self.notes.append(text)
        if part.startswith(DETAILS) and self.details:
            self.details[-1].setdefault(part, text[:_LONGEST])
        _keep(self.entry, part, text)

    def _close_entry(self) -> None:
        if status_of(self.entry) == "INFO":
            return  # Told for information, booked nowhere.
        self.count += 1
        try:
            first = line_of(self.lines + 1, self.entry, self.notes)
            found = payments_of(first, self.entry, self.details) or [first]
        except (ValueError, OverflowError) as fault:
            raise Unacceptable({f"Ntry[{self.count}]": f"第 {self.count} 笔：{fault}"}) from None
        self.lines += len(found)
        self.credits += first.direction == Direction.CREDIT
        self.found += found


def _with_declaration(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, the first piece long enough to hold the declaration of their encoding."""
    first = b""
    for chunk in (rest := iter(chunks)):
        first += chunk
        if len(first) >= _DECLARED_WITHIN:
            break
    yield first
    yield from rest


def _keep(found: dict[str, str], part: str, text: str) -> None:
    """The first of its kind counts; a part has no thousand parts of its own."""
    if len(found) == _MOST_PARTS:
        raise Unreadable("报文中一处的内容过多，不是对账单")
    found.setdefault(part, text)


def _refuse_doctype(*_: Any) -> Any:
    raise Unreadable("报文不得含有 DOCTYPE 或实体声明")


def _balance(
    balances: list[dict[str, str]], codes: tuple[str, ...], found: dict[str, str], field: str
) -> tuple[int, date] | None:
    named = [one for code in codes for one in balances if one.get("Tp/CdOrPrtry/Cd") == code]
    if not named:
        found[field] = f"没有写明余额（{'或'.join(codes)}）。"
        return None
    try:
        fen = read_fen(named[0].get("Amt", ""))
        side = SIDES[named[0].get("CdtDbtInd", "")]
        return (fen if side == Direction.CREDIT else -fen), instant_of(named[0], "Dt").date()
    except (KeyError, ValueError) as fault:
        found[field] = f"余额有误：{fault}"
        return None


_PARTS = ("TtlNtries", "TtlCdtNtries", "TtlDbtNtries")


def _stated(head: dict[str, str], part: str, found: dict[str, str]) -> Stated:
    """How many and how much the file says there are, where it says so."""
    lines, fen = head.get(f"{part}/NbOfNtries"), head.get(f"{part}/Sum")
    try:
        return Stated(int(lines) if lines else None, read_fen(fen) if fen else None)
    except ValueError:
        found[part] = "笔数或合计有误。"
        return Stated()
