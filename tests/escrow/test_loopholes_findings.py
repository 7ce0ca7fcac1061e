"""L8 round trips and L9 false sales, planted through the real doors and found by the task (漏洞 L8、L9)."""

from dataclasses import replace

import pytest

from config.clock import bureau_day
from escrow.contracts.actions import Buyer
from escrow.contracts.rules import IdType
from escrow.deposits.reversals import Reversal, take_back
from escrow.deposits.rules import Channel
from escrow.instructions.rules import Outcome
from escrow.oversight.findings import look
from escrow.oversight.watching import watch
from escrow.withdrawals.payee_rules import PayeeKind
from escrow.withdrawals.payees import (
    AskedContract,
    AskedPayee,
    decide_contract,
    decide_payee,
    enter_contract,
    enter_payee,
    retire_payee,
)
from ledger.money import Yuan
from tests.changing import NEW_BANK, approved, entered, moved
from tests.changing import answered as answered_change
from tests.estate import build, file_hash, new_number
from tests.finding import Market, Payer, answered, buyer, kinds, noticed, paid_out, watched
from tests.sale import BANK, together
from tests.withdrawing import BUILDER, BUILDER_ACCOUNT, at_work, funded, listed, waited

scene_of = at_work


@pytest.fixture
def market(site):
    return Market(site.estate)


def another(house, people):
    """A second project with money and a market of its own."""
    estate = build(house, [people.clerk, people.reviewer], quotas={"1": "600000.00"}, units=4)
    return funded(listed(estate, people)), Market(estate)


def payee_of(site, name, account):
    """A further contractor with its account, listed by two officers."""
    estate, who = site.estate, site.people
    number = new_number("SG")
    contract = AskedContract(
        estate.account_no, number, name, Yuan("90000000.00"), bureau_day(), file_hash(number)
    )
    contract_id = estate.do(lambda session: enter_contract(session, contract, officer_id=who.cashier))
    home = estate.account_no
    estate.do(lambda session: decide_contract(session, home, contract_id, officer_id=who.reviewer))
    papers = file_hash(new_number("KH"))
    asked = AskedPayee(contract_id, PayeeKind.CONTRACTOR, name, account, "工商银行交口支行", papers)
    payee_id = estate.do(lambda session: enter_payee(session, asked, officer_id=who.cashier))
    estate.do(lambda session: decide_payee(session, home, payee_id, officer_id=who.reviewer))
    waited(estate)
    return payee_id


def detail_of(house, kind):
    with house.connect("app") as connection:
        query = "SELECT detail, withdrawal_ids, payee_ids, receipt_ids FROM finding WHERE kind = %s"
        return connection.execute(query, [kind]).fetchall()


def test_l8_money_that_comes_back_from_the_payees_own_account_is_found(house, site, market):
    """L8：拨付的钱从收款人同一账户以购房款回来（两步），即提示回流，并提示收款单位缴存。"""
    number, order = paid_out(site, "100000.00", days_ago=3)
    _, receipt = market.bought(0, Payer(BUILDER, BUILDER_ACCOUNT))

    assert watched(house) == 2
    assert kinds(house) == ["payee-pays", "round-trip"]
    [(detail, withdrawals, _, receipts)] = detail_of(house, "round-trip")
    assert [hop["what"] for hop in detail["hops"]] == ["拨付", "缴存"]
    assert [hop["number"] for hop in detail["hops"]] == [order, receipt["receipt_no"]]
    assert len(withdrawals) == len(receipts) == 1 and number


def test_l8_money_that_comes_back_from_another_account_of_the_payee_is_found(house, site, market):
    """L8：收款人换自己名下另一账户付回来（三步），户名多了空格也认得出。"""
    paid_out(site, "100000.00", days_ago=3)
    market.bought(0, Payer("山西 交口建工有限公司", "62170000999900001"))

    watched(house)

    [(detail, *_)] = detail_of(house, "round-trip")
    assert [hop["what"] for hop in detail["hops"]] == ["拨付", "同一户名", "缴存"]
    assert kinds(house) == ["payee-pays", "round-trip"]


