"""Money that named no contract: claimed in parts and filed upon, the rest returned to its payer (不明入账)."""

from typing import Any

import pytest

from config.clock import bureau_day
from tests.claiming import claimed, confirmed, ordered, people_of, refused, returned
from tests.town import Town, found


@pytest.fixture
def town(house: Any, client: Any) -> Town:
    return found(house, client, units=6)


def answered(town: Town, order: str, outcome: str, serial: str, amount: str) -> Any:
    """The bank says what became of an order."""
    return town.call("bank", "POST", f"/instructions/{order}/results", {
        "outcome": outcome, "bank_serial": serial, "amount": amount,
        "payee_account": "6217000010001234567", "value_date": bureau_day().isoformat(),
    })  # fmt: skip


def test_unmatched_money_finds_two_contracts_and_its_rest_goes_home(town: Town, house: Any) -> None:
    """一笔未报通知书的款：认领前两份合同都不能备案；确认后各按所归金额通过；余款银行先未付、再签、付讫。"""
    people, estate = people_of(house), town.estate
    contracts = [town.draft(("down", "350000.00", 0, "own")) for _ in range(2)]
    first, second = (one["notices"][0]["notice_no"] for one in contracts)
    receipt = town.pay("800000.00", None)
    assert [town.check(one)["decision"] for one in contracts] == ["fail", "fail"]

    split = claimed(estate, receipt, people.cashier, **{first: "350000.00", second: "350000.00"})
    assert town.check(contracts[0])["decision"] == "fail"
    confirmed(estate, split, people.reviewer)
    for one in contracts:
        answer = town.check(one)
        assert (answer["decision"], answer["deposited"]) == ("pass", "350000.00")
        assert town.file(one, answer["check_no"]).status_code == 201
    told = town.call("bank", "GET", f"/deposits/{receipt['receipt_no']}").json
    assert (told["status"], told["matched"]) == ("partly_matched", "700000.00")
    assert told["unmatched"] == "100000.00"
    assert town.events("filing").count(("deposit.confirmed", receipt["receipt_no"])) == 2

    rest = returned(estate, receipt, people.cashier, "100000.00")
    confirmed(estate, rest, people.reviewer)
    order = ordered(estate, rest, people.cashier)
    assert answered(town, order, "failed", "F-1", "100000.00").status_code in (200, 201)
    assert estate.held()["2102", f"return:{rest}"] == "100000.00"
    again = ordered(estate, rest, people.cashier)
    assert answered(town, again, "paid", "P-1", "100000.00").status_code in (200, 201)
    assert refused(ordered, estate, rest, people.cashier) == ["return-ordered"]

    assert estate.held()["1101", ""] == "700000.00"
    assert not [code for code, _ in estate.held() if code in ("2101", "2102", "2201")]
    told = town.call("bank", "GET", f"/deposits/{receipt['receipt_no']}").json
    assert (told["status"], told["unmatched"]) == ("confirmed", "0.00")
    reversal = town.take_back({**receipt, "amount": "800000.00"})
    assert [one["code"] for one in reversal.json["refusals"]] == ["receipt-returned"]
