"""监管账户变更之后，原账户上还会发生的事：退汇、迟到的入账、银行冲正——照实记账，随即归现账户，不丢、不重、不为负。"""

from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from escrow import chart
from escrow.changes.onward import send_back, send_on
from escrow.deposits.reversals import Reversal, take_back
from escrow.instructions.results import Result, record
from escrow.instructions.rules import Outcome
from escrow.refunds.actions import AskedPart
from escrow.refunds.issuing import issue_refund
from escrow.withdrawals.deciding import revoke
from escrow.withdrawals.rules import Channel
from ledger.money import Yuan
from tests import claiming, refunding, stating, withdrawing
from tests.changing import (
    NEW_BANK,
    OLD_BANK,
    answered,
    approved,
    codes,
    deposited,
    entered,
    estate_of,
    moved,
    people_of,
)
from tests.desk import hire, sit_down
from tests.estate import new_number
from tests.noding import reached
from tests.releasing import refused_by
from tests.sale import row, sell
from tests.stating import Day, Told
from tests.withdrawing import BUILDER_ACCOUNT


@pytest.fixture
def people(house):
    return people_of(house)


@pytest.fixture
def estate(house, people):
    return estate_of(house, people)


@pytest.fixture
def staff(house):
    return withdrawing.people_of(house)


def changed(estate, staff):
    """The project has moved; the same project seen through its new account (换户)."""
    number = entered(estate, staff.clerk)
    if approved(estate, number, staff.reviewer) is not None:
        answered(estate, number, Outcome.PAID)
    return moved(estate, number)


def said(estate, number, outcome, amount, *, bank=OLD_BANK, payee=BUILDER_ACCOUNT, serial=None):
    told = estate.house.settings
    result = Result(number, outcome, serial or new_number("F"), Yuan(amount), payee, bureau_day(), "账户已销")
    return estate.do(lambda session: record(session, result, bank, told))


def sent(estate, officer_id):
    """The old account's takings ordered on, and paid by its bank (余款划转)."""
    told = estate.house.settings
    number = estate.do(lambda s: send_on(s, estate.account_no, told, officer_id=officer_id))
    order = row(estate, "SELECT * FROM instruction WHERE instruction_no = :n", n=number)
    return number, Yuan.from_fen(order.amount), order.payee_account_masked


def whole(*estates):
    """Each set of books balances by itself, and nothing stands below zero (平衡)."""
    for estate in estates:
        held = {key: Yuan(amount) for key, amount in estate.held().items()}
        assets = sum((v for (c, _), v in held.items() if c in ("1101", "1102", "1301")), Yuan(0))
        owed = sum((v for (c, _), v in held.items() if c[0] == "2"), Yuan(0))
        assert assets == owed and all(amount > Yuan(0) for amount in held.values())


def key(estate):
    return chart.building_key(estate.buildings["1"])


def paid_site(house, staff, **built):
    site = withdrawing.funded(withdrawing.site_of(house, staff, **built))
    number = site.approved("100000.00")
    [order] = site.issue(number).numbers
    said(site.estate, order, Outcome.PAID, "100000.00")
    return site, number, order


def test_what_comes_back_to_the_old_account_is_booked_and_goes_on(house, staff):
    """换户之后退汇：答 201，钱记在原账户待划转、记在现账户划转在途，楼幢资金如数恢复；一件指令划到现账户，原账户清零。"""
    site, _, order = paid_site(house, staff)
    old = site.estate
    new = changed(old, staff)
    before = new.held()["2112", key(new)]
    answer = said(old, order, Outcome.RETURNED, "100000.00", serial="T1")
    assert answer["status"] == "returned" and "refusals" not in answer
    assert old.held() == {("1101", ""): "100000.00", ("2203", ""): "100000.00"}
    assert new.held()["1102", ""] == "100000.00"
    assert Yuan(new.held()["2112", key(new)]) == Yuan(before) + Yuan("100000.00")
    whole(old, new)
    booked = old.held(), new.held()
    assert "refusals" not in said(old, order, Outcome.RETURNED, "100000.00", serial="T1")
    assert (old.held(), new.held()) == booked
    number_of, amount, payee = sent(old, staff.cashier)
    assert (amount, payee) == (Yuan("100000.00"), new.account_no)
    assert codes(lambda: sent(old, staff.cashier)) == ["nothing-onward"]
    said(old, number_of, Outcome.PAID, "100000.00", payee=new.account_no)
    assert old.held() == {} and ("1102", "") not in new.held()
    assert new.held()["1101", ""] == "1000000.00"
    whole(new)