def test_l8_two_projects_that_pay_each_other_are_found(house, people, site, market):
    """L8：甲项目的收款人买乙项目的房、乙项目的收款人买甲项目的房（四步），凑齐最后一笔即提示。"""
    second, other_market = another(house, people)
    stranger = ("吕梁安装有限公司", "6222021410003333333")
    installer = payee_of(second, *stranger)
    paid_out(site, "100000.00", days_ago=9)
    other_market.bought(0, Payer(BUILDER, BUILDER_ACCOUNT), days_ago=7)
    paid_out(second, "90000.00", account=stranger[1], payee_id=installer, days_ago=5)
    watched(house)
    assert kinds(house) == ["payee-pays"]

    market.bought(1, Payer(*stranger))

    assert watched(house) == 2
    [(detail, withdrawals, _, receipts)] = detail_of(house, "round-trip")
    assert [hop["what"] for hop in detail["hops"]] == ["拨付", "缴存", "拨付", "缴存"]
    assert len(set(withdrawals)) == len(set(receipts)) == 2


def test_l8_a_payment_the_bank_took_back_is_no_trip(house, site, market):
    """L8：拨付退汇，或缴存已冲正，都不算资金往返。"""
    _, order = paid_out(site, "100000.00", days_ago=3)
    answered(site, order, "100000.00", Outcome.RETURNED)
    market.bought(0, Payer(BUILDER, BUILDER_ACCOUNT))

    watched(house)

    assert kinds(house) == ["payee-pays"]


def test_l8_a_change_of_the_supervised_account_hides_nothing(house, people, site):
    """L8：拨付之后换了监管账户，钱回到新账户，仍是回流。"""
    paid_out(site, "100000.00", days_ago=3)
    number = entered(site.estate, people.clerk)
    approved(site.estate, number, people.reviewer)
    answered_change(site.estate, number, Outcome.PAID)
    after = moved(site.estate, number)
    assert after.account_no != site.estate.account_no

    Market(after).bought(0, Payer(BUILDER, BUILDER_ACCOUNT), bank=NEW_BANK)

    watched(house)
    assert kinds(house) == ["payee-pays", "round-trip"]


def test_l8_more_than_thirty_days_apart_is_no_trip(house, site, market):
    """L8：拨付与缴存相隔三十一日不算回流；三十日算。"""
    paid_out(site, "100000.00", days_ago=0)
    market.bought(0, Payer(BUILDER, BUILDER_ACCOUNT), days_ago=31)
    watched(house)
    assert kinds(house) == ["payee-pays"]

    market.bought(1, Payer(BUILDER, BUILDER_ACCOUNT), days_ago=30)

    watched(house)
    assert kinds(house) == ["payee-pays", "payee-pays", "round-trip"]


def test_l8_a_developer_who_pays_for_a_home_is_found(house, site, market):
    """L8：开发企业自己、或另一项目的监管专户缴存购房款，即提示；贷款渠道也不例外。"""
    market.bought(0, Payer("测试置业有限公司", "62170000111100001"))
    market.bought(1, Payer("某某", site.estate.account_no), channel=Channel.LOAN)

    watched(house)

    assert kinds(house) == ["developer-pays", "developer-pays"]


def test_l8_an_account_that_changes_its_name_on_the_whitelist_is_found(house, people, site):
    """L8：同一账号停用后又以另一户名列入白名单，每夜查出；换名的收款人是所涉收款人。"""
    estate = site.estate
    home, who = estate.account_no, people.cashier
    estate.do(lambda session: retire_payee(session, home, site.builder, officer_id=who, reason="换户"))
    payee_id = payee_of(site, "吕梁安装有限公司", BUILDER_ACCOUNT)

    assert look(house.database, house.settings) == 1

    [(detail, _, payees, _)] = detail_of(house, "shared-account")
    assert detail["names"] == [BUILDER, "吕梁安装有限公司"] and payees == [site.builder, payee_id]


