"""监管账户变更遇到司法冻结、保函、接管与银行未付的用款：哪些先了结，为什么，依据哪一条；哪些随户转移。"""

from datetime import timedelta
from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from escrow.instructions.rules import Outcome
from escrow.supervision import guarantees, takeovers
from escrow.supervision.court_holds import Document, Freeze, ask_lift, decide, freeze
from escrow.supervision.guarantees import Offered
from escrow.supervision.measures import OrderStatus
from escrow.supervision.takeovers import Order
from escrow.withdrawals.closing import close_rest
from ledger.money import Yuan
from tests import withdrawing
from tests.changing import answered, approved, codes, entered, estate_of, moved, people_of
from tests.estate import file_hash, new_number
from tests.releasing import refused_by
from tests.sale import row, sell
from tests.withdrawing import BUILDER_ACCOUNT


def scene_of(house, app):
    """A project whose first building keeps a quota (有监管额度的项目)."""
    people = people_of(house)
    return SimpleNamespace(people=people, estate=estate_of(house, people))


def reasons(unit):
    from escrow.errors import Refused

    with pytest.raises(Refused) as found:
        unit()
    return found.value.refusals


def frozen(estate, people, amount="1000.00"):
    paper = Document(new_number("（2026）晋11执"), bureau_day(), file_hash(new_number("冻")))
    court = Freeze(
        estate.account_no, "吕梁市中级人民法院", Yuan(amount) if amount else None, bureau_day(),
        bureau_day() + timedelta(days=180), paper,
    )  # fmt: skip
    return estate.do(lambda session: freeze(session, court, officer_id=people.clerk))


def taken_over(estate, people):
    number = new_number("接管")
    order = Order(estate.account_no, number, "停工", file_hash(number))
    entry = estate.do(lambda session: takeovers.enter(session, order, officer_id=people.clerk))
    estate.do(lambda session: takeovers.decide(session, estate.account_no, entry, officer_id=people.reviewer))
    return entry, number


def whole_change(estate, people):
    number = entered(estate, people.clerk)
    approved(estate, number, people.reviewer)
    answered(estate, number, Outcome.PAID)
    return moved(estate, number)


def test_a_court_hold_is_not_moved_away_and_the_refusal_says_why(estate, people):
    """冻结的账户不得变更：写明冻结编号、法院、金额、期限，引民事诉讼法；指出先由法院解冻或改冻；解冻之后可以变更。"""
    sell(estate).pay_due()
    home, hold_no = estate.account_no, frozen(estate, people)
    [reason] = reasons(lambda: entered(estate, people.clerk))
    assert reason.code == "open-judicial-hold"
    for words in (hold_no, "吕梁市中级人民法院", "1000.00 元", f"{bureau_day() + timedelta(days=180)}", "解冻"):
        assert words in reason.message
    assert "民事诉讼法 第一百一十四条" in reason.citation
    paper = Document(new_number("（2026）晋11执解"), bureau_day(), file_hash(new_number("解")))
    act = estate.do(lambda session: ask_lift(session, home, hold_no, paper, officer_id=people.clerk))
    estate.do(lambda session: decide(session, home, act, officer_id=people.reviewer))
    assert whole_change(estate, people).held()


def test_a_hold_of_the_whole_account_says_whole(estate, people):
    """全额冻结的写明全额。"""
    frozen(estate, people, "")
    [reason] = reasons(lambda: entered(estate, people.clerk))
    assert "全额" in reason.message


def test_a_guarantee_replaces_cash_of_this_very_account(estate, people):
    """有效保函按现账户置换额度：换户之前须退还，写明保函编号、出具银行、余额、期限，引104号；退还之后可以变更。"""
    estate.put("1", "400000.00")
    home, number = estate.account_no, new_number("BH")
    offered = Offered(
        estate.account_no, "1", number, "中国工商银行", Yuan("100000.00"),
        bureau_day() + timedelta(days=300), file_hash(number),
    )  # fmt: skip
    entry = estate.do(lambda session: guarantees.enter(session, offered, officer_id=people.clerk))
    assert codes(lambda: entered(estate, people.clerk)) == ["guarantee-pending"]
    estate.do(lambda session: guarantees.decide(session, home, entry, officer_id=people.reviewer))
    [reason] = reasons(lambda: entered(estate, people.clerk))
    assert reason.code == "open-guarantee"
    for words in (number, "中国工商银行", "100000.00 元", "退还"):
        assert words in reason.message
    assert "银保监办发〔2022〕104号" in reason.citation
    estate.do(
        lambda s: guarantees.ask_end(s, home, entry, OrderStatus.ENDED, "换户", officer_id=people.clerk)
    )  # fmt: skip
    estate.do(lambda s: guarantees.end(s, home, entry, officer_id=people.reviewer))
    assert whole_change(estate, people).held()


