"""Every operation that moves money, made ready to its last step: who asks for it, and how (资金业务).

What comes before goes in by the rooms' own actions; the step itself is taken at the door or page, over HTTP.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from config.clock import bureau_day, now
from escrow.release.payout import pay_out
from tests import changing, claiming, opening, refunding, releasing
from tests.estate import Estate, build, filed, new_number, officers, pay, sold
from tests.faults.arena import Office
from tests.faults.callers import Caller, Heard, Seat, bank_of, seat_of
from tests.fund import ordering
from tests.fund.advancing import DUE, paid
from tests.fund.fund_estate import FundEstate, fund_of
from tests.listening import admitted
from tests.stating import Day, Told, as_csv
from tests.withdrawing import BUILDER_ACCOUNT, Site, site_of

BUYER = "6217000010001234567"
DEVELOPER = "6222021410001112223"
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


# --- the operations ---


def deposit(staff: Staff) -> Case:
    estate = estate_for(staff, quotas={"1": "200000.00"})
    _, [notice] = sold(estate, amount="350000.00")
    said = deposit_on(estate, "350000.00", notice)
    day = day_of(estate, Told(said["bank_serial"], fen("350000.00")))
    return Case(lambda: staff.bank.post("/deposits", said), [(staff.bank, day)], is_message=True)


def reversal(staff: Staff) -> Case:
    estate = estate_for(staff, quotas={"1": "200000.00"})
    _, [notice] = sold(estate, amount="350000.00")
    receipt = pay(estate, notice, "350000.00")
    said = {
        "bank_serial": new_number("R"), "amount": "350000.00", "value_date": bureau_day().isoformat(),
        "reason": "柜员误记",
    }  # fmt: skip
    day = day_of(estate, Told(said["bank_serial"], fen("350000.00"), "debit"))
    path = f"/deposits/{receipt['receipt_no']}/reversals"
    return Case(lambda: staff.bank.post(path, said), [(staff.bank, day)], is_message=True)


def _site(staff: Staff) -> Site:
    site = site_of(staff.office.house, staff.people)
    _, [notice] = sold(site.estate, amount="1000000.00")
    pay(site.estate, notice, "1000000.00")
    return site


def withdrawal_approval(staff: Staff) -> Case:
    site = _site(staff)
    number = site.enter("150000.00")
    day = day_of(site.estate)
    return Case(lambda: staff.chief.send(f"/withdrawals/{number}/approve", {}), [(staff.bank, day)])


def withdrawal_issue(staff: Staff) -> Case:
    site = _site(staff)
    number = site.approved("150000.00", "20000.00")
    day = day_of(site.estate)
    return Case(lambda: staff.cashier.send(f"/withdrawals/{number}/issue", {}), [(staff.bank, day)])


def withdrawal_result(staff: Staff) -> Case:
    site = _site(staff)
    (order,) = site.issue(site.approved("150000.00")).numbers
    path, said = result_of(order, "150000.00", BUILDER_ACCOUNT)
    day = day_of(site.estate, Told(said["bank_serial"], fen("150000.00"), "debit"))
    return Case(lambda: staff.bank.post(path, said), [(staff.bank, day)], is_message=True)


def _refund(staff: Staff) -> tuple[refunding.Dropped, str]:
    gone = refunding.dropped(refunding.estate_of(staff.office.house, staff.people))
    return gone, gone.entered(staff.people.cashier)


def refund_approval(staff: Staff) -> Case:
    gone, number = _refund(staff)
    day = day_of(gone.estate)
    return Case(lambda: staff.chief.send(f"/refunds/{number}/approve", {}), [(staff.bank, day)])


def refund_issue(staff: Staff) -> Case:
    gone, number = _refund(staff)
    gone.approved(number, staff.people.reviewer)
    day = day_of(gone.estate)
    return Case(lambda: staff.cashier.send(f"/refunds/{number}/issue", {}), [(staff.bank, day)])


def refund_result(staff: Staff) -> Case:
    from escrow.refunds.issuing import issue_refund

    gone, number = _refund(staff)
    gone.approved(number, staff.people.reviewer)
    told, who = staff.office.house.settings, staff.people.cashier
    (order,) = gone.estate.do(lambda session: issue_refund(session, number, told, officer_id=who))
    path, said = result_of(order, "300000.00", BUYER)
    day = day_of(gone.estate, Told(said["bank_serial"], fen("300000.00"), "debit"))
    return Case(lambda: staff.bank.post(path, said), [(staff.bank, day)], is_message=True)


def _release(staff: Staff) -> tuple[Estate, str]:
    estate = estate_for(staff, advanced=True)
    contract_no, [notice] = sold(estate, amount="350000.00")
    pay(estate, notice, "350000.00")
    filed(estate, contract_no)
    estate.register()
    return estate, estate.applied(staff.people.handler)


def release_approval(staff: Staff) -> Case:
    estate, number = _release(staff)
    day = day_of(estate)
    return Case(lambda: staff.chief.send(f"/releases/{number}/approve", {}), [(staff.bank, day)])


def _released(staff: Staff) -> tuple[Estate, str]:
    """Released, and the developer's own account is registered: once for all of its projects."""
    estate, number = _release(staff)
    releasing.approved(estate, number, staff.people.third)
    with estate.house.connect("app") as connection:
        known = connection.execute("SELECT 1 FROM receiving_account WHERE status = 'confirmed'").fetchone()
    if not known:
        releasing.receiving(estate, staff.people.clerk, staff.people.reviewer, DEVELOPER)
    return estate, number


