"""合同注销后的首期交存：两人决定、第三人签发，退给谁由规定而定；退还期间不得他用；留给下一购房人的即可备案。"""

from dataclasses import replace

import psycopg
import pytest

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow.advances.owing import owing, totals
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.fund_orders.ended import issue_back
from escrow.fund_orders.ended_facts import ended_of
from escrow.fund_orders.ending import EndAsked, confirm, enter, reject
from escrow.maintenance import chart
from escrow.maintenance.reading import unit_seen
from ledger.money import Yuan
from tests.estate import new_number
from tests.fund.advancing import DUE, OWNER, held, paid, refused, repaid, unpaid
from tests.fund.ordering import ACCOUNT, answers, evidence
from tests.fund.test_fund_orders import attack
from tests.releasing import refused_by
from tests.sale import codes, row, sell, together

scene_of = unpaid()


@pytest.fixture
def stays(monkeypatch):
    """In this region the advance stays with the unit (本地规定留给下一购房人)."""

    def law(day, subject, region=None):
        found = law_on(day, subject, region)
        if subject != "maintenance_fund":
            return found
        changed = {
            key: replace(one, value="stay") if key == "cancelled_advance" else one
            for key, one in found.items()
        }
        return Law(found.day, found.subject, found.region, changed)

    monkeypatch.setattr("escrow.fund_orders.ended_facts.law_on", law)


def gone(estate, sale):
    asked = CancellationAsked(new_number("ZX"), bureau_day(), "退房")
    estate.do(lambda session: cancel(session, sale.contract_no, asked))


def entered(fund, sale, share, officer_id):
    asked = EndAsked(sale.contract_no, share, evidence(), ACCOUNT, "建设银行交口支行")
    return fund.do(lambda s: enter(s, asked, fund.house.settings, officer_id=officer_id))


def decided(fund, sale, share, people):
    number = entered(fund, sale, share, people.clerk)
    fund.do(lambda s: confirm(s, number, officer_id=people.reviewer))
    return number


def back(fund, number, officer_id):
    told = fund.house.settings
    return fund.do(lambda s: issue_back(s, number, told, officer_id=officer_id)).instruction_no


def status(estate, number):
    return row(estate, "SELECT status FROM ended_deposit WHERE id = :id", id=number).status


def shares(fund, sale):
    with fund.house.database.read() as session:
        return {one.name: str(one.amount) for one in ended_of(session, sale.contract_no, locked=False).due}


def place(estate, fund, *, payer=None):
    """A sale whose unit's deposit is paid, and its house."""
    sale = sell(estate)
    code = sale.drafted.unit_code
    paid(fund, (code, DUE), **({"payer": payer} if payer else {}))
    return sale, code, fund.houses[code]


def test_the_developers_advance_goes_back_to_the_developer(estate, fund, people):
    """购房人未归还：决定即了结债权、占用分户；银行已付方出账；专户、分户归零，各级相符。"""
    sale, _, house_id = place(estate, fund)
    assert refused(entered, fund, sale, "1-developer", people.clerk) == ["contract-lives"]
    gone(estate, sale)
    assert shares(fund, sale) == {"1-developer": DUE}
    number = entered(fund, sale, "1-developer", people.clerk)
    assert fund.stands(house_id) == (DUE, "0.00", DUE)
    assert refused(fund.do, lambda s: confirm(s, number, officer_id=people.clerk)) == ["same-officer"]
    fund.do(lambda s: confirm(s, number, officer_id=people.reviewer))
    assert fund.stands(house_id) == (DUE, DUE, "0.00")
    assert refused(back, fund, number, people.reviewer) == ["same-officer"]
    order = back(fund, number, people.cashier)
    assert fund.stands(house_id) == (DUE, DUE, "0.00") and held(fund)["100101", ""] == DUE
    answers(fund, order, "paid")
    assert fund.stands(house_id) == ("0.00", "0.00", "0.00") and held(fund) == {}
    assert status(estate, number) == "returned" and fund.disagreements() == []
    kept = row(estate, "SELECT payee_name_masked, law FROM ended_deposit")
    assert kept.payee_name_masked == "测试置业有限公司"
    assert kept.law["provisions"]["cancelled_advance"]["citation"] == "本局设定（待补依据）"


