"""待认领款：一人录入、另一人确认，归入一份或几份合同，或退回付款人；确认之前不能用。"""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from config.clock import bureau_day
from escrow import chart
from escrow.deposits.reversals import Reversal, take_back
from escrow.errors import EscrowError
from ledger.money import Yuan
from tests.claiming import claimed, confirmed, ordered, people_of, refused, rejected, returned
from tests.estate import build, filed, new_number, pay, sold
from tests.sale import row


def scene_of(house, app):
    """A project whose first building keeps a quota (有额度的项目)."""
    people = people_of(house)
    estate = build(house, [people.clerk, people.reviewer], quotas={"1": "150.00"})
    return SimpleNamespace(people=people, estate=estate)


def reverse(estate, receipt):
    """The bank takes it back whole."""
    asked = Reversal(receipt["receipt_no"], new_number("R"), Yuan(receipt["amount"]), bureau_day(), "柜员误记")
    return estate.do(lambda session: take_back(session, asked, "ABC"))


def standing(estate) -> dict[str, Any]:
    """What nobody claimed, and what each building holds."""
    held = estate.held()
    return {code: amount for (code, _), amount in held.items() if code in ("2101", "2102", "2111", "2112")}


def test_a_whole_receipt_is_claimed_and_counts_only_when_confirmed(estate, people):
    """无主的一笔入账整笔认领：录入不动账、不计入缴款，另一人确认后才归入合同，可核对备案。"""
    contract_no, [notice] = sold(estate)
    receipt = pay(estate, None)
    waiting = claimed(estate, receipt, people.cashier, **{notice: "100.00"})
    assert standing(estate) == {"2101": "100.00"}
    assert row(estate, "SELECT paid FROM payment_notice").paid == 0

    confirmed(estate, waiting, people.reviewer)

    assert standing(estate) == {"2111": "100.00"}
    assert row(estate, "SELECT paid FROM payment_notice").paid == 10000
    assert row(estate, "SELECT remainder FROM unmatched_receipt").remainder == 0
    filed(estate, contract_no)
    shown = row(estate, "SELECT status, law FROM receipt_claim")
    assert shown.status == "confirmed" and "claim_two_officers" in str(shown.law)


def test_a_receipt_is_split_between_contracts_by_each_buildings_level(estate, people):
    """一笔款分拆给两份合同三份通知书，各楼幢按各自额度分重点与一般，余下的仍待认领。"""
    _, [first, second] = sold(estate, notices=2)
    _, [third] = sold(estate)
    receipt = pay(estate, None, "300.00")
    shares = {first: "100.00", second: "80.00", third: "60.00"}
    confirmed(estate, claimed(estate, receipt, people.cashier, **shares), people.reviewer)
    # Building 1 keeps 150.00; both contracts are of it.
    assert standing(estate) == {"2101": "60.00", "2111": "150.00", "2112": "90.00"}
    paid = {key: amount for (code, key), amount in estate.held().items() if code == chart.PAID_IN_BY_CONTRACT}
    assert sorted(paid.values()) == ["180.00", "60.00"]
    assert row(estate, "SELECT remainder FROM unmatched_receipt").remainder == 6000
    assert row(estate, "SELECT count(*) AS n FROM receipt_allocation").n == 3


def test_the_rest_of_a_matched_receipt_is_claimed_for_the_next_notice(estate, people):
    """多付的部分认领给同一合同的下一期；核对时这笔入账只列一次，金额为两期之和。"""
    contract_no, [first, second] = sold(estate, notices=2)
    receipt = pay(estate, first, "150.00")
    confirmed(estate, claimed(estate, receipt, people.cashier, **{second: "50.00"}), people.reviewer)
    filed(estate, contract_no)
    counted = row(estate, "SELECT count(*) AS n, sum(amount)::bigint AS fen FROM deposit_check_receipt")
    assert (counted.n, counted.fen) == (1, 15000)


def test_a_claim_is_refused_for_every_reason_at_once(estate, people, house):
    """超过余额、超过通知书、没有这个号、别的账户的合同：理由一并告知，各有依据。"""
    other = build(house, [people.clerk, people.reviewer])
    _, [foreign] = sold(other)
    _, [notice] = sold(estate)
    receipt = pay(estate, None, "100.00")
    shares = {notice: "100.01", foreign: "1.00", "JKX": "1.00"}
    said = refused(claimed, estate, receipt, people.cashier, **shares)
    assert said == ["over-remainder", "over-notice", "other-account", "no-notice"]
    assert row(estate, "SELECT count(*) AS n FROM receipt_claim").n == 0


