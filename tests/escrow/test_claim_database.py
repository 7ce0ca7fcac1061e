"""待认领款在库里的规矩：绕过程序直接写库，超额、同一人、两次、别户、退回之后，都被拒绝。"""

from types import SimpleNamespace

import psycopg
import pytest

from tests.claiming import claimed, confirmed, ordered, people_of, returned
from tests.estate import build, file_hash, new_number, pay, sold
from tests.releasing import refused_by

CLAIM = (
    "INSERT INTO receipt_claim (receipt_id, kind, amount, document_no, file_hash, note, status, entered_by)"
    " VALUES (%(receipt)s, '{kind}', {amount}, 'X', '{hash}', 'x', '{status}', %(cashier)s)"
)
PART = (
    "INSERT INTO receipt_claim_part (claim_id, notice_id, contract_id, amount)"
    " SELECT (SELECT max(id) FROM receipt_claim), id, contract_id, {amount} FROM payment_notice"
    " WHERE notice_no = %({notice})s"
)
CONFIRM = (
    "UPDATE receipt_claim SET status = 'confirmed', decided_by = %({by})s, decided_at = clock_timestamp(),"
    " entry_id = (SELECT max(id) FROM ledger.journal_entry), law = '{{}}' WHERE status = 'entered'"
)
ALLOCATE = (
    "INSERT INTO receipt_allocation (receipt_id, notice_id, contract_id, amount)"
    " SELECT %(receipt)s, id, contract_id, {amount} FROM payment_notice WHERE notice_no = %(notice)s"
)


def claim(amount=10000, kind="claim", status="entered"):
    return CLAIM.format(amount=amount, kind=kind, status=status, hash=file_hash(new_number("X")))


def scene_of(house, app):
    people = people_of(house)
    estate = build(house, [people.clerk, people.reviewer])
    other = build(house, [people.clerk, people.reviewer])
    _, [notice] = sold(estate)
    _, [foreign] = sold(other)
    receipt = pay(estate, None)
    with house.connect("superuser") as connection:
        [(number,)] = connection.execute("SELECT id FROM receipt").fetchall()
    told = {"receipt": number, "notice": notice, "foreign": foreign, **vars(people)}
    return SimpleNamespace(estate=estate, people=people, receipt=receipt, notice=notice, told=told)


@pytest.fixture
def place(scene):
    return scene


def refused(place, *statements, role="owner"):
    with pytest.raises(psycopg.Error) as caught, place.estate.house.connect(role) as connection:
        for statement in statements:
            connection.execute(statement, place.told)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return refused_by(caught)


@pytest.mark.parametrize(
    ("statements", "guard"),
    [
        pytest.param([claim(10001)], "receipt_claim_within_remainder", id="超过余额"),
        pytest.param([claim(status="confirmed")], "receipt_claim_steps", id="一写即确认"),
        pytest.param([claim()], "receipt_claim_whole", id="没有份额"),
        pytest.param([claim(), PART.format(amount=9999, notice="notice")], "receipt_claim_whole", id="份额不足"),
        pytest.param(
            [claim(), PART.format(amount=10000, notice="foreign")], "receipt_claim_whole", id="别户合同"
        ),
        pytest.param(
            [claim(kind="return"), PART.format(amount=1, notice="notice")], "receipt_claim_whole", id="退回带份额"
        ),
        pytest.param([claim(), claim()], "uq_receipt_claim_waiting", id="两件同时待确认"),
        pytest.param(
            [claim(), PART.format(amount=10000, notice="notice"), CONFIRM.format(by="cashier")],
            "ck_receipt_claim_two_officers", id="同一人确认",
        ),
        pytest.param(
            [claim(), PART.format(amount=10000, notice="notice"), CONFIRM.format(by="reviewer")],
            "receipt_claim_whole", id="无凭证无匹配即确认",
        ),
        pytest.param(
            [claim(kind="return"), CONFIRM.format(by="reviewer")], "receipt_claim_whole", id="冒用凭证退回"
        ),
        pytest.param([ALLOCATE.format(amount=10000)], "allocation_stands", id="无认领即匹配"),
        pytest.param(
            ["UPDATE unmatched_receipt SET remainder = -1"], "ck_unmatched_receipt_remainder", id="余额为负"
        ),
    ],
)  # fmt: skip
def test_the_database_itself_refuses(place, statements, guard):
    """超额、无份额、别户、同一人、冒用凭证、无认领先匹配：库里都不许。"""
    assert refused(place, *statements) == guard


def test_what_was_confirmed_is_never_claimed_again_nor_changed(place):
    """确认之后余额为零，不能再录再配；已确认的不能改、份额不能改、匹配不能删。"""
    done = claimed(place.estate, place.receipt, place.people.cashier, **{place.notice: "100.00"})
    confirmed(place.estate, done, place.people.reviewer)
    assert refused(place, claim(1)) == "receipt_claim_within_remainder"
    assert refused(place, ALLOCATE.format(amount=1)) == "uq_receipt_allocation_receipt_id_notice_id"
    assert refused(place, "UPDATE receipt_claim SET amount = 1") == "receipt_claim_steps"
    for statement in (
        "UPDATE receipt_claim_part SET amount = 1", "DELETE FROM receipt_claim_part",
        "DELETE FROM receipt_claim",
    ):  # fmt: skip
        assert refused(place, statement) != ""


def test_after_a_return_nothing_is_claimed_nothing_reversed_and_nothing_ordered_twice(place):
    """决定退回之后：不能再认领、不能冲正、不能匹配；没有决定的退回指令签不出去，签了的不能再签。"""
    estate, people = place.estate, place.people
    decided = returned(estate, place.receipt, people.cashier, "100.00")
    confirmed(estate, decided, people.reviewer)
    number = ordered(estate, decided, people.cashier)
    assert refused(place, claim(1)) == "receipt_claim_within_remainder"
    assert refused(place, ALLOCATE.format(amount=10000)) in ("allocation_stands", "receipt_counts_once")
    reversal = (
        "INSERT INTO receipt_reversal (receipt_id, bank_code, bank_serial, amount, value_date, reason,"
        " entry_id) SELECT id, bank_code, 'R', amount, value_date, 'x', entry_id FROM receipt"
    )
    assert refused(place, reversal) == "reversal_not_returned"
    again = "INSERT INTO receipt_return_order (instruction_id, claim_id) SELECT id, 1 FROM instruction"
    assert refused(place, again) in ("return_order_stands", "pk_receipt_return_order")
    copied = (
        "INSERT INTO instruction (instruction_no, kind, account_id, amount, key_amount, payee_name_sealed,"
        " payee_name_masked, payee_account_sealed, payee_account_masked, payee_bank, purpose, source_code,"
        " source_key, issued_by, expires_on, status) SELECT 'ZL9', kind, account_id, amount, key_amount,"
        " payee_name_sealed, payee_name_masked, payee_account_sealed, payee_account_masked, payee_bank,"
        " purpose, source_code, source_key, issued_by, expires_on, 'issued' FROM instruction"
        f" WHERE instruction_no = '{number}'"
    )
    assert refused(place, copied) != ""


def test_the_application_cannot_write_the_worklist_itself(place):
    """待认领余额只由库里的规矩维护，应用无权改写。"""
    with pytest.raises(psycopg.errors.InsufficientPrivilege), place.estate.house.connect("app") as connection:
        connection.execute("UPDATE unmatched_receipt SET remainder = 0")
