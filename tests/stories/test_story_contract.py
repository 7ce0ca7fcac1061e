"""The first life of a contract, told over HTTP from the draft to the filing and what may go wrong (合同的一生)."""

from typing import Any

from tests.town import Town, settled

scene_of = settled(units=6)


def codes(answer: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in answer["reasons"]]


def test_a_contract_is_filed_once_its_money_is_in(town: Town) -> None:
    """首付到账、核对通过、备案成功；通过书的入账列明，合同转为已备案，房屋不再可售。"""
    contract = town.draft()
    receipt = town.pay("350000.00", contract["notices"][0]["notice_no"])

    answer = town.check(contract)
    filed = town.file(contract, answer["check_no"])

    assert receipt["status"] == "confirmed"
    assert (answer["decision"], answer["required"], answer["deposited"]) == ("pass", "350000.00", "350000.00")
    assert [one["receipt_no"] for one in answer["receipts"]] == [receipt["receipt_no"]]
    assert answer["signature"].count(".") == 2
    assert filed.status_code == 201, filed.text
    assert town.contract(contract)["status"] == "filed"
    units = town.call("platform", "GET", f"/projects/{town.estate.project_no}/units?status=filed").json[
        "items"
    ]
    assert [unit["unit_code"] for unit in units] == [contract["unit_code"]]


def test_one_fen_short_is_refused_with_its_citation(town: Town) -> None:
    """少一分钱也不得备案，并说明差额与依据；补足后即可通过。"""
    contract = town.draft()
    notice_no = contract["notices"][0]["notice_no"]
    town.pay("349999.99", notice_no)

    short = town.check(contract)
    town.pay("0.01", notice_no)

    assert (short["decision"], codes(short), short["shortfall"]) == ("fail", ["deposit-short"], "0.01")
    assert "五是" in short["reasons"][0]["citation"]
    assert town.file(contract, short["check_no"]).status_code == 409
    assert town.check(contract)["decision"] == "pass"


def test_without_money_the_answer_is_missing(town: Town) -> None:
    """分文未到账，核对不通过。"""
    contract = town.draft()

    assert codes(town.check(contract)) == ["deposit-missing"]


def test_a_reversal_after_filing_puts_the_contract_at_risk(town: Town) -> None:
    """备案之后银行冲正：合同转为有风险，网签系统收到通知；款项补足后恢复。"""
    contract = town.draft()
    notice_no = contract["notices"][0]["notice_no"]
    receipt = town.pay("350000.00", notice_no)
    assert town.file(contract, town.check(contract)["check_no"]).status_code == 201

    taken = town.take_back(receipt)

    assert taken.status_code == 201, taken.text
    assert town.contract(contract)["status"] == "at-risk"
    assert ("filing.at-risk", contract["contract_no"]) in town.events("filing")
    assert ("filing.at-risk", contract["contract_no"]) not in town.events("bank")
    town.pay("350000.00", notice_no)
    assert town.contract(contract)["status"] == "filed"


def test_a_reversal_before_filing_kills_the_pass(town: Town) -> None:
    """通过之后、备案之前被冲正：原通过书作废，不得备案。"""
    contract = town.draft()
    receipt = town.pay("350000.00", contract["notices"][0]["notice_no"])
    passed = town.check(contract)

    assert town.take_back(receipt).status_code == 201

    refused = town.file(contract, passed["check_no"])
    assert refused.status_code == 409
    assert all(refusal["citation"] for refusal in refused.json["refusals"])
    assert town.contract(contract)["status"] == "drafted"


def test_a_dropped_draft_keeps_its_money_and_frees_its_unit(town: Town) -> None:
    """注销未备案合同：已缴款仍记在该合同名下等待退款，房屋可另行出售。"""
    contract = town.draft()
    town.pay("350000.00", contract["notices"][0]["notice_no"])
    body = {"event_id": "ZX1", "cancelled_on": contract["payments"][0]["due_on"], "reason": "买受人放弃"}

    dropped = town.call("filing", "POST", f"/contracts/{contract['contract_no']}/cancellation", body)

    assert dropped.status_code == 201, dropped.text
    assert town.contract(contract)["status"] == "cancelled"
    assert town.contract(contract)["deposited"] == "350000.00"
    town.draft(unit=0)


def test_more_than_asked_is_booked_and_the_excess_waits(town: Town) -> None:
    """多缴的部分照样入账，记为待认领；错号、空号的款项全额待认领。"""
    contract = town.draft()
    notice_no = contract["notices"][0]["notice_no"]

    over = town.pay("350000.50", notice_no)
    again = town.pay("1.00", notice_no)
    unknown = town.pay("2.00", "JK209901010001")
    nameless = town.pay("3.00", None)

    assert (over["status"], over["matched"], over["unmatched"]) == ("partly_matched", "350000.00", "0.50")
    assert [one["status"] for one in (again, unknown, nameless)] == ["unmatched"] * 3
    account = town.call("bank", "GET", f"/accounts/{town.estate.account_no}").json
    assert (account["book_balance"], account["unmatched"]) == ("350006.50", "6.50")