def test_l8_a_payee_named_as_the_developer_is_found(house, site):
    """L8：户名加空格、换全角括号躲过“收款人不能是开发企业”的，每夜查出。"""
    payee_of(site, "测试置业 有限公司", "6222021410003333333")

    look(house.database, house.settings)

    assert kinds(house) == ["payee-is-developer"]


def test_l9_one_identity_number_in_many_contracts_is_found(house, site, market):
    """L9：同一证件号在三份在册合同中即提示；两份不提示；换了写法的证件号也是同一号。"""
    two, more = Market(site.estate), buyer(0)[0]
    numbers = [two.sell(replace(more, name=f"某{at}", id_no=written))[0]
               for at, written in enumerate(("E00000000", "e00000000"))]  # fmt: skip
    assert look(house.database, house.settings) == 0

    numbers.append(two.sell(more)[0])

    assert look(house.database, house.settings) == 1
    [(detail, *_)] = detail_of(house, "one-id")
    assert detail["contracts"] == sorted(numbers) and market


def test_l9_many_contracts_paid_from_one_account_are_found(house, site, market):
    """L9：同一账户为三份合同缴存自有资金即提示；放款账户不在此列。"""
    lender = Payer("交口县农村信用合作联社", "9001000200030004")
    for at in range(3):
        market.bought(at, lender, channel=Channel.LOAN)
    watched(house)
    assert kinds(house) == []

    second = Market(another(house, site.people)[0].estate)
    hand = Payer("张三", "62170000888800001")
    for at in range(3):
        second.bought(10 + at, hand)

    watched(house)
    assert kinds(house) == ["one-account"] + ["stranger-pays"] * 3


def test_l9_a_payer_who_is_none_of_the_buyers_is_found(house, site, market):
    """L9：自有资金由买受人以外的人缴存即提示，一份合同一个付款账户只提示一次；联名购房人不算外人。"""
    spouse = buyer(8)[1]
    contract_no, notice_no = market.sell(buyer(0)[0], "200000.00")
    market.pay(notice_no, spouse)
    market.pay(notice_no, spouse)
    market.bought(1)

    watched(house)

    assert noticed(house) == [("stranger-pays", f"合同 {contract_no}")]
    [(detail, _, _, receipts)] = detail_of(house, "stranger-pays")
    assert len(receipts) == 2 and detail["amount"] == "200000.00"


def test_l9_a_receipt_taken_back_at_once_is_found(house, site, market):
    """L9：入账后三日内冲正即提示；钱不在了，不再另提示付款人。"""
    _, receipt = market.bought(0, Payer("外人", "62170000888800001"))
    asked = Reversal(receipt["receipt_no"], new_number("R"), Yuan("100000.00"), bureau_day(), "柜员误记")
    site.estate.do(lambda session: take_back(session, asked, BANK))

    watched(house)

    assert noticed(house) == [("quick-reversal", f"入账 {receipt['receipt_no']}")]


def test_honest_sales_and_payments_are_left_alone(house, site, market):
    """诚实的买卖与拨付没有任何提示：本人缴存、银行放贷、按进度付款、跨项目承包。"""
    paid_out(site, "100000.00")
    for at in range(4):
        market.bought(at)

    assert watched(house) == 0
    look(house.database, house.settings)
    assert noticed(house) == []


@pytest.mark.slow
def test_the_demo_county_is_quiet_but_for_its_planted_reversals(demo_house):
    """演示数据里没有误报：除演示时安排的冲正逐笔提示外，一条也没有。"""
    house = demo_house
    watched(house)
    look(house.database, house.settings)

    with house.connect("app") as connection:
        [planted] = connection.execute("SELECT count(*) FROM receipt_reversal").fetchone()
        [seen] = connection.execute("SELECT count(*) FROM watched_receipt WHERE pays_for_buyer").fetchone()
    assert planted > 0 and seen > 20
    assert kinds(house) == ["quick-reversal"] * planted