def test_a_line_that_came_back_is_ordered_again_from_the_new_account(house, staff):
    """退回的一笔不悬空：可从现账户再签发，或者撤销；撤销之后合同与发票放开。"""
    site, number, order = paid_site(house, staff)
    old = site.estate
    site.estate = new = changed(old, staff)
    said(old, order, Outcome.RETURNED, "100000.00")
    [again] = site.issue(number).numbers
    found = row(new, "SELECT account_id FROM instruction WHERE instruction_no = :n", n=again)
    assert found.account_id == new.account_id
    said(new, again, Outcome.FAILED, "100000.00", bank=NEW_BANK)
    new.do(lambda s: revoke(s, number, officer_id=staff.third, reason="不付了"))
    assert row(new, "SELECT status FROM withdrawal").status == "revoked"
    whole(old, new)


def test_key_payments_that_came_back_count_no_more_in_the_new_books(house, staff):
    """支用制：退汇之后，现账户的重点已拨额随之减少，节点额度可以再用。"""
    site = withdrawing.site_of(house, staff, mode="draw_down")
    site.estate.put("1", "600000.00")
    reached(site.estate, (staff.clerk, staff.reviewer), "主体结构验收")
    number = site.approved("200000.00", channel=Channel.KEY)
    [order] = site.issue(number).numbers
    said(site.estate, order, Outcome.PAID, "200000.00")
    new = changed(site.estate, staff)
    assert new.held()["8204", key(new)] == "200000.00"
    said(site.estate, order, Outcome.RETURNED, "200000.00")
    assert ("8204", key(new)) not in new.held()
    assert new.held()["2111", key(new)] == "600000.00"
    whole(site.estate, new)


def test_a_refund_that_came_back_is_owed_and_paid_from_the_new_account(house):
    """退款退汇：应退款记在现账户，原样再签发给原付款人；现账户付讫，两边清楚。"""
    people = refunding.people_of(house)
    gone = refunding.dropped(refunding.estate_of(house, people))
    refund_no = gone.entered(people.cashier)
    gone.approved(refund_no, people.reviewer)
    old, told = gone.estate, house.settings
    [order] = old.do(lambda s: issue_refund(s, refund_no, told, officer_id=people.third))
    payee = "6217000010001234567"
    said(old, order, Outcome.PAID, "300000.00", payee=payee)
    new = changed(old, people)
    said(old, order, Outcome.RETURNED, "300000.00", payee=payee)
    due = {code: amount for (code, _), amount in new.held().items() if code in ("2301", "1102")}
    assert due == {"2301": "300000.00", "1102": "300000.00"}
    whole(old, new)
    [again] = new.do(lambda s: issue_refund(s, refund_no, told, officer_id=people.third))
    said(new, again, Outcome.PAID, "300000.00", payee=payee, bank=NEW_BANK)
    assert not [code for code, _ in new.held() if code in ("2301", "2202")]
    whole(old, new)


