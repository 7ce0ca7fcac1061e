"""Every operation that moves presale money, made ready to its last step: who asks for it, and how (资金业务).

What comes before goes in by the rooms' own actions; the step itself is taken at the door or page, over HTTP.
"""

from datetime import timedelta

from config.clock import bureau_day
from escrow.release.payout import pay_out
from tests import changing, claiming, opening, refunding, releasing
from tests.estate import Estate, filed, new_number, pay, sold
from tests.faults.cases import (
    BUYER,
    MESSAGES,
    Case,
    Operation,
    Staff,
    day_of,
    deposit_on,
    estate_for,
    fen,
    result_of,
)
from tests.faults.fund_operations import FUND_OPERATIONS
from tests.stating import Day, Told, as_csv
from tests.withdrawing import BUILDER_ACCOUNT, Site, site_of

DEVELOPER = "6222021410001112223"


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


OPERATIONS: dict[str, Operation] = {
    "入账": Operation(deposit, "deposit.booked", MESSAGES, says_commit_with_trail=True),
    "冲正": Operation(reversal, "deposit.reversed", MESSAGES),
    "用款核准": Operation(withdrawal_approval, "withdrawal.approved"),
    "用款签发": Operation(withdrawal_issue, "withdrawal.issued"),
    "用款结果": Operation(withdrawal_result, "instruction.paid", MESSAGES),
    "退款核准": Operation(refund_approval, "refund.due"),
    "退款签发": Operation(refund_issue, "refund.issued"),
    "退款结果": Operation(refund_result, "instruction.paid", MESSAGES),
    "解除批准": Operation(release_approval, "release.approved"),
    "解除划付": Operation(release_payout, "release.paid-out"),
    "划付结果": Operation(release_result, "instruction.paid", MESSAGES),
    "认领确认": Operation(claim, "claim.confirmed"),
    "退回签发": Operation(return_issue, "claim.return-issued"),
    "对账补记": Operation(statement, "statement.receipts-booked", MESSAGES),
    "账户变更批准": Operation(change_approval, "account.change-approved"),
    "账户变更结果": Operation(change_result, "instruction.paid", MESSAGES),
    "期初入账": Operation(opening_approval, "opening.booked"),
    "日结": Operation(day_close, "day.closed", "table:ledger.day_close", "after:ledger.day_close"),
    **FUND_OPERATIONS,
}