def release_payout(staff: Staff) -> Case:
    estate, number = _released(staff)
    day = day_of(estate)
    return Case(lambda: staff.cashier.send(f"/releases/{number}/payout", {}), [(staff.bank, day)])


def release_result(staff: Staff) -> Case:
    estate, number = _released(staff)
    told, who = staff.office.house.settings, staff.people.cashier
    (order,) = estate.do(lambda session: pay_out(session, number, told, officer_id=who))
    path, said = result_of(order, "350000.00", DEVELOPER)
    day = day_of(estate, Told(said["bank_serial"], fen("350000.00"), "debit"))
    return Case(lambda: staff.bank.post(path, said), [(staff.bank, day)], is_message=True)


def claim(staff: Staff) -> Case:
    estate = estate_for(staff, quotas={"1": "200000.00"})
    _, [first, second] = sold(estate, amount="350000.00", notices=2)
    receipt = pay(estate, None, "800000.00")
    shares = {first: "350000.00", second: "350000.00"}
    number = claiming.claimed(estate, receipt, staff.people.cashier, **shares)
    path = f"/unmatched/{receipt['receipt_no']}/claims/{number}/confirm"
    day = day_of(estate)
    return Case(lambda: staff.chief.send(path, {}), [(staff.bank, day)])


def return_issue(staff: Staff) -> Case:
    estate = estate_for(staff)
    receipt = pay(estate, None, "800.00")
    number = claiming.returned(estate, receipt, staff.people.cashier, "800.00")
    claiming.confirmed(estate, number, staff.people.reviewer)
    path = f"/unmatched/{receipt['receipt_no']}/claims/{number}/issue"
    day = day_of(estate)
    return Case(lambda: staff.cashier.send(path, {}), [(staff.bank, day)])


def statement(staff: Staff) -> Case:
    """The bank's statement tells of a credit nobody reported; its door books it."""
    estate = estate_for(staff)
    _, [notice] = sold(estate, amount="350000.00")
    pay(estate, notice, "350000.00")
    day = day_of(estate, Told(new_number("N"), fen("123.45")), Told(new_number("N"), fen("0.01")))
    return Case(lambda: staff.bank.state(as_csv(day)), [(staff.bank, day)], is_message=True)


def _change(staff: Staff) -> tuple[Estate, str]:
    estate = changing.estate_of(staff.office.house, staff.people, advanced=False)
    _, notices = sold(estate, amount="500000.00", notices=2)
    pay(estate, notices[0], "500000.00")
    return estate, changing.entered(estate, staff.people.clerk)


def change_approval(staff: Staff) -> Case:
    estate, number = _change(staff)
    day = day_of(estate)
    return Case(lambda: staff.chief.send(f"/account-changes/{number}/approve", {}), [(staff.bank, day)])


def change_result(staff: Staff) -> Case:
    estate, number = _change(staff)
    changing.approved(estate, number, staff.people.reviewer)
    order = changing.order_of(estate, number)
    path, said = result_of(order.instruction_no, "500000.00", order.new_no)
    old = day_of(estate, Told(said["bank_serial"], fen("500000.00"), "debit"))
    new = Day(order.new_no, (Told(new_number("K"), fen("500000.00")),))
    days = [(staff.bank, old), (staff.new_bank, new)]
    return Case(lambda: staff.bank.post(path, said), days, is_message=True)


