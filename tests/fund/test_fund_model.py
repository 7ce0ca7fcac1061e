"""维修资金的随机经历：交存、代缴、归还、认领、签约、注销退还、分配、使用、期初、变更、更正、续交、灭失，每一步各级相符。"""

import os
import random
from collections import defaultdict
from typing import Any

import pytest

from escrow.fund_orders.handlers import HANDLERS
from escrow.fund_orders.rules import FundOrderKind
from escrow.houses.losses import LOSSES
from escrow.maintenance import chart
from ledger.movements import Movement
from ledger.terms import Side
from tests.fund.history import FundHistory, begun

PURE, ON_POSTGRESQL, STEPS = 800, int(os.environ.get("MODEL_HISTORIES", "40")), 14
# As the room does when the house is put together.
HANDLERS[FundOrderKind.LOSS] = LOSSES
MOVEMENTS = sorted(
    {one.label: one for one in vars(chart).values() if isinstance(one, Movement)}.values(),
    key=lambda one: one.label,
)  # fmt: skip
scene_of = begun
OF_HOUSES = {*chart.HOUSE_CODES, chart.CLAIM, chart.USE_HOLD}


class PureFund:
    """The chart's accounts in fen, with the floors the ledger keeps (纯账)."""

    def __init__(self) -> None:
        self.balances = defaultdict[tuple[str, str], int](int)

    def post(self, way: tuple[str, str], keys: tuple[str, str], amount: int) -> bool:
        """One transfer along a permitted way; false where a floor or a house refuses it."""
        ends = list(zip(way, keys, (Side.DEBIT, Side.CREDIT), strict=True))
        moved = dict(self.balances)
        for code, key, side in ends:
            sign = 1 if chart.HEADINGS[code].side is side else -1
            moved[code, key] = moved.get((code, key), 0) + sign * amount
        for (code, _), stands in moved.items():
            if chart.HEADINGS[code].floor is not None and stands < 0:
                return False
        if any(self._house(moved, key) < moved.get((chart.USE_HOLD, key), 0) for key in keys if key):
            return False
        self.balances.update(moved)
        return True

    @staticmethod
    def _house(stands: dict[tuple[str, str], int], key: str) -> int:
        """What a house has: credit less debit over its headings (分户余额)."""
        return sum(
            amount if chart.HEADINGS[code].side is Side.CREDIT else -amount
            for (code, held), amount in stands.items() if held == key and code in chart.HOUSE_CODES
        )  # fmt: skip

    def check(self) -> None:
        """1001 + 1101 + 1201 = 2xxx + 3xxx + 4xxx - 5xxx, houses and memo accounts among themselves."""
        parts = defaultdict[str, int](int)
        for (code, _), amount in self.balances.items():
            parts["9" + code[1] if code[0] == "9" else code[0]] += (
                amount if chart.HEADINGS[code].side is Side.CREDIT else -amount
            )
        assert parts["1"] + sum(parts[one] for one in "2345") == 0
        assert parts["91"] == 0 and parts["92"] == 0
        houses = sum(self._house(self.balances, key) for key in {key for _, key in self.balances if key})
        at_bank = -parts["1"] - parts["2"]
        apart = sum(
            amount if chart.HEADINGS[code].side is Side.CREDIT else -amount
            for (code, _), amount in self.balances.items()
            if code[0] in "345" and code not in chart.HOUSE_CODES
        )  # fmt: skip
        assert houses + apart == at_bank


@pytest.mark.parametrize("start", range(0, PURE, 100))
def test_whatever_the_chart_allows_the_levels_agree(start: int) -> None:
    """八百段随机经历，科目与去向：任一许可的分录之后，资产等于负债与净资产，各户合计等于专户所余，备查自平。"""
    for seed in range(start, start + 100):
        dice, fund, taken = random.Random(seed), PureFund(), 0
        for _ in range(60):
            way = dice.choice(sorted(dice.choice(MOVEMENTS).routes))
            house = f"house:{dice.randint(1, 3)}"
            keys = (house if way[0] in OF_HOUSES else "", house if way[1] in OF_HOUSES else "")
            taken += fund.post(way, keys, dice.choice((1, 99, 10_000, 691_200)))
            fund.check()
        assert taken


@pytest.mark.parametrize("seed", range(ON_POSTGRESQL))
def test_every_level_agrees_whatever_happens(fund: Any, seed: int) -> None:
    """真账套上的随机经历：每件事由各房间照章办理或拒绝，之后各级相符，每户余额与模型分毫不差。"""
    FundHistory(fund, 20_000 + seed).live(STEPS)
