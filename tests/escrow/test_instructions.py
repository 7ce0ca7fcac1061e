"""付款指令：编号不断，钱只随与指令相符的答复而动，没有答复就是“不明”，绝不重发。"""

import itertools
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from config.clock import bureau_day, now
from escrow import chart
from escrow.errors import Refused
from escrow.instructions.actions import Issued, Order, Payee, ask_cancel, cancel, issue
from escrow.instructions.results import ask_about, overdue
from escrow.instructions.rules import STEPS, InstructionKind, InstructionStatus
from escrow.supervision.books import account_of
from escrow.supervision.suspensions import ask_reopen, reopen
from ledger.accounts import Account
from ledger.money import Yuan
from ledger.movements import Transfer
from tests.desk import bearer, hire, sit_down
from tests.estate import Estate, build, officers, pay, sold
from tests.withdrawing import Site, listed

PAYEE = "6222021410009876543"


def scene_of(house: Any, app: Any) -> SimpleNamespace:
    """一号楼额度五十元、已入账两百元：一般资金一百五十元；收款人已列入白名单；两家银行。"""
    estate = build(house, officers(house, "liuli", "wangyi"), quotas={"1": "50.00"})
    for _ in range(2):
        _, (notice,) = sold(estate)
        pay(estate, notice)
    token = bearer(house.database, "bank-abc", "bank", bank_code="ABC")
    other = bearer(house.database, "bank-ccb", "bank", bank_code="CCB")
    return SimpleNamespace(estate=estate, clerk=officers(house, "cashier")[0], token=token, other=other)


@pytest.fixture
def clerk(scene: Any) -> int:
    found: int = scene.clerk
    return found


@pytest.fixture
def bank(app: Any, scene: Any) -> Any:
    """开户行的接口。"""
    client = app.test_client()

    def call(method: str, path: str, body: Any = None, *, whose: Any = scene.token) -> Any:
        return client.open(f"/api/v1{path}", method=method, json=body, headers=whose)

    return call, scene.other, app


SITES: dict[str, Site] = {}


def ordered(estate: Estate, clerk: int, amount: str = "100.00") -> str:
    """一件已核准的用款签发的拨付通知书，从一般资金付出。"""
    if estate.house.name not in SITES:
        names = ("cashier", "reviewer", "second")
        ids = officers(estate.house, *(f"site-{name}" for name in names))
        SITES[estate.house.name] = listed(estate, SimpleNamespace(**dict(zip(names, ids, strict=True))))
    site = SITES[estate.house.name]
    return site.issue(site.approved(amount), clerk).numbers[0]


def bare(estate: Estate, clerk: int, amount: str) -> Issued:
    """一件没有用款的拨付指令。"""
    building = estate.buildings["1"]
    key = chart.building_key(building)

    def unit(session: Any) -> Issued:
        def from_general(in_transit: Account) -> list[Transfer]:
            general = account_of(session, estate.book_id, chart.GENERAL_FUNDS, key=key)
            return [Transfer(general, in_transit, Yuan(amount))]

        order = Order(
            InstructionKind.WITHDRAWAL, estate.account_id, Yuan(amount),
            Payee("山西交口建工有限公司", PAYEE, "工商银行交口支行"), "一号楼主体进度款",
            chart.INSTRUCT_PAYMENT, from_general, chart.GENERAL_FUNDS, key, building_id=building,
        )  # fmt: skip
        return issue(session, order, estate.house.settings, officer_id=clerk)

    return estate.do(unit)


def result(outcome: str = "paid", serial: str = "F0001", **changed: Any) -> dict[str, Any]:
    return {
        "outcome": outcome, "bank_serial": serial, "amount": "100.00", "payee_account": PAYEE,
        "value_date": bureau_day().isoformat(), **changed,
    }  # fmt: skip


def money(estate: Estate) -> tuple[str | None, ...]:
    """存款、重点、一般、在途。"""
    held, key = estate.held(), f"building:{estate.buildings['1']}"
    transit = [amount for (code, _), amount in held.items() if code == "2201"]
    return (
        held.get(("1101", "")), held.get(("2111", key)), held.get(("2112", key)),
        transit[0] if transit else None,
    )  # fmt: skip


