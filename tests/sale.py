"""One unit of an estate, drafted, paid for, checked and filed by the rooms' own actions (一套房的买卖)."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from config.clock import bureau_day
from escrow.contracts.actions import Asked as Draft
from escrow.contracts.actions import Buyer, draft
from escrow.contracts.rules import IdType, PaymentKind, Planned, Source
from escrow.deposits.actions import Deposit, receive
from escrow.deposits.reversals import Reversal, take_back
from escrow.deposits.rules import Channel
from escrow.filing.actions import Answer, Asked, Filing, check, file
from ledger.money import Yuan
from tests.estate import Estate, new_number

BANK = "ABC"
EARNEST, DOWN, LOAN = Yuan("50000.00"), Yuan("300000.00"), Yuan("650000.00")
BUYER = Buyer("王秀英", IdType.RESIDENT, "11010519491231002X", "13800138000")


def usual_plan(day: date) -> tuple[Planned, ...]:
    """Earnest money last week, the down payment today, a loan next month (定金、首付、贷款)."""
    return (
        Planned(PaymentKind.EARNEST, EARNEST, day - timedelta(days=7), Source.OWN),
        Planned(PaymentKind.DOWN, DOWN, day, Source.OWN),
        Planned(PaymentKind.LOAN, LOAN, day + timedelta(days=40), Source.LOAN),
    )


@dataclass(slots=True)
class Sale:
    """A drafted contract with its notices, and the way to everything that happens to it (买卖)."""

    estate: Estate
    drafted: Draft
    notices: list[str]

    @property
    def contract_no(self) -> str:
        return self.drafted.contract_no

    def pay(self, notice: int, amount: Yuan, bank_serial: str = "") -> dict[str, Any]:
        """The bank books a credit on one of the notices (入账)."""
        deposit = Deposit(
            bank_serial=bank_serial or new_number("B"), account_no=self.estate.account_no, amount=amount,
            value_date=bureau_day(), booked_at=datetime.now(UTC), payer_name="王秀英",
            payer_account="6217000010001234567", channel=Channel.POS, notice_no=self.notices[notice],
        )  # fmt: skip
        return self.estate.do(lambda session: receive(session, deposit, BANK))

    def pay_due(self) -> list[dict[str, Any]]:
        """Earnest money and down payment, to the fen (付清到期款项)."""
        return [self.pay(0, EARNEST), self.pay(1, DOWN)]

    def reverse(self, receipt: dict[str, Any]) -> dict[str, Any]:
        """The bank takes a receipt back (冲正)."""
        asked = Reversal(
            receipt["receipt_no"], new_number("R"), Yuan(receipt["amount"]), bureau_day(), "柜员误记"
        )
        return self.estate.do(lambda session: take_back(session, asked, BANK))

    def asked(self, **changes: Any) -> Asked:
        """The question as the filing system asks it (核对请求)."""
        asked = Asked(new_number("WQ"), self.contract_no, self.drafted.unit_code, self.drafted.price)
        return replace(asked, **changes)

    def check(self, asked: Asked | None = None, caller: str = "filing") -> Answer:
        """Ask whether it may be filed (核对)."""
        question = asked or self.asked()
        return self.estate.do(lambda session: check(session, question, caller))

    def file(self, check_no: str, **changes: Any) -> dict[str, Any]:
        """Say that it is filed (备案)."""
        filing = replace(Filing(self.contract_no, new_number("BA"), check_no, bureau_day()), **changes)
        return self.estate.do(lambda session: file(session, filing))

    def redraft(self, **changes: Any) -> None:
        """The filing system changes the draft (变更草拟合同)."""
        self.drafted = replace(self.drafted, **changes)
        self.notices = _draft(self.estate, self.drafted)


def sell(estate: Estate, unit: int = 0, plan: tuple[Planned, ...] | None = None) -> Sale:
    """Draft a contract of one of the estate's units (草拟合同)."""
    payments = plan or usual_plan(bureau_day())
    price = sum((payment.amount for payment in payments), Yuan(0))
    drafted = Draft(new_number("HT"), estate.project_no, estate.unit_codes[unit], price, (BUYER,), payments)
    return Sale(estate, drafted, _draft(estate, drafted))


def _draft(estate: Estate, drafted: Draft) -> list[str]:
    answer, _ = estate.do(lambda session: draft(session, drafted, estate.house.settings))
    return [notice["notice_no"] for notice in answer["notices"]]
