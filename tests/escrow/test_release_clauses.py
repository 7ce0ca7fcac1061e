"""The agreement's clauses add to first registration and never replace it (附加条款)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from config.regulations import law_on
from escrow.release.clauses import Building, Clause, Paper, months_later
from escrow.release.rules import (
    refusals,
)
from escrow.supervision.rules import ClauseKind
from tests.release_facts import LAW, READY, SEED, codes


def asking(kind, value=None, text="协议第九条", papers=(), **changes):
    return replace(READY, clauses=(Clause(kind, value, text),), papers=tuple(papers), **changes)


@pytest.mark.parametrize("kind", list(ClauseKind))
def test_a_clause_never_replaces_first_registration(kind):
    """协议条款无论是否满足，都不能代替首次登记。"""
    papers = (Paper(kind, "协议第九条", "文1", Decimal(1)),)
    value = {"months_after": 1}.get(kind, "0.5")
    facts = asking(kind, value, papers=papers, units_transferred=70, buildings=(Building("1"),))

    assert "first-registration-missing" in codes(facts)


@pytest.mark.parametrize("kind", ["completion_filing", "document"])
def test_a_clause_on_a_paper_is_met_by_a_confirmed_paper_for_that_clause_alone(kind):
    """须凭材料的条款，只认为这一条确认的材料；别的条款、别的种类的不算。"""
    own, other = Paper(ClauseKind(kind), "协议第九条", "文1"), Paper(ClauseKind(kind), "协议第十条", "文2")
    other_kind = Paper(ClauseKind.HANDOVER_RATIO, "协议第九条", "文3", Decimal(1))

    assert codes(asking(kind, papers=[own])) == []
    assert codes(asking(kind, papers=[other, other_kind])) == [f"clause-{kind.replace('_', '-')}"]


def test_a_clause_not_met_is_quoted_with_its_agreement():
    """不满足的条款逐字引用，依据写明规定和协议编号。"""
    (refusal,) = refusals(asking("document", text="水电气正式接通"), LAW)

    assert "监管协议约定“水电气正式接通”" in refusal.message
    assert refusal.citation == f"{SEED}；协议约定从严掌握：本局设定；监管协议 XY2026001"


@pytest.mark.parametrize(("shown", "met"), [("0.8999", False), ("0.9", True), ("1", True)])
def test_handover_must_reach_the_agreed_ratio(shown, met):
    """交付比例恰好达到约定即满足，差一点都不行。"""
    paper = Paper(ClauseKind.HANDOVER_RATIO, "协议第九条", "文1", Decimal(shown))

    assert codes(asking("handover_ratio", "0.9", papers=[paper])) == (
        [] if met else ["clause-handover-ratio"]
    )


@pytest.mark.parametrize(("done", "met"), [(62, False), (63, True)])
def test_transfer_ratio_is_counted_over_all_units_of_the_account(done, met):
    """转移登记比例按账户全部房屋计：70 户的九成正好是 63 户。"""
    facts = asking("transfer_ratio", "0.9", units_transferred=done)

    assert codes(facts) == ([] if met else ["clause-transfer-ratio"])


def test_no_unit_at_all_reaches_no_ratio():
    """没有房屋，比例无从谈起，不算满足。"""
    assert codes(asking("transfer_ratio", "0.9", units=0)) == ["clause-transfer-ratio"]


@pytest.mark.parametrize(
    ("today", "met"), [(date(2027, 1, 29), False), (date(2027, 1, 30), True), (date(2028, 1, 1), True)]
)
def test_months_count_from_the_last_first_registration(today, met):
    """期限自最后一幢首次登记（10月30日）起算，满三个月的当日即满足。"""
    law = law_on(today, "presale_funds", "141130")

    assert codes(asking("months_after", 3, today=today), law) == ([] if met else ["clause-months-after"])


def test_months_do_not_run_before_every_building_is_registered():
    """还有楼幢未登记时，期限尚未起算。"""
    facts = asking("months_after", 1, buildings=(Building("1", date(2020, 1, 1), "证"), Building("2")))

    assert codes(facts) == ["first-registration-missing", "clause-months-after"]


@pytest.mark.parametrize(
    ("day", "months", "ends"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)), (date(2027, 11, 30), 3, date(2028, 2, 29)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)), (date(2026, 6, 30), 24, date(2028, 6, 30)),
    ],
)  # fmt: skip
def test_months_end_on_the_same_day_or_the_last_of_a_shorter_month(day, months, ends):
    """按月计期到对应日，当月没有对应日的到月末。"""
    assert months_later(day, months) == ends


@pytest.mark.parametrize("kind", ["bank_consent", "", "None", "Document"])
def test_a_clause_nobody_here_can_judge_refuses(kind):
    """不认识的条款种类一律不予解除，绝不略过。"""
    (refusal,) = refusals(asking(kind, "1", text="须经银行书面同意"), LAW)

    assert refusal.code == "clause-unknown"
    assert "须经银行书面同意" in refusal.message


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("handover_ratio", None), ("handover_ratio", "九成"), ("handover_ratio", "90"),
        ("handover_ratio", "NaN"),
        ("transfer_ratio", True), ("transfer_ratio", "0"), ("transfer_ratio", "-0.5"), ("transfer_ratio", []),
        ("months_after", None), ("months_after", "1.5"), ("months_after", "Infinity"), ("months_after", 0),
        ("months_after", "1e9"),
    ],
)  # fmt: skip
def test_a_clause_with_an_unreadable_value_refuses(kind, value):
    """条款取值读不懂时不予解除，不猜。"""
    papers = [Paper(ClauseKind.HANDOVER_RATIO, "协议第九条", "文1", Decimal(1))]
    facts = asking(kind, value, papers=papers, units_transferred=70, today=date(2036, 1, 1))

    assert len(codes(facts)) == 1
