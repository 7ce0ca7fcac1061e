"""Which units of a register become house accounts, and why the others do not (成批建账). Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal
from escrow.projects.rules import Structure, UnitUse


class Verdict(StrEnum):
    """What becomes of one unit in a batch (建账或未列入的原因)."""

    BUILD = "build"
    REMOVED = "removed"
    ALREADY_BUILT = "already_built"
    NON_RESIDENTIAL = "non_residential"
    AREA_MISSING = "area_missing"
    STRUCTURE_UNKNOWN = "structure_unknown"
    DUPLICATE = "duplicate"


class BatchStatus(StrEnum):
    """How far a batch has come (建账批次状态)."""

    ENTERED = "entered"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


VERDICT_LABELS = {
    Verdict.BUILD: "建账",
    Verdict.REMOVED: "已移出楼盘表",
    Verdict.ALREADY_BUILT: "已建账",
    Verdict.NON_RESIDENTIAL: "非住宅，另册",
    Verdict.AREA_MISSING: "缺面积",
    Verdict.STRUCTURE_UNKNOWN: "结构不明或无标准",
    Verdict.DUPLICATE: "幢室重复",
}
BATCH_LABELS = {
    BatchStatus.ENTERED: "待确认",
    BatchStatus.CONFIRMED: "已建账",
    BatchStatus.REJECTED: "已退回",
}
BATCH_STEPS = {
    (BatchStatus.ENTERED, BatchStatus.CONFIRMED),
    (BatchStatus.ENTERED, BatchStatus.REJECTED),
}


@dataclass(frozen=True, slots=True)
class RegisterUnit:
    """A unit as the register has it, and whether it has its account (楼盘表内一户)."""

    unit_id: int
    unit_code: str
    building_id: int
    building_no: str
    structure: Structure | None
    room_no: str
    area: Decimal | None
    use: UnitUse
    removed: bool = False
    built: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A unit with what becomes of it, and why (建账清单一行)."""

    unit: RegisterUnit
    verdict: Verdict
    note: str = ""


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What is known of a project and its fund account when a batch is proposed (建账事实)."""

    lines: Sequence[Line]
    waiting: str | None
    fund_active: bool
    same_region: bool
    other_fund: str | None

    @property
    def to_build(self) -> int:
        """How many accounts the batch would build (拟建账户数)."""
        return sum(line.verdict is Verdict.BUILD for line in self.lines)


def plan(units: Sequence[RegisterUnit], law: Law) -> list[Line]:
    """Every unit of a register with what becomes of it (逐户判定), in the order given."""
    places = defaultdict(list)
    for unit in units:
        if not unit.removed:
            places[unit.building_no, unit.room_no].append(unit.unit_code)
    return [_judged(unit, places[unit.building_no, unit.room_no], law) for unit in units]


def _judged(unit: RegisterUnit, here: Sequence[str], law: Law) -> Line:
    if unit.built:
        return Line(unit, Verdict.ALREADY_BUILT)
    if unit.removed:
        return Line(unit, Verdict.REMOVED)
    if law["residential_only"].value and unit.use is not UnitUse.RESIDENTIAL:
        return Line(unit, Verdict.NON_RESIDENTIAL)
    if unit.area is None or unit.area <= 0:
        return Line(unit, Verdict.AREA_MISSING)
    if unit.structure is None:
        return Line(unit, Verdict.STRUCTURE_UNKNOWN, "楼幢结构未知")
    if law["basis"].value == "area" and unit.structure not in law["standard"].value:
        return Line(unit, Verdict.STRUCTURE_UNKNOWN, "本地没有这种结构的标准")
    if len(here) > 1:
        others = "、".join(code for code in here if code != unit.unit_code)
        return Line(unit, Verdict.DUPLICATE, f"{unit.building_no} 幢 {unit.room_no} 室另有 {others}")
    return Line(unit, Verdict.BUILD)


def batch_refusals(facts: BatchFacts, law: Law) -> list[Refusal]:
    """Why no batch can be proposed (不予录入的理由)."""
    source, found = law["house_batch"].citation, []
    if facts.waiting:
        found.append(Refusal("batch-waiting", f"批次 {facts.waiting} 待确认，请先确认或退回", source))
    if not facts.fund_active:
        found.append(Refusal("fund-not-active", "所选维修资金专户未在使用中", source))
    elif not facts.same_region:
        found.append(Refusal("fund-other-region", "所选维修资金专户与项目不在同一区划", source))
    if facts.other_fund:
        message = f"本小区已在专户 {facts.other_fund} 建账，不得改列其他专户"
        found.append(Refusal("community-has-fund", message, source))
    if not facts.to_build:
        found.append(Refusal("nothing-to-build", _why_nothing(facts.lines), source))
    return found


def batch_decider_refusals(
    status: BatchStatus, entered_by: int, officer_id: int, *, changed: bool, law: Law
) -> list[Refusal]:
    """Why this officer may not decide on the batch, or not on this register (不予确认的理由)."""
    source, found = law["house_batch"].citation, []
    if status is not BatchStatus.ENTERED:
        found.append(Refusal("already-decided", f"该批次{BATCH_LABELS[status]}，不再待确认", source))
    if entered_by == officer_id:
        found.append(Refusal("same-officer", "批次由您录入，须由另一人员确认", source))
    if changed:
        found.append(Refusal("register-changed", "楼盘表或建账情况在录入后有变动，请退回后重新录入", source))
    return found


def _why_nothing(lines: Sequence[Line]) -> str:
    counts: dict[Verdict, int] = defaultdict(int)
    for line in lines:
        counts[line.verdict] += 1
    said = "、".join(f"{VERDICT_LABELS[verdict]} {count} 户" for verdict, count in sorted(counts.items()))
    return f"没有可建账的房屋：{said or '楼盘表内没有房屋'}"
