"""Every operation that moves money of the maintenance fund, made ready to its last step (维修资金业务).

Each stands on homes of its own, in a fund account that all share where the operation lets them.
"""

from typing import Any

from config.clock import bureau_day
from escrow.fund_orders.handlers import HANDLERS
from escrow.fund_orders.rules import FundOrderKind
from escrow.houses import actions, deciding
from escrow.houses.actions import Receiver
from escrow.houses.losses import LOSSES, issue_loss
from ledger.money import ZERO
from tests.estate import Estate, new_number
from tests.faults.cases import MESSAGES, Case, Operation, Staff, estate_for, result_of
from tests.fund import ordering, use_paying, using
from tests.fund.advancing import DUE, OWNER, paid
from tests.fund.fund_estate import FundEstate, fund_of
from tests.fund.test_apart_decisions import apart, claimed
from tests.fund.test_ended_deposits import decided, entered, gone, shares
from tests.fund.test_houses import paper
from tests.sale import Sale, sell

OWNERS = Receiver("王秀英", "6217000099990000001", "建设银行")
HANDLERS[FundOrderKind.LOSS] = LOSSES
# An order is written without an entry: no money moves before the bank has paid.
ORDERS, ORDERED = "table:fund_order", "after:fund_order"


def _fund(staff: Staff) -> tuple[Estate, FundEstate]:
    estate = estate_for(staff, buildings=1)
    return estate, fund_of(staff.office.house, estate.project_no, [staff.people.clerk, staff.people.reviewer])


def deposit(staff: Staff) -> Case:
    """The developer has paid for one home and now pays for another, by the bank's door."""
    estate, fund = _fund(staff)
    paid(fund, (estate.unit_codes[0], DUE))
    said = {
        "bank_serial": new_number("W"), "account_no": fund.account_no, "amount": DUE,
        "value_date": bureau_day().isoformat(), "payer_kind": "developer", "payer_name": "测试置业有限公司",
        "units": [{"unit_code": estate.unit_codes[1], "amount": DUE}],
    }  # fmt: skip
    return Case(lambda: staff.bank.post("/maintenance/deposits", said), is_message=True)


def claim(staff: Staff) -> Case:
    """Money that named no home has found its home."""
    estate, fund = _fund(staff)
    paid(fund, amount=DUE, payer=OWNER)
    place = apart(estate)
    share = (estate.unit_codes[0], DUE)
    number = claimed(fund, place, staff.people.clerk, share, payer=OWNER)
    path = f"/fund/apart/{place}/decisions/{number}/confirm"
    return Case(lambda: staff.chief.send(path, {}))


def return_result(staff: Staff) -> Case:
    """Money that named no home goes back by order, and the bank has paid it."""
    estate, fund = _fund(staff)
    order = ordering.ordered(fund, ordering.due(fund, staff.people, estate), staff.people.cashier)
    path, said = result_of(order, DUE, ordering.ACCOUNT)
    return Case(lambda: staff.bank.post(path, said), is_message=True)


def _cancelled(staff: Staff) -> tuple[FundEstate, Sale, str]:
    """A sale whose unit's deposit was advanced, and whose contract is cancelled: what is due to whom."""
    estate, fund = _fund(staff)
    sale = sell(estate)
    paid(fund, (sale.drafted.unit_code, DUE))
    gone(estate, sale)
    [share] = shares(fund, sale)
    return fund, sale, share


def ended_confirmation(staff: Staff) -> Case:
    fund, sale, share = _cancelled(staff)
    number = entered(fund, sale, share, staff.people.clerk)
    return Case(lambda: staff.chief.send(f"/fund/ended/{number}/confirm", {}))


def ended_order(staff: Staff) -> Case:
    fund, sale, share = _cancelled(staff)
    number = decided(fund, sale, share, staff.people)
    return Case(lambda: staff.cashier.send(f"/fund/ended/{number}/order", {}))


def _change(fund: FundEstate, code: str, name: str, *said: Any) -> int:
    enter = getattr(actions, f"enter_{name}")
    return fund.do(lambda session: enter(session, code, *said, officer_id=fund.officers[0]))


def misplaced_confirmation(staff: Staff) -> Case:
    """A deposit went to the wrong house and moves to the right one."""
    estate, fund = _fund(staff)
    one, other = estate.unit_codes[:2]
    receipt_no = paid(fund, (one, DUE), payer=OWNER)["receipt_no"]
    number = _change(fund, one, "misplaced", paper(), receipt_no, other)
    return Case(lambda: staff.chief.send(f"/fund/houses/{one}/changes/{number}/confirm", {}))


