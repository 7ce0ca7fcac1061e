"""What the tests of fund orders do again and again: a return decided, ordered, answered by the bank."""

from typing import Any

from config.clock import bureau_day
from escrow.advances.apart_rules import Payee
from escrow.advances.deciding import Evidence, ReturnAsked, ask_return, confirm
from escrow.fund_orders import results
from escrow.fund_orders.aparts import issue_return
from escrow.fund_orders.handlers import HANDLERS
from escrow.fund_orders.returning import RETURNS
from escrow.fund_orders.rules import FundOrderKind
from escrow.instructions.results import Result
from escrow.instructions.rules import Outcome
from ledger.money import Yuan
from tests.estate import file_hash, new_number
from tests.fund.advancing import BANK, DUE, OWNER, paid
from tests.fund.fund_estate import FundEstate
from tests.sale import row

ACCOUNT = "6217000010001234567"
# As the room does when the house is put together.
HANDLERS[FundOrderKind.RETURN] = RETURNS


def evidence() -> Evidence:
    number = new_number("YJ")
    return Evidence(number, file_hash(number), "付款人来函")


def due(fund: FundEstate, people: Any, estate: Any, amount: str = DUE) -> int:
    """Unidentified money that two have decided to return (两人决定退还)."""
    paid(fund, amount=amount, payer=OWNER)
    apart_id = row(estate, "SELECT max(id) AS id FROM apart_money").id
    asked = ReturnAsked(apart_id, Yuan(amount), Payee.PAYER, ACCOUNT, "建设银行交口支行", evidence())
    number = fund.do(lambda s: ask_return(s, asked, fund.house.settings, officer_id=people.clerk))
    fund.do(lambda s: confirm(s, number, officer_id=people.reviewer))
    return number


def ordered(fund: FundEstate, decision_id: int, officer_id: int) -> str:
    """The cashier issues it (签发)."""
    told = fund.house.settings
    return fund.do(lambda s: issue_return(s, decision_id, told, officer_id=officer_id)).instruction_no


def answers(
    fund: FundEstate, number: str, outcome: str, *, amount: str = DUE, account: str = ACCOUNT,
    serial: str = "", bank: str = BANK,
) -> dict[str, Any]:  # fmt: skip
    """The bank answers (银行答复)."""
    said = Result(number, Outcome(outcome), serial or new_number("B"), Yuan(amount), account, bureau_day())
    return fund.do(lambda s: results.record(s, said, bank, fund.house.settings))
