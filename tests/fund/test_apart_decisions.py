"""另列款的处理：单位预交分户、待认领款归入、应退多缴款退还；两名人员，一分钱不两用，依规定退给谁就退给谁。"""

import psycopg
import pytest

from config.clock import bureau_day
from escrow.advances.apart_rules import Payee
from escrow.advances.deciding import ClaimAsked, Evidence, ReturnAsked, ask_return, claim, confirm, reject
from escrow.errors import Invalid
from escrow.maintenance import chart
from ledger.money import Yuan
from tests.estate import file_hash, new_number, sold
from tests.fund.advancing import (
    DEVELOPER,
    DUE,
    OWNER,
    fates,
    held,
    paid,
    refused,
    repaid,
    unpaid,
)
from tests.releasing import refused_by
from tests.sale import row, together

scene_of = unpaid(units=4)


def apart(estate):
    return row(estate, "SELECT max(id) AS id FROM apart_money").id


def evidence():
    number = new_number("YJ")
    return Evidence(number, file_hash(number), "建设单位来函附户清册")


def claimed(fund, apart_id, officer_id, *shares, payer=DEVELOPER):
    asked = ClaimAsked(apart_id, payer, tuple((code, Yuan(part)) for code, part in shares), evidence())
    return fund.do(lambda session: claim(session, asked, officer_id=officer_id))


def returned(fund, apart_id, officer_id, amount=DUE, payee=Payee.PAYER):
    asked = ReturnAsked(apart_id, Yuan(amount), payee, "6217000010001234567", "建设银行交口支行", evidence())
    return fund.do(lambda session: ask_return(session, asked, fund.house.settings, officer_id=officer_id))


def confirmed(fund, decision_id, officer_id):
    return fund.do(lambda session: confirm(session, decision_id, officer_id=officer_id))


def test_a_lump_sum_is_spread_to_houses_by_two(estate, fund, people):
    """单位预交三户之数：一人录入清册，另一人确认，借 2902 贷各户；余额留待下一次；购房人各欠建设单位。"""
    sold(estate)
    paid(fund, amount="20736.00")
    one, two, three, four = estate.unit_codes
    number = claimed(fund, apart(estate), people.clerk, (one, DUE), (two, DUE))
    assert fund.stands(fund.houses[one])[0] == "0.00"
    assert refused(confirmed, fund, number, people.clerk) == ["same-officer"]
    confirmed(fund, number, people.reviewer)
    assert fund.stands(fund.houses[one]) == fund.stands(fund.houses[two]) == (DUE, "0.00", DUE)
    assert held(fund)["2902", f"apart:{apart(estate)}"] == DUE
    both = ((three, DUE), (four, DUE))
    assert refused(claimed, fund, apart(estate), people.clerk, *both) == ["over-remainder"]
    confirmed(fund, claimed(fund, apart(estate), people.clerk, (three, DUE)), people.reviewer)
    assert ("2902", f"apart:{apart(estate)}") not in held(fund)
    assert fund.disagreements() == []
    assert row(estate, "SELECT count(*) AS n FROM house WHERE first_due = 691200").n == 3


def test_unidentified_money_finds_its_house_as_the_owners(estate, fund, people):
    """业主未报房屋的款：查明后归入其户，按业主交存记，不对谁形成债权。"""
    code = estate.unit_codes[0]
    sold(estate)
    paid(fund, amount=DUE, payer=OWNER)
    confirmed(fund, claimed(fund, apart(estate), people.clerk, (code, DUE), payer=OWNER), people.reviewer)
    assert fund.stands(fund.houses[code]) == (DUE, "0.00", "0.00")
    kept = row(estate, "SELECT law, status FROM apart_decision")
    assert kept.status == "confirmed"
    assert kept.law["provisions"]["deposit_fits_house"]["citation"]


