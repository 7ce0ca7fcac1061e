"""Buildings are released one by one while others stay under supervision (逐幢解除监管)."""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from escrow import chart
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.errors import Invalid, Refused
from escrow.instructions.results import Result, record
from escrow.instructions.rules import Outcome
from escrow.projects.actions import AskedBuilding, AskedProject, AskedUnit, Permit
from escrow.projects.actions import register as register_project
from escrow.projects.rules import Structure, UnitUse
from escrow.release.actions import Applied, enter
from escrow.release.payout import close, pay_out
from escrow.supervision import takeovers
from ledger.money import Yuan
from tests.estate import USCC, build, file_hash, filed, new_number, pay, sold
from tests.releasing import approved, codes, named, one, receiving, refused_by

RECEIVING = "6222021410001112223"


def scene_of(house, app):
    """Three buildings with money, the first of them registered (三幢有钱，一号楼已登记)."""
    people = named(house)
    found = build(house, [people.clerk, people.reviewer], buildings=3, units=1)
    for building in found.buildings:
        found.put(building, "100.00")
    found.register("1")
    receiving(found, people.handler, people.chief, RECEIVING)
    return SimpleNamespace(people=people, estate=found)


def applied(estate, officer_id, *buildings):
    number = new_number("SQ")
    paper = Applied(estate.account_no, number, bureau_day(), file_hash(number), buildings)
    return estate.do(lambda session: enter(session, paper, officer_id=officer_id))


def held(estate, building, code=chart.KEY_FUNDS):
    return estate.held().get((code, chart.building_key(estate.buildings[building])))


def account(estate):
    return one(estate, "SELECT status FROM supervised_account WHERE id = :id", id=estate.account_id).status


def paid_out(estate, release_no, officer_id):
    told = estate.house.settings
    numbers = estate.do(lambda s: pay_out(s, release_no, told, officer_id=officer_id))
    for number in numbers:
        said = Result(
            number, Outcome.PAID, new_number("F"), Yuan("100.00"), RECEIVING, bureau_day()
        )  # fmt: skip
        estate.do(lambda session, said=said: record(session, said, "ABC", told))
    return numbers


def test_one_building_goes_and_the_others_stay(estate, people):
    """只解除一号楼：它的钱转应付开发企业，其余楼幢的钱与账户不动，账户照常收款。"""
    release_no = applied(estate, people.handler, "1")
    assert approved(estate, release_no, people.chief) == Yuan("100.00")
    assert held(estate, "1") is None and held(estate, "1", chart.RELEASED_PAYABLE) == "100.00"
    assert held(estate, "2") == held(estate, "3") == "100.00"
    assert account(estate) == "active"
    assert pay(estate, None, "1.00")["status"] == "unmatched"


def test_the_last_building_ends_the_account(estate, people):
    """逐幢解除，最后一幢解除时账户转待划付；逐件划付，付清后销户。"""
    first = applied(estate, people.handler, "1")
    approved(estate, first, people.chief)
    assert len(paid_out(estate, first, people.other)) == 1
    estate.register("2", "3")
    second = applied(estate, people.handler, "3")
    approved(estate, second, people.chief)
    assert account(estate) == "active"
    paid_out(estate, second, people.other)
    last = applied(estate, people.handler, "2")
    assert one(estate, "SELECT is_whole FROM release_application WHERE release_no = :no", no=last).is_whole
    approved(estate, last, people.chief)
    assert account(estate) == "releasing"
    paid_out(estate, last, people.other)
    estate.do(lambda session: close(session, last, officer_id=people.chief))
    assert account(estate) == "closed" and estate.held() == {}


def test_only_the_buildings_applied_for_must_be_registered(estate, people):
    """所申请的各幢须首次登记，未申请的不问；一幢未登记即全件不准。"""
    release_no = applied(estate, people.handler, "1", "2")
    assert codes(estate, release_no, people.chief) == ["first-registration-missing"]
    estate.register("2")
    assert approved(estate, release_no, people.chief) == Yuan("200.00")
    assert account(estate) == "active"


