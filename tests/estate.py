"""A project under supervision, ready for its release or short of one thing (受监管的项目)."""

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, TypeVar

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.clock import bureau_day, now
from escrow import chart
from escrow.access import audit
from escrow.access.models import Officer
from escrow.contracts.actions import Asked as Draft
from escrow.contracts.actions import Buyer, draft
from escrow.contracts.models import Contract
from escrow.contracts.rules import IdType, PaymentKind, Planned, Source
from escrow.deposits.actions import Deposit, receive
from escrow.deposits.rules import Channel
from escrow.filing.actions import Asked, Filing, check, file
from escrow.projects.actions import AskedBuilding, AskedProject, AskedUnit, Permit
from escrow.projects.actions import register as register_project
from escrow.projects.models import Building, Project, Unit
from escrow.projects.rules import Structure, UnitUse
from escrow.registration.actions import FirstAsked, Origin, register
from escrow.release.actions import Applied, enter
from escrow.supervision.actions import Proposal, accept, propose
from escrow.supervision.books import account_of
from escrow.supervision.models import Agreement, SupervisedAccount
from ledger.accounts import Account, balances, find_account
from ledger.journal import Entry, post
from ledger.money import Yuan
from ledger.movements import Movement, Transfer
from ledger.terms import Side

T = TypeVar("T")
USCC = "91110000600037341L"
SYSTEM = "registry"
_numbers = itertools.count(1)


def file_hash(said: object) -> str:
    """The SHA-256 of a paper that says something (材料摘要)."""
    return hashlib.sha256(str(said).encode()).hexdigest()


def new_number(prefix: str) -> str:
    """A number nobody used before (业务号)."""
    return f"{prefix}{next(_numbers):06d}"


@dataclass(slots=True)
class Estate:
    """One project of a fresh house with its supervised account (受监管的项目)."""

    house: Any
    project_no: str
    account_no: str
    account_id: int = 0
    project_id: int = 0
    book_id: int = 0
    buildings: dict[str, int] = field(default_factory=dict)
    unit_codes: list[str] = field(default_factory=list)
    sold: list[str] = field(default_factory=list)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction as the application, inside the application."""
        with counter(self.house).app_context(), self.house.database.begin() as session:
            yield session

    def do(self, unit: Callable[[Session], T]) -> T:
        """Run a unit of work as a door would."""
        with counter(self.house).app_context():
            return self.house.database.transact(unit)

    def register(
        self, *building_nos: str, on: date | None = None, certificate_no: str = ""
    ) -> dict[str, Any]:
        """The registration authority makes a first registration known (登记机构报来首次登记)."""
        asked = FirstAsked(
            self.project_no, building_nos or tuple(self.buildings), certificate_no or new_number("证"),
            on or bureau_day(),
        )  # fmt: skip
        return self.do(lambda session: register(session, asked, Origin(SYSTEM, new_number("DJ"))))

    def applied(self, officer_id: int) -> str:
        """The developer's paper is entered (录入申请书)."""
        number = new_number("SQ")
        paper = Applied(self.account_no, number, bureau_day(), file_hash(number))
        return self.do(lambda session: enter(session, paper, officer_id=officer_id))

    def put(self, building_no: str, amount: str, code: str = chart.KEY_FUNDS) -> Entry:
        """Money stands on a building (楼幢入账)."""
        return self.move(
            chart.DEPOSITS_AT_BANK, code, amount, key=chart.building_key(self.buildings[building_no])
        )

    def open_item(self, code: str, amount: str = "0.01", key: str = "") -> Entry:
        """Something is left open under a heading, as its own room would leave it (留下未结清科目)."""
        if chart.HEADINGS[code].side is Side.DEBIT:
            return self.move(code, chart.GENERAL_FUNDS, amount)
        contra = chart.MEMO_CONTRA if code.startswith("8") else chart.DEPOSITS_AT_BANK
        if code in (chart.PAYMENT_IN_TRANSIT, chart.REFUND_IN_TRANSIT):
            self.without_papers()
        return self.move(contra, code, amount, key=key)

    def without_papers(self) -> None:
        """From here on money may go though no order or paper says so: two guards are away (撤去两道防线)."""
        with self.house.connect("owner") as connection:
            for guard in ("orders_follow", "outflows_noted"):
                connection.execute(
                    f"CREATE OR REPLACE FUNCTION public.{guard}(ids bigint[]) RETURNS void LANGUAGE sql AS ''"
                )

    def take(self, debit: str, amount: str, *, debit_key: str = "") -> Entry:
        """The bank account has less, and nobody knows why: what the guards keep from happening (款项短少)."""
        self.without_papers()
        return self.move(debit, chart.DEPOSITS_AT_BANK, amount, debit_key=debit_key)

    def move(self, debit: str, credit: str, amount: str, *, key: str = "", debit_key: str = "") -> Entry:
        """Post between two headings of the account's book."""
        movement = Movement("T", "测试记账", frozenset({(debit, credit)}))
        with self.begin() as session:
            transfer = Transfer(
                account_of(session, self.book_id, debit, key=debit_key),
                account_of(session, self.book_id, credit, key=key), Yuan(amount),
            )  # fmt: skip
            return post(session, movement, [transfer], reference=new_number("T"), effective_on=bureau_day())

    def held(self) -> dict[tuple[str, str], str]:
        """Every account of the book that is not zero (非零科目)."""
        with self.house.database.read() as session:
            found: list[tuple[Account, Yuan]] = balances(session, self.book_id)
        return {(account.code, account.key): str(amount) for account, amount in found if amount != Yuan(0)}

    def account(self, code: str, key: str = "") -> Account:
        """One account of the book (科目账户)."""
        with self.house.database.read() as session:
            found = find_account(session, self.book_id, code, key=key)
        assert found
        return found


