"""When a withdrawal may be paid, how many look at it and by when: facts in, every refusal out (用款规则)."""

from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from config.regulations import law_on
from escrow import chart
from escrow.supervision.levels import Position
from escrow.supervision.limits import AccountFunds, Limits
from escrow.supervision.rules import AccountStatus, QuotaMode
from escrow.withdrawals.deciding import step
from escrow.withdrawals.deciding_rules import (
    Handled,
    LevelFacts,
    attacher_refusals,
    decider_refusals,
    issuer_refusals,
    next_level,
    revoker_refusals,
    second_level,
    takeover_refusals,
)
from escrow.withdrawals.models import Withdrawal
from escrow.withdrawals.payee_rules import (
    LISTING_STEPS,
    ContractFacts,
    Line,
    ListingStatus,
    PayeeFacts,
    PayeeKind,
    Purpose,
    contract_refusals,
    listing_refusals,
    payee_refusals,
)
from escrow.withdrawals.rules import STEPS, Channel, WithdrawalFacts, WithdrawalStatus, refusals
from ledger.money import ZERO, Yuan
from tests.days import CALENDAR

TODAY = date(2026, 11, 20)
LAW = law_on(TODAY, "presale_funds", "141130")
FEN = Yuan("0.01")
LINE = Line(
    payee_name="山西交口建工有限公司", kind=PayeeKind.CONTRACTOR, status=ListingStatus.LISTED,
    usable_on=TODAY, contract_no="SG1", contract_status=ListingStatus.LISTED,
    contract_price=Yuan("1000000.00"), committed=Yuan("100000.00"), progress="0.5",
    purpose=Purpose.CONSTRUCTION, amount=Yuan("400000.00"), invoice_no="FP1", invoice_used_by=None,
)  # fmt: skip
FUNDS = {chart.DEPOSITS_AT_BANK: Yuan("1000000.00"), chart.KEY_FUNDS: Yuan("600000.00")}
POSITION = Position(QuotaMode.FLOOR, Yuan("600000.00"), Yuan("400000.00"), Yuan("600000.00"))
FACTS = WithdrawalFacts(
    today=TODAY, account_status=AccountStatus.ACTIVE, channel=Channel.GENERAL, lines=(LINE,),
    limits=Limits(POSITION, ZERO, ZERO, AccountFunds(FUNDS)),
)  # fmt: skip
DRAWN = replace(
    FACTS, channel=Channel.KEY, lines=(replace(LINE, amount=Yuan("360000.00")),),
    limits=Limits(
        replace(POSITION, mode=QuotaMode.DRAW_DOWN, released=Yuan("360000.00")), ZERO, ZERO,
        AccountFunds(FUNDS),
    ),
)  # fmt: skip
WAGES = replace(
    FACTS, channel=Channel.WAGES,
    lines=(
        replace(LINE, kind=PayeeKind.WAGES, purpose=Purpose.WAGES, progress="1", amount=Yuan("500000.00")),
    ),
)  # fmt: skip


def codes(facts):
    found = refusals(facts, LAW)
    assert all(refusal.citation and refusal.message for refusal in found)
    return [refusal.code for refusal in found]


def lined(facts=FACTS, **changed):
    return replace(facts, lines=(replace(facts.lines[0], **changed),))


def funds(facts=FACTS, **more):
    by_code = {**facts.limits.account.by_code, **{getattr(chart, name): Yuan(x) for name, x in more.items()}}
    return replace(facts, limits=replace(facts.limits, account=AccountFunds(by_code)))


