"""Register and agreement rules at their boundaries (楼盘表与监管协议规则)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from config.regulations import law_on
from escrow.projects.rules import KnownUnit, Place, ProjectStatus, RegisterFacts, Seat, UnitStatus, refusals
from escrow.supervision.rules import (
    AcceptanceFacts,
    AccountNamed,
    ProposalFacts,
    acceptance_refusals,
    proposal_refusals,
)

LAW = law_on(date(2026, 11, 21), "presale_funds", "141130")
PLACE = Place("1", Decimal("96.00"))
SEAT = Seat("141130", "91141182MA0GDKF29J")
UNIT = KnownUnit("U1", "XM1", PLACE, removed=False, status=UnitStatus.DRAFTED, has_history=True)
REGISTER = RegisterFacts(
    project_no="XM1", asked={"U1": PLACE}, known=[UNIT], seat=SEAT, seat_before=SEAT,
    status=ProjectStatus.ACTIVE, account_opened=True,
)  # fmt: skip
ACCOUNT = AccountNamed("ICBC", "62220001", "监管专户")
PROPOSAL = ProposalFacts(
    "JG1", ACCOUNT, opened=None, ended=False, agreement_project=None, account_project=None
)
ACCEPTANCE = AcceptanceFacts(waiting=b"a", seen=b"a", first_officer_id=1, officer_id=2)


def codes(found):
    assert all(refusal.citation for refusal in found)
    return [refusal.code for refusal in found]


def test_a_register_that_keeps_what_is_sold_is_taken():
    """已售房屋原样保留的楼盘表予以登记。"""
    assert codes(refusals(REGISTER, LAW)) == []


@pytest.mark.parametrize("status", [UnitStatus.DRAFTED, UnitStatus.FILED, UnitStatus.REGISTERED])
def test_a_sold_unit_stays_to_the_hundredth_of_a_square_metre(status):
    """已售房屋面积差百分之一平方米也不行，改列、移出也不行；未售的可以。"""
    sold = replace(UNIT, status=status)
    for asked in ({"U1": Place("1", Decimal("96.01"))}, {"U1": Place("2", Decimal("96.00"))}, {}):
        facts = replace(REGISTER, known=[sold], asked=asked)
        assert codes(refusals(facts, LAW)) == ["unit-has-contract"]
        free = replace(facts, known=[replace(sold, status=UnitStatus.AVAILABLE, has_history=False)])
        assert codes(refusals(free, LAW)) == []


def test_a_unit_that_was_ever_sold_stays_in_its_building():
    """曾有合同的房屋，合同注销后也不得改列他幢，移出后再列入也一样；原处再列入可以。"""
    once = replace(UNIT, status=UnitStatus.AVAILABLE)
    for known in (once, replace(once, removed=True)):
        facts = replace(REGISTER, known=[known], status=ProjectStatus.PROPOSED)
        assert codes(refusals(replace(facts, asked={"U1": replace(PLACE, building_no="2")}), LAW)) == [
            "unit-has-contract"
        ]
        assert codes(refusals(replace(facts, asked={"U1": replace(PLACE, area=Decimal("97.00"))}), LAW)) == []


def test_a_foreign_code_is_free_only_when_taken_out_unsold():
    """他项目的代码：在册不可用；移出而曾有合同不可用；移出且从未出售可用。"""
    foreign = replace(UNIT, project_no="XM2", status=UnitStatus.AVAILABLE)
    for known, expected in (
        (replace(foreign, has_history=False), ["unit-code-taken"]),
        (replace(foreign, removed=True), ["unit-code-taken"]),
        (replace(foreign, removed=True, has_history=False), []),
    ):
        assert codes(refusals(replace(REGISTER, known=[known]), LAW)) == expected


def test_a_released_project_does_not_grow():
    """解除监管之后不得再增加房屋；原样再报可以。"""
    released = replace(REGISTER, status=ProjectStatus.RELEASED)
    assert codes(refusals(released, LAW)) == []
    grown = replace(released, asked={"U1": PLACE, "U2": PLACE})
    assert codes(refusals(grown, LAW)) == ["project-released"]
    back = replace(released, known=[replace(UNIT, removed=True)])
    assert codes(refusals(back, LAW)) == ["project-released"]


def test_every_reason_against_a_proposal_is_given():
    """协议号、账号已属他项目，账户变更，一并告知；已解除监管的不再受理。"""
    assert codes(proposal_refusals(PROPOSAL, LAW)) == []
    facts = replace(
        PROPOSAL, agreement_project="XM2", account_project="XM3", opened=replace(ACCOUNT, bank_code="ABC")
    )
    assert codes(proposal_refusals(facts, LAW)) == ["agreement-taken", "account-taken", "account-fixed"]
    assert codes(proposal_refusals(replace(PROPOSAL, opened=ACCOUNT), LAW)) == []
    assert codes(proposal_refusals(replace(PROPOSAL, opened=ACCOUNT, ended=True), LAW)) == [
        "project-released"
    ]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"first_officer_id": None}, []),
        ({"officer_id": 1}, ["same-officer"]),
        ({"seen": b"b"}, ["proposal-changed"]),
        ({"seen": b"b", "officer_id": 1}, ["proposal-changed", "same-officer"]),
        ({"waiting": None}, ["nothing-proposed"]),
    ],
)
def test_an_acceptance_is_of_what_waits_by_another_person(changed, expected):
    """受理的须是等待受理的那一版，且不是同一人第二次。"""
    assert codes(acceptance_refusals(replace(ACCEPTANCE, **changed), LAW)) == expected