def test_one_officer_does_not_confirm_his_own_claim_nor_anybody_twice(estate, people):
    """录入人不能自己确认；确认或退回之后不能再办；退回须有理由，款项仍待认领。"""
    _, [notice] = sold(estate)
    receipt = pay(estate, None)
    first = claimed(estate, receipt, people.cashier, **{notice: "100.00"})
    assert refused(confirmed, estate, first, people.cashier) == ["same-officer"]
    assert refused(claimed, estate, receipt, people.clerk, **{notice: "100.00"}) == ["claim-waiting"]
    rejected(estate, first, people.reviewer)
    assert refused(confirmed, estate, first, people.reviewer) == ["claim-decided"]
    second = claimed(estate, receipt, people.cashier, **{notice: "100.00"})
    confirmed(estate, second, people.reviewer)
    assert refused(rejected, estate, second, people.clerk) == ["claim-decided"]


def test_what_changed_since_it_was_entered_is_judged_again(estate, people):
    """录入之后通知书已另有入账缴足，确认时按此刻重新判断，不予确认。"""
    _, [notice] = sold(estate)
    receipt = pay(estate, None)
    waiting = claimed(estate, receipt, people.cashier, **{notice: "100.00"})
    pay(estate, notice)
    assert refused(confirmed, estate, waiting, people.reviewer) == ["over-notice"]


def test_money_nobody_claims_goes_back_to_the_account_it_came_from(estate, people):
    """查无合同的款：两人决定退回，2101 转 2102，签发退回指令；签发后不得再签，也不得再认领。"""
    _, [notice] = sold(estate)
    receipt = pay(estate, None)
    decided = returned(estate, receipt, people.cashier, "100.00")
    assert refused(ordered, estate, decided, people.cashier) == ["return-not-decided"]
    confirmed(estate, decided, people.reviewer)
    assert standing(estate) == {"2102": "100.00"}
    number = ordered(estate, decided, people.cashier)
    assert refused(ordered, estate, decided, people.cashier) == ["return-ordered"]
    order = row(estate, "SELECT i.*, r.payer_account_masked FROM instruction i, receipt r")
    assert (order.instruction_no, order.kind, order.source_code) == (number, "return", "2102")
    assert order.payee_account_masked == order.payer_account_masked
    assert refused(claimed, estate, receipt, people.cashier, **{notice: "1.00"}) == ["over-remainder"]


def test_twenty_race_for_one_remainder_and_exactly_one_wins(estate, people):
    """二十人同时认领同一笔余额，恰有一人录入成功。"""
    _, [notice] = sold(estate)
    receipt = pay(estate, None)

    def race(_: int) -> str:
        try:
            return f"won {claimed(estate, receipt, people.cashier, **{notice: '100.00'})}"
        except EscrowError as refusal:
            return refusal.code

    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(race, range(20)))
    assert sum(one.startswith("won") for one in found) == 1
    assert row(estate, "SELECT count(*) AS n FROM receipt_claim").n == 1


def test_a_split_receipt_is_reversed_whole_from_every_contract(estate, people):
    """分给两份合同、尚余一部分的入账，银行可全额冲正：各份通知书重新应缴，待认领余额归零。"""
    _, [first, second] = sold(estate, notices=2)
    other, [third] = sold(estate)
    receipt = pay(estate, first, "300.00")
    split = claimed(estate, receipt, people.cashier, **{second: "80.00", third: "100.00"})
    confirmed(estate, split, people.reviewer)
    filed(estate, other)
    reverse(estate, receipt)
    assert standing(estate) == {}
    assert row(estate, "SELECT sum(paid)::bigint AS fen FROM payment_notice").fen == 0
    assert row(estate, "SELECT remainder FROM unmatched_receipt").remainder == 0
    at_risk = row(estate, "SELECT status FROM contract WHERE status <> 'drafted'")
    assert at_risk.status == "at-risk"


def test_a_claim_that_waits_falls_with_the_reversal_a_return_holds_it_off(estate, people):
    """待确认的认领遇冲正即不能再确认；有一部分退回付款人的，冲正按名拒绝。"""
    _, [notice] = sold(estate)
    first, second = pay(estate, None), pay(estate, None)
    waiting = claimed(estate, first, people.cashier, **{notice: "100.00"})
    reverse(estate, first)
    assert refused(confirmed, estate, waiting, people.reviewer) == ["receipt-reversed"]
    decided = returned(estate, second, people.cashier, "40.00")
    assert refused(reverse, estate, second) == ["receipt-returned"]
    confirmed(estate, decided, people.reviewer)
    assert refused(reverse, estate, second) == ["receipt-returned"]


def test_a_contract_at_risk_is_safe_again_once_a_claim_makes_it_good(estate, people):
    """备案后款项被冲正而有风险的合同，待认领款认领补足之后恢复已备案。"""
    contract_no, [notice] = sold(estate)
    receipt = pay(estate, notice)
    filed(estate, contract_no)
    reverse(estate, receipt)
    waiting = claimed(estate, pay(estate, None), people.cashier, **{notice: "100.00"})
    confirmed(estate, waiting, people.reviewer)
    assert row(estate, "SELECT status FROM contract").status == "filed"
