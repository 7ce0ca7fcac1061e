"""What an opening file must say, and what it must add up to (期初导入). Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from config.regulations import Law
from escrow.contracts.rules import IdType, Source
from escrow.errors import Refusal
from escrow.projects.rules import UnitUse
from escrow.supervision.rules import AccountStatus
from ledger.money import ZERO, Yuan


class OpeningStatus(StrEnum):
    """Life of one opening (期初导入状态)."""

    ENTERED = "entered"
    APPROVED = "approved"
    BOOKED = "booked"
    REJECTED = "rejected"


STATUS_LABELS = {
    OpeningStatus.ENTERED: "待决定",
    OpeningStatus.APPROVED: "正在入账",
    OpeningStatus.BOOKED: "已入账",
    OpeningStatus.REJECTED: "已退回",
}
# The only steps an opening takes (状态迁移): a small one is booked as it is approved, a large one behind it.
STEPS = {
    (OpeningStatus.ENTERED, OpeningStatus.APPROVED),
    (OpeningStatus.APPROVED, OpeningStatus.BOOKED),
    (OpeningStatus.APPROVED, OpeningStatus.REJECTED),
    (OpeningStatus.ENTERED, OpeningStatus.BOOKED),
    (OpeningStatus.ENTERED, OpeningStatus.REJECTED),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the file, where a person finds it; row 0: the file as a whole (错误)."""

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class PaidIn:
    """What one source paid under a contract, and from which account (已缴)."""

    source: Source
    amount: Yuan
    payer_name: str
    payer_account: str


@dataclass(frozen=True, slots=True)
class Person:
    """A buyer as the file names them (买受人)."""

    name: str
    id_type: IdType
    id_no: str
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Sale:
    """A contract of the time before (期初合同)."""

    contract_no: str
    filing_no: str | None
    filed_on: date | None
    price: Yuan
    buyers: tuple[Person, ...]
    paid: tuple[PaidIn, ...]
    rest_due_on: date | None = None
    rest_source: Source = Source.OWN

    @property
    def paid_in(self) -> Yuan:
        """Everything paid under the contract (合同累计缴存)."""
        return sum((one.amount for one in self.paid), ZERO)


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One home, sold or not (户)."""

    row: int
    building_no: str
    unit_code: str
    room_no: str
    area: Decimal
    use: UnitUse
    sale: Sale | None = None


@dataclass(frozen=True, slots=True)
class BuildingRow:
    """What had left a building before (楼幢已拨付)."""

    row: int
    building_no: str
    key_paid: Yuan
    general_paid: Yuan


@dataclass(frozen=True, slots=True)
class Sheet:
    """The file as it was read (导入内容)."""

    units: tuple[UnitRow, ...] = ()
    buildings: tuple[BuildingRow, ...] = ()

    @property
    def sales(self) -> list[tuple[UnitRow, Sale]]:
        """Every home with a contract (已售)."""
        return [(unit, unit.sale) for unit in self.units if unit.sale is not None]

    @property
    def paid_in(self) -> Yuan:
        """Everything paid under all contracts (累计缴存合计)."""
        return sum((sale.paid_in for _, sale in self.sales), ZERO)

    @property
    def paid_out(self) -> Yuan:
        """Everything that had left the account (已拨付合计)."""
        return sum((one.key_paid + one.general_paid for one in self.buildings), ZERO)


@dataclass(frozen=True, slots=True)
class Registered:
    """A unit as some project's register has it (楼盘表所载)."""

    building_no: str
    area: Decimal
    is_ours: bool
    contract_no: str | None = None


@dataclass(frozen=True, slots=True)
class OpeningFacts:
    """What is known of the account and the register, under the lock when it is booked (期初事实)."""

    status: AccountStatus
    is_empty: bool
    balance: Yuan
    unmatched: Yuan
    as_of: date
    buildings: frozenset[str]
    units: Mapping[str, Registered]
    contracts: frozenset[str] = field(default_factory=frozenset)
    filings: frozenset[str] = field(default_factory=frozenset)


def opening_refusals(facts: OpeningFacts, other: str | None, law: Law) -> list[Refusal]:
    """Why nothing is opened on this account, whatever the file says (不予期初的理由)."""
    source, found = law["opening_once"].citation, []
    if facts.status is not AccountStatus.ACTIVE:
        found.append(Refusal("account-not-active", "监管账户不在正常状态", law["account_active"].citation))
    if other is not None:
        found.append(Refusal("opening-live", f"账户已有期初导入 {other}，一个账户只能导入一次", source))
    if not facts.is_empty:
        found.append(Refusal("book-not-empty", "账户已有入账或合同，期初只能导入空账", source))
    return found


def decider_refusals(status: OpeningStatus, entered_by: int, officer_id: int, law: Law) -> list[Refusal]:
    """Why this officer cannot decide this opening now (不能决定的理由)."""
    source, found = law["opening_two_officers"].citation, []
    if status is not OpeningStatus.ENTERED:
        found.append(Refusal("already-decided", f"这件期初导入{STATUS_LABELS[status]}，不能再决定", source))
    if entered_by == officer_id:
        found.append(Refusal("same-officer", "导入由您上传，须由另一人员决定", source))
    return found