def test_looking_again_writes_nothing_twice(house, site, market):
    """重复查看、重复查找、四个任务同时查看并查找，都不多写一条，也不多留一次痕。"""
    paid_out(site, "100000.00", days_ago=3)
    market.bought(0, Payer(BUILDER, BUILDER_ACCOUNT))

    def both():
        watch(house.database, house.settings)
        return look(house.database, house.settings)

    assert sorted(together([both] * 4)) == [0, 0, 0, 2]
    before = noticed(house)

    assert watch(house.database, house.settings, everything=True) == []
    assert look(house.database, house.settings) == look(house.database, house.settings, fresh=[1]) == 0
    assert noticed(house) == before
    with house.connect("app") as connection:
        trail = connection.execute("SELECT count(*) FROM audit_event WHERE action = 'finding.raised'")
        assert trail.fetchone() == (len(before),)


def test_money_that_finds_its_contract_later_is_judged_then(house, site, market):
    """待认领的款归入合同之前不判断付款人是否买受人；归入之后补判，只补一次。"""
    receipt = market.pay(None, Payer("外人", "62170000888800001"))
    watched(house)
    with house.connect("app") as connection:
        rows = connection.execute("SELECT receipt_id, pays_for_buyer FROM watched_receipt").fetchall()
    assert [said for _, said in rows] == [None] and noticed(house) == []
    _, notice_no = market.sell(buyer(0)[0])
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO receipt_allocation (receipt_id, notice_id, contract_id, amount)"
            " SELECT %s, id, contract_id, 100 FROM payment_notice WHERE notice_no = %s",
            [rows[0][0], notice_no],
        )

    watched(house)

    assert kinds(house) == ["stranger-pays"] and receipt


def test_where_a_buyer_cannot_be_read_nobody_is_called_a_stranger(house, site, market):
    """合同的买受人解不开时，不把付款人说成外人；也不因此每次都重查全县。"""
    market.bought(0, Payer("外人", "62170000888800001"))
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE party SET name_sealed = 'x'")

    assert len(watch(house.database, house.settings)) == 1
    assert watch(house.database, house.settings, everything=True) == []

    look(house.database, house.settings)
    assert noticed(house) == []


def test_a_payer_that_cannot_be_read_stops_nobody_else(house, site, market):
    """一笔入账的付款人解不开，只留下日志；其余照看不误。"""
    _, receipt = market.bought(0)
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE receipt SET payer_name_sealed = 'x'")
    market.bought(1, Payer("外人", "62170000888800001"))

    watched(house)

    assert kinds(house) == ["stranger-pays"] and receipt


def test_the_tasks_of_the_beat_do_all_of_it(app, house, site, market):
    """定时任务：每分钟查看新入账即出提示；每夜再查一遍全县。"""
    market.bought(0, Payer("测试置业有限公司", "62170000111100001"))
    tasks = app.extensions["celery"].tasks

    tasks["escrow.tasks.watch_receipts"]()
    assert kinds(house) == ["developer-pays"]
    payee_of(site, "测试置业 有限公司", "6222021410003333333")
    tasks["escrow.tasks.watch_receipts"]()
    assert kinds(house) == ["developer-pays"]

    tasks["escrow.tasks.look_for_risks"]()
    assert kinds(house) == ["developer-pays", "payee-is-developer"]


def test_nothing_personal_stands_in_a_finding(house, site, market):
    """提示里没有完整姓名、账号与证件号。"""
    market.bought(0, Payer("欧阳外人", "62170000888800001"))
    for _ in range(3):
        market.sell(Buyer("重复购房人", IdType.PASSPORT, "E99887766", None))
    watched(house)
    look(house.database, house.settings)

    with house.connect("app") as connection:
        text = str(connection.execute("SELECT f.* FROM finding f").fetchall())
        told = "SELECT detail FROM audit_event WHERE action LIKE 'finding%'"
        text += str(connection.execute(told).fetchall())
    assert kinds(house) == ["one-id", "stranger-pays"]
    for secret in ("欧阳外人", "62170000888800001", "E99887766", "重复购房人"):
        assert secret not in text
