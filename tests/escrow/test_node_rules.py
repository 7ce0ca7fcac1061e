"""工程节点的规则：逐个推进，材料齐全，三家见证，退回只凭更正；每一条理由都有依据。"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from config.regulations import law_on
from escrow.supervision.levels import Position, resplit
from escrow.supervision.rules import QuotaMode
from escrow.supervision.schedules import (
    Node,
    NodeFacts,
    Paper,
    PaperKind,
    Schedule,
    claim_refusals,
    correction_refusals,
    released_of,
    schedule_of,
    schedule_refusals,
)
from ledger.money import ZERO, Yuan
from tests.days import CALENDAR

DAY = date(2026, 11, 20)
LAW = law_on(DAY, "presale_funds", "140212")
DEVELOPER, CONTRACTOR, ENGINEER = "91141182MA0GDKF29J", "91140105MA0HXYT18X", "91140213MA0K7QC514"
FIVE = ["三分之一层", "主体结构验收", "竣工验收", "竣工验收备案", "首次登记"]
LISTED = schedule_of({"nodes": []}, LAW)
AGREED = schedule_of(
    {"nodes": [{"node": "封顶", "locked_ratio": "0.40"}, {"node": "备案", "locked_ratio": "0.05"}]}, LAW
)


def proof(*without: PaperKind, **changed: Any) -> tuple[Paper, ...]:
    """Everything a node needs, or all but some."""
    signed = {
        PaperKind.DECLARATION: ("云水置业", DEVELOPER, "张开发"),
        PaperKind.CONTRACTOR: ("山西建工", CONTRACTOR, "李施工"),
        PaperKind.ENGINEER: ("吕梁监理", ENGINEER, "王监理"),
    }
    kinds = [kind for kind in PaperKind if kind is not PaperKind.ORDER and kind not in without]
    return tuple(
        replace(
            Paper(
                kind, f"{at:064x}", DAY, *signed.get(kind, (None, None, None)),
                note="西侧" if kind is PaperKind.PHOTO else None,
            ),
            **(changed if kind in signed else {}),
        )
        for at, kind in enumerate(kinds)
    )  # fmt: skip


def with_(kind: PaperKind, **changed: Any) -> tuple[Paper, ...]:
    """Everything a node needs, one of its papers otherwise."""
    return tuple(replace(one, **changed) if one.kind is kind else one for one in proof())


# The whole, true case: one third is reached, the main structure is claimed with all its papers.
CLAIM = NodeFacts(
    schedule=LISTED, reached=LISTED.nodes[0], asked="主体结构验收", papers=proof(), developer_no=DEVELOPER,
    is_active=True, is_registered=False, site_checked_on=DAY,
)  # fmt: skip
ORDER = Paper(PaperKind.ORDER, "f" * 64, DAY, note="交建更〔2026〕1号")
CORRECTION = replace(
    CLAIM, reached=LISTED.nodes[2], asked="三分之一层", papers=(ORDER,), site_checked_on=None
)


def codes(facts: NodeFacts, judge: Any = claim_refusals) -> list[str]:
    found = judge(facts, LAW)
    assert all(refusal.citation and refusal.message for refusal in found)
    return [refusal.code for refusal in found]


def at(name: str | None) -> Node | None:
    return None if name is None else LISTED.nodes[FIVE.index(name)]


def test_the_law_lists_five_nodes() -> None:
    """协议未列节点：适用大同协议文本的五个节点，末一节点首次登记后全部释放；协议列了的从协议。"""
    assert [node.name for node in LISTED.nodes] == FIVE and not LISTED.from_agreement
    assert LISTED.nodes[-1].locked_ratio == 0
    assert schedule_refusals(LISTED, {}, LAW) == []
    assert [node.name for node in AGREED.nodes] == ["封顶", "备案"] and AGREED.from_agreement


def test_the_next_node_with_all_its_papers_is_reached() -> None:
    """下一节点、材料齐全、三家见证、其后现场核查：无理由不准；当天核查即可。"""
    assert codes(CLAIM) == []
    assert codes(replace(CLAIM, site_checked_on=None)) == []


@pytest.mark.parametrize(("reached", "asked"), list(product([None, *FIVE], FIVE)))
def test_one_node_after_another(reached: str | None, asked: str) -> None:
    """三十种情形逐一：只有紧接着的一个可以申报，跳过、重复、倒退都不行。"""
    facts = replace(CLAIM, reached=at(reached), asked=asked, is_registered=True)
    step = FIVE.index(asked) - (FIVE.index(reached) if reached else -1)
    expected = [] if step == 1 else ["node-skipped"] if step > 1 else ["node-passed"]
    assert codes(facts) == expected


@pytest.mark.parametrize(("reached", "asked"), list(product([None, *FIVE], [None, *FIVE])))
def test_only_a_correction_goes_back(reached: str | None, asked: str | None) -> None:
    """三十六种情形逐一：更正只能退到现节点之前，可退到第一个节点之前，不能前进或原地。"""
    facts = replace(CORRECTION, reached=at(reached), asked=asked)
    place = {name: number for number, name in enumerate([None, *FIVE])}
    expected = [] if place[asked] < place[reached] else ["correction-not-back"]
    assert codes(facts, correction_refusals) == expected


def test_a_correction_needs_its_order() -> None:
    """更正须附更正文书；节点表外的名称不认。"""
    assert codes(replace(CORRECTION, papers=()), correction_refusals) == ["paper-missing"]
    assert codes(replace(CORRECTION, asked="封顶"), correction_refusals) == ["node-unknown"]


@pytest.mark.parametrize("judge", [claim_refusals, correction_refusals])
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"is_active": False}, "account-not-active"),
        ({"is_waiting": True}, "claim-waiting"),
        ({"kept_schedule": AGREED.stored()}, "schedule-changed"),
    ],
)
def test_the_building_must_be_free_to_move(judge: Any, changed: dict[str, Any], code: str) -> None:
    """账户不正常、已有一件在办、申报后节点表已变：申报与更正都不办。"""
    facts = CLAIM if judge is claim_refusals else CORRECTION
    assert codes(replace(facts, **changed), judge) == [code]
    assert codes(replace(facts, kept_schedule=LISTED.stored()), judge) == []


@pytest.mark.parametrize(
    "kind", [PaperKind.DECLARATION, PaperKind.CONTRACTOR, PaperKind.ENGINEER, PaperKind.PHOTO]
)
def test_each_paper_is_needed(kind: PaperKind) -> None:
    """申报书、施工证明、监理见证、现场照片，缺哪样说哪样。"""
    assert codes(replace(CLAIM, papers=proof(kind))) == ["paper-missing"]


def test_an_acceptance_has_its_record_and_a_registration_its_row() -> None:
    """验收类节点须附验收记录；三分之一层不必；首次登记以登记簿为准，不凭申报。"""
    without = proof(PaperKind.ACCEPTANCE)
    assert codes(replace(CLAIM, papers=without)) == ["acceptance-missing"]
    assert codes(replace(CLAIM, papers=without, reached=None, asked="三分之一层")) == []
    last = replace(CLAIM, papers=without, reached=LISTED.nodes[3], asked="首次登记")
    assert codes(last) == ["node-not-registered"]
    assert codes(replace(last, is_registered=True)) == []


def test_three_firms_sign_by_name() -> None:
    """三家须为不同单位，各有单位、代码与签字人，照片写明地点。"""
    assert codes(replace(CLAIM, papers=proof(firm="山西建工"))) == ["witness-not-independent"]
    assert codes(replace(CLAIM, papers=proof(signer=None))) == ["witness-unnamed"] * 3
    assert codes(replace(CLAIM, papers=with_(PaperKind.CONTRACTOR, firm_no=None))) == ["witness-unnamed"]
    nowhere = tuple(replace(paper, note=None) for paper in proof())
    assert codes(replace(CLAIM, papers=nowhere)) == ["photo-unplaced"]


def test_the_engineer_is_neither_the_developer_nor_the_contractor() -> None:
    """监理与开发、监理与施工、施工与开发是同一代码，名称不同也不认；两张施工证明出自一家不算重复。"""
    for kind, number in (
        (PaperKind.ENGINEER, DEVELOPER), (PaperKind.ENGINEER, CONTRACTOR), (PaperKind.CONTRACTOR, DEVELOPER),
    ):  # fmt: skip
        assert codes(replace(CLAIM, papers=with_(kind, firm_no=number))) == ["witness-not-independent"]
    contractor = proof()[1]
    twice = (*proof(), replace(contractor, file_hash="e" * 64))
    assert contractor.kind is PaperKind.CONTRACTOR and codes(replace(CLAIM, papers=twice)) == []


def test_three_people_sign() -> None:
    """一人为两家签字不认，名字里加空格、换全角也一样。"""
    for name in ("李施工", "李 施工", "李施工\u3000"):
        assert codes(replace(CLAIM, papers=with_(PaperKind.ENGINEER, signer=name))) == ["signer-repeated"]
    assert codes(replace(CLAIM, papers=with_(PaperKind.ENGINEER, signer="李施"))) == []


def test_the_developer_itself_declares() -> None:
    """申报单位不是本项目的开发企业，名称再像也不认。"""
    other = with_(PaperKind.DECLARATION, firm_no="91110000600037341L")
    assert codes(replace(CLAIM, papers=other)) == ["declarer-not-developer"]


def test_the_bureau_looks_after_all_papers() -> None:
    """现场核查早于材料一天不行，当天可以。"""
    assert codes(replace(CLAIM, site_checked_on=DAY - timedelta(days=1))) == ["site-check-early"]
    assert codes(replace(CLAIM, site_checked_on=DAY + timedelta(days=1))) == []


def test_every_reason_is_given() -> None:
    """几处不合一并告知，不是一次只说一条。"""
    facts = replace(CLAIM, is_active=False, asked="竣工验收备案", papers=(), is_waiting=True)
    assert codes(facts) == [
        "account-not-active", "claim-waiting", "node-skipped", *["paper-missing"] * 4, "acceptance-missing",
    ]  # fmt: skip


def test_a_new_version_keeps_what_is_reached_and_never_rises() -> None:
    """新版本的节点表不得丢掉已核准的节点，留存比例不得回升；相等可以。"""
    rising = Schedule((Node("封顶", Decimal("0.4")), Node("备案", Decimal("0.41"))), True)
    level = Schedule((Node("封顶", Decimal("0.4")), Node("备案", Decimal("0.4"))), True)
    assert [one.code for one in schedule_refusals(rising, {}, LAW)] == ["node-ratio-rises"]
    assert schedule_refusals(level, {"1": "封顶"}, LAW) == []
    found = schedule_refusals(rising, {"1": "主体结构验收", "2": "封顶"}, LAW)
    assert [one.code for one in found] == ["node-ratio-rises", "node-dropped"]


def test_what_stays_locked_is_as_the_agreement_now_says() -> None:
    """已核准节点的留存比例：协议改了从协议，协议没列的从核准时。"""
    reached = Node("封顶", Decimal("0.50"))
    assert AGREED.ratio_of(reached) == Decimal("0.40")
    assert LISTED.ratio_of(reached) == Decimal("0.50")
    assert LISTED.ratio_of(None) == 1


@pytest.mark.parametrize(
    ("quota", "ratio", "released"),
    [
        ("1000.00", "0.40", "600.00"),
        ("0.03", "0.50", "0.02"),
        ("100.01", "0.3333", "66.68"),
        ("1.00", "1", "0.00"),
    ],
)
def test_what_a_node_releases_is_rounded_once(quota: str, ratio: str, released: str) -> None:
    """释放额 = 额度 ×（1 − 留存比例），四舍五入到分，只一次；没有额度的不释放。"""
    assert released_of(Yuan(quota), Decimal(ratio)) == Yuan(released)
    assert released_of(None, Decimal(ratio)) == ZERO


def test_in_draw_down_a_node_allows_payment_and_moves_nothing() -> None:
    """支用制：节点核准后重点资金不变，只是可拨额增加；留存制：重点资金转为一般。"""
    before = Position(QuotaMode.FLOOR, Yuan("900.00"), ZERO, quota=Yuan("1000.00"), released=Yuan("600.00"))
    assert resplit(before) == -Yuan("500.00") and before.key_payable == ZERO
    drawn = replace(before, mode=QuotaMode.DRAW_DOWN)
    assert resplit(drawn) == ZERO and drawn.key_payable == Yuan("600.00")
    assert replace(drawn, key_paid=Yuan("450.00"), key_funds=Yuan("550.00")).key_payable == Yuan("150.00")


def test_the_review_ends_on_a_working_day() -> None:
    """三个工作日：周五受理的到下周三，周六受理的也到下周三，周一受理的到周四。"""
    days = LAW["node_review_days"].value
    assert days == 3
    for entered, due in (
        ("2026-11-20", "2026-11-25"),
        ("2026-11-21", "2026-11-25"),
        ("2026-11-23", "2026-11-26"),
    ):
        assert CALENDAR.working_days_after(date.fromisoformat(entered), days) == date.fromisoformat(due)
