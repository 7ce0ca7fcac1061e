"""May this contract be filed? One whole, true case; each test changes one thing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from config.clock import BUREAU
from config.regulations import law_on
from escrow.contracts.rules import ContractStatus, Source
from escrow.filing.rules import (
    Counted,
    Drafted,
    Facts,
    Planned,
    refusals,
    required,
)
from escrow.supervision.rules import AccountStatus
from ledger.money import ZERO, Yuan

DAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=BUREAU)
LAW = law_on(DAY, "presale_funds", "141130")
FEN = Yuan("0.01")
UNIT = "141130001001GB00012F00030102"

EARNEST = Planned(Yuan("50000.00"), DAY - timedelta(days=7), Source.OWN)
DOWN = Planned(Yuan("300000.00"), DAY, Source.OWN)
LOAN = Planned(Yuan("650000.00"), DAY + timedelta(days=40), Source.LOAN)
RECEIPT = Counted(1, "R1", "B1", Yuan("350000.00"), NOON.astimezone(UTC))

CONTRACT = Drafted(UNIT, Yuan("1000000.00"), ContractStatus.DRAFTED, (EARNEST, DOWN, LOAN), (RECEIPT,))
GOOD = Facts(
    day=DAY, unit_code=UNIT, price=Yuan("1000000.00"), contract=CONTRACT, unit_in_register=True,
    unit_filed=False, project_known=True, permit_issued_on=date(2026, 1, 5),
    account_status=AccountStatus.ACTIVE,
)  # fmt: skip


def codes(facts):
    return [refusal.code for refusal in refusals(facts, LAW)]


def with_contract(**changes):
    return replace(GOOD, contract=replace(CONTRACT, **changes))


def paid(*amounts):
    receipts = [replace(RECEIPT, receipt_id=at, amount=amount) for at, amount in enumerate(amounts)]
    return with_contract(receipts=tuple(receipts))


def planned(*payments):
    return required(replace(CONTRACT, plan=payments), DAY, LAW)


def test_a_contract_whose_due_money_is_in_may_be_filed():
    """截至备案日到期的款项恰好存足，通过。"""
    assert codes(GOOD) == []


# --- how much (应存金额) ---


def test_one_fen_short_is_short():
    """少一分钱也不行，并告知差额。"""
    [found] = refusals(paid(RECEIPT.amount - FEN), LAW)

    assert found.code == "deposit-short"
    assert "尚差 0.01 元" in found.message
    assert found.citation == "晋房屋登记清零办发〔2023〕3号 第三部分“五是”；金额：本局设定"


def test_several_receipts_count_together_to_the_fen():
    """分几笔存入的合并计算，凑足即可，差一分不可。"""
    assert codes(paid(Yuan("50000.00"), Yuan("300000.00"))) == []
    assert codes(paid(Yuan("50000.00"), Yuan("299999.99"))) == ["deposit-short"]


def test_a_payment_due_on_the_filing_day_is_asked_for_and_one_due_tomorrow_is_not():
    """备案当日到期的要存，次日到期的不要。"""
    tomorrow = replace(DOWN, due_on=DAY + timedelta(days=1))

    assert planned(EARNEST, DOWN, LOAN) == Yuan("350000.00")
    assert planned(EARNEST, tomorrow, LOAN) == Yuan("50000.00")


def test_a_loan_due_by_the_filing_day_is_asked_for_too():
    """贷款已到约定日的，也要到账。"""
    assert planned(EARNEST, DOWN, replace(LOAN, due_on=DAY)) == Yuan("1000000.00")


def test_never_less_than_the_first_own_payment_whatever_its_date():
    """全部款项都在以后才到期，首笔自有资金仍须先到账。"""
    later = DAY + timedelta(days=90)
    plan = (replace(LOAN, due_on=later), replace(DOWN, due_on=later), replace(EARNEST, due_on=later))

    assert planned(*plan) == DOWN.amount


def test_what_is_due_may_exceed_the_first_own_payment_but_never_undercut_it():
    """到期款少于首笔自有资金时，以首笔自有资金为准。"""
    first_own = replace(DOWN, due_on=DAY + timedelta(days=30))
    due_loan = Planned(DOWN.amount - FEN, DAY, Source.PROVIDENT_FUND)

    assert planned(due_loan, first_own) == DOWN.amount
    assert planned(replace(due_loan, amount=DOWN.amount + FEN), first_own) == DOWN.amount + FEN


def test_a_plan_without_own_money_asks_for_its_first_payment():
    """计划中没有自有资金的，首笔款项须先到账。"""
    later = DAY + timedelta(days=1)
    fund = Planned(Yuan("400000.00"), later, Source.PROVIDENT_FUND)

    assert planned(fund, replace(LOAN, due_on=later)) == Yuan("400000.00")


# --- deposits that are there or not (入账) ---


def test_without_any_confirmed_receipt_the_deposit_is_missing():
    """一笔已确认的入账都没有，即为未存入，而不是不足。"""
    [found] = refusals(paid(), LAW)

    assert found.code == "deposit-missing"
    assert found.citation == "晋房屋登记清零办发〔2023〕3号 第三部分“五是”"


def test_a_reversal_the_account_could_not_give_blocks_even_a_paid_contract():
    """银行冲正未了一分钱，也不能备案。"""
    assert codes(with_contract(uncovered=FEN)) == ["reversal-pending"]
    assert codes(with_contract(uncovered=ZERO)) == []


# --- the contract, the account, the unit (合同、账户、房屋) ---


def test_an_unknown_contract_has_no_deposit_either():
    """本局没有的合同：不予通过，且没有入账。"""
    assert codes(replace(GOOD, contract=None)) == ["contract-unknown", "deposit-missing"]


def test_a_contract_of_nowhere_is_not_told_of_an_account():
    """合同与房屋都不在册时，不谈账户与许可。"""
    nowhere = replace(
        GOOD,
        contract=None,
        project_known=False,
        unit_in_register=False,
        permit_issued_on=None,
        account_status=None,
    )

    assert codes(nowhere) == ["contract-unknown", "deposit-missing", "unit-not-in-permit"]


def test_a_cancelled_contract_is_no_longer_known():
    """已注销的合同不能备案，哪怕钱还在账上。"""
    assert codes(with_contract(status=ContractStatus.CANCELLED)) == ["contract-unknown"]


def test_a_price_one_fen_off_is_a_mismatch():
    """总价差一分，即与本局登记不符。"""
    assert codes(replace(GOOD, price=GOOD.price + FEN)) == ["contract-mismatch"]


def test_another_unit_is_a_mismatch():
    """房屋编码不符，不予通过；房屋与总价都不符，一并告知。"""
    other = replace(GOOD, unit_code=UNIT[:-1] + "3")
    [found] = refusals(replace(other, price=FEN), LAW)

    assert codes(other) == ["contract-mismatch"]
    assert "房屋" in found.message
    assert "总价" in found.message


@pytest.mark.parametrize("status", [None, *sorted(set(AccountStatus) - {AccountStatus.ACTIVE})])
def test_only_an_active_account_will_do(status):
    """监管账户没有、暂停、解除中或已销户，都不能备案。"""
    assert codes(replace(GOOD, account_status=status)) == ["account-not-active"]


def test_a_permit_issued_on_the_day_will_do_and_one_of_tomorrow_will_not():
    """预售许可当日核发即可，次日核发不可，没有更不可。"""
    assert codes(replace(GOOD, permit_issued_on=DAY)) == []
    assert codes(replace(GOOD, permit_issued_on=DAY + timedelta(days=1))) == ["project-not-permitted"]
    assert codes(replace(GOOD, permit_issued_on=None)) == ["project-not-permitted"]


def test_a_unit_outside_the_register_and_one_already_filed_are_refused():
    """房屋不在楼盘表内、或已有备案合同，都不能备案。"""
    assert codes(replace(GOOD, unit_in_register=False)) == ["unit-not-in-permit"]
    assert codes(replace(GOOD, unit_filed=True)) == ["unit-already-filed"]


@pytest.mark.parametrize("region", ["141130", "652301", "410425", "110105"])
def test_every_reason_is_given_and_cites_its_source(region):
    """多项不符时，理由一项不少，各有依据。"""
    worst = replace(
        with_contract(receipts=(), uncovered=FEN), price=FEN, account_status=AccountStatus.SUSPENDED,
        unit_filed=True, permit_issued_on=None, unit_in_register=False,
    )  # fmt: skip
    found = refusals(worst, law_on(DAY, "presale_funds", region))

    assert [refusal.code for refusal in found] == [
        "contract-mismatch", "account-not-active", "deposit-missing", "reversal-pending",
        "unit-already-filed", "project-not-permitted", "unit-not-in-permit",
    ]  # fmt: skip
    assert all(refusal.citation and refusal.message for refusal in found)
