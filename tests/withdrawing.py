"""What the withdrawal tests do again and again: a whitelist, applications, decisions, orders (用款测试用)."""

from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from config.clock import bureau_day
from escrow import chart
from escrow.withdrawals.actions import Application, enter
from escrow.withdrawals.deciding import approve
from escrow.withdrawals.facts import AskedLine
from escrow.withdrawals.issuing import Outcome, issue_withdrawal
from escrow.withdrawals.payee_rules import PayeeKind, Purpose
from escrow.withdrawals.payees import (
    AskedContract,
    AskedPayee,
    decide_contract,
    decide_payee,
    enter_contract,
    enter_payee,
)
from escrow.withdrawals.rules import Channel, WithdrawalStatus
from ledger.money import Yuan
from tests.estate import Estate, build, file_hash, new_number, officers

BUILDER = "山西交口建工有限公司"
BUILDER_ACCOUNT = "6222021410009876543"
WAGES_ACCOUNT = "6222021410007654321"


def people_of(house: Any) -> SimpleNamespace:
    """Two cashiers, three reviewers, a clerk (办理人员)."""
    names = ("cashier", "issuer", "reviewer", "second", "third", "clerk")
    return SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True)))


@dataclass(slots=True)
class Site:
    """A project with its construction contract and payees (在建项目)."""

    estate: Estate
    people: SimpleNamespace
    contract_id: int
    builder: int
    wages: int
    entered: list[str] = field(default_factory=list)

    def line(self, amount: str, **changed: Any) -> AskedLine:
        """One payment to the contractor (付款明细)."""
        number = new_number("FP")
        said = {
            "payee_id": self.builder, "purpose": Purpose.CONSTRUCTION, "amount": Yuan(amount),
            "progress": Decimal("1"), "invoice_no": number, "invoice_hash": file_hash(number),
        }  # fmt: skip
        return AskedLine(**{**said, **changed})

    def wage(self, amount: str) -> AskedLine:
        """One payment of wages (工资)."""
        return self.line(amount, payee_id=self.wages, purpose=Purpose.WAGES)

    def asked(self, *lines: AskedLine | str, **changed: Any) -> Application:
        """An application for building 1 (申请)."""
        number = new_number("YS")
        said = {
            "account_no": self.estate.account_no, "building_no": "1", "channel": Channel.GENERAL,
            "application_no": number, "applied_on": bureau_day(), "file_hash": file_hash(number),
            "lines": tuple(self.line(one) if isinstance(one, str) else one for one in lines),
        }  # fmt: skip
        return Application(**{**said, **changed})

    def enter(self, *lines: AskedLine | str, who: int = 0, **changed: Any) -> str:
        """Enter it (录入)."""
        asked, officer_id = self.asked(*lines, **changed), who or self.people.cashier
        return self.estate.do(lambda session: enter(session, asked, officer_id=officer_id))

    def approve(self, number: str, who: int = 0) -> WithdrawalStatus:
        """Approve it (核准)."""
        officer_id = who or self.people.reviewer
        return self.estate.do(lambda session: approve(session, number, officer_id=officer_id))

    def approved(self, *lines: AskedLine | str, **changed: Any) -> str:
        """Entered and approved by one officer, or two (录入并核准)."""
        number = self.enter(*lines, **changed)
        if self.approve(number) is WithdrawalStatus.REVIEWED:
            self.approve(number, self.people.second)
        return number

    def issue(self, number: str, who: int = 0) -> Outcome:
        """Issue its orders (签发)."""
        officer_id, told = who or self.people.issuer, self.estate.house.settings
        return self.estate.do(lambda session: issue_withdrawal(session, number, told, officer_id=officer_id))

    def building(self, code: str, number: str = "1") -> str:
        """What stands on a building under a heading (楼幢科目余额)."""
        key = chart.building_key(self.estate.buildings[number])
        return self.estate.held().get((code, key), "0.00")

    def under(self, code: str) -> list[str]:
        """Everything under a heading (科目各户余额)."""
        return [amount for (found, _), amount in self.estate.held().items() if found == code]


def site_of(
    house: Any, people: SimpleNamespace, *, quota: str = "600000.00", mode: str = "floor",
    price: str = "90000000.00", advanced: bool = False,
) -> Site:  # fmt: skip
    """A project whose first building keeps a quota, its contractor listed (白名单齐备的项目).

    Of its homes none is filed, unless the maintenance fund was advanced.
    """
    estate = build(
        house, [people.clerk, people.reviewer], quotas={"1": quota}, quota_mode=mode,
        nodes={"主体结构验收": "0.40"}, advanced=advanced,
    )  # fmt: skip
    return listed(estate, people, price=price)


def at_work(house: Any, app: Any) -> SimpleNamespace:
    """A scene: a quota of 600,000, general funds of 400,000 (额度六十万元，一般监管资金四十万元)."""
    people = people_of(house)
    return SimpleNamespace(people=people, site=funded(site_of(house, people)))


def listed(estate: Estate, people: SimpleNamespace, *, price: str = "90000000.00") -> Site:
    """The contractor and its wage account, listed and past their waiting days (列入白名单)."""
    number = new_number("SG")
    contract = AskedContract(
        estate.account_no, number, BUILDER, Yuan(price), bureau_day(), file_hash(number)
    )
    contract_id = estate.do(lambda session: enter_contract(session, contract, officer_id=people.cashier))
    home, who = estate.account_no, people.reviewer
    estate.do(lambda session: decide_contract(session, home, contract_id, officer_id=who))
    payees = []
    for kind, account_no in (
        (PayeeKind.CONTRACTOR, BUILDER_ACCOUNT),
        (PayeeKind.WAGES, WAGES_ACCOUNT),
    ):
        name = BUILDER if kind is PayeeKind.CONTRACTOR else f"{BUILDER}农民工工资专户"
        asked = AskedPayee(
            contract_id, kind, name, account_no, "工商银行交口支行", file_hash(new_number("KH"))
        )
        payee_id = estate.do(
            lambda session, asked=asked: enter_payee(session, asked, officer_id=people.cashier)
        )
        estate.do(lambda session, one=payee_id: decide_payee(session, home, one, officer_id=who))
        payees.append(payee_id)
    waited(estate)
    return Site(estate, people, contract_id, *payees)


def waited(estate: Estate) -> None:
    """The waiting days of new payees are over: the database's clock cannot be moved (冷静期已过)."""
    force(
        estate.house, "UPDATE listed_payee SET usable_on = (now() AT TIME ZONE 'Asia/Shanghai')::date"
        " WHERE status = 'listed'",
    )  # fmt: skip


def force(house: Any, statement: str) -> None:
    """As no role of ours could: past every trigger (越过一切触发器)."""
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement)


def funded(site: Site, key_funds: str = "600000.00", general: str = "400000.00") -> Site:
    """Money stands on the first building, divided as its level asks (入账)."""
    site.estate.put("1", key_funds)
    site.estate.put("1", general, chart.GENERAL_FUNDS)
    return site
