"""What PostgreSQL itself refuses of a release, when nobody asks the rules (数据库层面的解除监管约束)."""


import psycopg
import pytest

from config.clock import bureau_day
from escrow import chart
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.deposits.reversals import Reversal, take_back
from escrow.registration.actions import FirstAsked
from escrow.registration.by_hand import Decision, confirm
from escrow.registration.by_hand import enter as enter_by_hand
from escrow.supervision.books import account_of
from ledger.journal import post
from ledger.money import Yuan
from ledger.movements import Transfer
from tests.estate import Estate, build, file_hash, filed, new_number, pay, sold
from tests.releasing import EVIDENCE, refused_by, with_money

APPROVE = """
UPDATE release_application
   SET status = 'approved', decided_by = %(who)s, decided_at = clock_timestamp(), amount = %(amount)s,
       entry_id = %(entry)s, law = '{}', findings = '{}'
 WHERE release_no = %(no)s
"""
MARK = """
INSERT INTO released_building (building_id, release_id)
SELECT b.id, r.id FROM building b, release_application r WHERE r.release_no = %s
"""
RELEASING = "UPDATE supervised_account SET status = 'releasing' WHERE id = %s"


scene_of = with_money


def pay_over(estate: Estate, amount: str = "100.00") -> int:
    """The entry of a release, posted by itself."""
    key = chart.building_key(estate.buildings["1"])
    with estate.begin() as session:
        transfer = Transfer(
            estate.account("2111", key),
            account_of(session, estate.book_id, chart.RELEASED_PAYABLE, key=key),
            Yuan(amount),
        )
        return post(
            session, chart.RELEASE, [transfer], reference=new_number("R"), effective_on=bureau_day()
        ).id


def attempt(estate: Estate, people, *, role: str = "app", then=RELEASING, **changes) -> None:
    """Approve in plain SQL, everything right but what is changed; commits."""
    number = changes.pop("no", None) or estate.applied(people.handler)
    values = {"no": number, "who": people.chief, "amount": 10000, **changes}
    values.setdefault("entry", None if "entry" in changes else pay_over(estate))
    with estate.house.connect(role) as connection:
        connection.execute(APPROVE, values)
        connection.execute(MARK, (number,))
        if then:
            connection.execute(then, (estate.account_id,))
        connection.commit()


def test_everything_right_is_accepted(estate, people):
    """全部合规时，直接写库也能成：后面各项拒绝都只差一处。"""
    attempt(estate, people)

    assert estate.held() == {
        ("1101", ""): "100.00", ("2501", chart.building_key(estate.buildings["1"])): "100.00",
    }  # fmt: skip


def test_the_same_person_cannot_enter_and_decide(estate, people):
    """录入人与决定人相同，数据库拒绝。"""
    with pytest.raises(psycopg.errors.CheckViolation) as error:
        attempt(estate, people, who=people.handler)
    assert refused_by(error) == "ck_release_application_two_officers"


@pytest.mark.parametrize("who", ["clerk", "reviewer"])
def test_whoever_handled_the_registration_cannot_approve(house, people, who):
    """手工录入或确认首次登记的人批准，数据库拒绝。"""
    estate = build(house, [people.handler, people.other], buildings=1)
    estate.put("1", "100.00")
    asked = FirstAsked(estate.project_no, ("1",), "证D", bureau_day())
    entry = estate.do(
        lambda session: enter_by_hand(session, asked, file_hash=file_hash("证D"), officer_id=people.clerk)
    )
    estate.do(lambda session: confirm(session, Decision(entry, people.reviewer)))

    with pytest.raises(psycopg.errors.CheckViolation) as error:
        attempt(estate, people, who=getattr(people, who))
    assert refused_by(error) == "release_approver_independent"


def test_whoever_handled_the_evidence_cannot_approve(estate, people):
    """录入或确认佐证材料的人批准，数据库拒绝。"""
    with estate.house.connect() as connection:
        [(evidence_id,)] = connection.execute(
            EVIDENCE, (estate.account_id, file_hash("e"), people.clerk)
        ).fetchall()
        connection.execute(
            "UPDATE release_evidence SET status = 'confirmed', decided_by = %s, decided_at = now()"
            " WHERE id = %s",
            (people.reviewer, evidence_id),
        )
    number = estate.applied(people.handler)

    for who in (people.clerk, people.reviewer):
        with pytest.raises(psycopg.errors.CheckViolation) as error:
            attempt(estate, people, who=who, no=number, entry=None, amount=0)
        assert refused_by(error) == "release_approver_independent"


