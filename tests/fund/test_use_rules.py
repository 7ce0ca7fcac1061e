"""使用规则：分摊到分、表决四项各有分母、公示期、应急限额与拆分、不得列支各项，逐条有依据。"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.regulations import law_on
from escrow.fund_use.rules import (
    Asked,
    Cause,
    Exclusion,
    Recent,
    Standing,
    UseKind,
    UseMatter,
    asked_refusals,
    publication_refusals,
    short_refusals,
)
from escrow.fund_use.share_rules import Bearer, Home, share_out, spread
from escrow.fund_use.vote_rules import (
    DEVELOPER,
    Ballot,
    Tally,
    Voter,
    ballot_faults,
    lines,
    tally,
    vote_refusals,
)
from ledger.money import Yuan

DAY = date(2026, 11, 21)
LAW = law_on(DAY, "maintenance_fund", "141130")
USE, RAISE = UseMatter.USE, UseMatter.RAISE


def codes(found):
    assert all(one.citation for one in found)
    return [one.code for one in found]


def home(at, area="96.00", bearer=Bearer.FUND, free="1000.00"):
    return Home(at, f"U{at:03d}", Decimal(area), bearer, Yuan(free))


def standing(shares, balance="1000.00", held="0.00"):
    return [Standing(one, Yuan(balance), Yuan(held)) for one in shares]


def ordinary(budget="300.00", **told):
    return Asked(UseKind.ORDINARY, told.pop("matter", USE), None, Yuan(budget), **told)


def emergency(budget="300.00", cause=Cause.ELEVATOR):
    return Asked(UseKind.EMERGENCY, USE, cause, Yuan(budget))


THREE = standing(share_out(Yuan("300.00"), [home(1), home(2), home(3)]))


def refused(asked, stands=THREE, public=(), recent=(), law=LAW):
    return codes(asked_refusals(asked, stands, public, recent, DAY, law))


# --- shares (分摊) ---


def test_a_remainder_goes_by_largest_fraction_then_by_unit_code():
    """一百元三户同面积：多出的一分归余数最大者，同余归编码在前者。"""
    assert [str(one) for one in spread(Yuan("100.00"), [("B", 1), ("A", 1), ("C", 1)])] == [
        "33.33", "33.34", "33.33",
    ]  # fmt: skip
    assert [str(one) for one in spread(Yuan("0.05"), [("A", 100), ("B", 199)])] == ["0.02", "0.03"]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(1, 10**13),
    st.lists(st.integers(1, 10**6), min_size=1, max_size=40),
)
def test_shares_always_add_up_and_never_stray_a_fen(total, areas):
    """任意预算、任意面积：合计恰为预算，每户与精确值相差不到一分，与房屋排列次序无关。"""
    weights = [(f"U{at:03d}", area) for at, area in enumerate(areas)]
    found = spread(Yuan.from_fen(total), weights)
    assert sum(one.fen for one in found) == total
    whole = sum(areas)
    assert all(abs(one.fen * whole - total * area) < whole for one, area in zip(found, areas, strict=True))
    turned = spread(Yuan.from_fen(total), weights[::-1])[::-1]
    assert turned == found


def test_unsold_houses_are_borne_by_the_developer():
    """未售房屋照样分摊，由建设单位承担，不从分户账出。"""
    shares = share_out(Yuan("300.00"), [home(1), home(2, bearer=Bearer.DEVELOPER), home(3)])
    assert [(one.bearer.value, str(one.amount), str(one.from_fund)) for one in shares] == [
        ("fund", "100.00", "100.00"), ("developer", "100.00", "0.00"), ("fund", "100.00", "100.00"),
    ]  # fmt: skip
    alone = standing(share_out(Yuan("3.00"), [home(1, bearer=Bearer.DEVELOPER)]))
    assert refused(ordinary("3.00"), alone) == ["all-unsold"]


def test_raising_leaves_the_short_part_to_the_owner():
    """随使用一并筹集的，分户账只出其所有，差额由业主自筹。"""
    shares = share_out(Yuan("200.00"), [home(1, free="30.00"), home(2)], raising=True)
    assert [(str(one.from_fund), str(one.own)) for one in shares] == [("30.00", "70.00"), ("100.00", "0.00")]


# --- votes (表决) ---


def voter(at, ballot, area="100.00", head=""):
    return Voter(f"U{at:03d}", Decimal(area), head or f"house:{at}", ballot)


def test_each_ratio_has_its_own_denominator():
    """参与以全体为分母，同意以参与者为分母：九户六人参与四人同意，参与率三分之二，同意率三分之二。"""
    voters = [voter(at, Ballot.YES if at < 4 else Ballot.NO if at < 6 else None) for at in range(9)]
    found = tally(voters)
    assert found == Tally(Decimal(900), Decimal(600), Decimal(400), 9, 6, 4)
    said = {one.code: (one.numerator, one.denominator, one.percent) for one in lines(found, USE, LAW)}
    assert said["quorum-heads"] == (6, 9, "66.66%") and said["consent-heads"] == (4, 6, "66.66%")
    assert [one.denominator_label for one in lines(found, USE, LAW)] == [
        "范围内全部专有部分面积", "范围内全部业主人数", "参与表决专有部分面积", "参与表决业主人数",
    ]  # fmt: skip
    assert vote_refusals(found, USE, LAW) == []
    said_by = [one.citation for one in lines(found, USE, LAW)]
    own = [f"{unit}：本局设定（待补依据）" for unit in ("专有部分面积", "业主人数")]
    assert said_by == [f"民法典 第二百七十八条；{one}" for one in own] * 2


@pytest.mark.parametrize(
    ("matter", "took_part", "agreed", "said"),
    [
        (USE, 6, 4, []), (USE, 6, 3, ["vote-consent-area", "vote-consent-heads"]),
        (USE, 5, 5, ["vote-quorum-area", "vote-quorum-heads"]),
        (RAISE, 8, 6, []), (RAISE, 8, 5, ["vote-consent-area", "vote-consent-heads"]),
        (USE, 0, 0, ["vote-quorum-area", "vote-quorum-heads", "vote-consent-area", "vote-consent-heads"]),
    ],
)  # fmt: skip
def test_the_limits_are_met_exactly(matter, took_part, agreed, said):
    """恰好三分之二参与算达到；恰好一半同意不算过半；筹集恰好四分之三算达到。"""
    said_by = [Ballot.YES] * agreed + [Ballot.ABSTAIN] * (took_part - agreed) + [None] * (9 - took_part)
    voters = [voter(at, ballot) for at, ballot in enumerate(said_by)]
    assert codes(vote_refusals(tally(voters), matter, LAW)) == said


def test_area_and_heads_are_both_needed():
    """人数过半而面积不过半的，不通过。"""
    voters = [voter(1, Ballot.NO, "500.00"), voter(2, Ballot.YES), voter(3, Ballot.YES)]
    assert codes(vote_refusals(tally(voters), USE, LAW)) == ["vote-consent-area"]


def test_the_developer_is_one_head_with_one_mind():
    """建设单位未售、未交付的合计一人；同一清册里意见不一的，退回。"""
    voters = [voter(at, Ballot.YES, head=DEVELOPER) for at in range(3)] + [voter(9, Ballot.NO)]
    assert (tally(voters).heads_in, tally(voters).heads_yes) == (2, 1)
    heads = {"U001": DEVELOPER, "U002": DEVELOPER}
    assert ballot_faults({"U001": Ballot.YES, "U002": Ballot.YES}, heads) == []
    assert len(ballot_faults({"U001": Ballot.YES, "U002": Ballot.NO, "U003": Ballot.NO}, heads)) == 2


def test_one_owner_of_several_houses_is_one_head_with_one_mind():
    """同一业主有三户的：面积照算三户，人数只算一人；按户计本已过三分之二的，按人计不到。"""
    voters = [voter(at, Ballot.YES, head="owner:a") for at in range(3)]
    voters += [voter(at, None) for at in range(3, 5)]
    found = tally(voters)
    assert (found.area_in, found.heads_all, found.heads_in) == (Decimal(300), 3, 1)
    assert codes(vote_refusals(found, USE, LAW)) == ["vote-quorum-area", "vote-quorum-heads"]
    heads = {"U001": "owner:a", "U002": "owner:a", "U003": "owner:b"}
    assert ballot_faults({"U001": Ballot.YES, "U002": Ballot.NO, "U003": Ballot.NO}, heads) == [
        "U001、U002 同属一位业主，只能有一种意见"
    ]


# --- what is refused (不予受理) ---


def test_each_question_answered_yes_is_a_reason_of_its_own():
    """不得列支四项，答“是”的逐项列出，依据为第165号令第二十五条。"""
    found = asked_refusals(ordinary(yes=frozenset(Exclusion)), THREE, (), (), DAY, LAW)
    assert codes(found) == [
        "excluded-in-warranty", "excluded-operator-pipes", "excluded-by-persons", "excluded-manager-duty",
    ]  # fmt: skip
    assert {one.citation for one in found} == {"住宅专项维修资金管理办法（建设部、财政部令第165号）第二十五条"}


def test_what_is_not_supported_is_named():
    """商品住宅与已售公房混在一起的，点名须分别申请；本地不受理公房的不受理；没有房屋的、不设筹集的也不受理。"""
    assert refused(ordinary(), public=("U002",)) == ["mixed-natures"]
    assert refused(ordinary(), public=("U001", "U002", "U003")) == []
    told = dict(LAW) | {"use_public_housing": replace(LAW["use_public_housing"], value=False)}
    local = type(LAW)(LAW.day, LAW.subject, LAW.region, told)
    assert refused(ordinary(), public=("U001", "U002", "U003"), law=local) == ["public-housing"]
    assert refused(ordinary(), ()) == ["scope-empty"]
    assert refused(ordinary(matter=RAISE)) == []
    told = dict(LAW) | {"use_short": replace(LAW["use_short"], value="refuse")}
    local = type(LAW)(LAW.day, LAW.subject, LAW.region, told)
    assert refused(ordinary(matter=RAISE), law=local) == ["raise-not-allowed"]
    assert refused(ordinary()) == []


def test_an_emergency_keeps_its_cap_to_the_fen():
    """应急每次十五万元：恰好可以，多一分不行；每户不超过余额一半：恰好可以，多一分不行。"""
    rich = standing(share_out(Yuan("150000.00"), [home(1), home(2)]), "1000000.00")
    assert refused(emergency("150000.00"), rich) == []
    assert refused(emergency("150000.01"), rich) == ["emergency-over-cap"]
    half = standing(share_out(Yuan("1000.00"), [home(1), home(2)]))
    assert refused(emergency("1000.00"), half) == []
    over = standing(share_out(Yuan("1000.02"), [home(1), home(2)]))
    assert refused(emergency("1000.02"), over) == ["emergency-over-balance"]
    assert refused(emergency(cause=None)) == ["emergency-cause"]


def test_an_emergency_split_within_thirty_days_is_seen():
    """同一事由三十日内合并计算：第三十日内合计超限的点名前一件，满三十日的不再合并。"""
    rich = standing(share_out(Yuan("80000.00"), [home(1), home(2)]), "1000000.00")
    for days, said in ((29, ["emergency-split"]), (30, [])):
        recent = [Recent("SY1", Yuan("70000.01"), DAY - timedelta(days=days))]
        assert refused(emergency("80000.00"), rich, recent=recent) == said
    assert refused(emergency("80000.00"), rich, recent=[Recent("SY1", Yuan("70000.00"), DAY)]) == []


def test_emergencies_of_one_cause_count_together_for_each_house():
    """同一事由前后几件，每户合并不超过一半：恰好可以，多一分不行；已付出的连同其原有余额一并计算；点名、写明天数。"""
    def stands(own, given, *, balance="1000.00", paid="0.00"):
        [share] = share_out(Yuan(own), [home(1)])
        return [Standing(share, Yuan(balance), Yuan(given), Yuan(given), Yuan(paid))]

    assert refused(emergency("0.01"), stands("0.01", "499.99")) == []
    over = asked_refusals(emergency("0.01"), stands("0.01", "500.00"), (), (), DAY, LAW)
    assert codes(over) == ["emergency-over-balance"]
    assert over[0].citation == LAW["emergency_house_ratio"].citation
    assert all(word in over[0].message for word in ("50%", "30 日内同一事由", "U001"))
    for own, said in (("200.00", []), ("200.01", ["emergency-over-balance"])):
        assert refused(emergency(own), stands(own, "300.00", balance="700.00", paid="300.00")) == said
        assert refused(emergency(own), stands(own, "300.00", balance="900.00", paid="100.00")) == said
    nothing = stands("0.01", "600.00") + stands("0.01", "0.00")
    nothing[0] = replace(nothing[0], share=replace(nothing[0].share, from_fund=Yuan("0.00")))
    assert refused(emergency("0.01"), nothing) == []


def test_a_short_house_is_named():
    """余额减去已占用不足分摊的户，点名并写明差多少；恰好够的不列。"""
    found = short_refusals(standing(share_out(Yuan("200.00"), [home(1), home(2)]), "150.00", "50.01"), LAW)
    assert codes(found) == ["house-short"] and "U001（分摊 100.00，可用 99.99）" in found[0].message
    enough = standing(share_out(Yuan("200.00"), [home(1), home(2)]), "150.00", "50.00")
    assert short_refusals(enough, LAW) == []


def test_publication_lasts_seven_whole_days():
    """公示满七日：期满前一日不能核准，期满之日可以。"""
    assert codes(publication_refusals(DAY + timedelta(days=1), DAY, LAW)) == ["publication-not-over"]
    assert publication_refusals(DAY, DAY, LAW) == []
