"""When a buyer's money may go back (退款规则)."""

from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from config.regulations import law_on
from escrow import chart
from escrow.contracts.rules import ContractStatus
from escrow.refunds.rules import (
    STEPS,
    WAITING,
    Cover,
    Handled,
    IssueFacts,
    Part,
    RefundFacts,
    RefundStatus,
    approval_refusals,
    cover_refusals,
    decider_refusals,
    issue_refusals,
    next_level,
    ready_on,
    refusals,
    revoker_refusals,
)
from escrow.supervision.rules import AccountStatus
from ledger.money import ZERO, Yuan
from tests.days import CALENDAR

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)
LAW = law_on(FRIDAY, "presale_funds", "141130")
DOWN = Part("RZ1", Yuan("300000.00"), Yuan("300000.00"), is_reversed=False, to_original=True)
WHOLE = RefundFacts("HT1", ContractStatus.CANCELLED, AccountStatus.ACTIVE, Yuan("350000.00"), ZERO, (DOWN,))
FEN = Yuan("0.01")


def codes(found):
    assert all(refusal.citation for refusal in found)
    return [refusal.code for refusal in found]


def test_a_cancelled_contract_gets_back_what_it_paid():
    """已注销合同退其所缴，应予核准；恰好等于尚可退的金额也可以。"""
    assert codes(approval_refusals(WHOLE, LAW)) == []
    assert codes(refusals(replace(WHOLE, paid_in=WHOLE.amount), LAW)) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"contract_status": ContractStatus.FILED}, ["contract-not-cancelled"]),
        ({"contract_status": ContractStatus.DRAFTED}, ["contract-not-cancelled"]),
        ({"contract_status": ContractStatus.AT_RISK}, ["contract-not-cancelled"]),
        ({"account_status": AccountStatus.RELEASING}, ["account-not-active", "supervision-ended"]),
        ({"account_status": AccountStatus.CLOSED}, ["account-not-active", "supervision-ended"]),
        ({"account_status": AccountStatus.SUSPENDED}, ["account-not-active"]),
        ({"paid_in": DOWN.amount - FEN}, ["refund-over-paid"]),
        ({"held": Yuan("50000.01")}, ["refund-over-paid"]),
        ({"parts": (replace(DOWN, refundable=DOWN.amount - FEN),)}, ["refund-over-receipt"]),
        ({"parts": (replace(DOWN, is_reversed=True),)}, ["receipt-reversed"]),
    ],
)
def test_one_thing_wrong_is_one_reason(changed, expected):
    """合同未注销、账户不付款、超过已缴未退（多一分钱也不行）、入账已冲正，各有其理由。"""
    assert codes(approval_refusals(replace(WHOLE, **changed), LAW)) == expected


def test_every_reason_is_given():
    """几处同时不合，理由一并告知。"""
    wrong = replace(
        WHOLE, contract_status=ContractStatus.FILED, account_status=AccountStatus.SUSPENDED, paid_in=ZERO,
        parts=(replace(DOWN, refundable=ZERO), replace(DOWN, is_reversed=True)),
    )  # fmt: skip
    assert codes(approval_refusals(wrong, LAW)) == [
        "account-not-active", "contract-not-cancelled", "refund-over-paid", "refund-over-receipt",
        "receipt-reversed",
    ]  # fmt: skip


ENTERED = Handled(RefundStatus.ENTERED, other_payee=False, entered_by=1, reviewed_by=None, officer_id=2)


def test_one_level_for_the_payer_two_for_another():
    """退回原付款账户一级核准；改退他人先一级、再二级。"""
    assert next_level(ENTERED) is RefundStatus.APPROVED
    assert next_level(replace(ENTERED, other_payee=True)) is RefundStatus.REVIEWED
    second = replace(ENTERED, other_payee=True, status=RefundStatus.REVIEWED, reviewed_by=2, officer_id=3)
    assert next_level(second) is RefundStatus.APPROVED
    assert codes(decider_refusals(second, LAW)) == []
    assert codes(decider_refusals(replace(second, officer_id=2), LAW)) == ["same-officer"]
    assert codes(decider_refusals(replace(second, officer_id=1), LAW)) == ["same-officer"]
    assert next_level(replace(ENTERED, takeover_no="接管1号")) is RefundStatus.REVIEWED


