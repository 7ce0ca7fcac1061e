"""One unit of an estate, drafted, paid for, checked and filed by the rooms' own actions (一套房的买卖)."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, text

from config.clock import bureau_day
from escrow.contracts.actions import Asked as Draft
from escrow.contracts.actions import Buyer, draft
from escrow.contracts.rules import IdType, PaymentKind, Planned, Source
from escrow.deposits.actions import Deposit, receive
from escrow.deposits.reversals import Reversal, take_back
from escrow.deposits.rules import Channel
from escrow.errors import Refused
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
        return self.estate.do(lambda session: receive(session, deposit, BANK, self.estate.house.settings))

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

    def refused(self, check_no: str, **changes: Any) -> list[str]:
        """Say that it is filed, and be refused: the codes, each with its citation (备案被拒)."""
        with pytest.raises(Refused) as found:
            self.file(check_no, **changes)
        assert all(refusal.citation for refusal in found.value.refusals)
        return [refusal.code for refusal in found.value.refusals]

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


@dataclass(slots=True)
class Passed:
    """A sale with a living PASS (核对已通过的买卖)."""

    sale: Sale
    check_no: str
    receipts: list[dict[str, Any]]


def passed(sale: Sale) -> Passed:
    """Pay what is due and pass the check (付清并通过核对)."""
    receipts = sale.pay_due()
    return Passed(sale, sale.check().check_no, receipts)


def codes(answer: Answer) -> list[str]:
    """Why a check failed (核对理由)."""
    return [reason["code"] for reason in answer.body["reasons"]]


def row(estate: Estate, query: str, **values: Any) -> Row[Any]:
    """One row, read as the application (一行)."""
    with estate.house.database.read() as session:
        return session.execute(text(query), values).one()


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """All calls at the same moment; the answers, a refusal as its codes, an error as itself (同时)."""
    gate, found = threading.Barrier(len(calls)), [None] * len(calls)

    def run(at: int, call: Callable[[], Any]) -> None:
        gate.wait()
        try:
            found[at] = call()
        except Refused as no:
            found[at] = [refusal.code for refusal in no.refusals]  # type: ignore[call-overload]
        except Exception as error:
            found[at] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(at, call)) for at, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
