"""Planted round trips are found, honest counties are left alone, every threshold to the unit (风险提示规则)."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.regulations import law_on
from escrow.oversight.finding_rules import (
    Deposited,
    Group,
    Insider,
    Insiders,
    Listing,
    TakenBack,
    decider_refusals,
    insider_payers,
    one_account,
    one_id,
    payees_named_as_developers,
    quick_reversals,
    shared_accounts,
    stranger_payers,
)
from escrow.oversight.finding_terms import KIND_LABELS, PROVISIONS, STEPS, FindingKind, FindingStatus
from escrow.oversight.round_trips import Flow, round_trips
from ledger.money import Yuan

DAY = date(2026, 11, 21)
LAW = law_on(DAY, "presale_funds", "141130")
DAYS = LAW["finding_round_trip_days"].value


def out(source, payee, day, number, *holders):
    """A paid withdrawal."""
    names = frozenset(one.encode() for one in holders or (f"{payee}的户名",))
    return Flow(
        f"order-{number}", f"ZL{number}", source.encode(), payee.encode(), names, DAY + timedelta(days=day),
        Yuan("1000.00"), withdrawal_id=number,
    )  # fmt: skip


def back(payer, target, day, number, holder=""):
    """A deposit."""
    names = frozenset({(holder or f"{payer}的户名").encode()})
    return Flow(
        f"receipt-{number}", f"RZ{number}", payer.encode(), target.encode(), names,
        DAY + timedelta(days=day), Yuan("900.00"), receipt_id=number,
    )  # fmt: skip


def lengths(flows, law=LAW):
    return sorted(one.detail["length"] for one in round_trips(flows, {}, law))


def altered(**values):
    """The law with some values changed."""
    changed = {key: replace(LAW[key], value=value) for key, value in values.items()}
    return MappingProxyType({**LAW, **changed})


def test_a_payee_that_pays_in_again_is_a_trip_of_two_steps():
    """拨给收款人，收款人的同一账户又缴存进来：两步回流。"""
    [found] = round_trips([out("专户", "施工", 0, 1), back("施工", "专户", 3, 2)], {}, LAW)

    assert (found.detail["length"], found.withdrawals, found.receipts) == (2, (1,), (2,))
    assert found.said == "3 日内拨付 1000.00 元、缴存 900.00 元，经 2 步回到原监管账户"


def test_another_account_of_the_same_holder_makes_three_steps():
    """收款人换一个自己名下的账户缴存：凭户名连上，三步回流；户名不同即不是。"""
    paid = out("专户", "施工", 0, 1, "某建工")

    assert lengths([paid, back("另一账户", "专户", 3, 2, "某建工")]) == [3]
    assert lengths([paid, back("另一账户", "专户", 3, 2, "旁人")]) == []


def test_two_projects_that_feed_each_other_make_four_steps():
    """两个项目的收款人互相买房：四步回流；少了任何一笔就不成圈。"""
    flows = [out("甲户", "甲施工", 0, 1), back("甲施工", "乙户", 5, 2), out("乙户", "乙施工", 9, 3),
             back("乙施工", "甲户", 30, 4)]  # fmt: skip

    assert lengths(flows) == [4]
    for missing in range(4):
        assert lengths(flows[:missing] + flows[missing + 1 :]) == []


def test_thirty_days_are_within_and_thirty_one_are_not():
    """首尾相隔三十日算，三十一日不算；天数取自当日规定。"""
    for days, expected in ((DAYS, [2]), (DAYS + 1, [])):
        assert lengths([out("专户", "施工", 0, 1), back("施工", "专户", days, 2)]) == expected
        assert lengths([back("施工", "专户", 0, 2), out("专户", "施工", days, 1)]) == expected
    later = [out("专户", "施工", 0, 1), back("施工", "专户", 10, 2)]
    assert lengths(later, altered(finding_round_trip_days=9)) == []


def test_the_law_says_how_long_a_trip_may_be():
    """步数上限取自规定：定为三步，四步的就不提示。"""
    flows = [out("甲户", "甲施工", 0, 1), back("甲施工", "乙户", 5, 2), out("乙户", "乙施工", 9, 3),
             back("乙施工", "甲户", 30, 4)]  # fmt: skip

    assert lengths(flows, altered(finding_round_trip_length=3)) == []
    assert lengths(flows, altered(finding_round_trip_length=5)) == [4]


def test_a_supervised_account_that_pays_in_itself_is_a_step_too():
    """另一项目的监管专户直接缴存进来，也是一步。"""
    flows = [out("甲户", "施工", 0, 1), back("施工", "乙户", 2, 2), back("乙户", "甲户", 3, 3)]

    assert lengths(flows) == [3]


def test_every_later_trip_is_told_and_none_twice():
    """同一收款人第二次回流再次提示；同一批资金无论查几次，标识不变。"""
    first = [out("专户", "施工", 0, 1), back("施工", "专户", 3, 2)]
    second = [out("专户", "施工", 40, 3), back("施工", "专户", 45, 4)]
    once = {one.key for one in round_trips(first, {}, LAW)}
    both = [one.key for one in round_trips([*second, *first], {}, LAW)]

    assert len(both) == 2 and once < set(both)


def test_one_deposit_is_told_by_its_shortest_way():
    """同一笔缴存既可走两步又可走三步时，只按最短的提示一次。"""
    flows = [out("专户", "基本户", 0, 1, "某建工"), out("专户", "工资户", 0, 2, "某建工"),
             back("基本户", "专户", 1, 3, "某建工")]  # fmt: skip

    assert lengths(flows) == [2]


COUNTY = st.builds(Random, st.integers(0, 2**32))


def honest(chance, projects=12, sales=400):
    """Projects pay their contractors every month; buyers pay for homes; contractors' owners buy elsewhere."""
    flows, number = [], 0
    for place in range(projects):
        payees = [f"施工{place}-{at}" for at in range(chance.randint(1, 4))]
        for at in range(chance.randint(3, 12)):
            number += 1
            flows.append(out(f"专户{place}", chance.choice(payees), at * 25, number))
    for _ in range(sales):
        number += 1
        flows.append(back(f"购房人{number}", f"专户{chance.randrange(projects)}", chance.randrange(300), number))
    return flows


