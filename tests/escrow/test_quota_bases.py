"""监管额度的核定依据：按建筑面积、按备案均价、按工程造价、全额监管；协议所定不得低于所写依据。"""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from config.regulations import Law, law_on
from escrow.supervision.quota_bases import (
    Basis,
    BasisKind,
    CreditGrade,
    Delivery,
    Proposed,
    basis_of,
    computed,
    quota_findings,
    quota_refusals,
)
from ledger.money import Yuan

LAW = law_on(date(2026, 11, 20), "presale_funds", "141130")
AREA = Decimal("1234.56")
SHELL = Basis(BasisKind.PER_AREA, Delivery.SHELL)
PRICED = Basis(BasisKind.PRICE_SHARE, Delivery.SHELL, average_price=Yuan("6000.00"))
COST = Basis(BasisKind.COST, cost=Yuan("3500000.01"), credit_grade=CreditGrade.C)


def strict() -> Law:
    """A region that refuses what is below the area's least."""
    told = {**LAW, "quota_below_area": replace(LAW["quota_below_area"], value="refuse")}
    return Law(LAW.day, LAW.subject, LAW.region, dict(MappingProxyType(told)))


@pytest.mark.parametrize(
    ("basis", "amount"),
    [
        (SHELL, "4888857.60"),  # 3300 × 1234.56 × 1.20
        (replace(SHELL, delivery=Delivery.FINISHED), "6370329.60"),  # 4300 × 1234.56 × 1.20
        (PRICED, "2962944.00"),  # 6000 × 0.40 = 2400
        (replace(PRICED, average_price=Yuan("10000.00")), "4938240.00"),  # 恰为上限 4000
        (replace(PRICED, average_price=Yuan("10000.01")), "4938240.00"),  # 超过上限，按 4000
        (replace(PRICED, delivery=Delivery.FINISHED, average_price=Yuan("15000.00")), "7407360.00"),
        (replace(PRICED, delivery=Delivery.FINISHED, average_price=Yuan("99999.99")), "7407360.00"),
        (replace(COST, credit_grade=CreditGrade.A), "3500000.01"),
        (replace(COST, credit_grade=CreditGrade.B), "3850000.01"),  # 3850000.011
        (COST, "4375000.01"),  # 4375000.0125
        (replace(COST, credit_grade=CreditGrade.D), "4900000.01"),  # 4900000.014
    ],
)
def test_each_basis_comes_to_its_amount(basis: Basis, amount: str) -> None:
    """各依据逐一核算到分，只在最后四舍五入一次；均价法每平方米不超过上限；写明算式和出处。"""
    found = computed(basis, AREA, LAW)
    assert found.amount == Yuan(amount)
    assert found.working and found.citation


def test_rounding_is_half_up_and_once() -> None:
    """单价乘面积恰为半分的进一分，不先对单价取整。"""
    priced = replace(PRICED, average_price=Yuan("1234.57"))
    assert computed(priced, Decimal("0.05"), LAW).amount == Yuan("24.69")  # 493.828 × 0.05 = 24.6914
    halved = replace(PRICED, average_price=Yuan("100.05"))
    assert computed(halved, Decimal("0.25"), LAW).amount == Yuan("10.01")  # 40.02 × 0.25 = 10.005


def test_whole_has_no_amount() -> None:
    """全额监管没有数额：全部监管资金留存，出处照写。"""
    found = computed(Basis(BasisKind.WHOLE), AREA, LAW)
    assert found.amount is None and "全部" in found.working and found.citation


@pytest.mark.parametrize(
    ("basis", "wrong"),
    [
        (Basis(BasisKind.PER_AREA), {"delivery"}),
        (replace(SHELL, cost=Yuan("1.00")), {"cost"}),
        (Basis(BasisKind.PRICE_SHARE, Delivery.SHELL), {"average_price"}),
        (Basis(BasisKind.COST), {"cost", "credit_grade"}),
        (replace(COST, delivery=Delivery.SHELL), {"delivery"}),
        (Basis(BasisKind.WHOLE, Delivery.SHELL), {"delivery"}),
        (SHELL, set()), (PRICED, set()), (COST, set()), (Basis(BasisKind.WHOLE), set()),
    ],
)  # fmt: skip
def test_a_basis_has_its_own_figures_and_no_others(basis: Basis, wrong: set[str]) -> None:
    """每种依据各有所需的数：缺的指明，多的也指明。"""
    assert set(basis.faults()) == wrong


@pytest.mark.parametrize("basis", [SHELL, PRICED, COST])
def test_what_an_agreement_keeps_is_read_back(basis: Basis) -> None:
    """随协议存下的依据，读回来一字不差。"""
    assert basis_of(basis.stored()) == basis
    assert basis_of(None) is None


@pytest.mark.parametrize("basis", [SHELL, PRICED, COST])
@pytest.mark.parametrize("law", [LAW, strict()])
def test_a_quota_is_not_below_its_stated_basis(basis: Basis, law: Law) -> None:
    """写明依据的：恰等于核定数可以，少一分不予受理，理由写明算式和出处。"""
    least = computed(basis, AREA, law).amount
    assert least
    wide = Proposed("1", Decimal("1.00"), least, basis)
    exact = replace(wide, area=AREA, amount=max(least, computed(SHELL, AREA, law).amount or least))
    assert quota_refusals([exact], law) == []
    (short,) = quota_refusals([replace(wide, area=AREA, amount=least - Yuan("0.01"))], law)
    assert short.code == "quota-below-basis" and str(least) in short.message and short.citation


@pytest.mark.parametrize(("law", "refuses"), [(LAW, False), (strict(), True)])
@pytest.mark.parametrize("basis", [None, replace(COST, cost=Yuan("0.01"))])
def test_below_the_area_is_warned_of_or_refused_as_the_law_says(law: Law, refuses: bool, basis: Any) -> None:
    """低于按面积核定数：本局规定提示的，标明；规定不予受理的，不受理；写一个很小的造价也躲不过。"""
    least = computed(SHELL, AREA, law).amount
    assert least
    proposed = Proposed("1", AREA, least - Yuan("0.01"), basis)
    (found,) = quota_findings([proposed], law)
    reasons = found.refusals if refuses else found.warnings
    assert [one.code for one in reasons] == ["quota-below-area"]
    assert bool(found.refusals) is refuses and bool(found.warnings) is not refuses
    (level,) = quota_findings([replace(proposed, amount=least)], law)
    assert not level.refusals and not level.warnings


def test_a_building_without_a_quota_is_kept_whole() -> None:
    """未列额度的楼幢全额监管，不必核对数额。"""
    (found,) = quota_findings([Proposed("2", AREA, None)], strict())
    assert found.least.amount is None and not found.refusals and not found.warnings
