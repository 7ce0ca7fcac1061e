"""差异了结：一人查明、另一人了结；只认新的凭证，分文不差方可了结，从不改已记的账。"""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from config.clock import bureau_day
from config.regulations import law_on
from escrow.errors import Refused
from escrow.statements.difference_rules import ClosingFacts, Remedy, closing_refusals
from escrow.statements.explaining import Explanation, close, explain, give_back, take
from escrow.statements.matching import match
from escrow.statements.rules import Cause, DifferenceStatus
from escrow.tasks import match_statements
from tests.desk import hire, sit_down
from tests.estate import Estate, officers, standing
from tests.stating import Day, Told, held, kinds, paid_in, teller

SHORT = ClosingFacts(
    status=DifferenceStatus.OPEN, delta=-3000, remedy=Remedy.RECEIVABLE, explained=0, strange=(),
    asked_by=1, officer_id=2, confirming=True,
)  # fmt: skip
LAW = law_on(bureau_day(), "presale_funds", "141130")


scene_of = standing()


@pytest.fixture
def bank(app: Any) -> Any:
    return teller(app)


def codes(**changed: Any) -> list[str]:
    return [one.code for one in closing_refusals(replace(SHORT, **changed), LAW)]


def test_what_closes_a_difference() -> None:
    """银行少款由应收更正款解释；所列凭证须分文不差；没有金额的不须凭证。"""
    assert codes() == []
    assert codes(remedy=Remedy.ENTRIES, explained=-3000) == []
    assert codes(remedy=Remedy.NONE, delta=0) == []


def test_what_does_not_close_a_difference() -> None:
    """差一分、方向不符、同一人、未录入、已了结、凭证不相干，各有理由与依据。"""
    assert codes(remedy=Remedy.ENTRIES, explained=-2999) == ["not-explained"]
    assert codes(remedy=Remedy.NONE) == ["not-explained"]
    assert codes(remedy=Remedy.SURPLUS) == ["remedy-other-way"]
    assert codes(delta=0) == ["remedy-other-way"]
    assert codes(asked_by=2) == ["same-officer"]
    assert codes(asked_by=None) == ["difference-not-asked"]
    assert codes(confirming=False) == ["difference-asked"]
    assert codes(status=DifferenceStatus.CLOSED) == ["difference-closed"]
    strange = codes(strange=("0000000001",), remedy=Remedy.ENTRIES)
    assert strange == ["entry-explains-nothing", "not-explained"]
    assert all(one.citation for one in closing_refusals(replace(SHORT, remedy=Remedy.SURPLUS), LAW))


def only(estate: Estate) -> int:
    [(found,)] = held(estate, "SELECT id FROM statement_difference WHERE status = 'open'")
    return int(found)


def said(remedy: Remedy, *entries: int) -> Explanation:
    return Explanation(Cause.OUTSIDE, "已向银行查询", remedy, entries)


def test_a_debit_without_an_order_becomes_what_the_bank_owes(bank: Any, estate: Estate) -> None:
    """银行误付：查明后记应收银行更正款，账实相符；差异留着它的凭证与两个人的名字；未及勾对的，下一拍补上。"""
    one, two = officers(estate.house, "yuan", "shen")
    answer = bank(Day(estate.account_no, (Told(*paid_in(estate)), Told("OUT", 3000, "debit"))))
    number = only(estate)
    estate.do(lambda session: take(session, number, officer_id=one))
    estate.do(lambda session: explain(session, number, said(Remedy.RECEIVABLE), officer_id=one))
    with pytest.raises(Refused):
        estate.do(lambda session: close(session, number, officer_id=one))
    estate.do(lambda session: give_back(session, number, "请附银行回函", officer_id=two))
    estate.do(lambda session: explain(session, number, said(Remedy.RECEIVABLE), officer_id=one))
    estate.do(lambda session: close(session, number, officer_id=two))

    assert (estate.held()["1101", ""], estate.held()["1301", ""]) == ("70.00", "30.00")
    query = "SELECT status, closed_how, asked_by, decided_by FROM statement_difference"
    assert held(estate, query) == [("closed", "entries", one, two)]
    # Closed while somebody else had the turn at the account: the next beat says that it is matched.
    assert held(estate, "SELECT status FROM statement") == [("differences",)]
    with bank.app.app_context():
        assert match_statements() == 1
    assert held(estate, "SELECT status FROM statement") == [("matched",)]
    assert bank(Day(estate.account_no, (Told("B9", 1),), day=None, opening=7000))["version"] == 2
    assert answer["status"] == "differences"


