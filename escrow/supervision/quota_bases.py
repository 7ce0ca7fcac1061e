"""What a building's quota must be at least, by the basis it is reckoned on (监管额度核定依据). Pure.

Per area: yuan a square metre x area x factor. Price share: a share of the filed average price, capped a
square metre, x area. Cost: construction cost x a coefficient by credit grade. Whole: no quota, all stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from config.regulations import Law
from escrow.errors import Refusal
from ledger.money import Yuan

ONE = Yuan("1.00")


class BasisKind(StrEnum):
    """What a quota is reckoned on (核定依据)."""

    PER_AREA = "per_area"
    PRICE_SHARE = "price_share"
    COST = "cost"
    WHOLE = "whole"


class Delivery(StrEnum):
    """How homes are handed over: bare or finished (毛坯、成品)."""

    SHELL = "shell"
    FINISHED = "finished"


class CreditGrade(StrEnum):
    """The developer's credit grade (企业信用等级)."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


BASIS_SHOWN = {
    BasisKind.PER_AREA: "按建筑面积", BasisKind.PRICE_SHARE: "按备案均价",
    BasisKind.COST: "按工程总造价", BasisKind.WHOLE: "全额监管",
}  # fmt: skip
DELIVERY_SHOWN = {Delivery.SHELL: "毛坯", Delivery.FINISHED: "成品"}
# Which figures each basis needs, and no others (各依据所需的数).
FIGURES = {
    BasisKind.PER_AREA: ("delivery",),
    BasisKind.PRICE_SHARE: ("delivery", "average_price"),
    BasisKind.COST: ("cost", "credit_grade"),
    BasisKind.WHOLE: (),
}


@dataclass(frozen=True, slots=True)
class Basis:
    """A basis with its own figures (依据与数据)."""

    kind: BasisKind
    delivery: Delivery | None = None
    average_price: Yuan | None = None
    cost: Yuan | None = None
    credit_grade: CreditGrade | None = None

    def faults(self) -> dict[str, str]:
        """Figures that are missing, or that this basis does not use, by name (缺漏与多余)."""
        needed, found = FIGURES[self.kind], {}
        for name in ("delivery", "average_price", "cost", "credit_grade"):
            given = getattr(self, name) is not None
            if given != (name in needed):
                found[name] = "这一依据不用此项。" if given else "这一依据须填此项。"
        return found

    def stored(self) -> dict[str, str]:
        """As an agreement keeps it (随协议存档)."""
        said = {name: getattr(self, name) for name in FIGURES[self.kind]}
        return {"kind": self.kind.value, **{name: str(value) for name, value in said.items()}}


@dataclass(frozen=True, slots=True)
class Computed:
    """What a basis comes to, how, and where it is written (核定结果). `amount` None: everything stays."""

    amount: Yuan | None
    working: str
    citation: str


def basis_of(stored: Mapping[str, Any] | None) -> Basis | None:
    """The basis an agreement states of a quota, None where it states none (协议所写依据)."""
    if not stored:
        return None
    kind = BasisKind(stored["kind"])
    said: dict[str, Any] = {name: stored[name] for name in FIGURES[kind]}
    for name, read in (
        ("delivery", Delivery), ("average_price", Yuan), ("cost", Yuan), ("credit_grade", CreditGrade),
    ):  # fmt: skip
        if name in said:
            said[name] = read(said[name])
    return Basis(kind, **said)


def computed(basis: Basis, area: Decimal, law: Law) -> Computed:
    """The least quota of a building of so many square metres, rounded once (核定额度).

    The basis has every figure it needs: ask `faults` first.
    """
    if basis.kind is BasisKind.PER_AREA:
        price, factor = law["quota_per_area"], law["quota_area_factor"]
        rate = price.value[basis.delivery]
        working = f"{rate} 元/平方米 × {area} 平方米 × {factor.value}"
        return Computed(ONE.share(rate * area * factor.value), working, _cited(price, factor))
    if basis.kind is BasisKind.PRICE_SHARE and basis.average_price is not None:
        share, cap = law["quota_price_share"], law["quota_price_cap"]
        most, rate = cap.value[basis.delivery], basis.average_price.amount * share.value
        working = f"{basis.average_price} 元/平方米 × {share.value} × {area} 平方米"
        if rate > most:
            working = f"{working}，每平方米以 {most} 元为限：{most} 元/平方米 × {area} 平方米"
        return Computed(ONE.share(min(rate, most) * area), working, _cited(share, cap))
    if basis.kind is BasisKind.COST and basis.cost is not None:
        factor = law["quota_cost_factor"]
        ratio = factor.value[basis.credit_grade]
        return Computed(basis.cost.share(ratio), f"{basis.cost} 元 × {ratio}", factor.citation)
    return Computed(None, "未核定额度：全部监管资金留存", law["quota_whole"].citation)


def _cited(*found: Any) -> str:
    return "；".join(dict.fromkeys(one.citation for one in found))


# --- what an agreement proposes (协议提出的额度) ---


@dataclass(frozen=True, slots=True)
class Proposed:
    """One building's quota as an agreement proposes it (拟定额度)."""

    building_no: str
    area: Decimal
    amount: Yuan | None
    basis: Basis | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A proposed quota against its own basis, and against the law's least by area (额度核对)."""

    proposed: Proposed
    stated: Computed | None
    least: Computed
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[Refusal, ...] = ()


def quota_findings(proposed: Iterable[Proposed], law: Law) -> list[Finding]:
    """Each building against what its stated basis comes to, and against its area (逐幢核对)."""
    return [_finding(one, law) for one in proposed]


def quota_refusals(proposed: Iterable[Proposed], law: Law) -> list[Refusal]:
    """Every reason a quota is lower than it may be (额度不予受理的理由)."""
    return [refusal for found in quota_findings(proposed, law) for refusal in found.refusals]


def _finding(one: Proposed, law: Law) -> Finding:
    if one.amount is None:
        return Finding(one, None, computed(Basis(BasisKind.WHOLE), one.area, law))
    stated = computed(one.basis, one.area, law) if one.basis else None
    least = computed(Basis(BasisKind.PER_AREA, Delivery.SHELL), one.area, law)
    refusals: list[Refusal] = []
    warnings: list[Refusal] = []
    if one.basis and stated and _below(one.amount, stated):
        said = f"低于协议所写依据（{BASIS_SHOWN[one.basis.kind]}）核定的"
        refusals.append(_refusal("quota-below-basis", one, said, stated))
    elif _below(one.amount, least):
        short = _refusal("quota-below-area", one, "低于按建筑面积（毛坯）核定的", least)
        (refusals if law["quota_below_area"].value == "refuse" else warnings).append(short)
    return Finding(one, stated, least, tuple(refusals), tuple(warnings))


def _below(amount: Yuan, least: Computed) -> bool:
    return least.amount is not None and amount < least.amount


def _refusal(code: str, one: Proposed, said: str, least: Computed) -> Refusal:
    message = f"{one.building_no} 幢拟定额度 {one.amount} 元，{said} {least.amount} 元（{least.working}）"
    return Refusal(code, message, least.citation)