def _lost(staff: Staff) -> tuple[FundEstate, str, int]:
    """A house with money is no more, and an officer has entered who is to have it."""
    estate, fund = _fund(staff)
    code = estate.unit_codes[0]
    paid(fund, (code, DUE), payer=OWNER)
    told = staff.office.house.settings
    return fund, code, _change(fund, code, "lost", paper(), ZERO, OWNERS, None, told)


def loss_confirmation(staff: Staff) -> Case:
    _, code, number = _lost(staff)
    return Case(lambda: staff.chief.send(f"/fund/houses/{code}/changes/{number}/confirm", {}))


def _loss_due(staff: Staff) -> tuple[FundEstate, str, int]:
    fund, code, number = _lost(staff)
    who = staff.people.reviewer
    fund.do(lambda session: deciding.confirm(session, code, number, officer_id=who))
    return fund, code, number


def loss_order(staff: Staff) -> Case:
    _, code, number = _loss_due(staff)
    path = f"/fund/houses/{code}/changes/{number}/orders/owner"
    return Case(lambda: staff.cashier.send(path, {}))


def loss_result(staff: Staff) -> Case:
    fund, code, number = _loss_due(staff)
    told, who = staff.office.house.settings, staff.people.cashier
    issued = fund.do(lambda s: issue_loss(s, code, number, "owner", told, officer_id=who))
    path, said = result_of(issued.instruction_no, DUE, OWNERS.account_no)
    return Case(lambda: staff.bank.post(path, said), is_message=True)


def _town(staff: Staff) -> FundEstate:
    """Owners with money, in a fund account of the bank (有余额的小区)."""
    _, fund = _fund(staff)
    using.owned(fund, fund.ids)
    fund.deposits(dict.fromkeys(fund.ids, "1000.00"))
    return fund


def use_approval(staff: Staff) -> Case:
    """The owners have agreed; what each house bears is held from now on."""
    use_no = using.voted(_town(staff), "300.00")
    return Case(lambda: staff.chief.send(f"/fund/uses/{use_no}/approval", {}))


def _final(staff: Staff) -> tuple[FundEstate, str, int]:
    """The works are accepted and settled under the budget; the final account is decided."""
    town = _town(staff)
    use_no = using.approved(town, "300.00")
    use_paying.accepted(town, use_no)
    one = use_paying.asked(town, use_no, "final", "270.00")
    use_paying.confirmed(town, use_no, one)
    return town, use_no, one


def use_order(staff: Staff) -> Case:
    _, use_no, one = _final(staff)
    return Case(lambda: staff.cashier.send(f"/fund/uses/{use_no}/payments/{one}/order", {}))


def use_result(staff: Staff) -> Case:
    """The bank has paid the final account: the houses bear it, and what was held beyond it is free."""
    town, use_no, one = _final(staff)
    path, said = result_of(use_paying.ordered(town, use_no, one), "270.00", use_paying.ACCOUNT)
    return Case(lambda: staff.bank.post(path, said), is_message=True)


def _order(make: Any) -> Operation:
    return Operation(make, "fund-order.issued", ORDERS, ORDERED, is_brief=True)


def _result(make: Any) -> Operation:
    return Operation(make, "fund-order.paid", MESSAGES, is_brief=True)


FUND_OPERATIONS: dict[str, Operation] = {
    "维修资金入账": Operation(deposit, "fund.deposit-booked", MESSAGES),
    "维修资金归入确认": Operation(claim, "apart.confirmed", is_brief=True),
    "维修资金退还结果": _result(return_result),
    "注销退还确认": Operation(ended_confirmation, "ended.confirmed", is_brief=True),
    "注销退还签发": _order(ended_order),
    "串户更正确认": Operation(misplaced_confirmation, "house-change.confirmed", is_brief=True),
    "灭失返还确认": Operation(loss_confirmation, "house-change.confirmed", is_brief=True),
    "灭失返还签发": _order(loss_order),
    "灭失返还结果": _result(loss_result),
    "使用核准": Operation(use_approval, "use.approved", is_brief=True),
    "使用付款签发": _order(use_order),
    "使用付款结果": Operation(use_result, "fund-order.paid", MESSAGES),
}
