"""Contract rules at their boundaries (合同规则)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from config.regulations import law_on
from escrow.contracts.rules import (
    ContractStatus,
    DraftFacts,
    Earlier,
    Held,
    NoticeFacts,
    NoticeStatus,
    PaymentKind,
    Planned,
    Source,
    cancel_refusals,
    draft_refusals,
    kept,
    notice_status,
)
from escrow.supervision.rules import AccountStatus
from ledger.money import Yuan

TODAY = date(2026, 11, 21)
LAW = law_on(TODAY, "presale_funds", "141130")
DOWN = Planned(PaymentKind.DOWN, Yuan("350000.00"), TODAY, Source.OWN)
LOAN = Planned(PaymentKind.LOAN, Yuan("650000.00"), TODAY + timedelta(days=60), Source.LOAN)
WHOLE = DraftFacts(
    contract_no="HT1", unit_code="U1", plan=(DOWN, LOAN), account_status=AccountStatus.ACTIVE,
    in_register=True, is_registered=False, taken_by=None,
)  # fmt: skip
NOTICE = NoticeFacts(Yuan("350000.00"), Yuan(0), TODAY, voided=False, cancelled=False)


def codes(facts):
    return [refusal.code for refusal in draft_refusals(facts, LAW)]


def test_a_whole_draft_is_taken():
    """账户正常、房屋在册、无他人合同，予以草拟。"""
    assert codes(WHOLE) == []


def test_every_reason_is_given_and_cites_its_source():
    """多条理由一并告知，各有依据。"""
    facts = replace(
        WHOLE, account_status=None, in_register=False, is_registered=True, taken_by="HT0",
        earlier=Earlier(
            ContractStatus.AT_RISK, same_unit=False, held=(Held(1, "JK1", replace(DOWN, amount=Yuan(1))),)
        ),
    )  # fmt: skip
    assert codes(facts) == [
        "contract-filed", "unit-fixed", "paid-notice-changed", "account-not-active", "unit-not-in-project",
        "unit-registered", "unit-taken",
    ]  # fmt: skip
    assert all(refusal.citation for refusal in draft_refusals(facts, LAW))


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.RELEASING, AccountStatus.CLOSED])
def test_only_an_active_account_prints_on_a_notice(status):
    """账户暂停、解除、销户，均不签发通知书；依据为账户须正常的规定。"""
    [refusal] = draft_refusals(replace(WHOLE, account_status=status), LAW)
    assert (refusal.code, refusal.citation) == ("account-not-active", LAW["account_active"].citation)


@pytest.mark.parametrize(
    "changed",
    [{"amount": Yuan("350000.01")}, {"due_on": TODAY + timedelta(days=1)}, {"source": Source.LOAN},
     {"payment_kind": PaymentKind.EARNEST}],
)  # fmt: skip
def test_a_paid_payment_may_not_change_in_anything(changed):
    """已缴款的一笔，款项、金额、日期、来源一样也不能变。"""
    earlier = Earlier(ContractStatus.DRAFTED, same_unit=True, held=(Held(1, "JK1", DOWN),))
    assert codes(replace(WHOLE, earlier=earlier)) == []
    assert codes(replace(WHOLE, earlier=earlier, plan=(replace(DOWN, **changed), LOAN))) == [
        "paid-notice-changed"
    ]


def test_each_paid_notice_takes_a_place_of_its_own():
    """内容相同的两张已缴通知书，各占计划中的一处；不够时有一张无处安放。"""
    first, second = Held(1, "JK1", DOWN), Held(2, "JK2", DOWN)
    assert kept((first, second), (LOAN, DOWN, DOWN)) == {1: first, 2: second}
    assert kept((first, second), (DOWN, LOAN)) == {0: first}


@pytest.mark.parametrize(
    ("changed", "today", "status"),
    [
        ({}, TODAY, NoticeStatus.ISSUED),
        ({}, TODAY + timedelta(days=1), NoticeStatus.EXPIRED),
        ({"paid": Yuan("0.01")}, TODAY, NoticeStatus.PARTLY_PAID),
        ({"paid": Yuan("349999.99")}, TODAY + timedelta(days=1), NoticeStatus.EXPIRED),
        ({"paid": Yuan("350000.00")}, TODAY + timedelta(days=1), NoticeStatus.PAID),
        ({"voided": True}, TODAY, NoticeStatus.VOID),
        ({"paid": Yuan("350000.00"), "cancelled": True}, TODAY, NoticeStatus.VOID),
    ],
)
def test_a_notice_stands_as_its_money_and_its_day_say(changed, today, status):
    """到期当日仍有效，次日未缴清即逾期；缴清不逾期；注销即作废。"""
    assert notice_status(replace(NOTICE, **changed), today) is status


@pytest.mark.parametrize(
    ("status", "is_registered", "expected"),
    [
        (ContractStatus.DRAFTED, False, []),
        (ContractStatus.FILED, False, []),
        (ContractStatus.AT_RISK, False, []),
        (ContractStatus.DRAFTED, True, []),
        (ContractStatus.FILED, True, ["unit-registered"]),
        (ContractStatus.AT_RISK, True, ["unit-registered"]),
        (ContractStatus.CANCELLED, False, ["contract-cancelled"]),
    ],
)
def test_a_contract_is_cancelled_once_and_before_its_home_is_transferred(status, is_registered, expected):
    """草拟、已备案、备案存疑的合同均可注销；已注销的不再注销；房屋已办转移登记的备案不得撤销。"""
    found = cancel_refusals("HT1", status, is_registered=is_registered, law=LAW)
    assert [refusal.code for refusal in found] == expected
    assert all(refusal.citation for refusal in found)
