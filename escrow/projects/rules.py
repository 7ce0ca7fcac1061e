"""What a project and its unit register must satisfy (项目与楼盘表). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal
from ledger.money import ZERO, Yuan


class Structure(StrEnum):
    """Building structure, which the maintenance standard depends on (房屋结构)."""

    MASONRY = "masonry"
    FRAME = "frame"
    HIGHRISE = "highrise"


class UnitUse(StrEnum):
    """What a unit is for (房屋用途)."""

    RESIDENTIAL = "residential"
    OTHER = "other"


class UnitStatus(StrEnum):
    """Where a unit stands between the register and its buyer's title (房屋状态)."""

    AVAILABLE = "available"
    DRAFTED = "drafted"
    FILED = "filed"
    REGISTERED = "registered"


class ProjectStatus(StrEnum):
    """What the outside is told of a project, read from its account (项目监管状态)."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Home:
    """What the maintenance standard depends on (房屋面积、结构、用途、价款); a price only where it is sold."""

    area: Decimal
    structure: Structure
    use: UnitUse
    price: Yuan | None = None


@dataclass(frozen=True, slots=True)
class FirstDeposit:
    """What a home's first deposit is, by which standard (首期应缴); None where the law or the price is silent."""

    amount: Yuan | None
    standard: str
    citation: str


def first_deposit(home: Home, law: Law) -> FirstDeposit:
    """What the region asks of a home, whenever it is due (首期应缴): rounded once, half up to the fen."""
    only = law["residential_only"]
    if only.value and home.use is not UnitUse.RESIDENTIAL:
        return FirstDeposit(ZERO, "0.00", only.citation)
    if law["basis"].value == "price":
        ratio = law["price_ratio"]
        due = home.price.share(ratio.value) if home.price is not None else None
        return FirstDeposit(due, f"{ratio.value * 100:.2f}%", ratio.citation)
    standard = law["standard"]
    rate = standard.value.get(home.structure)
    if rate is None:
        return FirstDeposit(None, "", standard.citation)
    return FirstDeposit(Yuan(rate).share(home.area), f"{rate:.2f}", standard.citation)


def maintenance_required(home: Home | None, law: Law) -> Yuan:
    """What the region asks at filing for the maintenance fund (维修资金)."""
    if home is None or not law["due_at_filing"].value:
        return ZERO
    return first_deposit(home, law).amount or ZERO


@dataclass(frozen=True, slots=True)
class Place:
    """Where a unit stands and how large it is (房屋坐落与面积)."""

    building_no: str
    area: Decimal


@dataclass(frozen=True, slots=True)
class KnownUnit:
    """A unit as the register already has it (楼盘表内的房屋)."""

    unit_code: str
    project_no: str
    place: Place
    removed: bool
    status: UnitStatus
    has_history: bool


@dataclass(frozen=True, slots=True)
class Seat:
    """What of a project may no longer change once its account is opened (区划与开发企业)."""

    region: str
    developer_id: str


@dataclass(frozen=True, slots=True)
class RegisterFacts:
    """A register as it is sent, and what is known of it under the lock (楼盘表报送事实)."""

    project_no: str
    asked: Mapping[str, Place]
    known: Sequence[KnownUnit]
    seat: Seat
    seat_before: Seat | None = None
    status: ProjectStatus = ProjectStatus.PROPOSED
    account_opened: bool = False
    kept_buildings: Sequence[str] = ()
    released_buildings: Sequence[str] = ()

    @property
    def living(self) -> list[KnownUnit]:
        """The project's own units that stand in its register now (现有房屋)."""
        return [unit for unit in self.known if unit.project_no == self.project_no and not unit.removed]


def refusals(facts: RegisterFacts, law: Law) -> list[Refusal]:
    """Every reason this register must be refused; an empty list means it is taken (楼盘表不予登记的理由)."""
    return [
        *_project_refusals(facts, law),
        *_foreign_refusals(facts, law),
        *_sold_refusals(facts, law),
        *_building_refusals(facts, law),
    ]


def _project_refusals(facts: RegisterFacts, law: Law) -> list[Refusal]:
    source, found = law["project_fixed"].citation, []
    if facts.account_opened and facts.seat_before and facts.seat != facts.seat_before:
        message = "监管账户已开立，项目的区划与开发企业不得变更"
        found.append(Refusal("project-fixed", message, source))
    grown = set(facts.asked) - {unit.unit_code for unit in facts.living}
    if facts.status is ProjectStatus.RELEASED and grown:
        message = f"项目已解除监管，不得再增加房屋：{_some(sorted(grown))}"
        found.append(Refusal("project-released", message, source))
    late = sorted(code for code in grown if facts.asked[code].building_no in facts.released_buildings)
    if late and facts.status is not ProjectStatus.RELEASED:
        found.append(
            Refusal("building-released", f"所在楼幢已解除监管，不得再增加房屋：{_some(late)}", source)
        )
    return found


def _foreign_refusals(facts: RegisterFacts, law: Law) -> list[Refusal]:
    """A code of another project, unless it was taken out there before anybody bought it."""
    foreign = [
        unit
        for unit in facts.known
        if unit.project_no != facts.project_no and (not unit.removed or unit.has_history)
    ]
    source = law["unit_code_once"].citation
    return [
        Refusal("unit-code-taken", f"房屋 {unit.unit_code} 已在其他项目的楼盘表内", source)
        for unit in foreign
    ]


def _sold_refusals(facts: RegisterFacts, law: Law) -> list[Refusal]:
    """A sold home stays as it is; one that was ever sold stays in its building, where its money stood."""
    source, found = law["register_fixed"].citation, []
    for unit in facts.known:
        asked, is_free = facts.asked.get(unit.unit_code), unit.removed or unit.status is UnitStatus.AVAILABLE
        moved = asked is not None and asked.building_no != unit.place.building_no
        stays = not (moved and unit.has_history) if is_free else asked == unit.place
        if unit.project_no != facts.project_no or stays:
            continue
        if asked is None:
            said = "不得移出楼盘表"
        elif moved:
            said = f"不得由 {unit.place.building_no} 幢改列 {asked.building_no} 幢"
        else:
            said = f"面积不得由 {unit.place.area} 改为 {asked.area} 平方米"
        found.append(Refusal("unit-has-contract", f"房屋 {unit.unit_code} 已有合同或已登记，{said}", source))
    return found


def _building_refusals(facts: RegisterFacts, law: Law) -> list[Refusal]:
    """Money stands by building, so a building that anybody ever bought in stays."""
    source = law["register_fixed"].citation
    return [
        Refusal("building-has-contract", f"{number} 幢已有合同或已首次登记，不得移出楼盘表", source)
        for number in facts.kept_buildings
    ]


def _some(codes: Sequence[str]) -> str:
    return "、".join(codes[:5]) + (f"等 {len(codes)} 户" if len(codes) > 5 else "")