def test_a_late_deposit_is_booked_unmatched_and_claimed_in_the_new_books(house, estate, people):
    """迟到的入账：答 201 待认领，原账户、现账户各记一笔；在现账户认领归合同、核对计入；划转之后两边清楚。"""
    sale = sell(estate)
    sale.pay(1, Yuan("100000.00"))
    staff = SimpleNamespace(clerk=people.clerk, reviewer=people.reviewer)
    new = changed(estate, staff)
    receipt = deposited(estate, sale.notices[1], "200000.00")
    assert receipt["status"] == "unmatched"
    assert estate.held() == {("1101", ""): "200000.00", ("2203", ""): "200000.00"}
    assert new.held()["1102", ""] == new.held()["2101", ""] == "200000.00"
    whole(estate, new)
    entry = claiming.claimed(new, receipt, people.clerk, **{sale.notices[1]: "200000.00"})
    claiming.confirmed(new, entry, people.reviewer)
    assert ("2101", "") not in new.held() and new.held()["2111", key(new)] == "300000.00"
    order, _, _ = sent(estate, people.third)
    said(estate, order, Outcome.PAID, "200000.00", payee=new.account_no)
    assert estate.held() == {} and new.held()["1101", ""] == "300000.00"
    whole(new)


def test_a_late_deposit_that_was_an_error_is_reversed_where_it_lies(estate, people):
    """迟到的入账又被银行冲正，钱还在原账户：两边原样冲回，归零。"""
    new = changed(estate, people)
    before = new.held()
    receipt = deposited(estate, None, "50.00")
    reverse(estate, receipt, "50.00")
    assert estate.held() == {} and new.held() == before


def reverse(estate, receipt, amount, serial=None):
    asked_ = Reversal(
        receipt["receipt_no"], serial or new_number("C"), Yuan(amount), bureau_day(), "串户"
    )
    return estate.do(lambda session: take_back(session, asked_, OLD_BANK))


def test_a_reversal_of_what_had_moved_over_is_owed_to_the_bank(estate, people):
    """变更之前的入账被原开户行冲正：合同即欠缴，现账户拨出待退回银行；一件指令退回原账户，资金不为负。"""
    sale = sell(estate)
    receipt = sale.pay_due()[1]
    new = changed(estate, people)
    before = Yuan(new.held()["1101", ""])
    answer = reverse(estate, receipt, "300000.00", serial="C9")
    assert answer["status"] == "reversed"
    [(code, owed)] = [item for item in new.held().items() if item[0][0] == "2102"]
    assert owed == "300000.00" and code[1].startswith("reversal:")
    assert new.held()["2111", key(new)] == "50000.00" and estate.held() == {}
    paid = row(estate, "SELECT paid FROM payment_notice WHERE notice_no = :n", n=sale.notices[1]).paid
    assert paid == 0
    whole(new)
    assert codes(lambda: reverse(estate, receipt, "300000.00")) == ["already-reversed"]
    told = estate.house.settings
    order = estate.do(
        lambda s: send_back(s, estate.account_no, receipt["receipt_no"], told, officer_id=people.third)
    )  # fmt: skip
    said(new, order, Outcome.PAID, "300000.00", bank=NEW_BANK, payee=estate.account_no)
    assert Yuan(new.held()["1101", ""]) == before - Yuan("300000.00")
    whole(new)


def test_more_than_the_new_account_has_left_of_it_stops_the_account(house, staff):
    """冲正的钱在现账户已付出去一部分：只退还剩的，不为负，现账户暂停，留待两人查清。"""
    site = withdrawing.site_of(house, staff)
    sale = sell(site.estate)
    receipt = sale.pay_due()[1]
    old, new = site.estate, changed(site.estate, staff)
    new.take(chart.KEY_FUNDS, "200000.00", debit_key=key(new))
    reverse(old, receipt, "300000.00")
    owed = [Yuan(amount) for (code, _), amount in new.held().items() if code == "2102"]
    assert owed == [Yuan("150000.00")]
    cause = row(new, "SELECT account_id, cause FROM account_suspension")
    assert cause.account_id == new.account_id and receipt["receipt_no"] in cause.cause


def test_what_contradicts_its_order_stops_the_account_that_lives(house, staff):
    """原账户的指令，银行前后矛盾：停的是现账户，不是已销的原户。"""
    site, _, order = paid_site(house, staff)
    new = changed(site.estate, staff)
    answer = said(site.estate, order, Outcome.FAILED, "100000.00")
    assert [code for code, *_ in answer["refusals"]] == ["result-contradicts"]
    found = row(new, "SELECT account_id FROM account_suspension")
    assert found.account_id == new.account_id