def test_a_takeover_is_of_the_project_and_goes_with_it(estate, people):
    """接管是对项目的：换户照办，新户的付款仍须两级；终止接管也在新户办理；划转退汇的，接管随之回到原户。"""
    sell(estate).pay_due()
    entry, order_no = taken_over(estate, people)
    number = entered(estate, people.clerk)
    approved(estate, number, people.reviewer)
    answered(estate, number, Outcome.PAID)
    new = moved(estate, number)
    with estate.house.database.read() as session:
        assert takeovers.taken_over(session, new.account_id) == order_no
        assert takeovers.taken_over(session, estate.account_id) is None
    answered(estate, number, Outcome.RETURNED)
    with estate.house.database.read() as session:
        assert takeovers.taken_over(session, estate.account_id) == order_no
    again = whole_change(estate, people)
    estate.do(lambda s: takeovers.ask_end(s, again.account_no, entry, "ended", "复工", officer_id=people.clerk))
    estate.do(lambda s: takeovers.end(s, again.account_no, entry, officer_id=people.reviewer))
    with estate.house.database.read() as session:
        assert takeovers.taken_over(session, again.account_id) is None


def test_a_takeover_not_yet_decided_is_decided_first(estate, people):
    """尚待确认的接管先确认或退回，才变更账户。"""
    number = new_number("接管")
    order = Order(estate.account_no, number, "停工", file_hash(number))
    estate.do(lambda session: takeovers.enter(session, order, officer_id=people.clerk))
    assert codes(lambda: entered(estate, people.clerk)) == ["takeover-pending"]


def test_what_the_bank_did_not_pay_is_settled_first(empty_house):
    """已签发而银行未付的用款：再签或了结之前不得变更账户；了结余款之后可以。"""
    staff = withdrawing.people_of(empty_house)
    site = withdrawing.funded(withdrawing.site_of(empty_house, staff))
    number = site.approved("1000.00", "500.00")
    orders = site.issue(number).numbers
    said(site, orders[0], Outcome.PAID, "1000.00")
    said(site, orders[1], Outcome.FAILED, "500.00")
    [reason] = reasons(lambda: entered(site.estate, staff.clerk))
    assert reason.code == "withdrawal-rest-pending" and number in reason.message
    by_hand(site, staff, number)
    site.estate.do(lambda s: close_rest(s, number, officer_id=staff.third, reason="账户已销"))
    assert whole_change(site.estate, staff_of(staff)).held()


def by_hand(site, staff, number):
    """The change entered before the bank's answer is not approved in plain SQL either."""
    with site.estate.house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO account_change (change_no, account_id, document_no, file_hash, agreement_no,"
            " signed_on, bank_code, bank_name, account_no, account_name, status, entered_by)"
            " VALUES ('BG-x', %s, 'x', repeat('e', 64), 'x', current_date, 'ICBC', 'x', '62', 'x', 'entered',"
            " %s)",
            (site.estate.account_id, staff.clerk),
        )
    with pytest.raises(psycopg.Error) as caught, site.estate.house.connect() as connection:
        connection.execute(
            "UPDATE account_change SET status = 'done', decided_by = %s, decided_at = now(), amount = 0,"
            " law = '{}', finished_at = now()", (staff.reviewer,),
        )  # fmt: skip
    assert refused_by(caught) == "account_change_stands"
    with site.estate.house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM account_change")


def staff_of(staff):
    from types import SimpleNamespace

    return SimpleNamespace(clerk=staff.clerk, reviewer=staff.reviewer)


def said(site, number, outcome, amount):
    from escrow.instructions.results import Result, record

    told = site.estate.house.settings
    result = Result(number, outcome, new_number("F"), Yuan(amount), BUILDER_ACCOUNT, bureau_day())
    site.estate.do(lambda session: record(session, result, "ABC", told))


@pytest.mark.parametrize("role", ["app", "owner"])
def test_a_takeover_does_not_wander_in_plain_sql(house, people, role):
    """纯 SQL：接管不能挪到别的账户，只随账户变更走。"""
    estate, other = estate_of(house, people), estate_of(house, people)
    entry, _ = taken_over(estate, people)
    with pytest.raises(psycopg.Error) as caught, house.connect(role) as connection:
        connection.execute(
            "UPDATE takeover SET account_id = %s WHERE id = %s", (other.account_id, entry)
        )
    assert refused_by(caught) == "takeover_follows_change"
    assert row(estate, "SELECT account_id FROM takeover").account_id == estate.account_id