@pytest.mark.parametrize(
    "code", [chart.WITHDRAWAL_HOLD, chart.REFUND_HOLD, chart.GUARANTEE, chart.REFUND_PAYABLE]
)
@pytest.mark.parametrize("building", ["1", "2"])
def test_open_items_of_a_building_stop_that_building_only(house, people, code, building):
    """占用、保函、应退挂在哪一幢，就只挡哪一幢。"""
    estate = build(house, [people.clerk, people.reviewer], units=1)
    estate.register()
    release_no = applied(estate, people.handler, "1")
    key = chart.building_key(estate.buildings[building])
    key = key if code == chart.GUARANTEE else f"{key}:refund:1"
    estate.open_item(code, key=key)
    if building == "2":
        approved(estate, release_no, people.chief)
    else:
        assert len(codes(estate, release_no, people.chief)) == 1


@pytest.mark.parametrize("code", [chart.UNMATCHED, chart.INTEREST, chart.JUDICIAL_HOLD, chart.BANK_SURPLUS])
def test_open_items_of_the_account_stop_every_building(estate, people, code):
    """待认领、利息、司法冻结、长款是整个账户的，哪一幢都挡。"""
    release_no = applied(estate, people.handler, "1")
    estate.open_item(code)
    assert len(codes(estate, release_no, people.chief)) == 1


def test_contracts_of_other_buildings_do_not_matter(estate, people):
    """已收款未备案、注销未退款的合同只挡自己那一幢。"""
    number, notices = sold(estate)
    pay(estate, notices[0])
    other, notices = sold(estate)
    pay(estate, notices[0])
    filed(estate, number)
    ended = CancellationAsked(new_number("ZX"), bureau_day(), "双方解除合同")
    estate.do(lambda session: cancel(session, other, ended))
    estate.register("2")
    assert codes(estate, applied(estate, people.handler, "2"), people.chief) == ["refund-outstanding"]
    with estate.house.connect() as connection:
        connection.execute(REJECT)
    assert approved(estate, applied(estate, people.handler, "1"), people.chief) == Yuan("200.00")


def test_the_agreement_may_ask_more_of_each_building(house, people):
    """协议要求首次登记后满六个月、转移登记过半：逐幢解除按所申请的各幢核对，一项不满足即不准。"""
    clauses = [
        {"kind": "months_after", "value": 6, "clause": "第八条：首次登记后六个月"},
        {"kind": "transfer_ratio", "value": "0.5", "clause": "第九条：转移登记过半"},
    ]
    estate = build(house, [people.clerk, people.reviewer], clauses=clauses)
    estate.register("1", on=bureau_day() - timedelta(days=10))
    release_no = applied(estate, people.handler, "1")
    assert codes(estate, release_no, people.chief) == ["clause-months-after", "clause-transfer-ratio"]


def test_a_released_building_takes_no_more_money(estate, people):
    """解除之后：该幢合同再来款记不明入账，通知书查询为作废，不得再草拟合同、再增房屋。"""
    number, notices = sold(estate, notices=2)
    pay(estate, notices[0])
    filed(estate, number)
    approved(estate, applied(estate, people.handler, "1"), people.chief)
    assert pay(estate, notices[1])["status"] == "unmatched"
    with pytest.raises(Refused) as refused:
        estate.sold.clear()
        sold(estate)
    assert "building-released" in [one.code for one in refused.value.refusals]
    with pytest.raises(Refused) as refused:
        estate.do(lambda session: register_project(session, grown(estate)))
    assert [one.code for one in refused.value.refusals] == ["building-released"]


def grown(estate):
    """The register again, with one more home in the first building."""
    codes_ = [*estate.unit_codes, f"{estate.unit_codes[0][:-1]}9"]
    listed = {"1": [codes_[0], codes_[3]], "2": [codes_[1]], "3": [codes_[2]]}
    buildings = tuple(
        AskedBuilding(number, Structure.FRAME, 6, tuple(
            AskedUnit(code, str(101 + place), Decimal("96.00"), UnitUse.RESIDENTIAL)
            for place, code in enumerate(codes)
        ))
        for number, codes in listed.items()
    )  # fmt: skip
    permit = Permit("（交）房预售证第1号", bureau_day() - timedelta(days=400))
    return AskedProject(
        estate.project_no, "测试苑", "141130", USCC, "测试置业有限公司", permit, buildings
    )  # fmt: skip