def counter(house: Any) -> Flask:
    """As much of the application as an action asks for (应用环境)."""
    # No route of its own: werkzeug compiles one by ast, which CPython 3.11 cannot do in many threads at once.
    app = Flask("counter", static_folder=None)
    app.extensions["settings"] = house.settings
    app.extensions["database"] = house.database
    return app


def officers(house: Any, *names: str) -> list[int]:
    """People of the bureau, by name only: these tests do not sign in (工作人员)."""
    roles = ["register", "reviewer", "release", "cashier"]
    with house.database.begin() as session:
        found = [
            Officer(
                username=name, full_name=f"{name}同志", staff_no=f"G-{name}", password_hash="-",
                totp_sealed=b"-", roles=roles,
            )
            for name in names
        ]  # fmt: skip
        session.add_all(found)
        session.flush()
        for one in found:
            audit.record(session, "officer.added", one.username, roles=one.roles)
        return [one.id for one in found]


def build(
    house: Any, accepted_by: list[int], *, buildings: int = 2, units: int = 2,
    clauses: list[dict[str, Any]] | None = None, bank_code: str = "ABC",
    quotas: dict[str, str] | None = None, quota_mode: str = "floor", nodes: dict[str, str] | None = None,
    advanced: bool = True,
) -> Estate:  # fmt: skip
    """A project in the register, its agreement accepted by two officers, its account open (监管中的项目).

    Unless told otherwise its developer has paid the maintenance fund of every unit.
    """
    at = next(_numbers)
    estate = Estate(house, f"XM{at:06d}", f"62220214{at:010d}")
    asked = _register(estate, at, buildings, units)
    proposal = Proposal(
        agreement_no=f"XY{at:06d}", bank_code=bank_code, account_no=estate.account_no,
        account_name="测试置业预售资金监管专户", signed_on=bureau_day() - timedelta(days=300),
        clauses={
            "quota_mode": quota_mode, "excess_use": "按协议使用", "release": clauses or [], "review_days": 5,
            "quotas": [{"building_no": no, "amount": amount} for no, amount in (quotas or {}).items()],
            "nodes": [{"node": node, "locked_ratio": ratio} for node, ratio in (nodes or {}).items()],
        },
    )  # fmt: skip
    estate.do(lambda session: register_project(session, asked))
    estate.do(lambda session: propose(session, estate.project_no, proposal))
    for officer_id in accepted_by:
        estate.do(lambda session, who=officer_id: _accept(session, estate.project_no, who))
    _know(estate)
    if advanced:
        advance(estate, accepted_by)
    return estate


def standing(**built: Any) -> Callable[[Any, Any], SimpleNamespace]:
    """What builds the scene of one project under supervision (一个项目的场景)."""

    def scene_of(house: Any, app: Any) -> SimpleNamespace:
        return SimpleNamespace(estate=build(house, officers(house, "liuli", "wangyi"), **built))

    return scene_of


def advance(estate: Estate, two: list[int]) -> None:
    """Every unit has its house account, and its developer has paid what is due (建账并代缴维修资金)."""
    from tests.fund.advancing import advance_all
    from tests.fund.fund_estate import fund_of

    advance_all(fund_of(estate.house, estate.project_no, two))


