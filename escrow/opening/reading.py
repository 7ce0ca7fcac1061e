"""An opening file, cell by cell: every fault with its row and column, nothing guessed (期初文件读取)."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from escrow.contracts.rules import IdType, Source
from escrow.contracts.schemas import PHONE_PATTERN, READERS
from escrow.fields import KEY_PATTERN, UNIT_CODE_PATTERN, read_area, read_day, read_money, read_text
from escrow.opening.rules import BuildingRow, Fault, PaidIn, Person, Sale, Sheet, UnitRow
from escrow.projects.rules import UnitUse
from escrow.sheets import Untabular, day_of, letters, read_table
from ledger.money import ZERO, InvalidAmount, Yuan

T = TypeVar("T")

# Every column, and what it holds: the page prints this table (文件列).
COLUMNS = {
    "类别": "户 或 楼幢",
    "楼幢号": "与楼盘表一致",
    "不动产单元代码": "28 位；楼盘表中的房屋须全部列入，楼盘表没有的随导入增补",
    "房号": "如 101",
    "建筑面积": "平方米，至多两位小数，须与楼盘表一致",
    "用途": "住宅 或 其他",
    "合同编号": "未售的留空，以下各列亦留空",
    "备案号": "已备案的填写；留空即尚未备案",
    "备案日期": "YYYY-MM-DD",
    "合同总价": "元，至多两位小数",
    "买受人": "多人以；分隔",
    "证件类型": "身份证、护照、港澳、台湾、机构；多人以；分隔",
    "证件号码": "多人以；分隔，与买受人逐一对应",
    "联系电话": "可留空；多人以；分隔",
    "自有资金已缴": "元，至多两位小数；没有的留空",
    "付款账号": "自有资金的付款账号，退款原路退回用",
    "贷款已缴": "元，至多两位小数；没有的留空",
    "贷款机构": "放款银行名称",
    "贷款账号": "放款银行付款账号",
    "公积金已缴": "元，至多两位小数；没有的留空",
    "公积金中心": "名称",
    "公积金账号": "付款账号",
    "余款到期日": "YYYY-MM-DD；未缴清的填写",
    "余款来源": "自有、贷款、公积金；留空为自有",
    "重点资金已拨付": "只在类别为楼幢的行填写：导入前已从重点监管资金拨付的累计，元",
    "一般资金已拨付": "只在类别为楼幢的行填写：导入前已从一般监管资金拨付的累计，元",
}
MOST_ROWS = 20000
_IDS = {
    "身份证": IdType.RESIDENT, "护照": IdType.PASSPORT, "港澳": IdType.HK_MACAU, "台湾": IdType.TAIWAN,
    "机构": IdType.ORGANISATION,
}  # fmt: skip
_USES = {"住宅": UnitUse.RESIDENTIAL, "其他": UnitUse.OTHER}
_SOURCES = {"自有": Source.OWN, "贷款": Source.LOAN, "公积金": Source.PROVIDENT_FUND}
_PAID = (
    (Source.OWN, "自有资金已缴", "买受人", "付款账号"),
    (Source.LOAN, "贷款已缴", "贷款机构", "贷款账号"),
    (Source.PROVIDENT_FUND, "公积金已缴", "公积金中心", "公积金账号"),
)
# What belongs to a contract, and so is empty where a home is not sold.
_OF_SALE = tuple(COLUMNS)[7:24]


def read_sheet(content: bytes) -> tuple[Sheet, list[Fault]]:
    """The file as rows, and everything that cannot be read in it (读取)."""
    try:
        (_, header), *rows = read_table(content, most_rows=MOST_ROWS) or [(1, [""])]
    except Untabular as problem:
        return Sheet(), [Fault(*one) for one in problem.faults]
    while header and not header[-1]:
        header = header[:-1]
    if found := _header_faults(header):
        return Sheet(), found
    units, buildings = list[UnitRow](), list[BuildingRow]()
    for row, cells in rows:
        one = _Row(row, header, cells)
        read = one.read()
        found += one.faults
        if isinstance(read, UnitRow):
            units.append(read)
        elif read is not None:
            buildings.append(read)
    return Sheet(tuple(units), tuple(buildings)), found


def _header_faults(header: list[str]) -> list[Fault]:
    found = [Fault(1, name, "缺少这一列") for name in COLUMNS if name not in header]
    for at, name in enumerate(header):
        if name not in COLUMNS:
            found.append(Fault(1, name or letters(at), "多出这一列，请删去" if name else "表头为空，请删去这一列"))
        elif name in header[:at]:
            found.append(Fault(1, name, "这一列重复"))
    return found


class _Row:
    """One row under its header; what cannot be read is kept as a fault and read on (一行)."""

    def __init__(self, row: int, header: list[str], cells: list[str]) -> None:
        self.row, self.faults = row, list[Fault]()
        self.cells = dict(zip(header, cells, strict=False))
        if len(cells) < len(header) or any(cells[len(header) :]):
            self.fault("", f"本行有 {len(cells)} 格，表头有 {len(header)} 列")

    def fault(self, column: str, message: str) -> None:
        self.faults.append(Fault(self.row, column, message))

    def take(self, column: str, reader: Callable[[str], T], *, optional: bool = False) -> T | None:
        said = self.cells.get(column, "")
        if not said:
            if not optional:
                self.fault(column, "必填")
            return None
        try:
            return reader(said)
        except ValueError as problem:
            self.fault(column, str(problem).rstrip("。"))
            return None

    def read(self) -> UnitRow | BuildingRow | None:
        kind = self.cells.get("类别", "")
        if kind == "楼幢":
            return self._building()
        if kind != "户":
            self.fault("类别", "须为“户”或“楼幢”")
            return None
        for column in ("重点资金已拨付", "一般资金已拨付"):
            if self.cells.get(column):
                self.fault(column, "只在类别为“楼幢”的行填写")
        said: dict[str, Any] = {
            "building_no": self.take("楼幢号", lambda text: read_text(text, 32)),
            "unit_code": self.take("不动产单元代码", lambda text: read_text(text, 28, UNIT_CODE_PATTERN)),
            "room_no": self.take("房号", lambda text: read_text(text, 32)),
            "area": self.take("建筑面积", read_area),
            "use": self.take("用途", _one_of(_USES)),
        }
        sale = self._sale()
        return None if self.faults else UnitRow(self.row, **said, sale=sale)

    def _building(self) -> BuildingRow | None:
        number = self.take("楼幢号", lambda text: read_text(text, 32))
        out = [self.take(one, _amount, optional=True) or ZERO for one in ("重点资金已拨付", "一般资金已拨付")]
        if strange := [one for one in tuple(COLUMNS)[2:24] if self.cells.get(one)]:
            self.fault(strange[0], "类别为“楼幢”的行不填这一列")
        return None if self.faults or number is None else BuildingRow(self.row, number, *out)

    def _sale(self) -> Sale | None:
        if not self.cells.get("合同编号"):
            for column in _OF_SALE:
                if self.cells.get(column):
                    self.fault(column, "没有合同编号的行不填这一列")
            return None
        filing_no = self.take("备案号", _key, optional=True)
        filed_on = self.take("备案日期", _day, optional=filing_no is None)
        if filed_on is not None and filing_no is None:
            self.fault("备案号", "填了备案日期的，须填备案号")
        said: dict[str, Any] = {
            "contract_no": self.take("合同编号", _key), "filing_no": filing_no, "filed_on": filed_on,
            "price": self.take("合同总价", lambda text: read_money(_padded(text))), "buyers": self._buyers(),
        }  # fmt: skip
        paid = tuple(one for one in map(self._paid, _PAID) if one is not None)
        price, total = said["price"], sum((one.amount for one in paid), ZERO)
        owed = price is not None and total < price
        rest = self.take("余款到期日", _day, optional=not owed)
        source = self.take("余款来源", _one_of(_SOURCES), optional=True) or Source.OWN
        return None if self.faults else Sale(**said, paid=paid, rest_due_on=rest, rest_source=source)

    def _paid(self, columns: tuple[Source, str, str, str]) -> PaidIn | None:
        source, amount_in, name_in, account_in = columns
        amount = self.take(amount_in, _amount, optional=True) or ZERO
        if amount == ZERO:
            if source is not Source.OWN and (self.cells.get(name_in) or self.cells.get(account_in)):
                self.fault(amount_in, "填了付款人或账号的，须填金额")
            return None
        name = self.take(name_in, lambda text: read_text(text.split("；")[0], 120))
        account_no = self.take(account_in, lambda text: read_text(text, 64, r"^[0-9A-Za-z-]+$"))
        return PaidIn(source, amount, name, account_no) if name and account_no else None

    def _buyers(self) -> tuple[Person, ...]:
        names, kinds, numbers = (
            [one.strip() for one in self.cells.get(column, "").split("；")]
            for column in ("买受人", "证件类型", "证件号码")
        )
        phones = [one.strip() for one in self.cells.get("联系电话", "").split("；")]
        if not len(names) == len(kinds) == len(numbers) or len(phones) not in (1, len(names)):
            self.fault("买受人", "买受人、证件类型、证件号码（及电话）的个数须一一对应")
            return ()
        phones += [""] * (len(names) - len(phones))
        people = []
        for said in zip(names, kinds, numbers, phones, strict=True):
            try:
                people.append(_person(*said))
            except ValueError as problem:
                self.fault("证件号码", str(problem).rstrip("。"))
        return tuple(people)


def _person(name: str, kind: str, number: str, phone: str) -> Person:
    if kind not in _IDS:
        raise ValueError(f"证件类型须为 {'、'.join(_IDS)} 之一")
    said = read_text(phone, 20, PHONE_PATTERN) if phone else None
    return Person(read_text(name, 100), _IDS[kind], READERS[_IDS[kind]](number.upper()), said)


def _key(said: str) -> str:
    return read_text(said, 64, KEY_PATTERN)


def _padded(said: str) -> str:
    """A spreadsheet drops the zeros behind the point: 350000 and 350000.5 say 350000.00 and 350000.50."""
    whole, point, part = said.partition(".")
    return f"{whole}.{part:0<2}" if whole.isdecimal() and (not point or part.isdecimal()) else said


def _day(said: str) -> date:
    return read_day(day_of(said))


def _amount(said: str) -> Yuan:
    return read_amount(_padded(said))


def read_amount(said: str) -> Yuan:
    """An amount that may be nothing (金额，可为零)."""
    try:
        return ZERO if Yuan.parse(said) == ZERO else read_money(said)
    except InvalidAmount:
        raise ValueError("金额须为两位小数的元，如 350000.00") from None


def _one_of(words: Mapping[str, T]) -> Callable[[str], T]:
    def read(said: str) -> T:
        if said not in words:
            raise ValueError(f"须为 {'、'.join(words)} 之一")
        return words[said]

    return read