def test_the_same_person_cannot_enter_and_confirm_evidence(estate, people):
    """佐证材料的录入人自己确认，数据库拒绝。"""
    with pytest.raises(psycopg.errors.CheckViolation) as error, estate.house.connect() as connection:
        connection.execute(EVIDENCE, (estate.account_id, file_hash("f"), people.clerk))
        connection.execute(
            "UPDATE release_evidence SET status = 'confirmed', decided_by = entered_by, decided_at = now()"
        )
    assert refused_by(error) == "ck_release_evidence_two_officers"


def test_a_building_without_first_registration_stops_it(house, people):
    """有楼幢未首次登记，数据库拒绝批准。"""
    estate = build(house, [people.clerk, people.reviewer])
    estate.register("1")
    estate.put("1", "100.00")

    with pytest.raises(psycopg.errors.CheckViolation) as error:
        attempt(estate, people)
    assert refused_by(error) == "release_after_first_registration"


@pytest.mark.parametrize("changes", [{"amount": 9999}, {"amount": 10001}, {"amount": 0, "entry": None}])
def test_the_amount_is_what_the_entry_moved_and_nothing_is_left(estate, people, changes):
    """金额与凭证不符，或账上还有未转的余额，数据库拒绝。"""
    with pytest.raises(psycopg.errors.CheckViolation) as error:
        attempt(estate, people, **changes)
    assert refused_by(error) == "release_follows_ledger"


def test_a_release_that_leaves_a_fen_behind_is_refused(estate, people):
    """少转一分钱，数据库拒绝。"""
    with pytest.raises(psycopg.errors.CheckViolation) as error:
        attempt(estate, people, entry=pay_over(estate, "99.99"), amount=9999)
    assert refused_by(error) == "release_follows_ledger"


def test_an_entry_of_another_account_is_no_proof(house, estate, people):
    """拿别的账户的凭证充数，数据库拒绝。"""
    other = build(house, [people.clerk, people.reviewer])
    other.register()
    other.put("1", "100.00")
    foreign = pay_over(other)
    pay_over(estate)

    with pytest.raises(psycopg.errors.CheckViolation) as error:
        attempt(estate, people, entry=foreign)
    assert refused_by(error) == "release_follows_ledger"


@pytest.mark.parametrize("code", chart.OPEN_ITEMS)
def test_one_fen_on_an_open_heading_stops_it(estate, people, code):
    """应清零科目还有一分钱，数据库拒绝批准。"""
    estate.open_item(code)
    if code in ("1102", "1301"):
        estate.take(chart.GENERAL_FUNDS, "0.01")

    with pytest.raises(psycopg.errors.CheckViolation) as error:
        attempt(estate, people)
    assert refused_by(error) == "release_follows_ledger"
    assert code in error.value.diag.message_primary


@pytest.mark.parametrize("drop", [False, True])
def test_a_contract_left_in_the_middle_stops_it(estate, people, drop):
    """草拟或已注销的合同名下还有款项，数据库拒绝批准。"""
    contract_no, [notice_no] = sold(estate)
    pay(estate, notice_no)
    if drop:
        dropped = CancellationAsked(new_number("ZX"), bureau_day(), "买受人放弃")
        estate.do(lambda session: cancel(session, contract_no, dropped))

    with pytest.raises(psycopg.errors.CheckViolation) as error:
        attempt(estate, people, entry=pay_over(estate, "200.00"), amount=20000)
    assert refused_by(error) == "release_contracts_settled"


def test_a_contract_at_risk_stops_it(estate, people):
    """备案后被冲正的合同尚未处理，数据库拒绝批准。"""
    contract_no, [notice_no] = sold(estate)
    receipt = pay(estate, notice_no)
    filed(estate, contract_no)
    error_of_bank = Reversal(receipt["receipt_no"], new_number("R"), Yuan("100.00"), bureau_day(), "误记")
    estate.do(lambda session: take_back(session, error_of_bank, "ABC"))

    with pytest.raises(psycopg.errors.CheckViolation) as error:
        attempt(estate, people)
    assert refused_by(error) == "release_contracts_settled"


@pytest.mark.parametrize("role", ["app", "owner"])
def test_an_account_is_not_releasing_without_an_approval(estate, people, role):
    """没有批准的申请，账户不能转为待划付，库主也不能。"""
    estate.applied(people.handler)

    with pytest.raises(psycopg.errors.CheckViolation) as error, estate.house.connect(role) as connection:
        connection.execute(RELEASING, (estate.account_id,))
    assert refused_by(error) == "releasing_needs_approval"


def test_an_approval_ends_supervision_in_the_same_transaction(estate, people):
    """批准而账户仍收款，提交时数据库拒绝。"""
    with pytest.raises(psycopg.errors.CheckViolation) as error:
        attempt(estate, people, then=None)
    assert refused_by(error) == "approval_ends_supervision"
