"""A release in the database: what it moves, who may approve it, and what happens when many press at once."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from config.clock import bureau_day
from escrow import chart
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.errors import Invalid, NotFound, Refused
from escrow.registration.actions import FirstAsked
from escrow.registration.by_hand import Decision, confirm
from escrow.registration.by_hand import enter as enter_by_hand
from escrow.release.actions import Applied, enter
from escrow.release.actions import reject as send_back
from escrow.release.models import ReleaseApplication
from escrow.release.rules import OPEN_CODES
from ledger.money import Yuan
from tests.estate import build, file_hash, new_number, pay, sold
from tests.releasing import approved, codes, one, registered

scene_of = registered


def test_the_balance_of_each_building_goes_to_the_developer(house, people):
    """批准后，每幢余额各自转为解除监管应付款，金额与凭证一致，账户转为待划付。"""
    estate = build(house, [people.clerk, people.reviewer], quotas={"2": "120000.01"})
    estate.register()
    estate.put("1", "350000.00")
    estate.put("2", "120000.01")
    estate.put("2", "0.02", chart.GENERAL_FUNDS)
    release_no = estate.applied(people.handler)

    amount = approved(estate, release_no, people.chief)

    first, second = (chart.building_key(building_id) for building_id in estate.buildings.values())
    assert amount == Yuan("470000.03")
    assert estate.held() == {
        ("1101", ""): "470000.03", ("2501", first): "350000.00", ("2501", second): "120000.03",
        ("8199", ""): "120000.01", ("8201", second): "120000.01",
    }  # fmt: skip
    row = one(
        estate,
        "SELECT r.status, r.amount, a.status AS account_status, r.law -> 'provisions' AS law, r.findings,"
        " e.movement, e.reference, (SELECT sum(amount) FROM ledger.transfer WHERE entry_id = e.id) AS moved"
        " FROM release_application r JOIN supervised_account a ON a.id = r.account_id"
        " JOIN ledger.journal_entry e ON e.id = r.entry_id WHERE r.release_no = :no",
        no=release_no,
    )
    assert (row.status, row.account_status, row.movement) == ("approved", "releasing", "P20")
    assert row.amount == row.moved == 47000003
    assert row.reference == f"release:{release_no}"
    assert "五是" in row.law["release_after_first_registration"]["citation"]
    assert [line["amount"] for line in row.findings["buildings"]] == ["350000.00", "120000.03"]
    assert all(condition["met"] for condition in row.findings["conditions"])


def test_an_empty_account_is_released_without_an_entry(estate, people):
    """余额为零也可解除，不记账，账户照样不再收款。"""
    release_no = estate.applied(people.handler)

    assert approved(estate, release_no, people.chief) == Yuan(0)

    row = one(
        estate, "SELECT amount, entry_id FROM release_application WHERE release_no = :no", no=release_no
    )
    assert (row.amount, row.entry_id) == (0, None)
    assert one(estate, "SELECT status FROM supervised_account WHERE id = :id", id=estate.account_id) == (
        "releasing",
    )


def test_the_outside_is_told_once_and_the_trail_has_one_row(estate, people):
    """解除后登记一条对外事件（银行、网签、平台、登记可见）和一行审计。"""
    estate.put("1", "1.00")
    release_no = estate.applied(people.handler)
    approved(estate, release_no, people.chief)

    event = one(
        estate, "SELECT subject, data, audience FROM outbox_event WHERE type = 'supervision.released'"
    )
    assert event.data["release_no"] == release_no
    assert event.data["amount"] == "1.00"
    assert sorted(event.audience) == ["bank:ABC", "filing", "platform", "registration"]
    audited = "SELECT count(*) FROM audit_event WHERE subject = :no AND action = :action"
    assert one(estate, audited, no=release_no, action="release.entered") == (1,)
    assert one(estate, audited, no=release_no, action="release.approved") == (1,)


@pytest.mark.parametrize("code", chart.OPEN_ITEMS)
def test_each_open_heading_refuses_from_the_ledger(estate, people, code):
    """任一应清零科目在账上有余额，即不予批准，账户状态与余额不变。"""
    estate.open_item(code)
    before = estate.held()
    release_no = estate.applied(people.handler)

    assert codes(estate, release_no, people.chief) == [OPEN_CODES[code]]

    assert estate.held() == before
    assert one(estate, "SELECT status FROM supervised_account WHERE id = :id", id=estate.account_id) == (
        "active",
    )


def test_a_building_not_registered_refuses_until_it_is(house, people):
    """还有一幢未登记时不予批准；登记后同一申请即可批准。"""
    estate = build(house, [people.clerk, people.reviewer])
    estate.register("1")
    release_no = estate.applied(people.handler)

    assert codes(estate, release_no, people.chief) == ["first-registration-missing"]
    estate.register("2")
    assert approved(estate, release_no, people.chief) == Yuan(0)


def test_an_entry_by_hand_that_waits_is_no_first_registration(house, people):
    """手工录入未经另一人确认的首次登记，不算已登记。"""
    estate = build(house, [people.clerk, people.reviewer], buildings=1)
    asked = FirstAsked(estate.project_no, ("1",), "证A", bureau_day())
    entry = estate.do(
        lambda session: enter_by_hand(session, asked, file_hash=file_hash("证A"), officer_id=people.clerk)
    )
    release_no = estate.applied(people.handler)

    assert codes(estate, release_no, people.chief) == ["first-registration-missing"]
    estate.do(lambda session: confirm(session, Decision(entry, people.reviewer)))
    assert approved(estate, release_no, people.chief) == Yuan(0)


# --- one application at a time ---


def test_a_second_application_waits_for_the_first(estate, people):
    """一个账户同时只能有一件在办申请；退回后可以再申请，退回的不能再决定。"""
    release_no = estate.applied(people.handler)
    with pytest.raises(Refused) as refused:
        estate.applied(people.other)
    assert [refusal.code for refusal in refused.value.refusals] == ["application-live"]

    estate.do(lambda session: send_back(session, release_no, officer_id=people.chief, reason="缺法人签字"))

    assert codes(estate, release_no, people.chief) == ["already-decided"]
    assert approved(estate, estate.applied(people.handler), people.chief) == Yuan(0)


def test_a_paper_is_used_once_whatever_for(estate, people):
    """同一个申请书文件不能再次使用，退回之后也不行。"""
    release_no = estate.applied(people.handler)
    estate.do(lambda session: send_back(session, release_no, officer_id=people.chief, reason="缺页"))
    with estate.house.database.read() as session:
        used = session.scalars(select(ReleaseApplication.file_hash)).one()

    with pytest.raises(Refused) as refused:
        again = Applied(estate.account_no, "SQ-again", bureau_day(), used)
        estate.do(lambda session: enter(session, again, officer_id=people.handler))

    assert [refusal.code for refusal in refused.value.refusals] == ["file-reused"]


def test_an_application_from_tomorrow_or_for_no_account_is_not_taken(estate, people):
    """申请日期不能晚于今天；没有的账户查无此户。"""
    tomorrow = Applied(estate.account_no, "SQ", bureau_day() + timedelta(days=1), file_hash(1))
    nowhere = Applied("99999999", "SQ", date(2026, 1, 1), file_hash(2))

    with pytest.raises(Invalid):
        estate.do(lambda session: enter(session, tomorrow, officer_id=people.handler))
    with pytest.raises(NotFound):
        estate.do(lambda session: enter(session, nowhere, officer_id=people.handler))


def test_a_deposit_after_the_release_is_refused_clearly(estate, people):
    """解除监管后银行再报入账，明确拒收并引依据，不记一分钱。"""
    _, [notice_no] = sold(estate)
    approved(estate, estate.applied(people.handler), people.chief)

    with pytest.raises(Refused) as caught:
        pay(estate, notice_no)

    assert "解除监管" in caught.value.refusals[0].message
    assert caught.value.refusals[0].citation
    assert estate.held() == {}


@pytest.mark.parametrize(
    ("status", "code"), [("drafted", "contract-drafted"), ("cancelled", "refund-outstanding")]
)
def test_money_on_a_contract_that_is_not_filed_refuses(estate, people, status, code):
    """草拟合同已收款未备案，或合同已注销款未退，均不予解除。"""
    contract_no, [notice_no] = sold(estate)
    pay(estate, notice_no)
    if status == "cancelled":
        dropped = CancellationAsked(new_number("ZX"), bureau_day(), "买受人放弃")
        estate.do(lambda session: cancel(session, contract_no, dropped))
    release_no = estate.applied(people.handler)

    assert codes(estate, release_no, people.chief) == [code]


def test_money_that_names_nothing_refuses_until_it_is_claimed(estate, people):
    """账上有不明入账，不予解除，并写明金额。"""
    pay(estate, None, "66.66")
    release_no = estate.applied(people.handler)

    with pytest.raises(Refused) as caught:
        approved(estate, release_no, people.chief)

    [said] = [one.message for one in caught.value.refusals]
    assert said.startswith("待认领款（2101）尚有 66.66 元未结清：RZ")
