"""待认领款的规则：逐条理由各有依据，到分的边界。"""

from dataclasses import replace
from datetime import date

import pytest

from config.regulations import law_on
from escrow.claims.rules import (
    ClaimFacts,
    ClaimKind,
    ClaimStatus,
    Share,
    age_of,
    decision_refusals,
    order_refusals,
    refusals,
)
from escrow.contracts.rules import ContractStatus, Source
from escrow.deposits.rules import NoticeFacts
from escrow.supervision.rules import AccountStatus
from escrow.workdays.rules import Calendar, Year
from ledger.money import Yuan

LAW = law_on(date(2026, 6, 1), "presale_funds", "141130")
NOTICE = NoticeFacts(Yuan("100.00"), Yuan("40.00"), False, ContractStatus.DRAFTED, True)
SHARE = Share("JK1", Yuan("60.00"), "HT1", Source.OWN, NOTICE)
SOUND = ClaimFacts(
    receipt_no="RZ1", kind=ClaimKind.CLAIM, asked=Yuan("60.00"), remainder=Yuan("60.00"),
    account=AccountStatus.ACTIVE, shares=(SHARE,),
)  # fmt: skip


def codes(facts):
    found = refusals(facts, LAW)
    assert all(one.citation for one in found)
    return [one.code for one in found]


def test_a_claim_of_exactly_what_is_left_for_exactly_what_is_owed_stands():
    """认领恰等于余额、恰等于通知书应缴余额，应予受理。"""
    assert codes(SOUND) == []


def test_one_fen_more_is_refused_on_either_side():
    """多一分钱，超余额与超通知书各是一条理由。"""
    more = Yuan("60.01")
    assert codes(replace(SOUND, asked=more, shares=(replace(SHARE, amount=more),))) == [
        "over-remainder", "over-notice",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"facts": None}, "no-notice"),
        ({"facts": replace(NOTICE, same_account=False)}, "other-account"),
        ({"facts": replace(NOTICE, contract_status=ContractStatus.CANCELLED)}, "contract-cancelled"),
        ({"facts": replace(NOTICE, is_void=True)}, "notice-void"),
    ],
)
def test_what_a_notice_must_be(changed, code):
    """没有的、别的账户的、合同已注销的、已作废的通知书，都不能认领。"""
    assert codes(replace(SOUND, shares=(replace(SHARE, **changed),))) == [code]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"account": AccountStatus.CLOSED}, "account-not-active"),
        ({"is_reversed": True}, "receipt-reversed"),
        ({"waiting": 7}, "claim-waiting"),
        ({"kind": ClaimKind.RETURN, "shares": (), "payer_known": False}, "payer-unknown"),
        ({"sources": (("HT1", Source.LOAN),)}, "source-mixed"),
    ],
)
def test_what_the_receipt_must_be(changed, code):
    """已销户、已冲正、已有一件待确认、付款人不明而要退回、同一合同内自有与贷款相混，各有理由。"""
    assert codes(replace(SOUND, **changed)) == [code]


def test_who_decides_and_when_a_return_is_ordered():
    """录入人不能确认，已办的不能再办；未决定退回、已签发未有结果的，不能签发。"""
    said = [
        decision_refusals(status, entered_by=1, officer_id=who, law=LAW)
        for status in ClaimStatus
        for who in (1, 2)
    ]
    assert [[one.code for one in found] for found in said] == [
        ["same-officer"], [], ["claim-decided"], ["claim-decided"], ["claim-decided"], ["claim-decided"],
    ]  # fmt: skip
    for kind, status, ordered, code in (
        (ClaimKind.CLAIM, ClaimStatus.CONFIRMED, False, "return-not-decided"),
        (ClaimKind.RETURN, ClaimStatus.ENTERED, False, "return-not-decided"),
        (ClaimKind.RETURN, ClaimStatus.CONFIRMED, True, "return-ordered"),
    ):
        assert [one.code for one in order_refusals(kind, status, ordered=ordered, law=LAW)] == [code]
    assert order_refusals(ClaimKind.RETURN, ClaimStatus.CONFIRMED, ordered=False, law=LAW) == []


def test_the_limit_is_five_working_days():
    """五个工作日：第五个工作日当天不算逾期，次日即逾期；缺年的日历不编造期限。"""
    known = Calendar({2026: Year(frozenset({date(2026, 5, 1)}), frozenset())})
    booked = date(2026, 4, 27)  # A Monday; the first of May is off.
    last = age_of(booked, date(2026, 5, 5), known, LAW)
    assert (last.due_on, last.is_late, last.is_near) == (date(2026, 5, 5), False, True)
    near = [age_of(booked, date(2026, 5, day), known, LAW).is_near for day in (1, 4, 6)]
    assert near == [False, True, False]
    assert age_of(booked, date(2026, 5, 6), known, LAW).is_late
    assert age_of(date(2026, 12, 30), date(2026, 12, 31), known, LAW).due_on is None