def test_the_balance_itself_comes_back_after_the_new_account_is_used(estate, people):
    """整户划转付讫后退汇而新户已有业务：钱记在原账户待划转、新户划转在途，再划一次即到。"""
    sell(estate).pay_due()
    number = entered(estate, people.clerk)
    approved(estate, number, people.reviewer)
    answered(estate, number, Outcome.PAID)
    new = moved(estate, number)
    deposited(new, None, "5.00", NEW_BANK)
    answer = answered(estate, number, Outcome.RETURNED)
    assert "refusals" not in answer
    assert estate.held() == {("1101", ""): "350000.00", ("2203", ""): "350000.00"}
    assert new.held()["1102", ""] == "350000.00" and new.held()["1101", ""] == "5.00"
    whole(estate, new)
    order, _, payee = sent(estate, people.third)
    said(estate, order, Outcome.PAID, "350000.00", payee=payee, serial="P1")
    assert new.held()["1101", ""] == "350005.00" and estate.held() == {}
    said(estate, order, Outcome.RETURNED, "350000.00", payee=payee)
    assert estate.held()["2203", ""] == new.held()["1102", ""] == "350000.00"
    whole(estate, new)


def test_nothing_is_added_while_the_next_change_is_under_way_and_it_waits_for_what_is_owed(house, staff):
    """现账户又在变更、划转在途：银行稍后再报；原账户有款未划到的，现账户不得再变更。"""
    site, _, order = paid_site(house, staff)
    new = changed(site.estate, staff)
    again = entered(new, staff.clerk)
    approved(new, again, staff.reviewer)
    late = lambda: said(site.estate, order, Outcome.RETURNED, "100000.00")  # noqa: E731 - said twice
    assert codes(late) == ["account-changing"]
    answered(new, again, Outcome.FAILED, bank=NEW_BANK)
    assert late()["status"] == "returned"
    assert codes(lambda: entered(new, staff.clerk)) == ["open-transfer-in-transit"]


def test_money_still_on_its_way_pays_nobody(house):
    """退款退汇、款还在原账户：现账户没有这么多在行现金的，不得签发；划到之后可以。"""
    people = refunding.people_of(house)
    gone = refunding.dropped(refunding.estate_of(house, people))
    old, told, payee = gone.estate, house.settings, "6217000010001234567"
    for receipt, amount in zip(gone.receipts, ("50000.00", "300000.00", "650000.00"), strict=True):
        refund_no = gone.entered(people.cashier, AskedPart(receipt, Yuan(amount)))
        gone.approved(refund_no, people.reviewer)
        [order] = old.do(lambda s, no=refund_no: issue_refund(s, no, told, officer_id=people.third))
        account = payee if amount != "650000.00" else refunding.LENDER[1]
        said(old, order, Outcome.PAID, amount, payee=account)
    new = changed(old, people)
    said(old, order, Outcome.RETURNED, "650000.00", payee=refunding.LENDER[1])
    assert codes(lambda: new.do(lambda s: issue_refund(s, refund_no, told, officer_id=people.third))) == [
        "over-cash"
    ]
    sent_no, _, _ = sent(old, people.third)
    said(old, sent_no, Outcome.PAID, "650000.00", payee=new.account_no)
    assert new.do(lambda s: issue_refund(s, refund_no, told, officer_id=people.third))