def test_what_the_buyer_repaid_goes_back_to_the_buyer(estate, fund, people):
    """购房人已归还一部分：这部分退购房人，其余退建设单位；各自签发、各自了结。"""
    sale, code, house_id = place(estate, fund)
    repaid(fund, code, "2000.00")
    gone(estate, sale)
    assert shares(fund, sale) == {"1-buyer": "2000.00", "1-developer": "4912.00"}
    buyer = decided(fund, sale, "1-buyer", people)
    developer = decided(fund, sale, "1-developer", people)
    assert fund.stands(house_id) == (DUE, DUE, "0.00")
    answers(fund, back(fund, buyer, people.cashier), "paid", amount="2000.00")
    answers(fund, back(fund, developer, people.cashier), "paid", amount="4912.00")
    assert held(fund) == {} and fund.disagreements() == []
    name = row(estate, "SELECT payee_name_masked AS name FROM ended_deposit WHERE payee = 'buyer'").name
    assert name == "王**"


def test_an_owners_own_deposit_goes_back_to_who_paid_it(estate, fund, people):
    """业主自缴的退原付款人，不动债权。"""
    sale, _, house_id = place(estate, fund, payer=OWNER)
    gone(estate, sale)
    number = decided(fund, sale, "1-payer", people)
    answers(fund, back(fund, number, people.cashier), "paid")
    assert fund.stands(house_id) == ("0.00", "0.00", "0.00") and fund.disagreements() == []


def test_money_on_its_way_back_files_no_other_contract(estate, fund, people):
    """退还期间与退还之后，下一份合同都不得凭旧款备案；另缴之后可备案，两笔互不相混。"""
    sale, code, house_id = place(estate, fund)
    gone(estate, sale)
    number = decided(fund, sale, "1-developer", people)
    second = sell(estate)
    second.pay_due()
    assert codes(second.check()) == ["maintenance-unpaid"]
    paid(fund, (code, DUE))
    assert second.check().decision == "pass"
    assert fund.stands(house_id) == ("13824.00", DUE, DUE)
    with fund.house.database.read() as session:
        seen = unit_seen(session, code)
    assert (str(seen.paid), str(seen.repaid)) == (DUE, "0.00")
    answers(fund, back(fund, number, people.cashier), "paid")
    assert fund.stands(house_id) == (DUE, "0.00", DUE)
    assert second.check().decision == "pass"
    assert repaid(fund, code)["owed"] == "0.00" and fund.disagreements() == []


def test_what_an_ended_contract_left_owing_is_no_next_buyers(estate, fund):
    """注销合同的代缴款尚未处置、房屋已另售另缴：账龄清单上下一购房人只欠自己那一份，还清即不在清单。"""
    sale, code, house_id = place(estate, fund)
    repaid(fund, code, "1000.00")
    gone(estate, sale)
    sell(estate)
    paid(fund, (code, DUE))
    assert fund.stands(house_id) == ("13824.00", "0.00", "12824.00")

    def listed():
        with fund.house.database.read() as session:
            found = owing(session, bureau_day(), None, after=0, limit=9)
            whole = totals(session, bureau_day(), law_on(bureau_day(), "maintenance_fund", "141130"))
        return [one.owed for one in found], whole[0]

    assert listed() == ([691200], (1, Yuan(DUE)))
    repaid(fund, code)
    assert listed() == ([], (0, Yuan("0.00")))


def test_what_came_back_from_the_bank_is_due_again(estate, fund, people):
    """退汇：款回分户并重新占用，复为应退，再签发直至付清。"""
    sale, _, house_id = place(estate, fund)
    gone(estate, sale)
    number = decided(fund, sale, "1-developer", people)
    first = back(fund, number, people.cashier)
    answers(fund, first, "paid")
    answers(fund, first, "returned")
    assert fund.stands(house_id) == (DUE, DUE, "0.00") and status(estate, number) == "return-due"
    answers(fund, back(fund, number, people.cashier), "paid")
    assert held(fund) == {} and fund.disagreements() == []


def test_a_share_is_entered_once_and_may_be_sent_back(estate, fund, people):
    """同一份不录两次；退回之后可重录；两人同时录入只成一件。"""
    sale, *_ = place(estate, fund)
    gone(estate, sale)
    number = entered(fund, sale, "1-developer", people.clerk)
    assert refused(entered, fund, sale, "1-developer", people.clerk) == ["already-entered"]
    fund.do(lambda s: reject(s, number, "缺注销证明", officer_id=people.reviewer))
    told = together([lambda: entered(fund, sale, "1-developer", people.clerk)] * 2)
    assert ["already-entered"] in told and sum(isinstance(one, int) for one in told) == 1


