"""A refund that is due is ordered of the bank, and ends in a known state (退款签发与银行结果)."""

from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import text

from config.clock import bureau_day
from escrow import chart
from escrow.instructions.actions import Order, Payee, issue
from escrow.instructions.results import Result, record
from escrow.instructions.rules import InstructionKind, Outcome
from escrow.refunds.actions import AskedPart
from escrow.refunds.deciding import approve
from escrow.refunds.issuing import issue_refund
from escrow.supervision.books import account_of
from ledger.money import Yuan
from ledger.movements import Transfer
from tests.desk import hire, sit_down
from tests.estate import new_number
from tests.refunding import LENDER, all_gone, refused
from tests.releasing import refused_by
from tests.sale import BANK, row, together

BUYER = "6217000010001234567"


scene_of = all_gone


def issued(gone, refund_no, officer_id):
    told = gone.estate.house.settings
    return gone.estate.do(lambda session: issue_refund(session, refund_no, told, officer_id=officer_id))


def no_issue(gone, refund_no, officer_id):
    told = gone.estate.house.settings
    return refused(gone.estate, lambda s: issue_refund(s, refund_no, told, officer_id=officer_id))


def answered(gone, number, outcome, *, amount="300000.00", account=BUYER):
    """The bank says what became of an order."""
    said = Result(number, outcome, new_number("F"), Yuan(amount), account, bureau_day(), "退款")
    return gone.estate.do(lambda session: record(session, said, BANK, gone.estate.house.settings))


def book(gone):
    """Payable, in transit, paid in."""
    held = gone.estate.held()
    return [
        next((amount for (found, _), amount in held.items() if found == code), "0.00")
        for code in (chart.REFUND_PAYABLE, chart.REFUND_IN_TRANSIT, chart.PAID_IN_BY_CONTRACT)
    ]


def due(gone, people, *parts):
    refund_no = gone.entered(people.cashier, *parts)
    gone.approved(refund_no, people.reviewer)
    return refund_no


def test_own_money_goes_to_the_buyer_and_the_loan_to_the_lender(gone, people):
    """自付部分与贷款部分各一张退款通知书，收款账号就是原付款账号；银行付讫后在途与应退均为零。"""
    refund_no = due(
        gone, people, AskedPart(gone.receipts[1], Yuan("300000.00")),
        AskedPart(gone.receipts[2], Yuan("650000.00")),
    )  # fmt: skip
    assert book(gone) == ["950000.00", "0.00", "50000.00"]
    own, loan = issued(gone, refund_no, people.cashier)
    assert book(gone)[0] == "0.00"
    names = row(gone.estate, "SELECT array_agg(payee_name_masked ORDER BY id) AS said FROM instruction").said
    assert names == ["王**", LENDER[0]]
    assert no_issue(gone, refund_no, people.cashier) == ["refund-issued"]
    assert answered(gone, own, Outcome.PAID)["status"] == "paid"
    assert answered(gone, loan, Outcome.PAID, amount="650000.00", account=LENDER[1])["status"] == "paid"
    assert book(gone) == ["0.00", "0.00", "50000.00"]
    assert row(gone.estate, "SELECT status FROM refund").status == "issued"


def test_another_account_in_the_banks_answer_suspends(gone, people):
    """银行报来的收款账号与通知书不符：账户暂停，在途不动，后续退款不能签发。"""
    refund_no = due(gone, people)
    [number] = issued(gone, refund_no, people.cashier)
    answer = answered(gone, number, Outcome.PAID, account="6217000099990000002")
    assert answer["refusals"] and book(gone)[1] == "300000.00"
    other = gone.entered(people.cashier, AskedPart(gone.receipts[0], Yuan("1.00")))
    unit = lambda s: approve(s, other, officer_id=people.reviewer)  # noqa: E731
    assert refused(gone.estate, unit) == ["account-not-active"]


@pytest.mark.parametrize(
    "outcomes",
    [(Outcome.FAILED,), (Outcome.PAID, Outcome.RETURNED), (Outcome.UNKNOWN, Outcome.FAILED)],
)
def test_what_the_bank_did_not_pay_is_payable_and_ordered_again(gone, people, outcomes):
    """银行未付、付后退汇、不明后未付：款项仍为应退，可以再签；答复之前不能重签。"""
    refund_no = due(gone, people)
    [number] = issued(gone, refund_no, people.cashier)
    for outcome in outcomes:
        assert no_issue(gone, refund_no, people.cashier) == ["refund-issued"]
        answered(gone, number, outcome)
    assert book(gone) == ["300000.00", "0.00", "700000.00"]
    [again] = issued(gone, refund_no, people.cashier)
    assert again != number
    answered(gone, again, Outcome.PAID)
    assert book(gone) == ["0.00", "0.00", "700000.00"]
    assert answered(gone, number, outcomes[-1])["status"] == outcomes[-1].value
    assert book(gone) == ["0.00", "0.00", "700000.00"]