def test_to_the_last_fen_it_may_be_paid():
    """恰好等于可拨额、恰好等于监理确认的进度，应予核准；两种额度方式、工资渠道也一样。"""
    assert codes(FACTS) == codes(DRAWN) == codes(WAGES) == []


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (replace(FACTS, account_status=AccountStatus.SUSPENDED), "account-not-active"),
        (replace(FACTS, account_status=AccountStatus.RELEASING), "account-not-active"),
        (replace(FACTS, at_risk="HT1"), "filing-at-risk"),
        (replace(FACTS, stopped="BH1"), "guarantee-lapsed"),
        (lined(status=ListingStatus.ENTERED), "payee-not-listed"),
        (lined(status=ListingStatus.RETIRED), "payee-not-listed"),
        (lined(contract_status=ListingStatus.RETIRED), "payee-not-listed"),
        (lined(usable_on=date(2026, 11, 21)), "payee-too-new"),
        (lined(purpose=Purpose.WAGES), "wages-to-wage-account"),
        (lined(kind=PayeeKind.WAGES), "wages-to-wage-account"),
        (lined(invoice_used_by="YK1"), "invoice-reused"),
        (lined(committed=Yuan("600000.01")), "over-contract"),
        (lined(progress="0.4999"), "over-progress"),
        (replace(FACTS, channel=Channel.KEY), "key-not-drawn"),
        (lined(DRAWN, purpose=Purpose.OTHER), "key-for-construction"),
        (lined(DRAWN, amount=Yuan("360000.01")), "over-node"),
        (replace(DRAWN, key_reserved=FEN), "over-node"),
        (lined(WAGES, purpose=Purpose.MATERIAL), "wages-only"),
        (replace(lined(purpose=Purpose.OTHER), court_order_no="决定"), "court-construction-only"),
        (replace(FACTS, limits=replace(FACTS.limits, refunds_held=FEN)), "refund-first"),
        (lined(amount=Yuan("400000.01"), committed=ZERO), "over-payable"),
        (replace(FACTS, limits=replace(FACTS.limits, withdrawals_held=FEN)), "over-payable"),
        (funds(DEPOSITS_AT_BANK="999999.99"), "over-payable"),
        (funds(UNMATCHED="0.01"), "over-payable"),
        (funds(JUDICIAL_HOLD="0.01"), "court-hold"),
        (funds(DRAWN, JUDICIAL_HOLD="0.01"), "court-hold"),
        (replace(WAGES, limits=replace(WAGES.limits, withdrawals_held=FEN)), "holds-first"),
        (lined(WAGES, amount=Yuan("900000.00"), committed=ZERO), None),
        (lined(WAGES, amount=Yuan("1000000.01"), contract_price=Yuan("9000000.00")), "over-funds"),
        (funds(WAGES, DEPOSITS_AT_BANK="499999.99"), "over-cash"),
    ],
)  # fmt: skip
def test_one_thing_wrong_is_one_named_reason(facts, code):
    """改动一处，恰以其名拒绝，且有依据。"""
    found = codes(facts)
    assert (code in found) if code else found == [], found


def test_a_court_hold_passes_by_the_bureaus_order():
    """附决定的工程用款不受冻结；附了决定而用途不是工程的不行。"""
    held = replace(funds(JUDICIAL_HOLD="400000.00"), court_holds=("DJ1",))
    assert codes(held) == ["court-hold"]
    assert "DJ1" in refusals(held, LAW)[0].message
    assert codes(replace(held, court_order_no="决定")) == []
    assert codes(replace(funds(DRAWN, JUDICIAL_HOLD="1.00"), court_order_no="决定")) == []


def test_a_guarantee_asks_for_its_share_in_cash():
    """有保函在，付后现金须不低于额度余额的七成：少一分即拒。"""
    guaranteed = replace(POSITION, guarantee=Yuan("180000.00"), key_funds=Yuan("420000.00"))
    cash = {chart.KEY_FUNDS: Yuan("420000.00"), chart.DEPOSITS_AT_BANK: Yuan("820000.00")}
    facts = replace(WAGES, limits=Limits(guaranteed, ZERO, ZERO, AccountFunds(cash)))
    assert codes(lined(facts, amount=Yuan("400000.00"))) == []
    assert codes(lined(facts, amount=Yuan("400000.01"))) == ["guarantee-cash-short"]


def test_two_lines_on_one_contract_are_summed():
    """同一合同的两笔合计核对；同一发票列两次即拒。"""
    half = replace(LINE, amount=Yuan("200000.00"))
    assert codes(replace(FACTS, lines=(half, replace(half, invoice_no="FP2")))) == []
    more = replace(half, invoice_no="FP2", amount=Yuan("200000.01"))
    assert "over-progress" in codes(replace(FACTS, lines=(half, more)))
    assert codes(replace(FACTS, lines=(half, half))) == ["invoice-reused"]


