"""合同注销后首期交存归谁：谁负担退谁；规定留给下一购房人的，原债权了结、对下一购房人另记。"""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.regulations import Law, law_on
from escrow.fund_orders.ended_rules import Bearer, EndFacts, EndKind, Given, end_refusals, parts, reason
from ledger.money import ZERO, Yuan

LAW = law_on(date(2026, 11, 21), "maintenance_fund", "141130")
DUE = Yuan("6912.00")


def with_law(**values):
    """The region's law with other values (另一地的规定)."""
    found = {key: replace(one, value=values[key]) if key in values else one for key, one in LAW.items()}
    return Law(LAW.day, LAW.subject, LAW.region, found)


STAY, TO_DEVELOPER = with_law(cancelled_advance="stay"), with_law(cancelled_repaid_to_buyer=False)


ONE = (Given(1, DUE, True),)


def said(repaid, law=LAW, given=ONE):
    return [
        (one.bearer and one.bearer.value, str(one.amount), str(one.closes))
        for one in parts(given, Yuan(repaid), law)
    ]


@pytest.mark.parametrize(
    ("repaid", "found"),
    [
        ("0.00", [("developer", "6912.00", "6912.00")]),
        ("6912.00", [("buyer", "6912.00", "0.00")]),
        ("0.01", [("buyer", "0.01", "0.00"), ("developer", "6911.99", "6911.99")]),
        ("6911.99", [("buyer", "6911.99", "0.00"), ("developer", "0.01", "0.01")]),
    ],
)
def test_what_was_repaid_is_the_buyers_and_the_rest_the_developers(repaid, found):
    """购房人归还了多少，退购房人多少；没有归还的退建设单位，对购房人的债权随之了结，一分不差。"""
    assert said(repaid) == found


def test_where_the_law_says_so_all_goes_to_the_developer():
    """规定一并退建设单位的：只退建设单位，了结的只是尚欠的部分。"""
    assert said("1000.00", TO_DEVELOPER) == [("developer", "6912.00", "5912.00")]


def test_where_the_law_says_so_the_advance_stays():
    """规定留给下一购房人的：整笔留下，原购房人尚欠的了结；业主自缴的仍退原付款人。"""
    assert said("1000.00", STAY) == [(None, "6912.00", "5912.00")]
    assert said("0.00", STAY, [Given(1, DUE, False)]) == [("payer", "6912.00", "0.00")]


def test_repayments_count_on_the_first_deposit():
    """分两笔代缴的，归还先抵第一笔。"""
    two = [Given(1, Yuan("6000.00"), True), Given(2, Yuan("912.00"), True)]
    assert said("6500.00", given=two) == [
        ("buyer", "6000.00", "0.00"), ("buyer", "500.00", "0.00"), ("developer", "412.00", "412.00"),
    ]  # fmt: skip


@given(
    amounts=st.lists(st.tuples(st.integers(1, 10_000), st.booleans()), min_size=1, max_size=5),
    repaid=st.integers(0, 60_000), law=st.sampled_from([LAW, STAY, TO_DEVELOPER]),
)  # fmt: skip
def test_nothing_is_lost_whatever_was_paid_and_repaid(amounts, repaid, law):
    """不论怎样交存与归还：各份合计等于交存之数，了结的债权等于代缴减归还，理由与依据俱全。"""
    held = [Given(at, Yuan.from_fen(fen), advance) for at, (fen, advance) in enumerate(amounts, 1)]
    advanced = sum((one.amount for one in held if one.is_advance), ZERO)
    back = min(Yuan.from_fen(repaid), advanced)
    found = parts(held, back, law)
    assert sum((one.amount for one in found), ZERO) == sum((one.amount for one in held), ZERO)
    assert sum((one.closes for one in found), ZERO) == advanced - back
    assert all(one.amount > ZERO and all(reason(one, law)) for one in found)
    assert len({one.name for one in found}) == len(found)


FACTS = EndFacts("HT1", True, tuple(parts([Given(1, DUE, True)], ZERO, LAW)), frozenset(), DUE)


def codes(facts, share="1-developer", own=False):
    found = end_refusals(facts, share, LAW, own=own)
    assert all(one.citation for one in found)
    return [one.code for one in found]


def test_a_living_contract_gives_nothing_back_and_a_share_goes_once():
    """合同未注销的不退；不是依规定的一份不退；已录入的不再录；余额少一分不退。"""
    assert codes(FACTS) == []
    assert codes(replace(FACTS, is_cancelled=False)) == ["contract-lives"]
    assert codes(FACTS, "1-buyer") == codes(FACTS, "2-developer") == ["not-this-share"]
    taken = replace(FACTS, taken=frozenset({"1-developer"}))
    assert (codes(taken), codes(taken, own=True)) == (["already-entered"], [])
    assert codes(replace(FACTS, free=DUE - Yuan("0.01"))) == ["balance-short"]
    assert FACTS.due[0].bearer is Bearer.DEVELOPER and FACTS.due[0].kind is EndKind.RETURN