def test_an_order_leaves_and_is_paid(estate: Estate, clerk: int, bank: Any) -> None:
    """签发后在途，银行读到完整收款人；报已付，钱出账户；重复报送答复相同、不再动钱。"""
    call, other, _ = bank
    number = ordered(estate, clerk)
    assert number == f"ZL{bureau_day().year}000001"
    assert money(estate) == ("200.00", "50.00", "50.00", "100.00")
    shown = call("GET", "/instructions?status=issued").json["items"]
    assert [(one["instruction_no"], one["payee_account"], one["amount"]) for one in shown] == [
        (number, PAYEE, "100.00")
    ]
    assert call("GET", f"/instructions/{number}", whose=other).status_code == 404
    path = f"/instructions/{number}/results"
    assert call("POST", path, result(), whose=other).status_code == 404
    first, again = call("POST", path, result()), call("POST", path, result())
    assert (first.status_code, again.status_code) == (201, 200) and first.json == again.json
    assert first.json["status"] == "paid"
    assert money(estate) == ("100.00", "50.00", "50.00", None)
    late = call("POST", path, result("unknown", "F0002"))
    assert late.status_code == 201 and late.json["status"] == "paid"
    assert call("POST", path, result(amount="1e3")).status_code == 422


def test_unpaid_and_returned_money_goes_back(estate: Estate, clerk: int, bank: Any) -> None:
    """未付退回原处；付出后退汇，也退回原处；每一次都按额度重新划分。"""
    call, *_ = bank
    first = ordered(estate, clerk)
    assert call("POST", f"/instructions/{first}/results", result("failed")).json["status"] == "failed"
    assert money(estate) == ("200.00", "50.00", "150.00", None)
    second = ordered(estate, clerk)
    assert call("POST", f"/instructions/{second}/results", result("paid", "F2")).status_code == 201
    returned = call("POST", f"/instructions/{second}/results", result("returned", "F3"))
    assert returned.json["status"] == "returned"
    assert money(estate) == ("200.00", "50.00", "150.00", None)


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"amount": "99.99"}, "amount-differs"), ({"payee_account": "6222021410000000001"}, "payee-differs")],
)
def test_facts_that_differ_stop_the_account(
    estate: Estate, clerk: int, bank: Any, changed: dict[str, str], code: str
) -> None:
    """金额或收款人与指令不符：不采信、留存、停户、有迹可查，再报仍是同一答复；两人恢复后方可继续。"""
    call, _, app = bank
    number = ordered(estate, clerk)
    path = f"/instructions/{number}/results"
    for _ in range(2):
        answer = call("POST", path, result(**changed))
        assert answer.status_code == 409
        assert [one["code"] for one in answer.json["refusals"]] == [code]
    assert money(estate) == ("200.00", "50.00", "50.00", "100.00")
    assert call("GET", f"/accounts/{estate.account_no}").json["status"] == "suspended"
    seat = sit_down(app, hire(estate.house.database, estate.house.settings, "viewer", "cashier"))
    page = seat.get("/instructions").text
    assert "银行结果不符" in page and number in page
    assert "未采信" in seat.get(f"/instructions/{number}").text
    with pytest.raises(Refused):
        estate.do(lambda s: reopen(s, estate.account_no, officer_id=clerk))
    estate.do(lambda s: ask_reopen(s, estate.account_no, "银行已书面更正", officer_id=clerk))
    with pytest.raises(Refused):
        estate.do(lambda s: reopen(s, estate.account_no, officer_id=clerk))
    other = officers(estate.house, "chief")[0]
    estate.do(lambda s: reopen(s, estate.account_no, officer_id=other))
    assert call("GET", f"/accounts/{estate.account_no}").json["status"] == "active"
    assert call("POST", path, result("paid", "F9")).json["status"] == "paid"


def test_what_contradicts_an_earlier_answer_stops_the_account(
    estate: Estate, clerk: int, bank: Any
) -> None:
    """先报已付、后报未付，是矛盾，不是更正：停户，钱不动。"""
    call, *_ = bank
    number = ordered(estate, clerk)
    path = f"/instructions/{number}/results"
    assert call("POST", path, result()).status_code == 201
    answer = call("POST", path, result("failed", "F7"))
    assert [one["code"] for one in answer.json["refusals"]] == ["result-contradicts"]
    assert money(estate)[0] == "100.00"


def test_a_missing_answer_is_asked_about_and_never_sent_again(
    estate: Estate, clerk: int, bank: Any, time_machine: Any
) -> None:
    """逾时未答转为“不明”，钱仍在途，不能撤销、不重发；银行答复后有定论。"""
    call, *_ = bank
    number = ordered(estate, clerk)
    with estate.begin() as session:
        assert overdue(session) == []
    time_machine.move_to(now() + timedelta(days=3), tick=True)
    with estate.begin() as session:
        assert overdue(session) == [number]
    assert estate.do(lambda s: ask_about(s, number)) is True
    assert estate.do(lambda s: ask_about(s, number)) is False
    assert money(estate)[3] == "100.00"
    with pytest.raises(Refused):
        estate.do(lambda s: ask_cancel(s, number, "等不及", officer_id=clerk))
    assert call("POST", f"/instructions/{number}/results", result("failed")).json["status"] == "failed"
    assert money(estate)[2] == "150.00"