def test_every_reason_is_given_at_once():
    """账户、收款人、合同、额度都不对，逐条告知。"""
    facts = replace(
        lined(status=ListingStatus.RETIRED, committed=Yuan("900000.00"), amount=Yuan("500000.00")),
        account_status=AccountStatus.SUSPENDED, stopped="BH1",
    )  # fmt: skip
    assert codes(facts) == [
        "account-not-active", "guarantee-lapsed", "payee-not-listed", "over-contract", "over-payable",
    ]  # fmt: skip


LEVEL = LevelFacts(Yuan("4999999.99"), ZERO, {"本幢": Yuan("4999999.99")}, None, None, draw_down=False)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (LEVEL, None),
        (replace(LEVEL, amount=Yuan("5000000.00")), "large"),
        (replace(LEVEL, rolling={"本幢": Yuan("5000000.00")}), "rolling-sum"),
        (replace(LEVEL, rolling={"收款人": Yuan("5000000.00")}), "rolling-sum"),
        (replace(LEVEL, key_funds=FEN), "wages-from-key"),
        (replace(LEVEL, key_funds=FEN, draw_down=True), None),
        (replace(LEVEL, takeover_no="JG1"), "takeover"),
        (replace(LEVEL, court_order_no="决定"), "court-hold"),
    ],
)
def test_when_a_second_level_looks_at_it(facts, code):
    """达到五百万、累计达到、工资动用重点、接管、冻结凭决定：各须二级复核，差一分不须。"""
    assert [one.code for one in second_level(facts, LAW)] == ([code] if code else [])


HANDLED = Handled(WithdrawalStatus.ENTERED, 1, None, None, 9)


def test_who_may_decide_issue_and_give_up():
    """录入人不核准，一级不作二级，复核人与附决定的人不签发，录入人不撤销；状态不对一律拒绝。"""
    assert decider_refusals(HANDLED, LAW) == []
    assert decider_refusals(replace(HANDLED, officer_id=1), LAW)[0].code == "same-officer"
    reviewed = replace(HANDLED, status=WithdrawalStatus.REVIEWED, reviewed_by=9)
    assert decider_refusals(reviewed, LAW)[0].code == "same-officer"
    hands = {"decided_by": 3, "reviewed_by": 2, "attached_by": 4}
    approved = replace(HANDLED, status=WithdrawalStatus.APPROVED, **hands)
    assert decider_refusals(approved, LAW)[0].code == "already-decided"
    assert issuer_refusals(approved, 1, LAW) == []
    for who in (2, 3, 4):
        assert issuer_refusals(replace(approved, officer_id=who), 1, LAW)[0].code == "same-officer"
    assert issuer_refusals(approved, 0, LAW)[0].code == "already-issued"
    assert issuer_refusals(HANDLED, 1, LAW)[0].code == "not-approved"
    assert revoker_refusals(approved, LAW) == []
    assert revoker_refusals(replace(approved, officer_id=1), LAW)[0].code == "same-officer"
    issued = replace(approved, status=WithdrawalStatus.ISSUED)
    assert revoker_refusals(issued, LAW)[0].code == "not-revocable"
    assert revoker_refusals(issued, LAW, unpaid=True) == []
    assert revoker_refusals(HANDLED, LAW)[0].code == "not-revocable"
    assert next_level(WithdrawalStatus.ENTERED, second=True) is WithdrawalStatus.REVIEWED
    assert next_level(WithdrawalStatus.REVIEWED, second=True) is WithdrawalStatus.APPROVED


