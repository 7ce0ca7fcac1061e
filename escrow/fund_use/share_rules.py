"""How a cost is shared by area, to the fen, and who bears each share (费用分摊). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ledger.money import ZERO, Yuan


class Bearer(StrEnum):
    """Who bears a house's share (承担人)."""

    FUND = "fund"
    DEVELOPER = "developer"


BEARER_LABELS = {Bearer.FUND: "分户账", Bearer.DEVELOPER: "建设单位（未售）"}


@dataclass(frozen=True, slots=True)
class Home:
    """One house of the scope (范围内房屋)."""

    house_id: int
    unit_code: str
    area: Decimal
    bearer: Bearer
    free: Yuan = ZERO


@dataclass(frozen=True, slots=True)
class Share:
    """What one house bears, and how much of it its account pays (一户分摊)."""

    house_id: int
    unit_code: str
    area: Decimal
    bearer: Bearer
    amount: Yuan
    from_fund: Yuan

    @property
    def own(self) -> Yuan:
        """What its owner pays beside the fund (自筹)."""
        return self.amount - self.from_fund if self.bearer is Bearer.FUND else ZERO


def spread(total: Yuan, weights: Sequence[tuple[str, int]]) -> list[Yuan]:
    """A total by weights: whole parts first, then a fen by largest remainder, ties by unit code (最大余额法)."""
    whole = sum(weight for _, weight in weights)
    if whole <= 0:
        return [ZERO for _ in weights]
    parts = [divmod(total.fen * weight, whole) for _, weight in weights]
    left = total.fen - sum(base for base, _ in parts)
    turn = sorted(range(len(weights)), key=lambda at: (-parts[at][1], weights[at][0]))
    more = set(turn[:left])
    return [Yuan.from_fen(base + (at in more)) for at, (base, _) in enumerate(parts)]


def share_out(budget: Yuan, homes: Sequence[Home], *, raising: bool = False) -> list[Share]:
    """The share list: by area over every house of the scope, the unsold ones too (分摊清册).

    Where owners raise what is lacking, a house's account pays no more than it has.
    """
    amounts = spread(budget, [(one.unit_code, int(one.area * 100)) for one in homes])
    return [
        Share(one.house_id, one.unit_code, one.area, one.bearer, amount, _from_fund(one, amount, raising))
        for one, amount in zip(homes, amounts, strict=True)
    ]


def _from_fund(one: Home, amount: Yuan, raising: bool) -> Yuan:
    if one.bearer is Bearer.DEVELOPER:
        return ZERO
    return min(amount, one.free) if raising else amount