def test_what_was_paid_short_is_let_in_by_two_and_the_rest_completes_it(estate, fund, people):
    """建设单位少缴的另列，两人认领之后入户；业主缴其余正好足额，直接入户，各记各的。"""
    code = estate.unit_codes[0]
    sold(estate)
    paid(fund, (code, "6000.00"))
    assert fund.stands(fund.houses[code])[0] == "0.00"
    confirmed(fund, claimed(fund, apart(estate), people.clerk, (code, "6000.00")), people.reviewer)
    assert fates(paid(fund, (code, "911.99"), payer=OWNER)) == [("unclaimed", "0.00", "short-paid")]
    assert fates(paid(fund, (code, "912.00"), payer=OWNER)) == [("booked", "912.00", None)]
    assert fund.stands(fund.houses[code]) == (DUE, "0.00", "6000.00")


def test_a_house_takes_no_more_than_its_due_from_a_spread(estate, fund, people):
    """分户超过应缴、已缴足、没有这户、一户列两次：点名不准，什么也不留下。"""
    one, two = estate.unit_codes[:2]
    paid(fund, (two, DUE))
    paid(fund, amount="50000.00")
    at, clerk = apart(estate), people.clerk
    found = refused(claimed, fund, at, clerk, (one, "6912.01"), (two, "1.00"), (one[:-4] + "9999", "1.00"))
    assert found == ["over-due", "already-paid", "unit-unknown"]
    with pytest.raises(Invalid):
        claimed(fund, at, clerk, (one, "1.00"), (one, "1.00"))
    assert row(estate, "SELECT count(*) AS n FROM apart_decision").n == 0


def test_what_was_entered_is_judged_again_under_the_lock(estate, fund, people):
    """录入之后该户另行缴足的，确认时不准，款仍待处理。"""
    code = estate.unit_codes[0]
    paid(fund, amount=DUE)
    number = claimed(fund, apart(estate), people.clerk, (code, DUE))
    paid(fund, (code, DUE))
    assert refused(confirmed, fund, number, people.reviewer) == ["already-paid"]
    fund.do(lambda session: reject(session, number, "该户已缴足", officer_id=people.reviewer))
    number = returned(fund, row(estate, "SELECT min(id) AS id FROM apart_money").id, people.clerk)
    confirmed(fund, number, people.reviewer)
    assert held(fund)["2903", f"return:{number}"] == DUE


def test_a_buyer_who_paid_by_mistake_has_thereby_repaid(estate, fund, people):
    """业主误缴而代缴未还：依规定退建设单位，确认即视为业主已归还；再收一次不准；应退款待付，专户存款未动。"""
    code = estate.unit_codes[0]
    sold(estate)
    paid(fund, (code, DUE))
    paid(fund, (code, DUE), payer=OWNER)
    at = apart(estate)
    assert refused(returned, fund, at, people.clerk, payee=Payee.PAYER) == ["other-payee"]
    number = returned(fund, at, people.clerk, payee=Payee.DEVELOPER)
    assert fund.stands(fund.houses[code])[2] == DUE
    confirmed(fund, number, people.reviewer)
    assert fund.stands(fund.houses[code]) == (DUE, "0.00", "0.00")
    assert held(fund)["2903", f"return:{number}"] == DUE
    assert held(fund)["100101", ""] == "13824.00"
    assert refused(repaid, fund, code) == ["already-repaid"]
    due = row(estate, "SELECT status, payee, payee_name_masked FROM apart_decision")
    assert tuple(due) == ("return-due", "developer", "测试置业有限公司")
    kept = row(estate, "SELECT origin, amount FROM advance_repayment")
    assert tuple(kept) == ("returned", 691200)