def planted(chance, length, number):
    """The payments of one trip of so many steps, their order and days drawn."""
    start = chance.randrange(300)
    days = [start + chance.randint(0, DAYS) for _ in range(4)]
    mark = f"回{number}"
    if length == 4:
        ends = (f"专户{number}", f"{mark}甲", f"专户乙{number}", f"{mark}乙")
        way = [*pairwise(ends), (ends[-1], ends[0])]
        return [
            (back if source.startswith(mark) else out)(source, target, day, number * 10 + at)
            for at, ((source, target), day) in enumerate(zip(way, days, strict=True))
        ]
    payer = f"{mark}甲" if length == 2 else f"{mark}丙"
    return [
        out(f"专户{number}", f"{mark}甲", days[0], number * 10, mark),
        back(payer, f"专户{number}", days[1], number * 10 + 1, mark),
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(COUNTY)
def test_every_planted_trip_is_found_and_an_honest_county_is_quiet(chance):
    """随机诚实县里没有一条误报；植入两步、三步、四步的回流，无论先后与日期，一条不漏，也不多一条。"""
    county = honest(chance)

    assert round_trips(county, {}, LAW) == []

    plants = {1000 + at: length for at, length in enumerate(chance.choices((2, 3, 4), k=9))}
    hidden = [flow for number, length in plants.items() for flow in planted(chance, length, number)]
    flows = [*county, *hidden]
    chance.shuffle(flows)
    found = round_trips(flows, {}, LAW)
    assert sorted(one.detail["length"] for one in found) == sorted(plants.values())
    assert {receipt for one in found for receipt in one.receipts} == {
        flow.receipt_id for flow in hidden if flow.receipt_id is not None
    }


def test_contractors_who_buy_homes_elsewhere_are_seldom_mistaken():
    """误报计数：一百个县，施工单位各在别的项目买一套房；只有恰好互买的才提示，且确是闭合的圈。"""
    told, homes = 0, 0
    for seed in range(100):
        chance = Random(seed)
        flows = honest(chance, projects=20, sales=0)
        for at, payee in enumerate(sorted({one.target for one in flows if one.withdrawal_id}), 5000):
            own = next(one.source for one in flows if one.target == payee).decode()
            elsewhere = chance.choice([f"专户{place}" for place in range(20) if f"专户{place}" != own])
            flows.append(back(payee.decode(), elsewhere, chance.randrange(300), at))
            homes += 1
        found = round_trips(flows, {}, LAW)
        told += len(found)
        assert all(one.detail["length"] == 4 and one.detail["days"] <= DAYS for one in found)

    assert homes > 4000
    assert told <= homes // 100, f"{homes} 套中误报 {told} 条"


DEPOSIT = Deposited(
    7, "RZ7", b"account", b"name", b"supervised", "测试苑", "王** ****4567", Yuan("100.00"), DAY, "HT1"
)
NOBODY = Insiders({}, {})


@pytest.mark.parametrize("mark", [b"account", b"name"])
def test_developers_and_payees_are_known_by_name_and_by_account(mark):
    """付款人的户名或账号与开发企业、收款单位相同即提示；两者都是的，只按开发企业提示一次。"""
    who = Insider("某单位", (3,))

    [by_payee] = insider_payers([DEPOSIT], Insiders({}, {mark: who}), LAW)
    [by_both] = insider_payers([DEPOSIT], Insiders({mark: who}, {mark: who}), LAW)

    assert (by_payee.kind, by_payee.payees, by_payee.receipts) == (FindingKind.PAYEE_PAYS, (3,), (7,))
    assert by_both.kind is FindingKind.DEVELOPER_PAYS
    assert insider_payers([DEPOSIT], NOBODY, LAW) == []


def test_a_stranger_is_told_once_for_a_contract():
    """同一人为同一合同代付多笔，提示一次并列明各笔；另一人另提示；关联单位不在此列。"""
    more = [DEPOSIT, replace(DEPOSIT, receipt_id=8, receipt_no="RZ8"), replace(DEPOSIT, account=b"other")]

    found = stranger_payers(more, NOBODY, LAW)

    assert [one.receipts for one in found] == [(7, 8), (7,)]
    assert stranger_payers(more, Insiders({}, {b"name": Insider("某单位")}), LAW) == []


def test_one_account_under_two_names_and_a_payee_called_as_a_developer():
    """同一账号先后两个户名，提示一次；同名不提示；收款人与任一开发企业同名即提示。"""
    first = Listing(1, "测试苑", "某建工", b"a", "****1")
    listings = [first, replace(first, payee_id=2), replace(first, payee_id=3, name="某建材")]

    [shared] = shared_accounts(listings, LAW)
    [named] = payees_named_as_developers(listings, ["某建材", "别家"], LAW)

    assert (shared.payees, named.payees) == ((1, 3), (3,))
    assert shared_accounts([first, replace(first, payee_id=2, account=b"b", name="某建材")], LAW) == []


@pytest.mark.parametrize(("rule", "key"), [(one_id, "finding_id_contracts"),
                                           (one_account, "finding_account_contracts")])  # fmt: skip
def test_many_contracts_begin_at_the_threshold(rule, key):
    """达到份数即提示，少一份不提示；再增一倍时再提示，其间不重复。"""
    least = LAW[key].value

    def keys(count):
        numbers = tuple(f"HT{at}" for at in range(count))
        return {one.key for one in rule([Group(b"m", "王** ****4567", numbers)], LAW)}

    assert keys(least - 1) == set()
    assert keys(least) == keys(2 * least - 1) != keys(2 * least) != set()


@pytest.mark.parametrize(("days", "told"), [(0, 1), (3, 1), (4, 0)])
def test_a_reversal_is_quick_within_three_days(days, told):
    """入账当日至第三日冲正提示，第四日不提示。"""
    one = TakenBack(7, "RZ7", "测试苑", "王** ****4567", Yuan("1.00"), DAY, DAY + timedelta(days=days), None)

    assert len(quick_reversals([one], LAW)) == told


def test_the_law_may_switch_a_rule_off():
    """规定改为“否”，相应的提示即停；其余照旧。"""
    off = altered(finding_insider_payers=False, finding_stranger_payers=False, finding_payee_names=False)
    who = Insiders({b"name": Insider("某单位")}, {})
    listing = Listing(1, "测试苑", "某建工", b"a", "****1")

    assert insider_payers([DEPOSIT], who, off) == stranger_payers([DEPOSIT], NOBODY, off) == []
    assert shared_accounts([listing, replace(listing, payee_id=2, name="b")], off) == []
    assert payees_named_as_developers([listing], ["某建工"], off) == []


@pytest.mark.parametrize("status", list(FindingStatus))
def test_decided_once_and_by_somebody_else(status):
    """只有待核查的可以决定；所涉用款、收款人的录入人须回避；每条理由都有依据。"""
    mine = decider_refusals(status, {4}, 4, LAW)

    expected = [] if status is FindingStatus.OPEN else ["already-decided"]
    assert [one.code for one in decider_refusals(status, {4}, 5, LAW)] == expected
    assert [one.code for one in mine] == [*expected, "same-officer"]
    assert all(one.citation for one in mine)


def test_every_kind_has_its_words_and_its_law():
    """每种提示都有中文名称和所据规定；只有“待核查”有下一步。"""
    assert set(KIND_LABELS) == set(PROVISIONS) == set(FindingKind)
    assert all(key in LAW for keys in PROVISIONS.values() for key in keys)
    assert {before for before, _ in STEPS} == {FindingStatus.OPEN}