def test_a_building_is_released_once(estate, people):
    """已解除的幢、没有的幢不能再申请；一个账户同时只有一件在办申请。"""
    approved(estate, applied(estate, people.handler, "1"), people.chief)
    for wrong in ("1", "9"):
        with pytest.raises(Invalid):
            applied(estate, people.handler, wrong)
    applied(estate, people.handler, "2")
    with pytest.raises(Refused) as refused:
        applied(estate, people.handler, "3")
    assert [one.code for one in refused.value.refusals] == ["application-live"]


REJECT = """
UPDATE release_application SET status = 'rejected', decided_by = 1, decided_at = now(), reason = 'x'
"""
APPROVE = """
UPDATE release_application SET status = 'approved', decided_by = %s, decided_at = now(), amount = 0,
       law = '{}', findings = '{}'
"""


@pytest.mark.parametrize(
    ("building", "then", "constraint"),
    [
        ("2", "SELECT 1", "release_after_first_registration"),
        ("1", "SELECT 1", "release_follows_ledger"),
    ],
)
def test_a_building_is_not_released_by_hand(estate, people, building, then, constraint):
    """未首次登记、钱没转清的幢，纯 SQL 也批准不了。"""
    applied(estate, people.handler, building)
    with pytest.raises(psycopg.Error) as caught, estate.house.connect() as connection:
        connection.execute(APPROVE, (people.chief,))
        connection.execute(then)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert refused_by(caught) == constraint


def test_a_project_taken_over_is_not_released(estate, people):
    """接管尚未终止：规则指名决定文号，纯 SQL 也批准不了。"""
    order = takeovers.Order(estate.account_no, "交住建函〔2026〕9号", "停工", file_hash("接管"))
    made = estate.do(lambda s: takeovers.enter(s, order, officer_id=people.handler))
    estate.do(lambda s: takeovers.decide(s, estate.account_no, made, officer_id=people.chief))
    assert codes(estate, applied(estate, people.handler, "1"), people.chief) == ["takeover-in-force"]
    with pytest.raises(psycopg.Error) as caught, estate.house.connect() as connection:
        connection.execute(APPROVE, (people.chief,))
    assert refused_by(caught) == "release_after_takeover"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("INSERT INTO released_building (building_id, release_id) SELECT max(b.id), max(r.id)"
         " FROM building b, release_application r", "released_by_approval"),
        ("INSERT INTO release_building (release_id, building_id) SELECT max(r.id), max(b.id)"
         " FROM building b, release_application r", "release_names_its_buildings"),
        ("UPDATE release_application SET is_whole = true, building_count = NULL", "decided_once"),
        ("UPDATE supervised_account SET status = 'releasing'", "releasing_needs_approval"),
        ("DELETE FROM released_building", "written_once"),
        ("UPDATE release_building SET building_id = building_id + 1", "written_once"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", ["app", "owner"])
def test_the_scope_of_a_release_stands(estate, people, statement, constraint, role):
    """申请录入后不能添幢、改整户、直接记已解除；部分解除不能让整个账户待划付。"""
    approved(estate, applied(estate, people.handler, "1"), people.chief)
    with pytest.raises(psycopg.Error) as caught, estate.house.connect(role) as connection:
        connection.execute(statement)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    denied = isinstance(caught.value, psycopg.errors.InsufficientPrivilege) and role == "app"
    assert denied or refused_by(caught) == constraint


def test_a_released_building_takes_nothing_in_plain_sql(estate, people):
    """已解除的幢，纯 SQL 也不能再配款、再立合同、再添房。"""
    number, notices = sold(estate, notices=2)
    pay(estate, notices[0])
    filed(estate, number)
    approved(estate, applied(estate, people.handler, "1"), people.chief)
    pay(estate, None, "7.00")
    for statement in (
        "INSERT INTO receipt_allocation (receipt_id, notice_id, contract_id, amount)"
        " SELECT (SELECT max(id) FROM receipt), max(id), max(contract_id), 700 FROM payment_notice",
        "INSERT INTO contract (contract_no, project_id, unit_id, status, version, price)"
        " SELECT 'x', project_id, unit_id, 'drafted', 1, 1 FROM contract",
        "INSERT INTO unit (building_id, unit_code, room_no, area, use)"
        " SELECT building_id, 'x', 'x', 1, 'other' FROM released_building",
    ):
        with pytest.raises(psycopg.errors.CheckViolation) as caught, estate.house.connect() as connection:
            connection.execute(statement)
        assert refused_by(caught) == "released_building_takes_nothing"