def opening_approval(staff: Staff) -> Case:
    """The books were opened as of yesterday; today the bank begins where they do."""
    estate = opening.estate_of(staff.office.house, staff.people, advanced=False)
    what = opening.asked(estate, opening.rows_of(estate), as_of=bureau_day() - timedelta(days=1))
    number = opening.uploaded(estate, what, staff.people.cashier)
    day = Day(estate.account_no, opening=fen(opening.BALANCE))
    return Case(lambda: staff.chief.send(f"/openings/{number}/approve", {}), [(staff.bank, day)])


def day_close(staff: Staff) -> Case:
    estate, number, _ = yesterday_of(staff)
    day = Day(estate.account_no, opening=10000)
    return Case(lambda: staff.chief.send(f"/statements/{number}/closing", {}), [(staff.bank, day)])


def yesterday_of(staff: Staff) -> tuple[Estate, str, Day]:
    """An account whose statement of yesterday is in and matched (昨日已相符)."""
    estate = estate_for(staff)
    on = bureau_day() - timedelta(days=1)
    day = Day(estate.account_no, (Told(new_number("Y"), 10000, value_date=on),), day=on)
    sent = staff.bank.state(as_csv(day))
    assert sent.status == 202, sent
    assert sent.json["status"] == "matched", sent
    return estate, sent.json["statement_no"], day


# --- the maintenance fund ---


def _fund(staff: Staff) -> tuple[Estate, FundEstate]:
    estate = estate_for(staff, buildings=1)
    return estate, fund_of(staff.office.house, estate.project_no, [staff.people.clerk, staff.people.reviewer])


def fund_deposit(staff: Staff) -> Case:
    """The developer has paid for one home and now pays for another, by the bank's door."""
    estate, fund = _fund(staff)
    paid(fund, (estate.unit_codes[0], DUE))
    said = {
        "bank_serial": new_number("W"), "account_no": fund.account_no, "amount": DUE,
        "value_date": bureau_day().isoformat(), "payer_kind": "developer", "payer_name": "测试置业有限公司",
        "units": [{"unit_code": estate.unit_codes[1], "amount": DUE}],
    }  # fmt: skip
    return Case(lambda: staff.bank.post("/maintenance/deposits", said), is_message=True)


def fund_result(staff: Staff) -> Case:
    """Money that named no home goes back by order, and the bank has paid it."""
    estate, fund = _fund(staff)
    order = ordering.ordered(fund, ordering.due(fund, staff.people, estate), staff.people.cashier)
    path, said = result_of(order, DUE, ordering.ACCOUNT)
    return Case(lambda: staff.bank.post(path, said), is_message=True)


# Each operation, the step that ends it in the trail, and where it first writes.
MESSAGES = "table:answered_request"
ENTRIES = "table:ledger.journal_entry"
OPERATIONS: dict[str, tuple[Callable[[Staff], Case], str, str]] = {
    "入账": (deposit, "deposit.booked", MESSAGES),
    "维修资金入账": (fund_deposit, "fund.deposit-booked", MESSAGES),
    "维修资金付款结果": (fund_result, "fund-order.paid", MESSAGES),
    "冲正": (reversal, "deposit.reversed", MESSAGES),
    "用款核准": (withdrawal_approval, "withdrawal.approved", ENTRIES),
    "用款签发": (withdrawal_issue, "withdrawal.issued", ENTRIES),
    "用款结果": (withdrawal_result, "instruction.paid", MESSAGES),
    "退款核准": (refund_approval, "refund.due", ENTRIES),
    "退款签发": (refund_issue, "refund.issued", ENTRIES),
    "退款结果": (refund_result, "instruction.paid", MESSAGES),
    "解除批准": (release_approval, "release.approved", ENTRIES),
    "解除划付": (release_payout, "release.paid-out", ENTRIES),
    "划付结果": (release_result, "instruction.paid", MESSAGES),
    "认领确认": (claim, "claim.confirmed", ENTRIES),
    "退回签发": (return_issue, "claim.return-issued", ENTRIES),
    "对账补记": (statement, "statement.receipts-booked", MESSAGES),
    "账户变更批准": (change_approval, "account.change-approved", ENTRIES),
    "账户变更结果": (change_result, "instruction.paid", MESSAGES),
    "期初入账": (opening_approval, "opening.booked", ENTRIES),
    "日结": (day_close, "day.closed", "table:ledger.day_close"),
}
