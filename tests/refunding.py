"""What the refund tests do again and again: a cancelled sale, its refund entered and decided (退款测试用)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from config.clock import bureau_day
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.deposits.actions import Deposit, receive
from escrow.deposits.rules import Channel
from escrow.errors import Refused
from escrow.refunds.actions import AskedPart, OtherPayee, Proof, RefundAsked, enter
from escrow.refunds.deciding import approve
from escrow.refunds.rules import RefundStatus
from ledger.money import Yuan
from tests.estate import Estate, build, file_hash, new_number, officers
from tests.sale import BANK, LOAN, Sale, sell

SISTER = OtherPayee("王秀兰", "6217000099990000002", "中国银行交口支行")
LENDER = ("交口县农村信用合作联社", "9001000200030004")
OWN, DUE = "350000.00", "due"


def people_of(house: Any) -> SimpleNamespace:
    """Cashier, two reviewers, a third and a clerk (办理人员)."""
    names = ("cashier", "reviewer", "second", "third", "clerk")
    return SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True)))


def estate_of(house: Any, people: SimpleNamespace, quota: str = "400000.00", mode: str = "floor") -> Estate:
    """A project whose first building keeps a quota (有监管额度的项目)."""
    return build(
        house, [people.clerk, people.reviewer], quotas={"1": quota}, quota_mode=mode,
        nodes={"主体结构验收": "0.40"},
    )  # fmt: skip


def all_gone(house: Any, app: Any) -> SimpleNamespace:
    """A scene: one sale, paid, filed and cancelled (已注销的买卖一件)."""
    people = people_of(house)
    estate = estate_of(house, people)
    return SimpleNamespace(people=people, estate=estate, gone=dropped(estate))


@dataclass(slots=True)
class Dropped:
    """A sale paid and cancelled, and what may be asked back of it (已注销的买卖)."""

    sale: Sale
    receipts: list[str]

    @property
    def estate(self) -> Estate:
        return self.sale.estate

    def asked(self, *parts: AskedPart, proof: Proof | None = None, **changed: Any) -> RefundAsked:
        """An application; without parts: the down payment whole, to its payer (申请)."""
        number = new_number("TS")
        said = {
            "contract_no": self.sale.contract_no, "application_no": number, "applied_on": bureau_day(),
            "file_hash": file_hash(number), "proof": proof,
            "parts": parts or (AskedPart(self.receipts[1], Yuan("300000.00")),),
        }  # fmt: skip
        return RefundAsked(**{**said, **changed})

    def entered(self, officer_id: int, *parts: AskedPart, **changed: Any) -> str:
        """Enter it (录入)."""
        asked = self.asked(*parts, **changed)
        told = self.estate.house.settings
        return self.estate.do(lambda session: enter(session, asked, told, officer_id=officer_id))

    def elsewhere(self, officer_id: int, amount: str = "300000.00") -> str:
        """Enter it for the buyer's sister (改退他人)."""
        number = new_number("ZM")
        part = AskedPart(self.receipts[1], Yuan(amount), SISTER)
        return self.entered(officer_id, part, proof=Proof(number, file_hash(number)))

    def approved(self, refund_no: str, officer_id: int) -> RefundStatus:
        """Approve it (核准)."""
        return self.estate.do(lambda session: approve(session, refund_no, officer_id=officer_id))


def lent(sale: Sale) -> dict[str, Any]:
    """The lender pays the loan straight into the account (放款)."""
    deposit = Deposit(
        bank_serial=new_number("B"), account_no=sale.estate.account_no, amount=LOAN,
        value_date=bureau_day(), booked_at=datetime.now(UTC), payer_name=LENDER[0],
        payer_account=LENDER[1], channel=Channel.LOAN, notice_no=sale.notices[2],
    )  # fmt: skip
    return sale.estate.do(lambda session: receive(session, deposit, BANK, sale.estate.house.settings))


def dropped(estate: Estate, unit: int = 0, *, filed: bool = True) -> Dropped:
    """Paid with the loan, filed, and cancelled (已缴款、备案、注销)."""
    sale = sell(estate, unit)
    receipts = [one["receipt_no"] for one in sale.pay_due()]
    if filed:
        sale.file(sale.check().check_no)
    receipts.append(lent(sale)["receipt_no"])
    ended = CancellationAsked(new_number("ZX"), bureau_day(), "双方解除合同")
    estate.do(lambda session: cancel(session, sale.contract_no, ended))
    return Dropped(sale, receipts)


def refused(estate: Estate, unit: Any) -> list[str]:
    """A unit of work is refused: the codes, each with its citation (被拒的理由)."""
    with pytest.raises(Refused) as found:
        estate.do(unit)
    assert all(refusal.citation for refusal in found.value.refusals)
    return [refusal.code for refusal in found.value.refusals]