def test_the_delay_of_another_payee_cannot_be_skipped(gone, people):
    """改退他人：当日不能签发，数据库也不许；到日之后可以。"""
    refund_no = gone.elsewhere(people.cashier)
    gone.approved(refund_no, people.reviewer)
    gone.approved(refund_no, people.second)
    assert no_issue(gone, refund_no, people.cashier) == ["refund-must-wait"]
    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        by_hand(gone)
    assert refused_by(caught) == "refund_order_stands"
    with gone.estate.house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE refund SET ready_on = current_date - 1, decided_at = now() - interval '3 days'"
        )
        connection.commit()
    [number] = issued(gone, refund_no, people.cashier)
    told = row(gone.estate, "SELECT payee_account_masked, payee_bank FROM instruction")
    assert told.payee_account_masked.endswith("0002") and told.payee_bank == "中国银行交口支行"
    answered(gone, number, Outcome.PAID, account="6217000099990000002")


def by_hand(gone, *, link=True, said="300000.00"):
    """An order issued beside the room, as somebody with the application's rights would."""
    estate = gone.estate
    key = chart.refund_key(estate.buildings["1"], 1)
    told = estate.house.settings

    def unit(session):
        payable = account_of(session, estate.book_id, chart.REFUND_PAYABLE, key=key)
        amount = Yuan(said)
        made = issue(
            session,
            Order(
                kind=InstructionKind.REFUND, account_id=estate.account_id, building_id=estate.buildings["1"],
                amount=amount, payee=Payee("某人", "6217000099990000002", "某行"), purpose="退款",
                movement=chart.INSTRUCT_REFUND, transfers=lambda to: [Transfer(payable, to, amount)],
                source_code=chart.REFUND_PAYABLE, source_key=key,
            ),
            told, officer_id=1,
        )  # fmt: skip
        if link:
            session.execute(text("INSERT INTO refund_order VALUES (:id, 1)"), {"id": made.id})

    try:
        estate.do(unit)
    except Exception as error:
        raise getattr(error, "orig", error) from None


@pytest.mark.parametrize(
    ("said", "constraint"),
    [
        ({"link": False}, "refund_behind_order"),
        ({"said": "299999.99"}, "refund_order_stands"),
        ({"twice": True}, "refund_order_stands"),
    ],
)
def test_no_order_beside_its_refund(gone, people, said, constraint):
    """退款通知书必须对应一笔应退明细，金额相同，且未签发过：绕过本室签发的一律不成。"""
    refund_no = due(gone, people)
    if said.pop("twice", False):
        issued(gone, refund_no, people.cashier)
        key = chart.refund_key(gone.estate.buildings["1"], 1)
        gone.estate.move(chart.DEPOSITS_AT_BANK, chart.REFUND_PAYABLE, "300000.00", key=key)
    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        by_hand(gone, **said)
    assert refused_by(caught) == constraint


def test_a_refund_not_yet_approved_is_not_issued(gone, people):
    """未核准的退款不能签发。"""
    refund_no = gone.entered(people.cashier)
    assert no_issue(gone, refund_no, people.cashier) == ["refund-not-due"]


def test_twenty_officers_issue_one_refund_once(gone, people):
    """二十人同时签发同一件退款：只有一张通知书。"""
    refund_no = due(gone, people)
    found = together([lambda: issued(gone, refund_no, people.cashier) for _ in range(20)])
    assert sum(1 for one in found if isinstance(one, list) and str(one[0]).startswith("ZL")) == 1
    assert row(gone.estate, "SELECT count(*) AS n FROM instruction").n == 1
    assert book(gone)[1] == "300000.00"


def test_the_page_issues_and_shows_what_the_bank_made_of_it(app, house, gone, people):
    """页面上签发，列出通知书与银行结果；未付的可再签。"""
    hired = {name: hire(house.database, house.settings, name, *roles) for name, roles in
             (("zhang", ["cashier"]), ("wang", ["reviewer"]))}  # fmt: skip
    desks = SimpleNamespace(**{name: sit_down(app, who) for name, who in hired.items()})
    refund_no = due(gone, people)
    page = f"/refunds/{refund_no}"
    assert "签发退款通知书（1 笔）" in desks.zhang.get(page).text
    assert desks.wang.post(f"{page}/issue").status_code == 403
    assert desks.zhang.post(f"{page}/issue").status_code == 303
    number = row(gone.estate, "SELECT instruction_no FROM instruction").instruction_no
    assert number in desks.wang.get(page).text and "待银行结果" in desks.wang.get(page).text
    assert desks.zhang.post(f"{page}/issue").status_code == 409
    answered(gone, number, Outcome.FAILED)
    assert "再次签发（1 笔）" in desks.zhang.get(page).text
