"""A file of houses, cell by cell: every fault with its row and column, nothing guessed (期初文件读取)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from escrow.fields import UNIT_CODE_PATTERN, read_area, read_money, read_text
from escrow.fund_opening.rules import Fault, HouseRow
from escrow.houses.owners import read_owners
from escrow.maintenance.chart import Nature
from escrow.projects.rules import Structure, UnitUse
from escrow.sheets import Untabular, read_table
from ledger.money import ZERO, InvalidAmount, Yuan

T = TypeVar("T")

# Every column, and what it holds: the page and the template print this table (文件列).
COLUMNS = {
    "小区": "小区名称，同一小区写法须一致",
    "楼幢号": "如 1，页面显示为“1 幢”；同一幢写法须一致",
    "房号": "如 101，同一幢内不得重复",
    "不动产单元代码": "28 位，不得重复；已在楼盘表中的房屋依楼盘表建账，不在此导入",
    "结构": "砖混、框架 或 高层",
    "房屋性质": "商品住宅 或 已售公有住房",
    "用途": "住宅 或 非住宅",
    "建筑面积": "平方米，至多两位小数",
    "首期交存额": "元；从未交存的填 0.00",
    "余额": "元，余额日期当日的余额，不得为负；没有的填 0.00",
    "业主姓名": "可留空；多人以；分隔",
    "证件号码": "可留空；填写的须与业主逐一对应，以；分隔，设为文本格式",
}
_OPTIONAL = ("业主姓名", "证件号码")
_STRUCTURES = {"砖混": Structure.MASONRY, "框架": Structure.FRAME, "高层": Structure.HIGHRISE}
_NATURES = {"商品住宅": Nature.COMMODITY, "已售公有住房": Nature.PUBLIC}
_USES = {"住宅": UnitUse.RESIDENTIAL, "非住宅": UnitUse.OTHER}
# A county's houses in one file; what is larger is divided by community. So often is progress told.
MOST_ROWS, STEP = 20001, 200


def read_sheet(
    content: bytes, told: Callable[[int, int], None] = lambda done, total: None
) -> tuple[list[HouseRow], list[Fault]]:
    """The file as houses, and everything that cannot be read in it (读取). `told`: how far it has come."""
    try:
        rows = read_table(content, most_rows=MOST_ROWS)
    except Untabular as problem:
        return [], [Fault(*one) for one in problem.faults]
    header = _header(rows)
    if isinstance(header, list):
        return [], header
    houses, found = list[HouseRow](), list[Fault]()
    for done, (row, cells) in enumerate(rows[1:], 1):
        one = _Cells(row, header, cells)
        read = one.house()
        found += one.faults
        houses += [read] if read is not None else []
        if done % STEP == 0:
            told(done, len(rows) - 1)
    return houses, found


def _header(rows: Sequence[tuple[int, list[str]]]) -> Mapping[str, int] | list[Fault]:
    """Which column stands where, or what is wrong with the header (表头)."""
    names = rows[0][1] if rows else []
    while names and not names[-1]:
        names = names[:-1]
    if missing := [name for name in COLUMNS if name not in names and name not in _OPTIONAL]:
        return [Fault(1, name, "缺少这一列") for name in missing]
    strange = [name or "（空）" for at, name in enumerate(names) if name not in COLUMNS or name in names[:at]]
    if strange:
        return [Fault(1, name, "多出或重复的列") for name in strange]
    return {name: at for at, name in enumerate(names)}


class _Cells:
    """One row under its header; what cannot be read is kept as a fault and read on (一行)."""

    def __init__(self, row: int, header: Mapping[str, int], cells: Sequence[str]) -> None:
        self.row, self.faults = row, list[Fault]()
        self.cells = {name: cells[at] if at < len(cells) else "" for name, at in header.items()}
        if any(cells[len(header) :]):
            self.fault("", f"本行有 {len(cells)} 格，表头有 {len(header)} 列")

    def fault(self, column: str, message: str) -> None:
        self.faults.append(Fault(self.row, column, message))

    def take(self, column: str, reader: Callable[[str], T]) -> T | None:
        said = self.cells.get(column, "")
        if not said:
            self.fault(column, "必填")
            return None
        if said.startswith(("=", "@")):
            self.fault(column, "不得为公式，请改为数值")
            return None
        try:
            return reader(said)
        except ValueError as problem:
            self.fault(column, str(problem).rstrip("。"))
            return None

    def house(self) -> HouseRow | None:
        said: dict[str, Any] = {
            "community": self.take("小区", lambda text: read_text(text, 100)),
            "building_no": self.take("楼幢号", lambda text: read_text(text, 32)),
            "room_no": self.take("房号", lambda text: read_text(text, 32)),
            "unit_code": self.take(
                "不动产单元代码", lambda text: read_text(text.upper(), 28, UNIT_CODE_PATTERN)
            ),
            "structure": self.take("结构", _one_of(_STRUCTURES)),
            "nature": self.take("房屋性质", _one_of(_NATURES)),
            "use": self.take("用途", _one_of(_USES)),
            "area": self.take("建筑面积", read_area),
            "first_paid": self.take("首期交存额", read_amount),
            "balance": self.take("余额", read_amount),
            "owners": self._owners(),
        }  # fmt: skip
        return None if self.faults else HouseRow(self.row, **said)

    def _owners(self) -> tuple[tuple[str, str | None], ...]:
        try:
            return read_owners(self.cells.get("业主姓名", ""), self.cells.get("证件号码", ""))
        except ValueError as problem:
            said = str(problem).rstrip("。")
            self.fault("证件号码" if "证" in said or "代码" in said else "业主姓名", said)
            return ()


def read_amount(said: str) -> Yuan:
    """An amount that may be nothing, with no more than two decimals (金额，可为零)."""
    whole, _, part = said.removeprefix("-").partition(".")
    if said.startswith("-") and whole.isdecimal():
        raise ValueError("不得为负")
    padded = f"{whole}.{part.ljust(2, '0')}" if len(part) < 2 else said
    try:
        return ZERO if Yuan.parse(padded) == ZERO else read_money(padded)
    except InvalidAmount:
        raise ValueError("须为元，至多两位小数，不带千分位与货币符号，如 350000.00") from None


def _one_of(words: Mapping[str, T]) -> Callable[[str], T]:
    def read(said: str) -> T:
        if said not in words:
            raise ValueError(f"须为 {'、'.join(words)} 之一")
        return words[said]

    return read