def test_an_entry_that_was_there_before_explains_nothing(bank: Any, estate: Estate) -> None:
    """差异发现之前的凭证、已勾对的凭证，都不能拿来解释。"""
    one = officers(estate.house, "yuan")[0]
    bank(Day(estate.account_no, (Told(*paid_in(estate)), Told("OUT", 3000, "debit"))))
    [(entry,)] = held(estate, "SELECT entry_id FROM receipt")
    with pytest.raises(Refused) as refused:
        estate.do(lambda session: explain(session, only(estate), said(Remedy.ENTRIES, entry), officer_id=one))
    assert [each.code for each in refused.value.refusals] == ["entry-explains-nothing", "not-explained"]
    with estate.house.connect("owner") as connection, pytest.raises(psycopg.Error, match="does not explain"):
        connection.execute("INSERT INTO difference_entry SELECT id, %s FROM statement_difference", (entry,))


def test_a_book_without_the_money_says_so_before_anything_is_booked(bank: Any, estate: Estate) -> None:
    """账上没有这么多钱的，录入时即说明账簿有多少、先查什么，并附依据；不等到了结才说“余额不足”。"""
    one = officers(estate.house, "yuan")[0]
    bank(Day(estate.account_no, (Told("OUT", 77700, "debit"),), opening=77700))
    [(number,)] = held(estate, "SELECT id FROM statement_difference WHERE kind = 'bank-only'")
    with pytest.raises(Refused) as refused:
        estate.do(lambda session: explain(session, number, said(Remedy.RECEIVABLE), officer_id=one))
    (why,) = refused.value.refusals
    assert why.code == "nothing-to-take" and why.citation
    assert "1101 只有 0.00 元，记不了 777.00 元" in why.message


def test_a_reversal_explains_what_the_bank_never_had(bank: Any, estate: Estate) -> None:
    """账簿有、银行无：银行随后冲正，以冲正凭证解释；冲正自身已成差异的，随即了结，账户照常付款。"""
    one, two = officers(estate.house, "yuan", "shen")
    serial, _ = paid_in(estate)
    assert kinds(bank(Day(estate.account_no))) == [("ledger-only", "open")]
    [(receipt,)] = held(estate, f"SELECT receipt_no FROM receipt WHERE bank_serial = '{serial}'")
    back = bank.call("POST", f"/deposits/{receipt}/reversals", {
        "bank_serial": "R1", "amount": "100.00", "value_date": str(bureau_day()), "reason": "误记",
    })  # fmt: skip
    assert back.status_code == 201, back.text
    entry, number = int(back.json["entry_no"]), only(estate)
    match(estate.house.database, estate.house.settings, estate.account_id)
    opened = "SELECT entry_id FROM statement_difference WHERE status = 'open' ORDER BY id"
    assert (entry,) in held(estate, opened)
    estate.do(lambda session: explain(session, number, said(Remedy.ENTRIES, entry), officer_id=one))
    with estate.house.connect("owner") as connection, pytest.raises(psycopg.Error, match="is still there"):
        connection.execute(
            "UPDATE statement_difference SET status = 'closed', closed_how = 'matched', closed_at = now()"
            f" WHERE entry_id = {entry}"
        )
    estate.do(lambda session: close(session, number, officer_id=two))
    match(estate.house.database, estate.house.settings, estate.account_id)
    assert (held(estate, opened), held(estate, "SELECT status FROM statement")) == ([], [("matched",)])
    assert bank(Day(estate.account_no))["differences"][0]["status"] == "closed"


def test_the_worklist_from_the_finding_to_the_closing(bank: Any, estate: Estate) -> None:
    """页面：清单列种类、已历、经办；经办人录入，复核人了结，缺一不可；退回的理由经办人看得到。"""
    house = estate.house
    bank(Day(estate.account_no, (Told(*paid_in(estate)), Told("OUT", 3000, "debit"))))
    clerk = sit_down(bank.app, hire(house.database, house.settings, "yuan", "cashier", full_name="袁建国"))
    chief = sit_down(bank.app, hire(house.database, house.settings, "shen", "reviewer", full_name="沈国栋"))
    path = f"/differences/{only(estate)}"
    assert "银行有、账簿无" in clerk.get("/differences").text
    form = {"cause": "outside", "remedy": "receivable", "entries": "", "note": "银行误扣"}
    assert clerk.post(f"{path}/explanation", {**form, "note": ""}).status_code == 422
    assert chief.post(f"{path}/explanation", form).status_code == 403
    assert clerk.post(f"{path}/explanation", form).status_code == 303
    assert chief.post(f"{path}/return", {"reason": "请附回函"}).status_code == 303
    assert "请附回函" in clerk.get(path).text
    assert clerk.post(f"{path}/explanation", form).status_code == 303
    assert clerk.post(f"{path}/closing").status_code == 403
    assert chief.post(f"{path}/closing").status_code == 303
    page = chief.get(path).text
    assert all(word in page for word in ("已了", "袁建国", "沈国栋", "银行误扣", "解释凭证", "请附回函", "依据"))
    assert "没有未了的对账差异" in chief.get("/differences").text
    assert "体外收付" in chief.get("/differences?all=1").text
    unknown = [clerk.get(f"/differences/{number}").status_code for number in (999, 99999999999)]
    assert unknown == [404, 404]
