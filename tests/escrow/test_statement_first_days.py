"""A bank's unusual days: before the system, between two accounts, empty, told again too late (特殊的对账日)."""

from datetime import timedelta

import pytest

from config.clock import bureau_day
from escrow.instructions.rules import Outcome
from ledger.money import Yuan
from tests import changing, opening, stating
from tests.conftest import settle
from tests.desk import bearer, hire, sit_down
from tests.estate import build, new_number, officers, standing
from tests.sale import sell
from tests.stating import Day, Told, as_camt, as_csv, held, kinds, paid_in

TODAY = bureau_day()
YESTERDAY = TODAY - timedelta(days=1)


scene_of = standing()


@pytest.fixture
def bank(app):
    return stating.teller(app)


def closed(estate):
    from escrow.tasks import close_days

    settle(estate.house.database)
    close_days()
    return [str(day) for (day,) in held(estate, "SELECT business_date FROM account_day ORDER BY 1")]


def opened(house, as_of):
    """An account opened from a file, its balance certified as of some day before (期初)."""
    people = opening.people_of(house)
    estate = opening.estate_of(house, people)
    what = opening.asked(estate, opening.rows_of(estate), as_of=as_of)
    opening.booked(estate, opening.uploaded(estate, what, people.cashier), people.reviewer)
    return estate


def test_the_first_statement_of_an_opened_account_begins_where_the_opening_ended(house, bank):
    """期初导入的账户，第一份对账单的期初就是余额证明的余额：逐笔相符，可以日结。"""
    estate = opened(house, YESTERDAY - timedelta(days=3))
    first = bank(Day(estate.account_no, (Told("N1", 5000),), opening=161234567, day=YESTERDAY))
    assert first["status"] == "matched" and kinds(first) == [("bank-only", "closed")]
    assert estate.held()["1101", ""] == "1612395.67"
    with bank.app.app_context():
        assert closed(estate) == [str(YESTERDAY)]


def test_a_first_statement_that_begins_elsewhere_is_told(house, bank):
    """期初与余额证明差一分：列为差异，写明相差多少；日结不了。"""
    estate = opened(house, YESTERDAY - timedelta(days=3))
    answer = bank(Day(estate.account_no, opening=161234568, day=YESTERDAY))
    assert kinds(answer) == [("balance-differs", "open")]
    told = answer["differences"][0]
    assert (told["amount"], told["ledger_amount"]) == ("1612345.68", "1612345.67")
    with bank.app.app_context():
        assert closed(estate) == []


def test_money_of_before_that_nobody_opened_is_told_too(bank, estate):
    """没有做期初导入，银行的期初却有钱：列为差异，不会当作没事。"""
    answer = bank(Day(estate.account_no, opening=100, day=YESTERDAY))
    assert answer["status"] == "differences" and kinds(answer) == [("balance-differs", "open")]


@pytest.mark.parametrize("memo", ["", "监管账户变更 {number}"])
def test_both_banks_tell_of_the_transfer_of_a_change(house, app, memo):
    """账户变更：原户对账单上整户转出、新户对账单上整户转入，两边逐笔相符，新户不多出一笔待认领。"""
    people = changing.people_of(house)
    estate = changing.estate_of(house, people)
    sell(estate).pay_due()
    number = changing.entered(estate, people.clerk)
    order = changing.approved(estate, number, people.reviewer)
    before = held(estate, "SELECT bank_serial, amount FROM receipt")
    total = sum(amount for _, amount in before)
    serial, said = new_number("F"), memo.format(number=order)
    changing.answered(estate, number, Outcome.PAID, bank_serial=serial)
    new = changing.moved(estate, number)
    bank_of = "SELECT bank_code FROM supervised_account WHERE id = {}"
    for one, line, earlier in (
        (estate, Told(serial, total, "debit", account_no=new.account_no, memo=said), before),
        (new, Told("IN1", total, account_no=estate.account_no, memo=said), []),
    ):
        ((code,),) = held(estate, bank_of.format(one.account_id))
        token = bearer(house.database, f"bank-{code.lower()}-t", "bank", bank_code=code)
        lines = (*(Told(*credit) for credit in earlier), line)
        sent = app.test_client().post(
            "/api/v1/statements", data=as_csv(Day(one.account_no, lines)),
            headers={**token, "Content-Type": "text/csv"},
        )  # fmt: skip
        assert sent.status_code == 202, sent.text
        answer = app.test_client().get(f"/api/v1/statements/{sent.json['statement_no']}", headers=token).json
        assert (answer["status"], answer["differences"]) == ("matched", [])
    assert ("2101", "") not in new.held() and new.held()["1101", ""] == str(Yuan.from_fen(total))


