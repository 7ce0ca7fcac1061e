"""The bank's doors: said twice, said wrong, said by the wrong bank, said by twenty at once (银行接口)."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from psycopg.errors import CheckViolation
from sqlalchemy import text

from tests.estate import sold
from tests.libpq import round_trips
from tests.town import Town, settled

TABLES = (
    "receipt",
    "receipt_allocation",
    "receipt_reversal",
    "answered_request",
    "outbox_event",
    "audit_event",
)


scene_of = settled(units=4)


def rows(town: Town) -> dict[str, int]:
    """How many rows stand where a deposit may leave one."""
    with town.estate.house.database.read() as session:
        counted = {table: session.scalar(text(f"SELECT count(*) FROM {table}")) for table in TABLES}
        counted["entries"] = session.scalar(text("SELECT count(*) FROM ledger.journal_entry"))
    return counted


def test_a_repeated_report_brings_the_same_answer_and_no_second_row(town: Town) -> None:
    """同一流水重复报送：答复逐字相同，不重复记账。"""
    body = town.deposit("100.00", None)
    first = town.call("bank", "POST", "/deposits", body)
    before = rows(town)

    second = town.call("bank", "POST", "/deposits", body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.data == second.data
    assert rows(town) == before


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize("change", ["answer = '{}'", "key = key || 'x'", "fingerprint = ''"])
def test_an_answer_given_is_given_for_good(town: Town, change: str, role: str) -> None:
    """已经给出的答复，连同凭以认出重复报送的编号与摘要，谁也改不了。"""
    town.pay("100.00", None)
    with town.estate.house.connect(role) as connection, pytest.raises(CheckViolation) as refused:
        connection.execute(f"UPDATE answered_request SET {change}")
    assert refused.value.diag.constraint_name == "answer_stands"


def test_a_deposit_takes_four_round_trips(town: Town, tmp_path: Path) -> None:
    """一笔入账与数据库往来四次：认令牌，开始事务并问必问的三句，记账，存底并提交。"""
    with town.estate.house.database.begin() as session:
        driver = session.info["driver"]
    _, notices = sold(town.estate, notices=8)
    for notice_no in notices:
        told = partial(town.call, "bank", "POST", "/deposits", town.deposit("100.00", notice_no))
        sent = round_trips(driver, tmp_path / "trace", told)
    assert sent == 4


@pytest.mark.parametrize("change", [{"amount": "100.01"}, {"notice_no": "JK1"}, {"payer_name": "李四"}])
def test_the_same_serial_with_other_facts_is_refused(town: Town, change: dict[str, Any]) -> None:
    """同一流水、内容不同：拒绝，且不留痕迹。"""
    body = town.deposit("100.00", None)
    town.call("bank", "POST", "/deposits", body)
    before = rows(town)

    again = town.call("bank", "POST", "/deposits", {**body, **change})

    assert (again.status_code, again.json["code"]) == (409, "key-reused")
    assert rows(town) == before


def test_a_serial_used_by_a_deposit_cannot_be_a_reversals(town: Town) -> None:
    """入账流水号不能再作冲正流水号。"""
    receipt = town.pay("100.00", None, serial="B-SAME")

    assert town.take_back(receipt, serial="B-SAME").json["code"] == "key-reused"


def test_a_reversal_is_whole_and_once(town: Town) -> None:
    """冲正须全额，且只可一次；第二次拒绝并指明前一笔。"""
    receipt = town.pay("100.00", None)

    part = town.take_back(receipt, amount="99.99")
    whole = town.take_back(receipt, serial="R-1")
    second = town.take_back(receipt)

    assert part.json["refusals"][0]["code"] == "reversal-not-whole"
    assert (whole.status_code, whole.json["status"]) == (201, "reversed")
    assert second.json["refusals"][0]["code"] == "already-reversed"
    assert "R-1" in second.json["refusals"][0]["message"]
    shown = town.call("bank", "GET", f"/deposits/{receipt['receipt_no']}").json
    assert shown["status"] == "reversed"


def test_another_bank_sees_nothing(town: Town) -> None:
    """他行账户、他行入账一律查无此项。"""
    receipt = town.pay("100.00", None)

    assert town.call("other-bank", "POST", "/deposits", town.deposit("1.00", None)).status_code == 404
    assert town.call("other-bank", "GET", f"/deposits/{receipt['receipt_no']}").status_code == 404
    assert town.call("other-bank", "GET", "/deposits").json["items"] == []
    assert town.call("other-bank", "GET", f"/accounts/{town.estate.account_no}").status_code == 404
    assert town.events("other-bank") == []


def test_a_reversal_before_its_deposit_is_not_found_and_may_come_again(town: Town) -> None:
    """冲正先于入账到达：查无此项，银行稍后重报即可。"""
    unknown = {"receipt_no": "RZ20990101000000001", "amount": "100.00"}

    assert town.take_back(unknown).status_code == 404


BAD = [
    ("amount", 100), ("amount", "1e3"), ("amount", "12.345"), ("amount", "Infinity"), ("amount", "１００.00"),
    ("amount", "0.00"), ("amount", "-1.00"), ("amount", "00.01"), ("amount", "100000000000.01"),
    ("value_date", "2026-02-30"), ("value_date", "2099-01-01"), ("value_date", "20261120"),
    ("booked_at", "2026-11-20T10:12:03"), ("booked_at", "2026-11-20"), ("payer_name", "王\u0000"),
    ("payer_name", "\ud800"), ("payer_name", ""), ("channel", "cash"), ("bank_serial", ""),
    ("bank_serial", "x" * 65), ("account_no", "abc"), ("misspelt", "x"), ("memo", "a\u202eb"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_words_are_refused_by_field_and_leave_nothing(town: Town, name: str, value: Any) -> None:
    """报文有误：422 指明字段，账上不留任何一行。"""
    before = rows(town)

    answer = town.call("bank", "POST", "/deposits", {**town.deposit("100.00", None), name: value})

    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json["errors"]] == [name]
    assert rows(town) == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b'{"amount": NaN}', b'{"a":1,"a":2}', b"\xff\xfe", b"[" * 100_000]
)
def test_what_is_not_an_object_of_json_is_refused(town: Town, body: bytes) -> None:
    """不是合规 JSON 对象的请求体一律 4xx，不会出现 500。"""
    answer = town.client.post(
        "/api/v1/deposits", data=body, headers=town.tokens["bank"], content_type="application/json"
    )

    assert answer.status_code in (400, 422), answer.text
    assert answer.mimetype == "application/problem+json"


def test_a_body_over_one_megabyte_is_refused_by_name(town: Town) -> None:
    """请求体超过 1 MB：拒绝并指明 body。"""
    answer = town.client.post(
        "/api/v1/deposits", data=b" " * (1024 * 1024 + 1), headers=town.tokens["bank"],
        content_type="application/json",
    )  # fmt: skip

    assert answer.status_code == 400
    assert "body" in answer.json["detail"]


def test_twenty_racing_deposits_never_overpay_a_notice(town: Town, app: Any) -> None:
    """二十笔同时缴同一张通知书：匹配合计恰为应缴额，多余的全部待认领，一分不少。"""
    contract = town.draft()
    notice_no = contract["notices"][0]["notice_no"]
    answers: list[Any] = []

    def pay() -> None:
        body = town.deposit("50000.00", notice_no)
        answers.append(
            app.test_client().post("/api/v1/deposits", json=body, headers=town.tokens["bank"])
        )

    threads = [threading.Thread(target=pay) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    done = [answer for answer in answers if answer.status_code == 201]
    assert all(answer.status_code in (201, 503) for answer in answers)
    matched = sum(int(answer.json["matched"].replace(".", "")) for answer in done)
    account = town.call("bank", "GET", f"/accounts/{town.estate.account_no}").json
    assert matched == min(35_000_000, 5_000_000 * len(done))
    assert int(account["book_balance"].replace(".", "")) == 5_000_000 * len(done)
    assert town.contract(contract)["deposited"] == "350000.00"


def test_one_serial_for_twenty_contracts_supports_at_most_one(town: Town, app: Any) -> None:
    """同一笔银行流水由多方抢报到不同合同：只有一份合同得到它，其余一律拒绝。"""
    contracts = [town.draft(unit=unit) for unit in range(4)]
    codes: list[int] = []

    def claim(contract: dict[str, Any]) -> None:
        body = town.deposit("350000.00", contract["notices"][0]["notice_no"], serial="B-ONE")
        answer = app.test_client().post("/api/v1/deposits", json=body, headers=town.tokens["bank"])
        codes.append(answer.status_code)

    threads = [threading.Thread(target=claim, args=(contract,)) for contract in contracts * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    passed = [town.check(contract)["decision"] for contract in contracts]
    assert codes.count(201) == 1
    assert passed.count("pass") == 1
