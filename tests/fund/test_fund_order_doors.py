"""维修资金指令的银行接口：与预售资金的指令同一清单、同一答复；重复报送答复相同，别行看不到。"""

import pytest
from sqlalchemy import text

from config.clock import bureau_day
from tests.desk import bearer
from tests.estate import new_number
from tests.fund.advancing import DUE, unpaid
from tests.fund.ordering import ACCOUNT, due, ordered
from tests.sale import row

scene_of = unpaid()


@pytest.fixture
def bank(app, house):
    client = app.test_client()
    whose = {
        name: bearer(house.database, f"bank-{name}", "bank", bank_code=name.upper())
        for name in ("abc", "ccb")
    }

    def call(method, path, body=None, *, by="abc"):
        return client.open(f"/api/v1{path}", method=method, json=body, headers=whose[by])

    return call


def said(outcome, value_date, **more):
    return {
        "outcome": outcome, "bank_serial": new_number("B"), "amount": DUE, "payee_account": ACCOUNT,
        "value_date": value_date, "reason": None, **more,
    }  # fmt: skip


def test_the_bank_reads_and_answers_it_like_any_order(estate, fund, people, bank):
    """清单里看得到、收款人是全文；报已付 201，同一流水再报答复相同；事件进了发件箱。"""
    numbers = [ordered(fund, due(fund, people, estate), people.cashier) for _ in range(3)]
    listed = bank("GET", "/instructions?status=issued&limit=2").get_json()
    assert [one["instruction_no"] for one in listed["items"]] == numbers[:0:-1]
    rest = bank("GET", f"/instructions?limit=2&cursor={listed['next_cursor']}").get_json()
    assert [one["instruction_no"] for one in rest["items"]] == numbers[:1] and rest["next_cursor"] is None
    one = bank("GET", f"/instructions/{numbers[0]}").get_json()
    assert (one["kind"], one["payee_name"], one["payee_account"]) == ("fund-return", "王秀英", ACCOUNT)
    assert bank("GET", f"/instructions/{numbers[0]}", by="ccb").status_code == 404
    assert bank("GET", "/instructions", by="ccb").get_json()["items"] == []
    day = bureau_day().isoformat()
    answer = said("paid", day)
    first = bank("POST", f"/instructions/{numbers[0]}/results", answer)
    assert first.status_code == 201 and first.get_json()["status"] == "paid"
    again = bank("POST", f"/instructions/{numbers[0]}/results", answer)
    assert again.status_code == 200 and again.get_json() == first.get_json()
    assert bank("POST", f"/instructions/{numbers[1]}/results", answer).status_code == 409
    assert bank("POST", f"/instructions/{numbers[1]}/results", said("paid", day), by="ccb").status_code == 404
    wrong = bank("POST", f"/instructions/{numbers[1]}/results", said("paid", day, amount="1.00"))
    assert wrong.status_code == 409 and wrong.get_json()["refusals"][0]["code"] == "amount-differs"
    assert row(estate, "SELECT count(*) AS n FROM fund_suspension").n == 1
    with fund.house.database.read() as session:
        shown = session.scalars(
            text("SELECT data::text FROM outbox_event WHERE type = 'instruction.issued'")
        ).all()
    assert len(shown) == 3 and all("王秀英" not in one and ACCOUNT not in one for one in shown)


def test_a_number_nobody_gave_is_not_found(estate, fund, bank):
    """没有的指令号：读与答复都查无此件。"""
    assert bank("GET", "/instructions/ZL2026999999").status_code == 404
    answer = said("paid", bureau_day().isoformat())
    assert bank("POST", "/instructions/ZL2026999999/results", answer).status_code == 404
