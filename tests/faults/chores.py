"""What the house does by itself with money, made ready, and rung for as the beat rings (后台任务)."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from celery import Celery

from config.clock import bureau_day
from escrow.fund_income.rules import Basis, IncomeKind
from escrow.fund_income.sharing import Proposal
from escrow.maintenance.chart import Nature
from escrow.opening import actions
from escrow.statements.files import Sender, arriving, keep
from escrow.statements.reading import read
from tests.estate import new_number, pay, sold
from tests.faults.arena import Office
from tests.faults.cases import Staff, day_of, estate_for, fen
from tests.faults.operations import yesterday_of
from tests.fund.fund_estate import build_fund
from tests.fund.test_income_sharing import approved as share_out
from tests.fund.test_income_sharing import booked as interest
from tests.fund.test_income_sharing import close_through, run_of
from tests.listening import happen
from tests.opening import approved, asked, estate_of, rows_of, uploaded
from tests.stating import Day, Told, as_csv
from tests.withdrawing import site_of


@dataclass(slots=True)
class Chore:
    """One task with something to do, and how one sees from outside that it is done (备好的一件)."""

    task: str
    done: str
    told: tuple[Any, ...] = ()
    day: Day | None = None

    def is_done(self, office: Office) -> bool:
        with office.arena.connect(office.name) as connection:
            return bool((connection.execute(self.done, self.told).fetchone() or (False,))[0])


def ring(office: Office, task: str, *args: Any) -> None:
    """One message to the broker, as the beat sends it."""
    with warnings.catch_warnings(), Celery("bell", broker=office.broker, set_as_current=False) as bell:
        # The embedded broker's tables are told in an older SQLAlchemy's words.
        warnings.simplefilter("ignore")
        bell.send_task(task, args, ignore_result=True)


def _kept(staff: Staff, day: Day) -> int:
    """A statement has come in, and nobody has read it yet."""
    house = staff.office.house
    with arriving(io.BytesIO(as_csv(day))) as arrived, house.database.begin() as session:
        return keep(session, arrived, Sender(bank_code="ABC"), house.settings).id


def _paid(staff: Staff) -> tuple[Any, Day]:
    """An account with one credit in the book, and two that only the bank knows of."""
    estate = estate_for(staff)
    _, [notice] = sold(estate, amount="350000.00")
    pay(estate, notice, "350000.00")
    return estate, day_of(estate, Told(new_number("N"), fen("123.45")), Told(new_number("N"), fen("0.01")))


def booking(staff: Staff) -> Chore:
    """A statement is read and waits to be matched: its unknown credits are booked."""
    _, day = _paid(staff)
    house = staff.office.house
    read(house.database, house.settings, number := _kept(staff, day))
    return Chore(
        "escrow.tasks.match_statements", "SELECT status = 'matched' FROM statement WHERE file_id = %s",
        (number,), day,
    )  # fmt: skip


def reading(staff: Staff) -> Chore:
    """A statement waits to be read."""
    _, day = _paid(staff)
    return Chore(
        "escrow.tasks.read_statements", "SELECT count(*) = 1 FROM statement WHERE file_id = %s",
        (_kept(staff, day),), day,
    )  # fmt: skip


def closing(staff: Staff) -> Chore:
    """Yesterday is matched and may be closed."""
    estate, _, _ = yesterday_of(staff)
    return Chore(
        "escrow.tasks.close_days", "SELECT count(*) = 1 FROM account_day WHERE account_id = %s",
        (estate.account_id,), Day(estate.account_no, opening=10000),
    )  # fmt: skip


def sealing(staff: Staff) -> Chore:
    """Entries wait to be sealed."""
    _paid(staff)
    with staff.office.arena.connect(staff.office.name) as connection:
        [last] = connection.execute("SELECT max(id) FROM ledger.journal_entry").fetchone() or (None,)
    return Chore("escrow.tasks.seal_books", "SELECT max(through_id) >= %s FROM ledger.seal", (last,))


def asking(staff: Staff) -> Chore:
    """An order that the bank has not answered in time."""
    site = site_of(staff.office.house, staff.people)
    _, [notice] = sold(site.estate, amount="1000000.00")
    pay(site.estate, notice, "1000000.00")
    (order,) = site.issue(site.approved("150000.00")).numbers
    with staff.office.arena.connect(staff.office.name) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE instruction SET issued_at = now() - interval '9 days' WHERE instruction_no = %s", (order,)
        )
    query = "SELECT status = 'unknown' FROM instruction WHERE instruction_no = %s"
    return Chore("escrow.tasks.ask_about_orders", query, (order,))


def bringing(staff: Staff) -> Chore:
    """An event that the subscriber has not heard of."""
    subject = new_number("EV")
    happen(staff.office.house, subject, audience=("bank:ABC",))
    query = "SELECT status = 'delivered' FROM delivery WHERE subject = %s"
    return Chore("escrow.tasks.bring_events", query, (subject,))


def opening(staff: Staff) -> Chore:
    """A running project's file is approved and waits to be booked."""
    people = staff.people
    estate = estate_of(staff.office.house, people, advanced=False)
    number = uploaded(estate, asked(estate, rows_of(estate)), people.clerk)
    with patch.object(actions, "AT_ONCE", 0):
        approved(estate, number, people.reviewer)
    query = "SELECT status = 'booked' FROM account_opening WHERE opening_no = %s"
    return Chore("escrow.tasks.book_openings", query, (number,))


def sharing(staff: Staff) -> Chore:
    """Last month's interest is to be shared to the houses of a fund; approved, and booked to nobody yet."""
    fund, until = build_fund(staff.office.house, buildings=1), bureau_day().replace(day=1) - timedelta(days=1)
    since = until.replace(day=1)
    fund.opened(since)
    fund.deposits(dict.fromkeys(fund.ids, "1000.00"), on=since)
    interest(fund, IncomeKind.INTEREST, "10.00", until)
    close_through(fund, until)
    run_no = run_of(fund, Proposal(fund.fund_id, Nature.COMMODITY, since, until, Basis.DAYS))
    share_out(fund, run_no)
    query = "SELECT status = 'done' FROM income_run WHERE run_no = %s"
    return Chore("escrow.tasks.share_income", query, (run_no,))


# Each task and the points at which its worker is killed: first those of the short form.
CHORES: dict[str, tuple[Callable[[Staff], Chore], tuple[str, ...], tuple[str, ...]]] = {
    "补记入账": (
        booking,
        ("after:ledger.transfer", "told:statement.receipts-booked", "audit:statement.matched"),
        ("table:answered_request", "audit:statement.receipts-booked", "commit:statement.receipts-booked"),
    ),
    "读取对账单": (reading, ("after:statement_line",), ("audit:statement.received", "told:statement.received")),
    "日结": (closing, ("audit:day.closed", "told:day.closed"), ("after:ledger.day_close", "commit:day.closed")),
    "封存": (sealing, ("table:ledger.seal",), ()),
    "期初入账": (opening, ("after:ledger.transfer", "told:opening.booked"), ("audit:opening.booked",)),
    "收益入户": (
        sharing, ("audit:income-run.done",),
        ("after:ledger.transfer", "commit:income-run.done", "told:income-run.done"),
    ),
    "逾时未答": (asking, ("told:instruction.unknown",), ("audit:instruction.unknown",)),
    "推送": (bringing, ("table:delivery_try",), ("after:delivery",)),
}
