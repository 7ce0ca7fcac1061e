"""Tables people hand in, as rows of text: a workbook or CSV, every cell as it was typed (表格文件).

What a cell cannot be trusted to say is a fault with its place: formulas, merged cells, numbers a spreadsheet
has already shortened. A file is looked at before it is opened: neither its size nor its shape is believed.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from xml.parsers import expat

import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

Fault = tuple[int, str, str]
# Unpacked, a table of twenty thousand rows is a few megabytes.
LARGEST_UNPACKED = 64 * 1024 * 1024
MOST_PARTS, MOST_COLUMNS, MOST_FAULTS = 200, 100, 20
# Beyond fifteen digits a spreadsheet's number is no longer what was typed.
_EXACT = 10**15
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NOTES = "填写说明"
_LOOSE_DAY = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?", re.ASCII)
_PLACE = re.compile(r"([A-Za-z]{0,3})([1-9][0-9]{0,6})", re.ASCII)
_BROKEN = zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError


class Untabular(ValueError):
    """A file that is no plain table: row, column and what is wrong; row 0 is the whole file (不是规整的表)."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("；".join(said for _, _, said in faults))
        self.faults = faults


def read_table(content: bytes, *, most_rows: int) -> list[tuple[int, list[str]]]:
    """Rows that say anything, each with its number in the file; the first is the header (逐行读取).

    Raises Untabular.
    """
    if content.startswith(b"PK\x03\x04"):
        rows = _workbook_rows(content, most_rows)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise _whole("这是旧版 .xls 或加了密码的工作簿；请取消密码，另存为 .xlsx 或 CSV")
    else:
        rows = _csv_rows(content)
    found = list[tuple[int, list[str]]]()
    for number, cells in rows:
        if number > most_rows:
            raise Untabular([(number, "", f"文件不得超过 {most_rows} 行")])
        if any(cells):
            found.append((number, cells))
    return found


def workbook_of(columns: Mapping[str, str], example: Mapping[str, str] | None = None) -> bytes:
    """An empty workbook to fill in: a header, every cell as text, and what each column holds (空白表)."""
    made = io.BytesIO()
    told = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(made, told) as book:
        # The same columns are the same bytes on any day.
        book.set_properties({"created": datetime(2026, 1, 1)})  # noqa: DTZ001 - no instant, a constant
        bold, plain = book.add_format({"bold": True}), book.add_format({"num_format": "@"})
        sheet, notes = book.add_worksheet("导入"), book.add_worksheet(NOTES)
        sheet.freeze_panes(1, 0)
        for at, (name, said) in enumerate(columns.items()):
            sheet.set_column(at, at, max(12, 2 * len(name) + 2), plain)
            sheet.write_string(0, at, name, bold)
            notes.write_string(at, 0, name, bold)
            notes.write_string(at, 1, said)
            if example and name in example:
                sheet.write_string(1, at, example[name], plain)
        notes.set_column(0, 0, 24)
        notes.set_column(1, 1, 80)
    return made.getvalue()


# --- CSV ---


def _csv_rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    table = csv.reader(io.StringIO(_decoded(content), newline=""), strict=True)
    try:
        for number, cells in enumerate(table, 1):
            yield number, [cell.strip() for cell in cells]
    except csv.Error as problem:
        raise Untabular([(table.line_num, "", f"不是合规的 CSV：{problem}")]) from None


def _decoded(content: bytes) -> str:
    if b"\x00" not in content:
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
    raise _whole("不是 .xlsx 工作簿，也不是以 UTF-8 或 GB18030 编码的 CSV")


# --- workbook ---


def _workbook_rows(content: bytes, most_rows: int) -> Iterator[tuple[int, list[str]]]:
    checked = _looked_at(content, most_rows)
    try:
        book = CalamineWorkbook.from_filelike(checked)
        sheets = [book.get_sheet_by_name(name) for name in book.sheet_names if name != NOTES]
        full = [sheet for sheet in sheets if sheet.start is not None]
        if len(full) > 1:
            raise _whole(f"工作簿里有 {len(full)} 张有内容的工作表，请只留一张（“{NOTES}”除外）")
        values = full[0].to_python(skip_empty_area=False) if full else []
    except CalamineError:
        raise _whole("工作簿打不开，请重新另存为 .xlsx 或 CSV") from None
    faults = list[Fault]()
    for number, row in enumerate(values, 1):
        cells = [_text(value, (number, at), faults) for at, value in enumerate(row)]
        if not faults:
            yield number, cells
    if faults:
        raise Untabular(faults[:MOST_FAULTS])


