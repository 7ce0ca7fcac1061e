"""A year's notice as a file an officer fills in: one row a day or a span, off or worked (放假安排文件). Pure."""

import csv
import io
import re
from datetime import date

from escrow.workdays.rules import FIXED, Year, read_days

COLUMNS = ("日期", "安排", "说明")
OFF, ON = "放假", "上班"
_NAMES = {(1, 1): "元旦", (5, 1): "劳动节", (10, 1): "国庆节", (10, 2): "国庆节", (10, 3): "国庆节"}
_LARGEST = 64 * 1024
# Spreadsheets write days as they like: 2027/1/1 is 2027-01-01.
_LOOSE_DAY = re.compile(r"(20[0-9]{2})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?", re.ASCII)


def template(year: int) -> str:
    """The file to fill in: the festivals of fixed date stand in it already (空白文件)."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for month, day in FIXED:
        rows.writerow((date(year, month, day).isoformat(), OFF, _NAMES[month, day]))
    return text.getvalue()


def read_file(body: bytes) -> tuple[int, Year]:
    """The year and its days. Raises ValueError with every fault by its row (读取文件)."""
    found: dict[str, set[date]] = {OFF: set(), ON: set()}
    faults = []
    for no, row in _rows(body):
        try:
            what, days = _read_row(row)
            if again := sorted(days & found[what]):
                raise ValueError(f"{again[0]} 前面已经写过{what}，请核对是否另有所指")
            found[what] |= days
        except ValueError as fault:
            faults.append(f"第 {no} 行：{fault}")
    years = {day.year for days in found.values() for day in days}
    if len(years) > 1:
        listed = "、".join(map(str, sorted(years)))
        faults.append(f"文件里有 {listed} 年的日子；一份文件只写一年，另一年的另行录入。")
    if not faults and not years:
        faults.append("文件里没有一天。")
    if faults:
        raise ValueError("；".join(faults[:10]))
    return years.pop(), Year(frozenset(found[OFF]), frozenset(found[ON]))


def _rows(body: bytes) -> list[tuple[int, list[str]]]:
    text = _decoded(body)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as fault:
        raise ValueError(f"不是合规的 CSV：{fault}") from None
    if not rows or [cell.strip() for cell in rows[0][:2]] != list(COLUMNS[:2]):
        raise ValueError(f"第一行须为表头：{','.join(COLUMNS)}")
    return [(no, row) for no, row in enumerate(rows[1:], 2) if any(cell.strip() for cell in row)]


def _decoded(body: bytes) -> str:
    if len(body) > _LARGEST:
        raise ValueError("文件过大，不是放假安排")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError("文件须以 UTF-8 或 GB18030 编码；请另存为 CSV")


def _read_row(row: list[str]) -> tuple[str, set[date]]:
    day, what = (row[0].strip(), row[1].strip() if len(row) > 1 else "")
    if what not in (OFF, ON):
        raise ValueError(f"安排须为“{OFF}”或“{ON}”，所填为“{what[:10]}”")
    days = set(read_days(_LOOSE_DAY.sub(_padded, day)))
    if not days:
        raise ValueError("没有填日期")
    return what, days


def _padded(found: re.Match[str]) -> str:
    return f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}"
