"""What was decided of a release stands, no file serves twice, no money comes after (决定与材料不改)."""


import psycopg
import pytest

from config.clock import bureau_day
from escrow import chart
from escrow.registration.actions import FirstAsked
from escrow.registration.by_hand import enter as enter_by_hand
from escrow.release.actions import approve
from tests.estate import build, file_hash
from tests.releasing import EVIDENCE, refused_by, with_money

scene_of = with_money


@pytest.mark.parametrize(
    "change",
    ["paper_no = 'X'", "status = 'entered', decided_by = NULL, decided_at = NULL", "entered_by = decided_by"],
)
def test_a_confirmed_paper_stands(estate, people, change):
    """确认之后的佐证材料不能再改，库主也不能。"""
    with estate.house.connect() as connection:
        connection.execute(EVIDENCE, (estate.account_id, file_hash("h"), people.clerk))
        connection.execute(
            "UPDATE release_evidence SET status = 'confirmed', decided_by = %s, decided_at = now()",
            (people.reviewer,),
        )

    with pytest.raises(psycopg.errors.CheckViolation) as error, estate.house.connect("owner") as connection:
        connection.execute(f"UPDATE release_evidence SET {change}")
    assert refused_by(error) == "decided_once"


def test_a_paper_of_evidence_is_no_application(estate, people):
    """作过佐证材料的文件，不能再作申请书。"""
    with estate.house.connect() as connection:
        connection.execute(EVIDENCE, (estate.account_id, file_hash("i"), people.clerk))

    with pytest.raises(psycopg.errors.UniqueViolation) as error, estate.house.connect() as connection:
        connection.execute(
            "INSERT INTO release_application (release_no, account_id, application_no, applied_on, file_hash,"
            " status, entered_by) VALUES ('JC1', %s, 'SQ', current_date, %s, 'entered', %s)",
            (estate.account_id, file_hash("i"), people.handler),
        )
    assert refused_by(error) == "pk_filed_paper"


def test_one_account_has_one_live_application(estate, people):
    """一个账户两件在办申请，数据库拒绝。"""
    estate.applied(people.handler)

    with pytest.raises(psycopg.errors.UniqueViolation) as error, estate.house.connect() as connection:
        connection.execute(
            "INSERT INTO release_application (release_no, account_id, application_no, applied_on, file_hash,"
            " status, entered_by) VALUES ('JC2', %s, 'SQ', current_date, %s, 'entered', %s)",
            (estate.account_id, file_hash("j"), people.handler),
        )
    assert refused_by(error) == "uq_release_application_live"


@pytest.mark.parametrize(
    "change",
    [
        "status = 'entered', decided_by = NULL, decided_at = NULL, amount = NULL, entry_id = NULL,"
        " law = NULL, findings = NULL",
        "amount = amount + 1", "law = '{\"a\": 1}'", "entered_by = entered_by + 1", "application_no = 'X'",
        "reason = 'x'",
    ],
)  # fmt: skip
def test_a_decision_stands(estate, people, change):
    """决定之后任何一栏都不能再改，库主也不能。"""
    number = estate.applied(people.handler)
    estate.do(lambda session: approve(session, number, officer_id=people.chief))

    with pytest.raises(psycopg.errors.CheckViolation), estate.house.connect("owner") as connection:
        connection.execute(f"UPDATE release_application SET {change}")


def test_an_application_begins_as_entered(estate, people):
    """申请不能一写入就是已批准。"""
    with pytest.raises(psycopg.errors.CheckViolation) as error, estate.house.connect() as connection:
        connection.execute(
            "INSERT INTO release_application (release_no, account_id, application_no, applied_on, file_hash,"
            " status, entered_by, decided_by, decided_at, amount, law, findings)"
            " VALUES ('JC1', %s, 'SQ', current_date, %s, 'approved', %s, %s, now(), 0, '{}', '{}')",
            (estate.account_id, file_hash("n"), people.handler, people.chief),
        )
    assert refused_by(error) == "decided_once"


@pytest.mark.parametrize("table", ["release_application", "release_evidence", "filed_paper"])
@pytest.mark.parametrize("how", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nothing_filed_is_taken_out_again(estate, people, table, how):
    """申请、材料与已用文件不能删除或清空，库主也不能。"""
    estate.applied(people.handler)
    with estate.house.connect() as connection:
        connection.execute(EVIDENCE, (estate.account_id, file_hash("g"), people.clerk))

    with pytest.raises(psycopg.errors.CheckViolation) as error, estate.house.connect("owner") as connection:
        connection.execute(how.format(table))
    assert refused_by(error) == "written_once"


def test_no_file_serves_twice(estate, people):
    """首次登记用过的文件，不能再作佐证材料。"""
    estate_two = build(estate.house, [people.clerk, people.reviewer], buildings=1)
    asked = FirstAsked(estate_two.project_no, ("1",), "证E", bureau_day())
    estate_two.do(
        lambda session: enter_by_hand(session, asked, file_hash=file_hash("证E"), officer_id=people.clerk)
    )

    with pytest.raises(psycopg.errors.UniqueViolation) as error, estate.house.connect() as connection:
        connection.execute(EVIDENCE, (estate.account_id, file_hash("证E"), people.clerk))
    assert refused_by(error) == "pk_filed_paper"


RECEIPT = """
INSERT INTO receipt (receipt_no, account_id, bank_code, bank_serial, amount, value_date, bank_booked_at,
                     payer_name_sealed, payer_name_masked, payer_account_sealed, payer_account_masked,
                     channel, entry_id)
VALUES ('RZ-late', %(account)s, 'ABC', 'S1', 1, current_date, now(), '', '', '', '', 'pos', %(entry)s)
"""


def test_no_receipt_enters_after_the_release(estate, people):
    """解除监管之后，绕过接口也不能再写入一笔入账。"""
    number = estate.applied(people.handler)
    estate.do(lambda session: approve(session, number, officer_id=people.chief))
    entry = estate.open_item(chart.UNMATCHED)

    with pytest.raises(psycopg.errors.CheckViolation) as error, estate.house.connect() as connection:
        connection.execute(RECEIPT, {"account": estate.account_id, "entry": entry.id})
    assert refused_by(error) == "no_receipt_after_release"