def _register(estate: Estate, at: int, buildings: int, units: int) -> AskedProject:
    listed = []
    for number in range(1, buildings + 1):
        codes = [f"141130{at:06d}GB00001F{number:04d}{place:04d}" for place in range(1, units + 1)]
        estate.unit_codes += codes
        homes = tuple(
            AskedUnit(code, str(100 + place), Decimal("96.00"), UnitUse.RESIDENTIAL)
            for place, code in enumerate(codes, 1)
        )
        listed.append(AskedBuilding(str(number), Structure.FRAME, 6, homes))
    permit = Permit(f"（交）房预售证第{at:06d}号", bureau_day() - timedelta(days=400))
    return AskedProject(
        estate.project_no, "测试苑", "141130", USCC, "测试置业有限公司", permit, tuple(listed)
    )


def _accept(session: Session, project_no: str, officer_id: int) -> None:
    seen = session.scalars(
        select(Agreement.digest)
        .join(Project, Project.id == Agreement.project_id)
        .where(Project.project_no == project_no, Agreement.status == "proposed")
    ).one()
    accept(session, project_no, seen=seen, officer_id=officer_id)


def amended(estate: Estate, accepted_by: list[int], **clauses: Any) -> None:
    """A supplementary agreement changes some clauses, accepted by two officers (补充协议)."""
    with estate.house.database.read() as session:
        query = select(Agreement).where(Agreement.project_id == estate.project_id)
        last = session.scalars(query.where(Agreement.status == "effective")).one()
        proposal = Proposal(
            agreement_no=new_number("XY"), bank_code=last.bank_code, account_no=last.account_no,
            account_name=last.account_name, signed_on=bureau_day(), clauses={**last.clauses, **clauses},
        )  # fmt: skip
    estate.do(lambda session: propose(session, estate.project_no, proposal))
    for officer_id in accepted_by:
        estate.do(lambda session, who=officer_id: _accept(session, estate.project_no, who))


def _know(estate: Estate) -> None:
    with estate.house.database.read() as session:
        account = session.scalars(
            select(SupervisedAccount).where(SupervisedAccount.account_no == estate.account_no)
        ).one()
        estate.account_id, estate.project_id, estate.book_id = account.id, account.project_id, account.book_id
        rows = session.execute(
            select(Building.building_no, Building.id)
            .where(Building.project_id == estate.project_id)
            .order_by(Building.id)
        )
        estate.buildings = {row.building_no: row.id for row in rows}


def sold(estate: Estate, *, amount: str = "100.00", notices: int = 1) -> tuple[str, list[str]]:
    """A drafted contract on the next unit: its number and its notices, the first due today (草拟合同)."""
    number = new_number("HT")
    payments = tuple(
        Planned(PaymentKind.INSTALMENT, Yuan(amount), bureau_day() + timedelta(days=30 * place), Source.OWN)
        for place in range(notices)
    )
    draft_of = Draft(
        contract_no=number, project_no=estate.project_no, unit_code=estate.unit_codes[len(estate.sold)],
        price=sum((payment.amount for payment in payments), Yuan(0)),
        buyers=(Buyer("王秀英", IdType.RESIDENT, "11010519491231002X", None),), payments=payments,
    )  # fmt: skip
    answer, _ = estate.do(lambda session: draft(session, draft_of, estate.house.settings))
    estate.sold.append(number)
    return number, [notice["notice_no"] for notice in answer["notices"]]


def filed(estate: Estate, contract_no: str) -> None:
    """The contract is checked and filed on its PASS (备案)."""
    with estate.house.database.read() as session:
        price, unit_code = session.execute(
            select(Contract.price, Unit.unit_code)
            .join(Unit, Unit.id == Contract.unit_id)
            .where(Contract.contract_no == contract_no)
        ).one()
    asked = Asked(new_number("WQ"), contract_no, unit_code, price)
    found = estate.do(lambda session: check(session, asked, "filing"))
    assert found.decision == "pass", found.text
    filing = Filing(contract_no, new_number("BA"), found.check_no, bureau_day())
    estate.do(lambda session: file(session, filing))


def pay(estate: Estate, notice_no: str | None, amount: str = "100.00") -> dict[str, Any]:
    """The bank books a credit (银行入账)."""
    return paid_by(estate, notice_no, "王秀英", amount)


def credit(estate: Estate, notice_no: str | None, name: str = "王秀英", amount: str = "100.00") -> Deposit:
    """What the bank tells of a credit (一笔入账)."""
    return Deposit(
        bank_serial=new_number("B"), account_no=estate.account_no, amount=Yuan(amount),
        value_date=bureau_day(), booked_at=now(), payer_name=name,
        payer_account="6217000010001234567", channel=Channel.POS, notice_no=notice_no,
    )  # fmt: skip


def paid_by(estate: Estate, notice_no: str | None, name: str, amount: str = "100.00") -> dict[str, Any]:
    """The bank books a credit that somebody paid (某人缴款)."""
    deposit = credit(estate, notice_no, name, amount)
    return estate.do(lambda session: receive(session, deposit, "ABC", estate.house.settings))