def test_takeover_and_court_order_after_the_approval():
    """接管前一级核准的不付，两级的可付；补附决定须有冻结、是工程、未附过、未经手。"""
    once = replace(HANDLED, status=WithdrawalStatus.APPROVED, decided_by=3)
    assert takeover_refusals(once, "JG1", LAW)[0].code == "takeover"
    assert takeover_refusals(replace(once, reviewed_by=2), "JG1", LAW) == []
    assert takeover_refusals(once, None, LAW) == []

    def attach(handled=once, others=(), holds=("DJ1",), attached=False):
        found = attacher_refusals(handled, list(others), holds=holds, attached=attached, law=LAW)
        return [one.code for one in found]

    assert attach() == []
    assert attach(attached=True) == attach(handled=HANDLED) == ["not-attachable"]
    assert attach(holds=()) == ["no-court-hold"]
    assert attach(others=["其他"]) == ["court-construction-only"]
    assert attach(handled=replace(once, officer_id=3)) == ["same-officer"]


def test_the_deadline_counts_working_days():
    """复核期限按工作日：周五起五个工作日是下周五；周六起一个工作日是周一。"""
    assert CALENDAR.working_days_after(TODAY, 5) == date(2026, 11, 27)
    assert CALENDAR.working_days_after(date(2026, 11, 21), 1) == date(2026, 11, 23)
    assert CALENDAR.working_days_after(TODAY, 0) == TODAY


CONTRACT = ContractFacts(AccountStatus.ACTIVE, "交口建工", "测试置业", taken=False)
PAYEE = PayeeFacts(
    ListingStatus.LISTED, PayeeKind.CONTRACTOR, "交口建工", "交口建工", "测试置业", "1" * 12, "2" * 12, None
)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (contract_refusals(CONTRACT, LAW), None),
        (contract_refusals(replace(CONTRACT, taken=True), LAW), "contract-taken"),
        (contract_refusals(replace(CONTRACT, contractor="测试置业"), LAW), "payee-is-developer"),
        (contract_refusals(replace(CONTRACT, account_status=AccountStatus.CLOSED), LAW),
         "account-not-active"),
        (payee_refusals(PAYEE, LAW), None),
        (payee_refusals(replace(PAYEE, contract_status=ListingStatus.ENTERED), LAW), "contract-not-listed"),
        (payee_refusals(replace(PAYEE, name="测试置业"), LAW), "payee-is-developer"),
        (payee_refusals(replace(PAYEE, name="众亚实业"), LAW), "payee-not-contractor"),
        (payee_refusals(replace(PAYEE, kind=PayeeKind.WAGES, name="众亚实业专户"), LAW),
         "payee-not-contractor"),
        (payee_refusals(replace(PAYEE, kind=PayeeKind.WAGES, name="交口建工工资专户"), LAW), None),
        (payee_refusals(replace(PAYEE, account_no="2" * 12), LAW), "payee-is-supervised"),
        (payee_refusals(replace(PAYEE, listed_name="众亚实业"), LAW), "account-of-another"),
        (listing_refusals(ListingStatus.ENTERED, 1, 2, LAW), None),
        (listing_refusals(ListingStatus.ENTERED, 1, 1, LAW), "same-officer"),
        (listing_refusals(ListingStatus.LISTED, 1, 2, LAW), "already-decided"),
    ],
)  # fmt: skip
def test_who_may_be_listed(found, code):
    """白名单：合同与收款人各条，改动一处以其名拒绝。"""
    assert all(one.citation for one in found)
    assert (code in [one.code for one in found]) if code else found == []


@pytest.mark.parametrize("edge", [one for one in product(WithdrawalStatus, repeat=2) if one not in STEPS])
def test_no_illegal_step_is_taken_in_python(edge):
    """状态表之外的每一步，程序本身就不走。"""
    before, to = edge
    with pytest.raises(ValueError, match=f"{before} to {to}"):
        step(None, Withdrawal(status=before), to)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", list(ListingStatus))
def test_a_listing_is_decided_only_while_it_waits(status):
    """登记：待复核的才能决定，有效的才能停用。"""
    for to, waits in (
        (ListingStatus.LISTED, ListingStatus.ENTERED), (ListingStatus.REJECTED, ListingStatus.ENTERED),
        (ListingStatus.RETIRED, ListingStatus.LISTED),
    ):  # fmt: skip
        found = listing_refusals(status, 1, 2, LAW, waits=waits)
        assert (found == []) == ((status, to) in LISTING_STEPS), (status, to)
