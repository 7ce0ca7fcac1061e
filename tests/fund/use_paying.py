"""What the tests of payments do again and again: advance, acceptance, final account, the bank's answer."""

from typing import Any

from config.clock import bureau_day
from escrow.fund_orders import results
from escrow.fund_orders.handlers import HANDLERS
from escrow.fund_orders.rules import FundOrderKind
from escrow.fund_use import paying
from escrow.fund_use.closing import USES
from escrow.fund_use.paying import PaymentAsked
from escrow.fund_use.payment_rules import PaymentKind
from escrow.fund_use.rules import PaperKind
from escrow.instructions.results import Result
from escrow.instructions.rules import Outcome
from ledger.money import ZERO, Yuan
from tests.estate import new_number, officers
from tests.fund.fund_estate import FundEstate
from tests.fund.using import paper

ACCOUNT = "6222000011112222333"
PAPERS = {
    PaymentKind.ADVANCE: PaperKind.ADVANCE, PaymentKind.FINAL: PaperKind.SETTLEMENT,
    PaymentKind.END: PaperKind.END,
}  # fmt: skip
# As the room does when the house is put together.
HANDLERS[FundOrderKind.USE_ADVANCE] = HANDLERS[FundOrderKind.USE_FINAL] = USES


def asked(estate: FundEstate, use_no: str, kind: str, amount: str = "", *, review: bool = False) -> int:
    """One officer enters it (录入)."""
    one = PaymentKind(kind)
    papers = (paper(PAPERS[one]), *([paper(PaperKind.REVIEW)] if review else []))
    said = PaymentAsked(one, Yuan(amount) if amount else ZERO, ACCOUNT, "工商银行交口支行", papers)
    told, who = estate.house.settings, estate.officers[0]
    return estate.do(lambda s: paying.ask_payment(s, use_no, said, told, officer_id=who))


def confirmed(estate: FundEstate, use_no: str, payment_id: int, *, by: int = 1) -> str:
    """Another decides (复核)."""
    who = estate.officers[by]
    return estate.do(lambda s: paying.confirm_payment(s, use_no, payment_id, officer_id=who)).value


def ordered(estate: FundEstate, use_no: str, payment_id: int) -> str:
    """The cashier issues the order (签发)."""
    told = estate.house.settings
    [cashier] = officers(estate.house, new_number("cashier").lower().replace("-", ""))
    return estate.do(
        lambda s: paying.issue_payment(s, use_no, payment_id, told, officer_id=cashier)
    ).instruction_no


def answered(estate: FundEstate, number: str, outcome: str, amount: str) -> Any:
    """The bank answers (银行答复)."""
    said = Result(number, Outcome(outcome), new_number("B"), Yuan(amount), ACCOUNT, bureau_day())
    return estate.do(lambda s: results.record(s, said, estate.bank_code, estate.house.settings))


def paid(estate: FundEstate, use_no: str, kind: str, amount: str, pays: str = "") -> str:
    """Entered, decided, ordered, paid; its order (付讫)."""
    one = asked(estate, use_no, kind, amount)
    confirmed(estate, use_no, one)
    number = ordered(estate, use_no, one)
    answered(estate, number, "paid", pays or amount)
    return number


def accepted(estate: FundEstate, use_no: str) -> None:
    """The works are accepted (验收)."""
    said, who = paper(PaperKind.ACCEPTANCE), estate.officers[0]
    estate.do(lambda s: paying.accept(s, use_no, said, officer_id=who))