def _looked_at(content: bytes, most_rows: int) -> io.BytesIO:
    """Before it is opened: how large it unpacks, whether anything in it runs, is computed or is merged.

    What is opened afterwards is packed anew from the very bytes that were looked at: what a part says of its
    own size, where it lies and how often it is there is nobody's word but ours.
    """
    parts = _unpacked(content)
    if "xl/workbook.xml" not in [name.lower() for name in parts]:
        raise _whole("不是 .xlsx 工作簿；请另存为 .xlsx 或 CSV")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        for name, body in parts.items():
            if name.lower().endswith((".xml", ".rels")):
                _Look(most_rows).at(body)
                packed.writestr(name, body)
    made.seek(0)
    return made


def _unpacked(content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            if len(parts) > MOST_PARTS or sum(one.file_size for one in parts) > LARGEST_UNPACKED:
                raise _whole(f"工作簿解开后超过 {LARGEST_UNPACKED >> 20} MB，不予打开；请只留要导入的一张表")
            names = [one.filename.lower() for one in parts]
            if any("vbaproject" in name or name.startswith("xl/macrosheets") for name in names):
                raise _whole("工作簿里有宏，不予打开；请另存为不含宏的 .xlsx")
            # Asked for so many bytes it unpacks no more, whatever it holds; and they sum to what it says.
            return {one.filename: _part(packed, one) for one in parts}
    except _BROKEN:
        raise _BROKEN_BOOK from None


def _part(packed: zipfile.ZipFile, one: zipfile.ZipInfo) -> bytes:
    with packed.open(one) as stream:
        return stream.read(one.file_size + 1)


class _Look:
    """One part of a workbook as the parser of XML sees it, however it is spelled (逐件查看)."""

    def __init__(self, most_rows: int) -> None:
        self.most_rows, self.row, self.column = most_rows, 0, 0
        self.is_sheet: bool | None = None
        self.faults: list[Fault] = []

    def at(self, body: bytes) -> None:
        """Raises Untabular."""
        parser = expat.ParserCreate("utf-8")
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._start
        try:
            parser.Parse(body, True)
        except expat.ExpatError:
            raise _BROKEN_BOOK from None
        if self.faults:
            raise Untabular(self.faults[:MOST_FAULTS])

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if self.is_sheet is None:
            self.is_sheet = local == "worksheet"
        if not self.is_sheet or len(self.faults) > MOST_FAULTS:
            return
        if local == "row":
            self._go(attributes.get("r") or str(self.row + 1))
            self.column = 0
        elif local == "c":
            self._go(attributes.get("r") or f"{letters(self.column)}{self.row}")
        elif local == "f":
            self._found("是公式；请复制后“选择性粘贴”为数值")
        elif local == "mergeCell":
            self._go(attributes.get("ref", "").partition(":")[0])
            self._found(f"是合并单元格（{attributes.get('ref', '')[:20]}），请取消合并，每格单独填写")

    def _go(self, place: str) -> None:
        """Where a row or a cell says it stands; those that say nothing follow the one before (定位)."""
        found = _PLACE.fullmatch(place)
        if found is None:
            raise _BROKEN_BOOK
        self.row, self.column = int(found[2]), _number_of(found[1].upper())
        if self.row > self.most_rows:
            self._found(f"文件不得超过 {self.most_rows} 行；请删去末尾有格式的空行")
        elif self.column > MOST_COLUMNS:
            self._found(f"文件不得超过 {MOST_COLUMNS} 列")

    def _found(self, said: str) -> None:
        self.faults.append((self.row, letters(self.column - 1) if self.column else "", said))


def _refuse_doctype(*_: Any) -> None:
    raise _whole("工作簿里有文档类型声明，不予打开")


def _text(value: Any, place: tuple[int, int], faults: list[Fault]) -> str:
    """A cell as it reads: a number in plain digits, a day as YYYY-MM-DD."""
    if isinstance(value, datetime) and (value.hour, value.minute, value.second) == (0, 0, 0):
        value = value.date()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) >= _EXACT:
            said = "数字超过 15 位，表格软件已改写末几位；请把这一格设为文本后重填"
            faults.append((place[0], letters(place[1]), said))
            return ""
        return format(Decimal(repr(value)).normalize(), "f")
    if "\0" in (said := str(value).strip()):
        faults.append((place[0], letters(place[1]), "含有 NUL 字符，请清除后重填"))
    return said


def day_of(said: str) -> str:
    """Spreadsheets write days as they like: 2027/1/1 and 2027年1月1日 are 2027-01-01 (日期)."""
    found = _LOOSE_DAY.fullmatch(said)
    return f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}" if found else said


def letters(at: int) -> str:
    """A column counted from zero, as a spreadsheet names it: A, B, … AA (列号)."""
    return (letters(at // 26 - 1) if at >= 26 else "") + chr(ord("A") + at % 26)


def _number_of(column: str) -> int:
    number = 0
    for letter in column:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _whole(said: str) -> Untabular:
    return Untabular([(0, "", said)])


_BROKEN_BOOK = _whole("工作簿已损坏或加了密码，请重新另存为 .xlsx 或 CSV")
