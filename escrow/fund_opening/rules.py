"""What a file of houses must say, and what it must add up to (维修资金期初导入). Pure."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal
from escrow.maintenance.chart import Nature
from escrow.projects.rules import Structure, UnitUse
from ledger.money import ZERO, Yuan


class FundOpeningStatus(StrEnum):
    """Life of one file (期初导入状态)."""

    STORED = "stored"
    FAULTY = "faulty"
    ENTERED = "entered"
    REJECTED = "rejected"
    APPROVED = "approved"
    BOOKED = "booked"
    FAILED = "failed"


STATUS_LABELS = {
    FundOpeningStatus.STORED: "正在核对",
    FundOpeningStatus.FAULTY: "文件有误",
    FundOpeningStatus.ENTERED: "待批准",
    FundOpeningStatus.REJECTED: "已退回",
    FundOpeningStatus.APPROVED: "正在入账",
    FundOpeningStatus.BOOKED: "已入账",
    FundOpeningStatus.FAILED: "入账未成",
}
# The only steps a file takes (状态迁移).
OPENING_STEPS = {
    (FundOpeningStatus.STORED, FundOpeningStatus.FAULTY),
    (FundOpeningStatus.STORED, FundOpeningStatus.ENTERED),
    (FundOpeningStatus.ENTERED, FundOpeningStatus.REJECTED),
    (FundOpeningStatus.ENTERED, FundOpeningStatus.APPROVED),
    (FundOpeningStatus.APPROVED, FundOpeningStatus.BOOKED),
    (FundOpeningStatus.APPROVED, FundOpeningStatus.FAILED),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the file, where a person finds it; row 0: the file as a whole (错误)."""

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class HouseRow:
    """One house as the file has it; owners are names with their papers' numbers (一户)."""

    row: int
    community: str
    building_no: str
    room_no: str
    unit_code: str
    structure: Structure
    nature: Nature
    use: UnitUse
    area: Decimal
    first_paid: Yuan
    balance: Yuan
    owners: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Stated:
    """What the bank's certificate says, and what of it is of no house yet (银行余额证明)."""

    as_of: date
    bank: Mapping[Nature, Yuan]
    undistributed: Mapping[Nature, Yuan]


@dataclass(frozen=True, slots=True)
class OpeningFacts:
    """What is known of the fund account and the registers, under the lock when it is booked (期初事实)."""

    region: str
    fund_active: bool
    closed_until: date | None = None
    same_sheet: str | None = None
    built: frozenset[str] = field(default_factory=frozenset)
    registered: Mapping[str, str] = field(default_factory=dict)
    of_projects: frozenset[str] = field(default_factory=frozenset)
    structures: Mapping[tuple[str, str], Structure] = field(default_factory=dict)
    rooms: frozenset[tuple[str, str, str]] = field(default_factory=frozenset)


def opening_refusals(facts: OpeningFacts, as_of: date, law: Law) -> list[Refusal]:
    """Why nothing is opened in this fund account, whatever the file says (不予导入的理由)."""
    source, found = law["fund_opening"].citation, []
    if not facts.fund_active:
        found.append(Refusal("fund-not-active", "维修资金专户未在使用中", source))
    if facts.same_sheet is not None:
        message = f"同一文件已在 {facts.same_sheet} 导入，不得重复导入"
        found.append(Refusal("file-loaded", message, source))
    if facts.closed_until is not None and as_of <= facts.closed_until:
        message = f"{facts.closed_until} 及以前的账已结转，余额日期须在其后"
        found.append(Refusal("day-closed", message, law["fund_period_close"].citation))
    return found


def decider_refusals(
    status: FundOpeningStatus, entered_by: int, officer_id: int, law: Law
) -> list[Refusal]:
    """Why this officer cannot decide this file now (不能决定的理由)."""
    source, found = law["fund_two_officers"].citation, []
    if status is not FundOpeningStatus.ENTERED:
        found.append(Refusal("already-decided", f"这件期初导入{STATUS_LABELS[status]}，不在待批准", source))
    if entered_by == officer_id:
        found.append(Refusal("same-officer", "导入由您上传，须由另一人员决定", source))
    return found


