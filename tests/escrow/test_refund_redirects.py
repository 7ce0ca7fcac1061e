"""A refund the original account cannot take goes elsewhere by three people, a paper and a day (改退账户)."""

from itertools import product

import psycopg
import pytest

from config.clock import bureau_day
from escrow.errors import NotFound
from escrow.instructions.results import Result, record
from escrow.instructions.rules import Outcome
from escrow.refunds.actions import Proof
from escrow.refunds.issuing import issue_refund
from escrow.refunds.redirect_rules import STEPS, RedirectStatus
from escrow.refunds.redirecting import RedirectAsked, approve_redirect, enter_redirect, reject_redirect
from ledger.money import Yuan
from tests.desk import hire, sit_down
from tests.estate import file_hash, new_number
from tests.refunding import SISTER, all_gone, refused
from tests.releasing import refused_by
from tests.sale import BANK, row

BUYER = "6217000010001234567"


def scene_of(house, app):
    """A refund whose only order the bank could not pay (银行付不出的退款)."""
    made = all_gone(house, app)
    gone, people = made.gone, made.people
    made.failed = gone.entered(people.cashier)
    gone.approved(made.failed, people.reviewer)
    [number] = issued(gone, made.failed, people)
    bank_says(gone, number, Outcome.FAILED, BUYER)
    return made


@pytest.fixture
def failed(scene):
    return scene.failed


def issued(gone, refund_no, people):
    told = gone.estate.house.settings
    return gone.estate.do(lambda s: issue_refund(s, refund_no, told, officer_id=people.cashier))


def bank_says(gone, number, outcome, account):
    said = Result(number, outcome, new_number("F"), Yuan("300000.00"), account, bureau_day(), "账户已销户")
    return gone.estate.do(lambda s: record(s, said, BANK, gone.estate.house.settings))


def asked(refund_no, part=1):
    number = new_number("GT")
    return RedirectAsked(refund_no, part, SISTER, Proof(number, file_hash(number)))


def entering(gone, people, said):
    told = gone.estate.house.settings
    return lambda session: enter_redirect(session, said, told, officer_id=people.cashier)


def approving(which, officer_id):
    return lambda session: approve_redirect(session, which, officer_id=officer_id)


def days_pass(house):
    """As if it had been approved days ago: only a superuser can pretend so."""
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE refund_redirect SET ready_on = current_date - 1, decided_at = now() - interval '3 days'"
        )
        connection.commit()


def test_three_people_and_a_day(house, gone, failed, people):
    """改退须三人先后办理；复核期间、最早签发日之前都不能签发；到日付给新账户。"""
    estate, told = gone.estate, gone.estate.house.settings
    which = estate.do(entering(gone, people, asked(failed)))
    unit = lambda s: issue_refund(s, failed, told, officer_id=people.cashier)  # noqa: E731
    assert refused(estate, unit) == ["redirect-must-wait"]
    assert refused(estate, approving(which, people.cashier)) == ["same-officer"]
    assert estate.do(approving(which, people.reviewer)) is RedirectStatus.REVIEWED
    assert refused(estate, approving(which, people.reviewer)) == ["same-officer"]
    assert refused(estate, unit) == ["redirect-must-wait"]
    assert estate.do(approving(which, people.second)) is RedirectStatus.APPROVED
    assert refused(estate, approving(which, people.third)) == ["already-decided"]
    assert refused(estate, unit) == ["redirect-must-wait"]
    days_pass(house)
    [number] = issued(gone, failed, people)
    assert bank_says(gone, number, Outcome.PAID, SISTER.account_no)["status"] == "paid"
    assert ("2301", "building:1:refund:1") not in estate.held()


def test_what_is_ordered_or_paid_is_not_redirected(empty_house):
    """已签发未答复的、已付讫的不能改退；同一笔不能同时有两件改退；别件的明细不认。"""
    made = all_gone(empty_house, None)
    gone, people = made.gone, made.people
    refund_no = gone.entered(people.cashier)
    assert refused(gone.estate, entering(gone, people, asked(refund_no))) == ["refund-not-due"]
    gone.approved(refund_no, people.reviewer)
    [number] = issued(gone, refund_no, people)
    assert refused(gone.estate, entering(gone, people, asked(refund_no))) == ["refund-issued"]
    bank_says(gone, number, Outcome.FAILED, BUYER)
    gone.estate.do(entering(gone, people, asked(refund_no)))
    assert refused(gone.estate, entering(gone, people, asked(refund_no))) == ["redirect-open"]
    with pytest.raises(NotFound):
        gone.estate.do(entering(gone, people, asked(refund_no, part=99)))


def test_a_rejected_redirect_leaves_the_payer(gone, failed, people):
    """改退退回之后，仍退原付款账户。"""
    which = gone.estate.do(entering(gone, people, asked(failed)))
    gone.estate.do(lambda s: reject_redirect(s, which, officer_id=people.reviewer, reason="证明不全"))
    [number] = issued(gone, failed, people)
    assert bank_says(gone, number, Outcome.PAID, BUYER)["status"] == "paid"


