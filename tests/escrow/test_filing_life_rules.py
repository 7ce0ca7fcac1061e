"""What the maintenance fund asks at filing, how long a PASS lives, and what a filing must quote."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from config.clock import BUREAU
from config.regulations import law_on
from escrow.contracts.rules import ContractStatus, Source
from escrow.filing.rules import (
    Counted,
    Decision,
    Drafted,
    Facts,
    FilingFacts,
    Pass,
    Planned,
    filing_refusals,
    valid_until,
)  # fmt: skip
from escrow.projects.rules import Home, Structure, UnitUse, maintenance_required
from escrow.supervision.rules import AccountStatus
from ledger.money import ZERO, Yuan

DAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=BUREAU)
LAW = law_on(DAY, "presale_funds", "141130")
UNIT = "141130001001GB00012F00030102"
PRICE = Yuan("1000000.00")

PLAN = (
    Planned(Yuan("350000.00"), DAY, Source.OWN),
    Planned(Yuan("650000.00"), date(2027, 1, 5), Source.LOAN),
)
RECEIPT = Counted(1, "R1", "B1", Yuan("350000.00"), NOON.astimezone(UTC))
CONTRACT = Drafted(UNIT, PRICE, ContractStatus.DRAFTED, PLAN, (RECEIPT,))
GOOD = Facts(
    day=DAY, unit_code=UNIT, price=PRICE, contract=CONTRACT, unit_in_register=True, unit_filed=False,
    project_known=True, permit_issued_on=date(2026, 1, 5), account_status=AccountStatus.ACTIVE,
)  # fmt: skip


# --- the maintenance line (维修资金) ---

HOME = Home(Decimal("128.00"), Structure.FRAME, UnitUse.RESIDENTIAL)


def due_in(region, home=HOME, day=DAY):
    return maintenance_required(home, law_on(day, "maintenance_fund", region))


def test_shanxi_asks_for_area_times_standard_at_filing():
    """山西：备案时按面积乘标准，128 平方米框架结构 9216.00 元。"""
    assert due_in("141130") == Yuan("9216.00")


def test_the_amount_is_rounded_once_half_up_to_the_fen():
    """面积乘标准只四舍五入一次，到分。"""
    law = dict(law_on(DAY, "maintenance_fund", "141130"))
    standard = law["standard"]
    law["standard"] = replace(standard, value={**standard.value, Structure.FRAME: Decimal("72.50")})

    assert maintenance_required(replace(HOME, area=Decimal("80.01")), law) == Yuan("5800.73")


def test_changji_and_jiaxian_ask_for_nothing_at_filing():
    """昌吉在竣工验收时缴，郏县没有规定：备案时应缴均为 0.00。"""
    assert due_in("652301") == ZERO
    assert due_in("410425") == ZERO


def test_shops_are_not_asked_for_the_housing_fund():
    """非住宅不计住宅专项维修资金。"""
    assert due_in("141130", replace(HOME, use=UnitUse.OTHER)) == ZERO


def test_shanxi_asked_for_nothing_the_day_before_its_notice():
    """通知成文前一日，山西备案时也不要求代缴。"""
    assert due_in("141130", day=date(2023, 4, 12)) == ZERO
    assert due_in("141130", day=date(2023, 4, 13)) == Yuan("9216.00")


# --- how long a PASS lives (有效期) ---


def test_a_pass_lives_its_minutes():
    """上午核对的，有效期为规定时长。"""
    assert valid_until(NOON, LAW) - NOON == timedelta(minutes=LAW["pass_minutes"].value)


def test_a_pass_never_outlives_its_bureau_day():
    """晚上核对的，当日二十三时五十九分五十九秒失效；按北京时间，不按世界时。"""
    late = datetime(2026, 11, 21, 23, 30, tzinfo=BUREAU).astimezone(UTC)

    assert valid_until(late, LAW) == datetime(2026, 11, 21, 23, 59, 59, tzinfo=BUREAU)
    assert valid_until(datetime(2026, 11, 21, 15, 59, tzinfo=UTC), LAW).date() == DAY


# --- the filing (备案) ---

LIVE = Pass(Decision.PASS, "HT1", 2, NOON + timedelta(minutes=30), used=False, receipt_ids=frozenset({1}))
FILING = FilingFacts("HT1", 2, DAY, NOON, LIVE, GOOD)


def filing_codes(**changes):
    return [refusal.code for refusal in filing_refusals(replace(FILING, **changes), LAW)]


def quoting(**changes):
    return filing_codes(quoted=replace(LIVE, **changes))


def test_a_live_pass_files_its_contract():
    """凭有效的核对通过，可以备案。"""
    assert filing_codes() == []


def test_a_pass_is_good_to_its_last_second_and_not_beyond():
    """有效期最后一刻可用，过一秒不可用。"""
    assert filing_codes(at=LIVE.valid_until) == []
    assert filing_codes(at=LIVE.valid_until + timedelta(seconds=1)) == ["check-expired"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"used": True}, "check-used"),
        ({"contract_no": "HT2"}, "check-other-contract"),
        ({"contract_version": 1}, "check-outdated"),
        ({"decision": Decision.FAIL, "valid_until": None}, "check-not-passed"),
        ({"receipt_ids": frozenset({1, 2})}, "receipt-reversed"),
    ],
)
def test_a_pass_that_does_not_live_files_nothing(changes, code):
    """用过的、别的合同的、旧版本的、未通过的、入账已冲正的核对，都不能备案。"""
    assert quoting(**changes) == [code]


def test_a_filing_must_quote_a_check_and_name_today():
    """没有核对编号不能备案；备案日只能是当日，昨日明日都不行。"""
    assert filing_codes(quoted=None) == ["check-unknown"]
    assert filing_codes(filed_on=DAY - timedelta(days=1)) == ["filed-on-not-today"]
    assert filing_codes(filed_on=DAY + timedelta(days=1)) == ["filed-on-not-today"]


def test_what_changed_since_the_pass_is_judged_again():
    """核对之后账户被暂停、钱被冲走，备案时重新判断，理由逐条告知。"""
    gone = replace(CONTRACT, receipts=())
    now = replace(GOOD, contract=gone, account_status=AccountStatus.SUSPENDED)

    assert filing_codes(now=now) == ["receipt-reversed", "account-not-active", "deposit-missing"]


def test_every_filing_refusal_is_cited():
    """备案的每条退回理由都有依据。"""
    quoted = replace(LIVE, used=True, contract_version=1, receipt_ids=frozenset({9}))
    found = filing_refusals(
        replace(FILING, quoted=quoted, filed_on=date(2026, 1, 1), at=NOON + timedelta(1)), LAW
    )

    assert len(found) == 5
    assert all(refusal.citation for refusal in found)