def test_where_the_law_says_so_the_next_buyer_has_it(estate, fund, people, stays):
    """留给下一购房人：原购房人归还过的债权对下一人重新记起，下一份合同即可备案，下一人归还一次为止。"""
    sale, code, house_id = place(estate, fund)
    repaid(fund, code, "2000.00")
    gone(estate, sale)
    assert shares(fund, sale) == {"1-stay": DUE}
    assert fund.stands(house_id)[2] == "4912.00"
    decided(fund, sale, "1-stay", people)
    assert fund.stands(house_id) == (DUE, "0.00", DUE)
    second = sell(estate)
    second.pay_due()
    assert second.check().decision == "pass"
    with fund.house.database.read() as session:
        seen = unit_seen(session, code)
    assert (str(seen.paid), str(seen.repaid), str(seen.owed)) == (DUE, "0.00", DUE)
    assert refused(repaid, fund, code, "6912.01") == ["over-advanced"]
    assert repaid(fund, code, "1000.00")["owed"] == "5912.00"
    gone(estate, second)
    decided(fund, second, "1-stay", people)
    third = sell(estate)
    third.pay_due()
    assert third.check().decision == "pass" and fund.stands(house_id) == (DUE, "0.00", DUE)
    assert fund.disagreements() == []


def test_what_stayed_goes_back_when_the_next_contract_ends_under_another_law(estate, fund, people, request):
    """留下之后规定改为退还：下一份合同再注销，按现行规定退还，一分不少。"""
    sale, code, house_id = place(estate, fund)
    gone(estate, sale)
    patch = request.getfixturevalue("monkeypatch")
    request.getfixturevalue("stays")
    decided(fund, sale, "1-stay", people)
    patch.undo()
    second = sell(estate)
    repaid(fund, code, "912.00")
    gone(estate, second)
    assert shares(fund, second) == {"1-buyer": "912.00", "1-developer": "6000.00"}
    for share, amount in (("1-buyer", "912.00"), ("1-developer", "6000.00")):
        number = decided(fund, second, share, people)
        answers(fund, back(fund, number, people.cashier), "paid", amount=amount)
    assert fund.stands(house_id) == ("0.00", "0.00", "0.00") and held(fund) == {}


# --- past the application: plain SQL ---

ENTER = (
    "INSERT INTO ended_deposit (deposit_id, contract_id, kind, amount, closes, payee, payee_name_sealed,"
    " payee_name_masked, payee_account_sealed, payee_account_masked, payee_bank, document_no, file_hash,"
    " note, status, entered_by) SELECT d.id, c.id, 'return', %(amount)s, 0, %(payee)s, 'x', 'x', 'x', 'x',"
    " 'x', 'W1', repeat('a', 64), 'n', %(status)s, 1 FROM house_deposit d, contract c"
)


@pytest.mark.parametrize(
    ("cancelled", "said", "why"),
    [
        (False, {}, "ended_deposit_whole"),
        (True, {"amount": 691201}, "ended_deposit_whole"),
        (True, {"payee": "payer"}, "ended_deposit_whole"),
        (True, {"payee": "buyer"}, "ended_deposit_whole"),
        (True, {"status": "return-due"}, "ended_deposit_steps"),
    ],
)
def test_a_return_nobody_is_owed_is_not_written(estate, fund, cancelled, said, why):
    """直接写库：合同未注销、多退一分、退错人、购房人没有归还而退购房人、跳过决定，都写不进去。"""
    sale, *_ = place(estate, fund)
    if cancelled:
        gone(estate, sale)
    told = {"amount": 691200, "payee": "developer", "status": "entered", **said}
    with pytest.raises(psycopg.errors.CheckViolation) as found:
        attack(fund.house, (ENTER, told))
    assert refused_by(found) == why


def test_held_money_is_not_taken_by_another_way(estate, fund, people):
    """直接记账：没有指令不得自分户付出；占用着的款也不得另作他用。"""
    sale, _, house_id = place(estate, fund)
    gone(estate, sale)
    number = decided(fund, sale, "1-developer", people)
    key = chart.house_key(house_id)
    with pytest.raises(Exception, match=r"fund_outflow_explained|held"):
        fund.move(
            chart.REFUND, (("400101", key), ("100101", ""), DUE),
            (("9201", key), ("9299", f"return:{number}"), DUE),
        )  # fmt: skip
    with pytest.raises(Exception, match="held"):
        fund.move(chart.HOLD_USE, (("9299", "use:1"), ("9201", key), "0.01"))
    with pytest.raises(Exception, match="ended_entry_by_step"):
        fund.move(chart.FREE_USE, (("9201", key), ("9299", f"return:{number}"), "0.01"))
    with pytest.raises(psycopg.errors.CheckViolation) as found:
        attack(fund.house, ("UPDATE ended_deposit SET status = 'returned'", {}))
    assert refused_by(found) == "ended_deposit_paid"
