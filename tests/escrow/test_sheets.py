"""Tables people hand in are read as they were typed, or refused with the place (表格文件)."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zlib import crc32

import pytest
import xlsxwriter

from escrow.sheets import MOST_COLUMNS, Untabular, day_of, letters, read_table, workbook_of

HEADER = ["房号", "面积", "日期"]


def book(fill: Callable[[Any, Any], object] | None = None, *, sheets: int = 1) -> bytes:
    """A workbook with a header and whatever the test writes below it."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as place:
        for _ in range(sheets):
            sheet = place.add_worksheet()
            sheet.write_row(0, 0, HEADER)
            if fill:
                fill(sheet, place)
    return made.getvalue()


SHEET = zipfile.ZipFile(io.BytesIO(book())).read("xl/worksheets/sheet1.xml")


def changed(content: bytes, *, drop: str = "", **parts: bytes | Callable[[bytes], bytes]) -> bytes:
    """The workbook with parts added, rewritten or left out; `__` stands for a slash."""
    made, added = io.BytesIO(), {name.replace("__", "/"): what for name, what in parts.items()}
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name == drop:
                continue
            how = added.pop(name.removesuffix(".xml"), None)
            new.writestr(name, how(old.read(name)) if callable(how) else old.read(name))
        for name, body in added.items():
            new.writestr(name, body)
    return made.getvalue()


def faults(content: bytes, most_rows: int = 100) -> list[tuple[int, str, str]]:
    with pytest.raises(Untabular) as caught:
        read_table(content, most_rows=most_rows)
    return caught.value.faults


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_is_read_in_either_encoding(encoding: str) -> None:
    """CSV 无论 UTF-8（带不带 BOM）还是 GB18030，逐格照读，空行跳过而行号不变。"""
    text = "房号,面积,日期\r\n\r\n101, 96.00 ,2026-11-20\r\n"
    assert read_table(text.encode(encoding), most_rows=10) == [
        (1, HEADER), (3, ["101", "96.00", "2026-11-20"]),
    ]  # fmt: skip


def test_a_workbook_is_read_as_it_was_typed() -> None:
    """工作簿里的数字、日期、文本照所见读出：101 还是 101，96.5 还是 96.5，日期写成年-月-日。"""

    def fill(sheet: Any, place: Any) -> None:
        sheet.write_row(2, 0, [101, 96.5])
        as_day = place.add_format({"num_format": "yyyy/m/d"})
        sheet.write_datetime(2, 2, datetime(2026, 11, 20), as_day)  # noqa: DTZ001 - a cell has no zone
        sheet.write_row(3, 0, [" 102 ", 350000, "2026-11-21"])

    assert read_table(book(fill), most_rows=10) == [
        (1, HEADER), (3, ["101", "96.5", "2026-11-20"]), (4, ["102", "350000", "2026-11-21"]),
    ]  # fmt: skip


def test_the_template_is_read_back() -> None:
    """下载的空白表填一行就能读回；“填写说明”不算内容；同样的列总是同样的文件；以 = + - @ 开头的也只是文本。"""
    columns = {"房号": "如 101", "不动产单元代码": "28 位"}
    filled = workbook_of(columns, {"房号": "0101", "不动产单元代码": "141130000000GB00001F00010001"})
    assert read_table(filled, most_rows=5) == [
        (1, list(columns)), (2, ["0101", "141130000000GB00001F00010001"]),
    ]  # fmt: skip
    assert workbook_of(columns) == workbook_of(columns)
    risky = {f"{sign}1+1": f"{sign}cmd" for sign in "=+-@"}
    again = read_table(workbook_of(risky, risky), most_rows=5)
    assert [row for _, row in again] == [[*risky], [*risky.values()]]