@pytest.mark.parametrize("camt", [False, True])
def test_a_day_without_a_line_is_matched_and_closed(bank, estate, camt):
    """一天没有收付：零笔的对账单照收、相符、日结，次日接得上。"""
    answer = bank(Day(estate.account_no, day=YESTERDAY), camt=camt)
    assert (answer["status"], answer["matched"]) == ("matched", 0)
    with bank.app.app_context():
        assert closed(estate) == [str(YESTERDAY)]
    assert bank(Day(estate.account_no))["status"] == "matched"


def test_another_version_after_the_day_was_closed(house, bank, estate):
    """日结之后银行另报一版：照收、列明差别，多出的收款记入未结之日；结过的日报一字不改；少了的另成差异。"""
    serial, fen = paid_in(estate)
    day = Day(estate.account_no, (Told("Y1", 700, value_date=YESTERDAY),), day=YESTERDAY)
    bank(day)
    with bank.app.app_context():
        assert closed(estate) == [str(YESTERDAY)]
    report = held(estate, "SELECT * FROM account_day")
    again = bank(day.plus(Told("Y2", 300, value_date=YESTERDAY)))
    assert held(estate, "SELECT * FROM account_day") == report
    query = (
        "SELECT e.effective_on, r.value_date FROM receipt r JOIN ledger.journal_entry e ON e.id = r.entry_id"
        " WHERE r.bank_serial = 'Y2'"
    )
    assert held(estate, query) == [(TODAY, YESTERDAY)]
    assert again["matched"] == 2
    seat = sit_down(bank.app, hire(house.database, house.settings, "shen", "reviewer"))
    page = seat.get(f"/statements/{again['statement_no']}").text
    assert "第 2 版" in page and "当日已结" in page
    today = bank(Day(estate.account_no, (Told(serial, fen),), opening=1000))
    assert today["status"] == "matched" and estate.held()["1101", ""] == "110.00"
    less = bank(Day(estate.account_no, day=YESTERDAY))
    assert set(kinds(less)) >= {("ledger-only", "open")}
    assert held(estate, "SELECT * FROM account_day") == report


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (lambda day: as_csv(day, "gb18030", "\r\n"), "text/csv; charset=gb18030"),
        (lambda day: as_csv(day, "gb18030"), "text/csv"),
        (lambda day: as_camt(day, "02"), "application/xml"),
        (lambda day: as_camt(day, "08"), "application/xml"),
        (lambda day: as_camt(day, "08", encoding="GB18030"), "application/xml"),
    ],
    ids=["csv-gb18030-crlf", "csv-gb18030", "camt-02", "camt-08", "camt-08-gb18030"],
)  # fmt: skip
def test_every_way_a_bank_writes_is_matched(house, app, estate, body, kind):
    """GB18030 的 CSV、camt.053 两个版本，从银行的门进来，逐笔相符、付款人照认。"""
    serial, fen = paid_in(estate)
    token = bearer(house.database, "bank-x", "bank", bank_code="ABC")
    day = Day(estate.account_no, (Told(serial, fen), Told("U1", 100, name="欧阳娜娜")))
    sent = app.test_client().post(
        "/api/v1/statements", data=body(day), headers={**token, "Content-Type": kind}
    )
    assert sent.status_code == 202, sent.text
    answer = app.test_client().get(f"/api/v1/statements/{sent.json['statement_no']}", headers=token).json
    assert (answer["status"], answer["matched"]) == ("matched", 2)
    masked = held(estate, "SELECT payer_name_masked FROM receipt WHERE bank_serial = 'U1'")
    assert masked == [("欧**",)]


def test_the_evening_sees_every_account_at_a_glance(house, bank, estate):
    """下班前一页看全：缺对账单的、有差异的在前，结到哪一天；由账号进到它的对账单；补记的一笔直通认领页。"""
    fine, owing = estate, build(house, officers(house, "aa", "bb"))
    first = bank(Day(fine.account_no, (Told("U1", 100),), day=TODAY))
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE supervised_account SET opened_at = now() - interval '20 days' WHERE id = %s",
            (owing.account_id,),
        )
    seat = sit_down(bank.app, hire(house.database, house.settings, "shen", "auditor"))
    page = seat.get("/statements/accounts").text
    assert "2 个账户：1 个缺对账单，1 个无事" in page
    assert page.index(owing.account_no) < page.index(fine.account_no)
    assert first["statement_no"] in seat.get(f"/statements?account_no={fine.account_no}").text
    assert "还没有收到对账单" in seat.get(f"/statements?account_no={owing.account_no}").text
    shown = seat.get(f"/statements/{first['statement_no']}").text
    assert "届时账实相符的，系统逐日自动日结" in shown and 'href="/unmatched/RZ' in shown