def test_the_pages_show_what_is_owed_and_send_it(app, house, staff):
    """首页待办、变更清单、项目账户页都看得见；只有资金经办可以签发，收款账户不另填写；签发人、结果可查。"""
    site, _, order = paid_site(house, staff)
    new = changed(site.estate, staff)
    said(site.estate, order, Outcome.RETURNED, "100000.00")
    cashier = sit_down(app, hire(house.database, house.settings, "jingban", "cashier"))
    reviewer = sit_down(app, hire(house.database, house.settings, "fuhe", "reviewer"))
    assert "原监管账户余款待划转" in cashier.get("/").text
    assert "有余款 100,000.00 元" in reviewer.get("/account-changes").text
    page = f"/account-changes/accounts/{site.estate.project_no}"
    assert "签发划转</button>" not in reviewer.get(page).text
    assert "签发划转</button>" in cashier.get(page).text
    said_ = {"old_no": site.estate.account_no, "receipt_no": "", "payee": BUILDER_ACCOUNT}
    assert reviewer.post(f"{page}/onward", said_).status_code == 403
    assert cashier.post(f"{page}/onward", {**said_, "old_no": new.account_no}).status_code == 409
    assert cashier.post(f"{page}/onward", said_).status_code == 303
    shown = reviewer.get(page).text
    for words in ("监管账户变更后原账户余款划转", "jingban 同志", new.account_no, "待银行结果"):
        assert words in shown
    again = cashier.post(f"{page}/onward", said_)
    assert again.status_code == 409 and "nothing-onward" in again.text


@pytest.mark.parametrize("role", ["app", "owner"])
def test_what_an_old_account_holds_goes_nowhere_else_in_plain_sql(house, staff, role):
    """纯 SQL：原账户的余款不能付给别的账户、别的项目，不能没有划转记录；还在用的账户不能借此转走。"""
    site, _, order = paid_site(house, staff)
    new = changed(site.estate, staff)
    said(site.estate, order, Outcome.RETURNED, "100000.00")
    other = withdrawing.site_of(house, staff).estate
    for source, target, payee in (
        (site.estate, other, other.account_no), (new, site.estate, site.estate.account_no),
        (site.estate, new, BUILDER_ACCOUNT),
    ):  # fmt: skip
        with pytest.raises(psycopg.Error) as caught, house.connect(role) as connection:
            forged(connection, source, target, payee)
        assert refused_by(caught) in ("onward_order_stands", "account_pays"), caught.value


FORGED = """
INSERT INTO instruction (instruction_no, kind, account_id, amount, key_amount, payee_name_sealed,
       payee_name_masked, payee_account_sealed, payee_account_masked, payee_bank, purpose, source_code,
       source_key, issued_by, expires_on, status)
SELECT 'ZL2026' || to_char(last, 'FM000000'), 'transfer', %s, 1, 0, 'x', %s, 'x', %s, 'x', 'x', '2203', '', 1,
       current_date, 'issued' FROM instruction_counter RETURNING id
"""


def forged(connection, source, target, payee):
    connection.execute("UPDATE instruction_counter SET last = last + 1")
    name = connection.execute(
        "SELECT account_name FROM supervised_account WHERE id = %s", (target.account_id,)
    ).fetchone()[0]
    made = connection.execute(FORGED, (source.account_id, name, payee)).fetchone()[0]
    connection.execute(
        "INSERT INTO onward_order (instruction_id, from_account_id, to_account_id) VALUES (%s, %s, %s)",
        (made, source.account_id, target.account_id),
    )


def test_money_only_the_statement_tells_of_is_booked_on_the_old_account_too(app, estate, people):
    """原账户的对账单上多出一笔：照样补记，归现账户待认领，差异即了；付出一笔没有指令的，停的是现账户。"""
    new = changed(estate, people)
    state = stating.teller(app)
    state(Day(estate.account_no, (Told("L1", 5000),)))
    assert estate.held() == {("1101", ""): "50.00", ("2203", ""): "50.00"}
    assert new.held()["2101", ""] == "50.00"
    assert row(estate, "SELECT count(*) AS n FROM statement_difference WHERE status = 'open'").n == 0
    state(Day(estate.account_no, (Told("L1", 5000), Told("L2", 1000, "debit"))))
    found = row(estate, "SELECT account_id FROM account_suspension")
    assert found.account_id == new.account_id