def faults(rows: Sequence[HouseRow], stated: Stated, facts: OpeningFacts) -> list[Fault]:
    """Everything the file has wrong, row by row, then as a whole (逐行核对)."""
    found = [
        *_twice(rows, "不动产单元代码", lambda one: one.unit_code),
        *_twice(rows, "房号", lambda one: (one.community, one.building_no, one.room_no)),
        *_structures(rows, facts),
    ]
    for one in rows:
        found += _of_row(one, facts)
    return sorted(found, key=lambda fault: fault.row) + _sums(rows, stated)


def _twice(
    rows: Sequence[HouseRow], column: str, key: Callable[[HouseRow], Hashable]
) -> list[Fault]:
    first = dict[Hashable, int]()
    found = []
    for one in rows:
        earlier = first.setdefault(key(one), one.row)
        if earlier != one.row:
            found.append(Fault(one.row, column, f"与第 {earlier} 行重复"))
    return found


def _structures(rows: Sequence[HouseRow], facts: OpeningFacts) -> list[Fault]:
    known = dict(facts.structures)
    found = []
    for one in rows:
        place = (one.community, one.building_no)
        if known.setdefault(place, one.structure) is not one.structure:
            found.append(Fault(one.row, "结构", "与同幢其他各户的结构不一致"))
    return found


def _of_row(one: HouseRow, facts: OpeningFacts) -> list[Fault]:
    found = []
    if not one.unit_code.startswith(facts.region):
        found.append(Fault(one.row, "不动产单元代码", f"前六位须为专户所在区划 {facts.region}"))
    if one.unit_code in facts.built:
        found.append(Fault(one.row, "不动产单元代码", "这套房屋已有分户账"))
    elif one.unit_code in facts.registered:
        message = f"这套房屋在项目 {facts.registered[one.unit_code]} 的楼盘表中，请依楼盘表成批建账"
        found.append(Fault(one.row, "不动产单元代码", message))
    elif (one.community, one.building_no, one.room_no) in facts.rooms:
        found.append(Fault(one.row, "房号", "这个小区、楼幢、房号已有分户账"))
    if one.community in facts.of_projects:
        found.append(Fault(one.row, "小区", "这个小区依楼盘表建账，不由期初导入"))
    if one.balance > ZERO and one.first_paid == ZERO:
        found.append(Fault(one.row, "首期交存额", "有余额的须填首期交存额"))
    return found


NATURES = {Nature.COMMODITY: "商品住宅", Nature.PUBLIC: "已售公有住房"}


def _sums(rows: Sequence[HouseRow], stated: Stated) -> list[Fault]:
    found = [] if rows else [Fault(0, "", "文件里没有一户")]
    for nature, label in NATURES.items():
        houses = sum((one.balance for one in rows if one.nature is nature), ZERO)
        aside = stated.undistributed[nature]
        if houses + aside != stated.bank[nature]:
            message = (
                f"{label}各户余额合计 {houses} 元，加待分配累计收益 {aside} 元，"
                f"与银行余额证明 {stated.bank[nature]} 元相差 {houses + aside - stated.bank[nature]} 元"
            )
            found.append(Fault(0, "余额", message))
    return found


@dataclass(frozen=True, slots=True)
class Summed:
    """One building of one nature as the file has it (逐幢合计)."""

    community: str
    building_no: str
    structure: Structure
    nature: Nature
    houses: int
    area: Decimal
    first_paid: Yuan
    balance: Yuan


def summed(rows: Sequence[HouseRow]) -> list[Summed]:
    """Counts and sums by building and nature, in the order of the file (逐幢合计)."""
    groups = defaultdict[tuple[str, str, Nature], list[HouseRow]](list)
    for one in rows:
        groups[one.community, one.building_no, one.nature].append(one)
    return [
        Summed(
            community, building_no, here[0].structure, nature, len(here),
            sum((one.area for one in here), Decimal(0)), sum((one.first_paid for one in here), ZERO),
            sum((one.balance for one in here), ZERO),
        )
        for (community, building_no, nature), here in groups.items()
    ]  # fmt: skip