def test_what_is_computed_merged_or_shortened_is_told_with_its_place() -> None:
    """公式、合并单元格、超过十五位而被改写的数字，逐格指出在哪一行哪一列。"""
    told = faults(book(lambda sheet, _: sheet.write_formula("B2", "=1+1")))
    assert [one[:2] for one in told] == [(2, "B")] and "公式" in told[0][2]
    told = faults(book(lambda sheet, _: sheet.merge_range("A1:C1", "表头")))
    assert [one[:2] for one in told] == [(1, "A")] and "A1:C1" in told[0][2]
    told = faults(book(lambda sheet, _: sheet.write_number("A2", 6222021410001234567)))
    assert [one[:2] for one in told] == [(2, "A")] and "15 位" in told[0][2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xd0\xcf\x11\xe0" + bytes(512), "旧版 .xls"),
        (b"PK\x03\x04" + bytes(100), "已损坏"),
        (b"\xff\xfe\x00\x81", "也不是以 UTF-8 或 GB18030"),
        ("房号\n".encode("utf-16"), "也不是以 UTF-8 或 GB18030"),
        (book(sheets=2), "只留一张"),
        (changed(book(), xl__vbaProject=b"x"), "宏"),
        (changed(book(), drop="xl/workbook.xml"), "不是 .xlsx"),
        (changed(book(), xl__media__bomb=bytes(70 * 1024 * 1024)), "超过 64 MB"),
        (changed(book(), xl__worksheets__sheet1=lambda body: b"<!DOCTYPE x>" + body), "文档类型"),
        (book()[:-400], "已损坏"),
    ],
)  # fmt: skip
def test_what_is_no_plain_table_is_refused_by_name(content: bytes, said: str) -> None:
    """旧版、加密、损坏、带宏、解开过大、多张表、别的编码：各说明白，不去打开。"""
    ((row, _, message),) = faults(content)
    assert row == 0 and said in message


def test_a_part_that_lies_about_its_length_is_not_opened() -> None:
    """压缩包谎报长度的，按损坏处理，不会被撑爆。"""
    large = changed(book(), xl__media__bomb=bytes(1024 * 1024))
    size = (1024 * 1024).to_bytes(4, "little")
    assert large.count(size) >= 1
    ((_, _, message),) = faults(large.replace(size, (10).to_bytes(4, "little")))
    assert "已损坏" in message


def test_what_a_part_holds_beyond_its_length_is_never_unpacked() -> None:
    """连校验和一并谎报的，只认它自己说的那一段，后面的一个字节也不解开。"""
    sheet, blank = SHEET, b" " * 1024 * 1024
    tail = changed(book(), xl__worksheets__sheet1=lambda body: body + blank)
    for whole, part in ((len(sheet + blank), len(sheet)), (crc32(sheet + blank), crc32(sheet))):
        assert tail.count(whole.to_bytes(4, "little")) == 2
        tail = tail.replace(whole.to_bytes(4, "little"), part.to_bytes(4, "little"))
    assert read_table(tail, most_rows=10) == [(1, HEADER)]


FAR = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'


@pytest.mark.parametrize(
    "spelled",
    [FAR, FAR.replace("r=", "r = "), FAR.replace("XFD", "xfd"), FAR.replace("1048576", "104857&#54;"),
     '<row r = "1048576"><c><v>1</v></c></row></sheetData>'],
)  # fmt: skip
def test_a_cell_at_the_end_of_the_world_costs_nothing(spelled: str) -> None:
    """在第一百万行、第一万六千列放一个字的表，怎么写也不会占满内存、拖垮进程，直接指出。"""

    def far(body: bytes) -> bytes:
        return body.replace(b"</sheetData>", spelled.encode())

    told = faults(changed(book(), xl__worksheets__sheet1=far))
    assert told[0][0] == 1048576 and "不得超过 100 行" in told[0][2]
    moved = changed(
        book(), drop="xl/worksheets/sheet1.xml", xl__sheet=far(SHEET),
        **{"xl___rels__workbook.xml.rels": lambda body: body.replace(b"worksheets/sheet1.xml", b"sheet")},
    )
    assert "打不开" in faults(moved)[0][2]


def test_a_column_beyond_the_most_is_refused() -> None:
    """列数超过上限的，指出是哪一格；格里有 NUL 的也不收。"""
    wide = faults(book(lambda sheet, _: sheet.write_string(1, MOST_COLUMNS, "x")))
    assert [one[:2] for one in wide] == [(2, letters(MOST_COLUMNS))]
    assert "NUL" in faults(book(lambda sheet, _: sheet.write_string(1, 0, "a\0b")))[0][2]


def test_rows_beyond_the_most_are_refused() -> None:
    """行数超过上限即拒绝，CSV 与工作簿一样。"""
    assert faults(b"a\n" * 4, 3)[0][0] == 4
    assert faults(book(lambda sheet, _: sheet.write_column(1, 0, list("abc"))), 3)[0][0] == 4


def test_bad_csv_names_its_line() -> None:
    """引号没有配对的 CSV，说明在哪一行。"""
    ((row, _, message),) = faults('房号\n"101\n'.encode())
    assert row >= 2 and re.search("CSV", message)


def test_a_day_reads_however_the_spreadsheet_wrote_it() -> None:
    """表格软件改写过的日期照认：2027/1/1、2027年1月1日；认不得的原样交给校验去拒绝。"""
    assert [day_of(said) for said in ("2027/1/1", "2027年1月01日", "2027-01-01")] == ["2027-01-01"] * 3
    assert day_of("一月一日") == "一月一日"