def test_after_the_buyer_repaid_the_mistake_goes_back_to_the_buyer(estate, fund, people):
    """误缴之后业主又向建设单位归还：退业主本人；录入时该退建设单位、确认时已变的，须重录。"""
    code = estate.unit_codes[0]
    sold(estate)
    paid(fund, (code, DUE))
    paid(fund, (code, DUE), payer=OWNER)
    number = returned(fund, apart(estate), people.clerk, payee=Payee.DEVELOPER)
    repaid(fund, code)
    assert refused(confirmed, fund, number, people.reviewer) == ["other-payee"]
    fund.do(lambda session: reject(session, number, "业主已归还", officer_id=people.reviewer))
    confirmed(fund, returned(fund, apart(estate), people.clerk, payee=Payee.PAYER), people.reviewer)
    last = row(estate, "SELECT payee_name_masked AS n FROM apart_decision ORDER BY id DESC LIMIT 1")
    assert last.n == "王**"


def test_one_fen_is_never_used_twice(estate, fund, people):
    """同一笔另列款两人同时录入：只有一件等待确认；确认之后余额为零，库里也不许再录。"""
    one, two = estate.unit_codes[:2]
    paid(fund, amount=DUE)
    at = apart(estate)
    calls = [lambda code=code: claimed(fund, at, people.clerk, (code, DUE)) for code in (one, two)]
    found = together(calls)
    [number] = [one for one in found if isinstance(one, int)]
    assert ["decision-waiting"] in found
    confirmed(fund, number, people.reviewer)
    assert refused(returned, fund, at, people.clerk) == ["over-remainder"]
    with pytest.raises(psycopg.Error) as caught, fund.house.connect("owner") as connection:
        connection.execute(
            "INSERT INTO apart_decision (apart_id, kind, amount, payer_kind, document_no, file_hash, note,"
            " status, entered_by)"
            " SELECT id, 'claim', 1, 'owner', 'x', %s, 'x', 'entered', %s FROM apart_money",
            (file_hash("x"), people.clerk),
        )
    assert refused_by(caught) == "apart_decision_within_remainder"


CONFIRM = (
    "UPDATE apart_decision SET status = '{}', decided_by = %s, decided_at = clock_timestamp(),"
    " entry_id = (SELECT max(id) FROM ledger.journal_entry), law = '{{}}'"
)


@pytest.mark.parametrize(
    ("kind", "status", "guard"),
    [
        pytest.param("claim", "confirmed", "apart_decision_whole", id="冒用凭证归入"),
        pytest.param("return", "return-due", "apart_decision_whole", id="冒用凭证退还"),
        pytest.param("claim", "return-due", "ck_apart_decision_decided_kind", id="归入写成退还"),
        pytest.param("claim", "returned", "apart_decision_steps", id="一步写成已退"),
    ],
)
def test_a_decision_in_plain_sql_has_its_entry(estate, fund, people, kind, status, guard):
    """绕过程序确认：没有自己的凭证、越步、改种类，库里都不许。"""
    paid(fund, amount=DUE)
    if kind == "claim":
        claimed(fund, apart(estate), people.clerk, (estate.unit_codes[0], DUE))
    else:
        returned(fund, apart(estate), people.clerk)
    with pytest.raises(psycopg.Error) as caught, fund.house.connect("owner") as connection:
        connection.execute(CONFIRM.format(status), (people.reviewer,))
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert refused_by(caught) == guard


def test_a_return_is_not_called_done_while_its_money_is_there(estate, fund, people):
    """应退款尚在专户内的，不得写成已退；款已付出的可以。"""
    paid(fund, amount=DUE, payer=OWNER)
    number = returned(fund, apart(estate), people.clerk)
    confirmed(fund, number, people.reviewer)
    done = "UPDATE apart_decision SET status = 'returned'"
    with pytest.raises(psycopg.Error) as caught, fund.house.connect("owner") as connection:
        connection.execute(done)
    assert refused_by(caught) == "apart_decision_paid"
    fund.without_papers()
    way = ((chart.OVERPAID, f"return:{number}"), ("100101", ""), DUE)
    fund.move(chart.MISPAID_RETURNED, way, on=bureau_day())
    with fund.house.connect("owner") as connection:
        connection.execute(done)