@pytest.mark.parametrize("status", RefundStatus)
def test_what_is_decided_is_not_decided_again(status):
    """只有待复核的可以决定；只有已核准待转应退的可以撤销；录入人都不行。"""
    handled = replace(ENTERED, status=status)
    assert codes(decider_refusals(handled, LAW)) == ([] if status in WAITING else ["already-decided"])
    revocable = status is RefundStatus.APPROVED
    assert codes(revoker_refusals(handled, LAW)) == ([] if revocable else ["not-revocable"])
    own = replace(handled, officer_id=1)
    assert codes(decider_refusals(own, LAW))[-1] == codes(revoker_refusals(own, LAW))[-1] == "same-officer"


def test_another_payee_waits_a_working_day():
    """原路退回当日可签发；改退他人隔一个工作日，周五核准的周一方可。"""
    assert ready_on(FRIDAY, CALENDAR, other_payee=False, law=LAW) == FRIDAY
    assert ready_on(FRIDAY, CALENDAR, other_payee=True, law=LAW) == MONDAY
    assert ready_on(MONDAY, CALENDAR, other_payee=True, law=LAW) == date(2026, 11, 24)


@pytest.mark.parametrize(
    ("building", "account", "court_held", "missing"),
    [
        ("100.00", "100.00", "0.00", "0.00"), ("99.99", "500.00", "0.00", "0.01"),
        ("100.00", "500.00", "400.00", "0.00"), ("100.00", "500.00", "400.01", "0.01"),
        ("0.00", "0.00", "900.00", "100.00"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_to_the_fen(building, account, court_held, missing):
    """本幢资金与司法冻结之外的账户资金，差额算到分。"""
    cover = Cover(Yuan("100.00"), Yuan(building), Yuan(account), Yuan(court_held))
    assert cover.missing == Yuan(missing)
    assert codes(cover_refusals(cover, LAW)) == ([] if missing == "0.00" else ["refund-uncovered"])


READY = IssueFacts(RefundStatus.DUE, AccountStatus.ACTIVE, MONDAY, MONDAY, open_parts=1)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"status": RefundStatus.ISSUED}, []),
        ({"status": RefundStatus.APPROVED}, ["refund-not-due"]),
        ({"status": RefundStatus.REVOKED}, ["refund-not-due"]),
        ({"today": FRIDAY}, ["refund-must-wait"]),
        ({"open_parts": 0}, ["refund-issued"]),
        ({"account_status": AccountStatus.SUSPENDED, "today": FRIDAY},
         ["account-not-active", "refund-must-wait"]),
    ],
)  # fmt: skip
def test_instructions_are_issued_when_due_and_not_before_their_day(changed, expected):
    """转应退之后、到最早签发日、尚有未签发的，方可签发。"""
    assert codes(issue_refusals(replace(READY, **changed), LAW)) == expected


def test_each_step_moves_the_money_it_says():
    """状态与资金同行：核准占用、转应退、撤销注销占用、签发；其余不动账。"""
    assert STEPS[RefundStatus.APPROVED, RefundStatus.DUE] is chart.REFUND_DUE
    assert {to for (_, to), movement in STEPS.items() if movement is None} == {
        RefundStatus.REVIEWED, RefundStatus.REJECTED,
    }  # fmt: skip
    ends = set(RefundStatus) - {before for before, _ in STEPS}
    assert ends == {RefundStatus.ISSUED, RefundStatus.REJECTED, RefundStatus.REVOKED}
    assert all((before, before) not in STEPS for before, _ in product(RefundStatus, RefundStatus))