def test_two_officers_take_back_an_unanswered_order(estate: Estate, clerk: int, bank: Any) -> None:
    """撤销未答的指令须两人；撤销后钱回原处，银行再报已付即矛盾。"""
    call, *_ = bank
    number = ordered(estate, clerk)
    estate.do(lambda s: ask_cancel(s, number, "收款账号有误", officer_id=clerk))
    with pytest.raises(Refused):
        estate.do(lambda s: cancel(s, number, officer_id=clerk))
    other = officers(estate.house, "chief")[0]
    estate.do(lambda s: cancel(s, number, officer_id=other))
    assert money(estate) == ("200.00", "50.00", "150.00", None)
    assert call("GET", f"/instructions/{number}").json["status"] == "cancelled"
    assert call("POST", f"/instructions/{number}/results", result()).status_code == 409


def test_numbers_have_no_gaps(estate: Estate, clerk: int) -> None:
    """签发失败、没有用款的都不占号；号码一个接一个。"""
    first = ordered(estate, clerk, "10.00")
    with pytest.raises(Refused, match="在行现金"):
        bare(estate, clerk, "9999.00")
    with pytest.raises(IntegrityError, match="pays no withdrawal"):
        bare(estate, clerk, "10.00")
    second = ordered(estate, clerk, "10.00")
    assert int(second[6:]) == int(first[6:]) + 1
    with (
        pytest.raises(psycopg.errors.CheckViolation) as refused,
        estate.house.connect() as connection,
    ):
        connection.execute("UPDATE instruction_counter SET last = last + 2")
    assert refused.value.diag.constraint_name == "counter_by_one"


EDGES = [
    (one.value, other.value)
    for one, other in itertools.permutations(InstructionStatus, 2)
    if (one, other) not in STEPS
]


@pytest.mark.parametrize(("one", "other"), EDGES)
def test_no_other_step_is_taken_even_in_sql(estate: Estate, clerk: int, one: str, other: str) -> None:
    """每一条非法边，直接写库也走不通。"""
    ordered(estate, clerk)
    with estate.house.connect("superuser") as forger:
        forger.execute("SET session_replication_role = replica")
        forger.execute("ALTER TABLE instruction DROP CONSTRAINT ck_instruction_cancelled_by_two")
        forger.execute("UPDATE instruction SET status = %s", (one,))
    with estate.house.connect() as connection, pytest.raises(psycopg.errors.CheckViolation) as refused:
        connection.execute("UPDATE instruction SET status = %s", (other,))
    assert refused.value.diag.constraint_name == "instruction_steps"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE instruction SET status = 'paid'", "instruction_follows_ledger"),
        ("UPDATE instruction SET amount = 1", "instruction_steps"),
        ("UPDATE supervised_account SET status = 'suspended'", None),
        ("DELETE FROM instruction", "written_once"),
        ("DELETE FROM instruction_result", "written_once"),
    ],
)
def test_what_the_database_refuses(
    estate: Estate, clerk: int, statement: str, constraint: str | None
) -> None:
    """绕过规则改指令：说已付而钱未动、改金额、删除，一概不收。"""
    ordered(estate, clerk)
    with estate.house.connect() as connection:
        if constraint is None:
            connection.execute(statement)
            return
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(statement)
            connection.commit()
    found = refused.value.diag.constraint_name or ""
    assert found == constraint or (constraint == "written_once" and "denied" in str(refused.value)), found


def test_money_in_transit_without_an_order_is_refused(estate: Estate, clerk: int) -> None:
    """没有指令、或金额与凭证不符的指令，提交时被拒。"""
    with pytest.raises(IntegrityError, match="in transit"), estate.begin() as session:
        session.execute(text("INSERT INTO instruction_counter VALUES (2026, 1)"))
        session.execute(text(
            "INSERT INTO instruction (instruction_no, kind, account_id, amount, key_amount,"
            " payee_name_sealed, payee_name_masked, payee_account_sealed, payee_account_masked, payee_bank,"
            " purpose, source_code, source_key, issued_by, expires_on, status)"
            " VALUES ('ZL2026000001', 'return', :account, 1, 0,"
            " '', '某', '', '**** 0001', '某行', '工程款', '2102', '', :clerk, current_date, 'issued')"
        ), {"account": estate.account_id, "clerk": clerk})  # fmt: skip


@pytest.mark.parametrize("key", ["instruction:999", "instruction:", ""])
def test_nothing_is_in_transit_that_no_order_put_there(estate: Estate, key: str) -> None:
    """没有这件指令，应用角色也不能把钱记作在途，更不能从在途记作银行已付（无指令不付款）。"""
    building = chart.building_key(estate.buildings["1"])
    for code in (chart.PAYMENT_IN_TRANSIT, chart.REFUND_IN_TRANSIT):
        with pytest.raises(DBAPIError, match="no order of this account"):
            estate.move(chart.GENERAL_FUNDS, code, "1.00", key=key, debit_key=building)
