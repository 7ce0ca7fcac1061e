"""What the tests of findings do again and again: odd payers, paid withdrawals, the watch itself (风险提示测试用)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from config.clock import bureau_day
from escrow.contracts.actions import Asked as Draft
from escrow.contracts.actions import Buyer, draft
from escrow.contracts.rules import IdType, PaymentKind, Planned, Source
from escrow.deposits.actions import Deposit, receive
from escrow.deposits.rules import Channel
from escrow.instructions.results import Result, record
from escrow.instructions.rules import Outcome
from escrow.oversight.findings import look
from escrow.oversight.watching import watch
from ledger.money import Yuan
from tests.estate import Estate, new_number
from tests.sale import BANK
from tests.withdrawing import BUILDER_ACCOUNT, Site, force

IDS = ("11010519491231002X", "110105199003078899", "110105198507120015")


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays, from where (付款人)."""

    name: str
    account: str


def buyer(number: int) -> tuple[Buyer, Payer]:
    """A buyer of his own with an account of his own (买受人)."""
    name = f"购房人{'甲乙丙丁戊己庚辛壬癸'[number % 10]}{'' if number < 10 else number}"
    return (
        Buyer(name, IdType.PASSPORT, f"E{number:08d}", None), Payer(name, f"62170000{number:011d}"),
    )  # fmt: skip


@dataclass(slots=True)
class Market:
    """An estate whose units are sold to honest people, unless a test says otherwise (楼盘)."""

    estate: Estate
    sold: list[str] = field(default_factory=list)

    def sell(self, who: Buyer, amount: str = "100000.00") -> tuple[str, str]:
        """The next unit to somebody: contract and notice (草拟合同)."""
        number, unit = new_number("HT"), self.estate.unit_codes[len(self.sold)]
        plan = (Planned(PaymentKind.DOWN, Yuan(amount), bureau_day(), Source.OWN),)
        asked = Draft(number, self.estate.project_no, unit, Yuan(amount), (who,), plan)
        told = self.estate.house.settings
        answer, _ = self.estate.do(lambda session: draft(session, asked, told))
        self.sold.append(number)
        return number, answer["notices"][0]["notice_no"]

    def pay(
        self, notice_no: str | None, payer: Payer, amount: str = "100000.00",
        *, channel: Channel = Channel.TRANSFER, days_ago: int = 0, bank: str = BANK,
    ) -> dict[str, Any]:  # fmt: skip
        """The bank books a credit of this payer (入账)."""
        deposit = Deposit(
            bank_serial=new_number("B"), account_no=self.estate.account_no, amount=Yuan(amount),
            value_date=bureau_day() - timedelta(days=days_ago), booked_at=datetime.now(UTC),
            payer_name=payer.name, payer_account=payer.account, channel=channel, notice_no=notice_no,
        )  # fmt: skip
        told = self.estate.house.settings
        return self.estate.do(lambda session: receive(session, deposit, bank, told))

    def bought(self, number: int, payer: Payer | None = None, **how: Any) -> tuple[str, dict[str, Any]]:
        """A unit sold to the n-th buyer and paid by him, or by somebody else (买卖)."""
        who, own = buyer(number)
        contract_no, notice_no = self.sell(who)
        return contract_no, self.pay(notice_no, payer or own, **how)


def paid_out(
    site: Site, amount: str, *, account: str = BUILDER_ACCOUNT, days_ago: int = 0, who: int = 0,
    outcome: Outcome = Outcome.PAID, **line: Any,
) -> tuple[str, str]:  # fmt: skip
    """A withdrawal entered, approved, ordered, and answered by the bank: its number and its order's (拨付)."""
    number = site.enter(site.line(amount, **{"progress": Decimal("0.5"), **line}), who=who)
    if site.approve(number).value == "reviewed":
        site.approve(number, site.people.second)
    [order] = site.issue(number).numbers
    answered(site, order, amount, outcome, account=account, days_ago=days_ago)
    return number, order


def answered(
    site: Site, order: str, amount: str, outcome: Outcome,
    *, account: str = BUILDER_ACCOUNT, days_ago: int = 0,
) -> None:  # fmt: skip
    """The bank's answer to an order, some days ago: no answer is older than its order (银行结果)."""
    result = Result(order, outcome, new_number("F"), Yuan(amount), account, bureau_day())
    told = site.estate.house.settings
    said = site.estate.do(lambda session: record(session, result, BANK, told))
    assert said["status"] == outcome.value, said
    if days_ago:
        force(
            site.estate.house, f"UPDATE instruction_result SET value_date = value_date - {days_ago}"
            f" WHERE bank_serial = '{result.bank_serial}'",
        )  # fmt: skip


def watched(house: Any) -> int:
    """The watch and the look that follows it, as the task does both; how much was new (查看并查找)."""
    seen = watch(house.database, house.settings)
    return look(house.database, house.settings, fresh=seen) if seen else 0


def noticed(house: Any) -> list[tuple[str, str]]:
    """Every finding: kind and subject (全部提示)."""
    with house.connect("app") as connection:
        return connection.execute("SELECT kind, subject FROM finding ORDER BY id").fetchall()


def kinds(house: Any) -> list[str]:
    """Every finding's kind, in order of the words (提示种类)."""
    return sorted(kind for kind, _ in noticed(house))
