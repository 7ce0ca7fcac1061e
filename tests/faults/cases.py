"""Who comes to one house, and one operation made ready to its last step (各方，备好的一笔)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from config.clock import bureau_day, now
from tests.estate import Estate, build, new_number, officers
from tests.faults.arena import Office
from tests.faults.callers import Caller, Heard, Seat, bank_of, seat_of
from tests.listening import admitted
from tests.stating import Day, Told

BUYER = "6217000010001234567"
DONE = frozenset({200, 201, 202, 303})


@dataclass(slots=True)
class Staff:
    """Everybody who comes to one house (各方)."""

    office: Office
    subscriber: int
    people: SimpleNamespace
    bank: Caller
    new_bank: Caller
    chief: Seat
    cashier: Seat

    @property
    def callers(self) -> tuple[Caller, ...]:
        return self.bank, self.new_bank, self.chief, self.cashier


@dataclass(slots=True)
class Case:
    """One operation, one step before it moves money (备好的一笔)."""

    ask: Callable[[], Heard]
    # What the bank will say of the account once it is done.
    days: list[tuple[Caller, Day]] = field(default_factory=list)
    # A repeated message gets the first answer; a form sent twice is refused the second time.
    is_message: bool = False


def staff_of(office: Office) -> Staff:
    """People, banks, a subscriber that hears every event of the bank, and two officers at their desks."""
    subscriber = admitted(office.house, office.listener, "bank-abc", scopes={"bank"}, bank_code="ABC")
    names = ("clerk", "cashier", "issuer", "reviewer", "second", "third", "handler", "chief", "other")
    people = SimpleNamespace(**dict(zip(names, officers(office.house, *names), strict=True)))
    return Staff(
        office, subscriber, people, bank_of(office, "bank-abc", "ABC"), bank_of(office, "bank-icbc", "ICBC"),
        seat_of(office, "desk-chief", "reviewer"), seat_of(office, "desk-cashier", "cashier"),
    )  # fmt: skip


def estate_for(staff: Staff, *, advanced: bool = False, **said: Any) -> Estate:
    """A project of the house; nothing of it is filed, so its maintenance fund need not be paid (一个项目)."""
    two = [staff.people.clerk, staff.people.reviewer]
    return build(staff.office.house, two, advanced=advanced, **said)


# --- what the bank did ---


def told_so_far(estate: Estate) -> list[Told]:
    """What the bank booked on an account before the step, by its own serials."""
    query = (
        "SELECT coalesce(bank_serial, 'D' || entry_id), direction, amount FROM bank_movements(%s, %s)"
        " ORDER BY entry_id"
    )
    with estate.house.connect("app") as connection:
        rows = connection.execute(query, (estate.account_id, bureau_day())).fetchall()
    return [Told(serial, fen, direction) for serial, direction, fen in rows]


def day_of(estate: Estate, *lines: Told) -> Day:
    """Today on an account that was empty in the morning."""
    return Day(estate.account_no, (*told_so_far(estate), *lines))


def fen(amount: str) -> int:
    return int(amount.replace(".", ""))


def deposit_on(estate: Estate, amount: str, notice_no: str | None, **changed: Any) -> dict[str, Any]:
    """A credit as the bank reports it (入账报文)."""
    return {
        "bank_serial": new_number("B"), "account_no": estate.account_no, "amount": amount,
        "value_date": bureau_day().isoformat(), "booked_at": now().isoformat(), "payer_name": "王秀英",
        "payer_account": BUYER, "channel": "pos", "notice_no": notice_no, "memo": None, **changed,
    }  # fmt: skip


def result_of(order: str, amount: str, account_no: str) -> tuple[str, dict[str, Any]]:
    """The bank has paid an order (已付)."""
    return f"/instructions/{order}/results", {
        "outcome": "paid", "bank_serial": new_number("F"), "amount": amount, "payee_account": account_no,
        "value_date": bureau_day().isoformat(),
    }  # fmt: skip


# Where an operation first writes, and what it has written when the books know of it (落笔之处).
MESSAGES = "table:answered_request"
ENTRIES = "table:ledger.journal_entry"
POSTED = "after:ledger.transfer"


@dataclass(frozen=True, slots=True)
class Operation:
    """How it is made ready, the step that ends it in the trail, and where it writes (一项业务)."""

    make: Callable[[Staff], Case]
    action: str
    first: str = ENTRIES
    second: str = POSTED
    # Struck in the short form only on both sides of its commit.
    is_brief: bool = False
    # Its trail travels with COMMIT: it stands though who sent both is killed while the trail is written.
    says_commit_with_trail: bool = False