def faults(sheet: Sheet, facts: OpeningFacts) -> list[Fault]:
    """Everything wrong with the file, row by row, then what it adds up to (全部错误)."""
    found = [
        *_repeated(sheet), *_unit_faults(sheet, facts), *_sale_faults(sheet, facts),
        *_building_faults(sheet, facts), *_sum_faults(sheet, facts),
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.row == 0, one.row))


def _repeated(sheet: Sheet) -> list[Fault]:
    """What may stand in the file once."""
    said: list[tuple[int, str, str]] = []
    for unit in sheet.units:
        said.append((unit.row, "不动产单元代码", unit.unit_code))
        if unit.sale is not None:
            said.append((unit.row, "合同编号", unit.sale.contract_no))
            if unit.sale.filing_no:
                said.append((unit.row, "备案号", unit.sale.filing_no))
    said += [(one.row, "楼幢号", one.building_no) for one in sheet.buildings]
    times = Counter((column, value) for _, column, value in said)
    return [
        Fault(row, column, f"{value} 在文件中出现 {times[column, value]} 次")
        for row, column, value in said
        if times[column, value] > 1
    ]


def _unit_faults(sheet: Sheet, facts: OpeningFacts) -> list[Fault]:
    found = []
    for unit in sheet.units:
        known = facts.units.get(unit.unit_code)
        if unit.building_no not in facts.buildings:
            found.append(Fault(unit.row, "楼幢号", f"楼盘表中没有 {unit.building_no} 幢"))
        if known is None:
            continue
        if not known.is_ours:
            found.append(Fault(unit.row, "不动产单元代码", "此房屋在别的项目的楼盘表内"))
            continue
        if known.building_no != unit.building_no:
            found.append(Fault(unit.row, "楼幢号", f"楼盘表载此房屋在 {known.building_no} 幢"))
        if known.area != unit.area:
            found.append(Fault(unit.row, "建筑面积", f"楼盘表载此房屋面积 {known.area} 平方米"))
        if known.contract_no is not None:
            found.append(Fault(unit.row, "不动产单元代码", f"此房屋已在合同 {known.contract_no} 项下"))
    listed = {unit.unit_code for unit in sheet.units}
    found += [
        Fault(0, "不动产单元代码", f"楼盘表中的房屋 {code} 未列入文件")
        for code, known in sorted(facts.units.items())
        if known.is_ours and code not in listed
    ]
    return found


def _sale_faults(sheet: Sheet, facts: OpeningFacts) -> list[Fault]:
    found = []
    for unit, sale in sheet.sales:
        if sale.contract_no in facts.contracts:
            found.append(Fault(unit.row, "合同编号", f"合同 {sale.contract_no} 已在系统内"))
        if sale.filing_no in facts.filings:
            found.append(Fault(unit.row, "备案号", f"备案号 {sale.filing_no} 已在系统内"))
        if sale.paid_in > sale.price:
            message = f"已缴合计 {sale.paid_in} 元，超过合同总价 {sale.price} 元"
            found.append(Fault(unit.row, "合同总价", message))
        if sale.filed_on is not None and sale.filed_on > facts.as_of:
            found.append(Fault(unit.row, "备案日期", "备案日期晚于余额日期"))
    return found


def _building_faults(sheet: Sheet, facts: OpeningFacts) -> list[Fault]:
    paid_in: dict[str, Yuan] = {}
    for unit, sale in sheet.sales:
        paid_in[unit.building_no] = paid_in.get(unit.building_no, ZERO) + sale.paid_in
    found = []
    for one in sheet.buildings:
        if one.building_no not in facts.buildings:
            found.append(Fault(one.row, "楼幢号", f"楼盘表中没有 {one.building_no} 幢"))
        out, held = one.key_paid + one.general_paid, paid_in.get(one.building_no, ZERO)
        if out > held:
            found.append(Fault(one.row, "重点资金已拨付", f"已拨付 {out} 元，超过该幢累计缴存 {held} 元"))
    return found


def _sum_faults(sheet: Sheet, facts: OpeningFacts) -> Sequence[Fault]:
    """Paid in, less paid out, and what nobody claims, is what the bank says it holds."""
    if not sheet.units:
        return [Fault(0, "不动产单元代码", "文件中没有房屋")]
    counted = sheet.paid_in - sheet.paid_out + facts.unmatched
    if counted == facts.balance:
        return []
    message = (
        f"累计缴存 {sheet.paid_in} 元，减已拨付 {sheet.paid_out} 元，加待认领 {facts.unmatched} 元，"
        f"合 {counted} 元，与银行存款余额 {facts.balance} 元相差 {counted - facts.balance} 元"
    )
    return [Fault(0, "银行存款余额", message)]