def test_the_pages_enter_and_review(app, house, gone, failed):
    """页面录入改退、两级复核；缺项答 422，没有的答 404。"""
    seats = {name: sit_down(app, hire(house.database, house.settings, name, role)) for name, role in
             (("zhang", "cashier"), ("wang", "reviewer"), ("li", "reviewer"))}  # fmt: skip
    page, proof = f"/refunds/{failed}", new_number("GT")
    form = {"name": "王秀兰", "account_no": SISTER.account_no, "bank_name": "中国银行交口支行", "paper_no": proof}
    assert seats["zhang"].post(f"{page}/parts/1/redirect", form).status_code == 422
    form["file_hash"] = file_hash(proof)
    assert seats["zhang"].post(f"{page}/parts/99999999999/redirect", form).status_code == 404
    assert seats["zhang"].post(f"{page}/parts/1/redirect", form).status_code == 303
    assert "通过复核" in seats["wang"].get(page).text and "王秀兰" not in seats["wang"].get(page).text
    assert seats["wang"].post(f"{page}/redirects/1/approve").status_code == 303
    assert seats["wang"].post(f"{page}/redirects/1/approve").status_code == 409
    assert seats["li"].post(f"{page}/redirects/9/reject", {"reason": "无"}).status_code == 404
    assert seats["li"].post(f"{page}/redirects/1/approve").status_code == 303
    assert "最早签发日" in seats["zhang"].get(page).text
    query = "SELECT count(*) AS n FROM audit_event WHERE action LIKE 'refund.redirect-%'"
    assert row(gone.estate, query).n == 3


FORCED = """
SET session_replication_role = replica;
UPDATE refund_redirect SET status = '{status}', reviewed_by = {reviewed}, reviewed_at = {reviewed_at},
       decided_by = {decided}, decided_at = {decided_at}, ready_on = {ready}, reason = {reason};
SET session_replication_role = origin;
"""


def test_every_illegal_step_is_refused(house, gone, failed, people):
    """状态表之外的每一步，数据库都不许。"""
    gone.estate.do(entering(gone, people, asked(failed)))
    illegal = [pair for pair in product(RedirectStatus, RedirectStatus) if pair not in STEPS]
    for before, to in illegal:
        decided, reviewed = before in ("approved", "rejected"), before != "entered"
        said = {
            "status": before.value, "reviewed": people.reviewer if reviewed else "NULL",
            "reviewed_at": "now()" if reviewed else "NULL", "decided": people.second if decided else "NULL",
            "decided_at": "now()" if decided else "NULL", "reason": "'x'" if before == "rejected" else "NULL",
            "ready": "current_date + 1" if before == "approved" else "NULL",
        }  # fmt: skip
        with house.connect("superuser") as connection:
            connection.execute(FORCED.format(**said))
        with pytest.raises(psycopg.errors.CheckViolation) as caught, house.connect("owner") as connection:
            connection.execute("UPDATE refund_redirect SET status = %s", (to.value,))
        assert refused_by(caught) == "redirect_steps", (before, to)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE refund_redirect SET payee_account_masked = 'x'", "redirect_steps"),
        ("UPDATE refund_redirect SET status = 'reviewed', reviewed_by = entered_by, reviewed_at = now()",
         "ck_refund_redirect_three_officers"),
        ("DELETE FROM refund_redirect", "written_once"),
        ("INSERT INTO refund_redirect (part_id, paper_no, file_hash, payee_name_sealed, payee_name_masked,"
         " payee_account_sealed, payee_account_masked, payee_bank, status, entered_by)"
         " SELECT part_id, 'x', repeat('c', 64), 'x', 'x', 'x', 'x', 'x', 'entered', entered_by"
         " FROM refund_redirect", "uq_refund_redirect_open"),
    ],
)  # fmt: skip
def test_plain_sql_skips_nothing(house, gone, failed, people, statement, constraint):
    """纯 SQL 也不能改收款账号、由录入人复核、删除、另插一件。"""
    gone.estate.do(entering(gone, people, asked(failed)))
    with pytest.raises(psycopg.Error) as caught, house.connect("owner") as connection:
        connection.execute(statement)
    assert refused_by(caught) == constraint


def test_the_second_level_cannot_skip_the_day_in_plain_sql(house, gone, failed, people):
    """二级复核当日即可签发的改退，数据库不许。"""
    which = gone.estate.do(entering(gone, people, asked(failed)))
    gone.estate.do(approving(which, people.reviewer))
    with pytest.raises(psycopg.errors.CheckViolation) as caught, house.connect() as connection:
        connection.execute(
            "UPDATE refund_redirect SET status = 'approved', decided_by = %s, decided_at = clock_timestamp(),"
            " ready_on = current_date", (people.second,),
        )  # fmt: skip
    assert refused_by(caught) == "redirect_waits"
