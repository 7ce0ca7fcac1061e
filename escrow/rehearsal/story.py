"""What can happen to one contract: drafted, paid, taken back, checked, filed (一份合同的各步)."""

from dataclasses import dataclass
from typing import Any

from config.clock import bureau_day, bureau_time, now
from escrow.rehearsal.county import Deal
from escrow.rehearsal.funding import FUND_BANK, advance
from escrow.rehearsal.tally import Tally
from escrow.rehearsal.wires import Answer, System, Unexpected

# How a buyer's own money may come (自有资金的缴存渠道).
OWN_CHANNELS = ("pos", "counter", "transfer", "online")
WITH_ANSWER = frozenset({200, 201})


@dataclass(frozen=True, slots=True)
class Cast:
    """The outside systems of one window (外部系统)."""

    filing: System
    banks: dict[str, System]
    tally: Tally


@dataclass(slots=True)
class Story:
    """A contract being played (办理中的合同)."""

    deal: Deal
    cast: Cast
    serials: int = 0

    @property
    def bank(self) -> System:
        return self.cast.banks[self.deal.site.bank]

    def draft(self) -> list[dict[str, Any]]:
        """The drafted contract; its notices in the plan's order."""
        path = f"/contracts/{self.deal.contract_no}"
        found = expect(self.cast.filing.ask("PUT", path, self.deal.body, door="/contracts/{}"), {201}, "草拟合同")
        self.cast.tally.drafted(self.deal.course)
        notices: list[dict[str, Any]] = found.json["notices"]
        return notices

    def credit(self, notice_no: str, amount: str, *, channel: str) -> dict[str, Any]:
        """What the bank reports of one credit."""
        self.serials += 1
        buyer = self.deal.body["buyers"][0]
        return {
            "bank_serial": f"B{self.deal.contract_no}-{self.serials}",
            "account_no": self.deal.site.account_no, "amount": amount,
            "value_date": bureau_day().isoformat(), "notice_no": notice_no,
            "booked_at": bureau_time(now()).isoformat(timespec="seconds"), "payer_name": buyer["name"],
            "payer_account": f"6217{buyer['phone']}0001", "channel": channel, "memo": "购房款",
        }  # fmt: skip

    def report(
        self, credit: dict[str, Any], *, expected: str, statuses: frozenset[int] | set[int]
    ) -> dict[str, Any]:
        """The bank reports a credit; the receipt that came of it."""
        found = expect(self.bank.ask("POST", "/deposits", credit), statuses, "入账")
        receipt: dict[str, Any] = found.json
        if receipt["status"] != expected or receipt["amount"] != credit["amount"]:
            raise Unexpected(f"入账应为 {expected}", found)
        return receipt

    def pay(self, notice: dict[str, Any], amount: str | None = None) -> dict[str, Any]:
        """Verify the notice, take the money, report it."""
        self.verify(notice)
        credit = self.credit(notice["notice_no"], amount or notice["amount"], channel=self.channel(notice))
        receipt = self.report(credit, expected="confirmed", statuses={201})
        self.count(credit, receipt)
        return receipt

    def verify(self, notice: dict[str, Any]) -> None:
        path = f"/payment-notices/{notice['notice_no']}"
        found = expect(self.bank.ask("GET", path, door="/payment-notices/{}"), {200}, "核验通知书")
        if found.json["amount"] != notice["amount"] or found.json["account_no"] != self.deal.site.account_no:
            raise Unexpected("通知书内容不符", found)

    def channel(self, notice: dict[str, Any]) -> str:
        """How money for this notice comes."""
        source = next(
            payment["source"]
            for payment in self.deal.body["payments"]
            if payment["payment_kind"] == notice["payment_kind"]
        )
        return OWN_CHANNELS[int(self.deal.contract_no[-2:]) % 4] if source == "own" else str(source)

    def count(self, credit: dict[str, Any], receipt: dict[str, Any]) -> None:
        self.cast.tally.paid(
            credit["account_no"], credit["amount"], channel=credit["channel"], unmatched=receipt["unmatched"]
        )

    def reverse(self, receipt: dict[str, Any]) -> None:
        """The bank takes its own error back."""
        self.serials += 1
        found = self.ask_reversal(receipt["receipt_no"], receipt["amount"])
        expect(found, {201}, "冲正")
        self.cast.tally.taken_back(self.deal.site.account_no, receipt["amount"])

    def ask_reversal(self, receipt_no: str, amount: str) -> Answer:
        told = {
            "bank_serial": f"R{self.deal.contract_no}-{self.serials}", "amount": amount,
            "value_date": bureau_day().isoformat(), "reason": "柜员误记",
        }  # fmt: skip
        return self.bank.ask("POST", f"/deposits/{receipt_no}/reversals", told, door="/deposits/{}/reversals")

    def check(self, decision: str) -> dict[str, Any]:
        """May it be filed? The answer must be the one that is due."""
        self.serials += 1
        told = {
            "request_id": f"Q{self.deal.contract_no}-{self.serials}", "contract_no": self.deal.contract_no,
            "unit_code": self.deal.body["unit_code"], "price": self.deal.body["price"],
        }  # fmt: skip
        found = expect(self.cast.filing.ask("POST", "/deposit-checks", told), WITH_ANSWER, "备案前核对")
        answer: dict[str, Any] = found.json
        if answer["decision"] == "fail":
            self.cast.tally.refused_for([reason["code"] for reason in answer["reasons"]])
        if answer["decision"] != decision:
            raise Unexpected(f"核对应为 {decision}", found)
        return answer

    def file(self) -> None:
        """Check, and file on the PASS."""
        advance(self.deal, self.cast.filing, self.cast.banks[FUND_BANK])
        passed = self.check("pass")
        told = {
            "filing_no": f"BA{self.deal.contract_no}", "check_no": passed["check_no"],
            "filed_on": bureau_day().isoformat(),
        }  # fmt: skip
        path = f"/contracts/{self.deal.contract_no}/filing"
        expect(self.cast.filing.ask("POST", path, told, door="/contracts/{}/filing"), {201}, "备案")
        self.cast.tally.filed()


def expect(found: Answer, statuses: frozenset[int] | set[int], what: str) -> Answer:
    """The answer, if it is one that was due. Raises Unexpected."""
    if found.status not in statuses:
        raise Unexpected(what, found)
    return found
