"""A random history of one fund account, every event by its room, a model of the houses beside it.

What a room refuses changes nothing; what it does changes the model's houses by exactly what it said.
"""

import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from sqlalchemy import text

from config.clock import bureau_day
from escrow.advances.deciding import ClaimAsked, Evidence
from escrow.advances.deciding import claim as ask_claim
from escrow.advances.deciding import confirm as confirm_decision
from escrow.contracts.actions import Asked, Buyer, draft
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.contracts.rules import IdType, PaymentKind, Planned, Source
from escrow.errors import EscrowError
from escrow.fund_income import actions as income
from escrow.fund_income import periods, sharing
from escrow.fund_income.rules import Basis, IncomeKind, month_end
from escrow.fund_orders import ending, results
from escrow.fund_orders.ended import issue_back
from escrow.fund_orders.ended_facts import ended_of
from escrow.fund_orders.ending import EndAsked
from escrow.fund_use.rules import Cause
from escrow.houses import actions, deciding
from escrow.houses.losses import issue_loss
from escrow.houses.owner_rules import OwnerKind
from escrow.houses.owning import Transfer, confirm_owner, enter_owner
from escrow.instructions.results import Result
from escrow.instructions.rules import Outcome
from escrow.maintenance.chart import Nature
from ledger.errors import LedgerError
from ledger.money import ZERO, Yuan
from tests.estate import build, file_hash, new_number, sold
from tests.fund import using
from tests.fund.advancing import DEVELOPER, DUE, OWNER, confirmed, entered, founded, paid, people_of
from tests.fund.fund_estate import FundEstate
from tests.fund.opening_files import booked, handed, home
from tests.fund.ordering import evidence

ACCOUNT = "6217000099990000001"
LAST_MONTH = (bureau_day().replace(day=1) - timedelta(days=1)).replace(day=1)
AMOUNTS = (DUE, "100.00", "0.01", "3000.00", "6912.01")


def paper() -> actions.Paper:
    number = new_number("史")
    return actions.Paper(number, file_hash(number), "随机经历")


def begun(house: Any, app: Any) -> SimpleNamespace:
    """A scene: six houses, three of them sold, their fund account open for a month (六户，已售三户)."""
    people = people_of(house)
    estate = build(house, [people.clerk, people.reviewer], buildings=2, units=3, advanced=False)
    fund = founded(estate, people)
    for _ in range(3):
        sold(estate)
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE fund_account SET opened_on = %s", (LAST_MONTH,))
    return SimpleNamespace(fund=fund)


class FundHistory:
    """Six houses of a register, three of them sold, and old ones an opening brought (一段经历)."""

    def __init__(self, fund: FundEstate, seed: int) -> None:
        self.fund, self.dice, self.done = fund, random.Random(seed), list[str]()
        self.registered = list(self.fund.codes)
        self.model = dict.fromkeys(self.registered, ZERO)
        self.receipts, self.opened, self.is_shared = list[tuple[str, str]](), 0, False
        self.first = LAST_MONTH
        self.open_houses(as_of=self.first, count=2)
        self.earn(self.first)
        self.fund.do(lambda s: periods.close_month(
            s, self.fund.fund_id, self.first, officer_id=self.fund.officers[1]))  # fmt: skip
        with fund.house.database.read() as session:
            self.fund.community_id = session.scalar(text("SELECT max(id) FROM community")) or 0

    def live(self, steps: int) -> None:
        """So many events; after each, every level agrees and every house has what the model says (一段经历)."""
        events: list[Callable[[], Any]] = [
            self.advance, self.advance, self.advance, self.pay, self.pay, self.pay_nameless, self.claim,
            self.repay, self.correct_area, self.move_deposit, self.change_owner, self.renew, self.lose,
            self.earn, self.share, self.use, self.open_houses, self.cancel, self.cancel, self.sell,
        ]  # fmt: skip
        for _ in range(steps):
            event = self.dice.choice(events)
            self.done.append(event.__name__)
            try:
                event()
            except (EscrowError, LedgerError):
                self.done[-1] += " refused"
            self.check()

    def check(self) -> None:
        assert self.fund.disagreements() == [], self.done
        with self.fund.house.database.read() as session:
            rows = session.execute(text(
                "SELECT h.unit_code, b.balance FROM house h JOIN house_balance b ON b.house_id = h.id"
            ))  # fmt: skip
            stands = {row.unit_code: Yuan.from_fen(row.balance) for row in rows}
        assert stands == self.model, self.done

    # --- events ---

    def one(self) -> str:
        return self.dice.choice(list(self.model))

    def advance(self) -> None:
        codes = self.dice.sample(self.registered, self.dice.randint(1, 3))
        self._line(paid(self.fund, *((code, self.dice.choice(AMOUNTS)) for code in codes), payer=DEVELOPER))

    def pay(self) -> None:
        self._line(paid(self.fund, (self.one(), self.dice.choice(AMOUNTS)), payer=OWNER))

    def pay_nameless(self) -> None:
        paid(self.fund, amount=self.dice.choice(AMOUNTS), payer=self.dice.choice((DEVELOPER, OWNER)))

    def _line(self, answer: dict[str, Any]) -> None:
        for unit in answer["units"]:
            if Yuan(unit["booked"]) > ZERO:
                self.model[unit["unit_code"]] += Yuan(unit["booked"])
                self.receipts.append((answer["receipt_no"], unit["unit_code"]))

    def claim(self) -> None:
        with self.fund.house.database.read() as session:
            query = text("SELECT id, remainder FROM apart_money WHERE remainder > 0 ORDER BY id")
            waiting = session.execute(query).all()
        if not waiting:
            return
        apart, code = self.dice.choice(waiting), self.one()
        number, part = new_number("认"), Yuan.from_fen(apart.remainder)
        asked = ClaimAsked(apart.id, OWNER, ((code, part),), Evidence(number, file_hash(number), "认领"))
        clerk, reviewer = self.fund.officers

        def both(session: Any) -> None:
            confirm_decision(session, ask_claim(session, asked, officer_id=clerk), officer_id=reviewer)

        self.fund.do(both)
        self.model[code] += part

    def repay(self) -> None:
        made = entered(self.fund, self.dice.choice(self.registered[:3]), self.fund.officers[0], "100.00")
        confirmed(self.fund, made, self.fund.officers[1])

    def _both(self, code: str, enter: Callable[[Any], int]) -> int:
        """Entered and confirmed in one transaction: refused, it leaves nothing that waits."""
        def both(session: Any) -> int:
            made = enter(session)
            deciding.confirm(session, code, made, officer_id=self.fund.officers[1])
            return made

        return self.fund.do(both)

    def correct_area(self) -> None:
        code, area, who = self.one(), Decimal(self.dice.randint(5000, 15000)) / 100, self.fund.officers[0]
        self._both(code, lambda s: actions.enter_area(s, code, paper(), area, officer_id=who))

    def move_deposit(self) -> None:
        if not self.receipts:
            return
        receipt_no, code = self.dice.choice(self.receipts)
        other, who = self.dice.choice(self.registered[:3]), self.fund.officers[0]
        made = self._both(
            code, lambda s: actions.enter_misplaced(s, code, paper(), receipt_no, other, officer_id=who))
        with self.fund.house.database.read() as session:
            query = text("SELECT amount FROM house_change WHERE id = :id")
            amount = Yuan.from_fen(session.scalar(query, {"id": made}) or 0)
        self.model[code] -= amount
        self.model[other] += amount

    def change_owner(self) -> None:
        number, told = new_number("权"), self.fund.house.settings
        asked = Transfer(
            self.one(), OwnerKind.TRANSFER, bureau_day(), number, file_hash(number), (("王秀英", None),)
        )
        clerk, reviewer = self.fund.officers
        made = self.fund.do(lambda s: enter_owner(s, asked, told, officer_id=clerk))
        self.fund.do(lambda s: confirm_owner(s, asked.unit_code, made, officer_id=reviewer))

    def renew(self) -> None:
        code, who, today = self.one(), self.fund.officers[0], bureau_day()
        amount = max(Yuan(DUE) - self.model[code], Yuan("0.01"))
        self._both(code, lambda s: actions.enter_renewal(s, code, paper(), amount, today, officer_id=who))
        self.model[code] += amount

    def lose(self) -> None:
        code, who, told = self.one(), self.fund.officers[0], self.fund.house.settings
        amount = self.model[code]
        owner = actions.Receiver("王秀英", ACCOUNT, "建设银行") if amount > ZERO else None
        made = self._both(code, lambda s: actions.enter_lost(
            s, code, paper(), ZERO, owner, None, told, officer_id=who))  # fmt: skip
        self.model[code] = ZERO
        order = self.fund.do(lambda s: issue_loss(s, code, made, "owner", told, officer_id=who))
        outcome = self.dice.choice((Outcome.PAID, Outcome.FAILED))
        said = Result(order.instruction_no, outcome, new_number("F"), amount, ACCOUNT, bureau_day())
        self.fund.do(lambda s: results.record(s, said, self.fund.bank_code, told))

    def cancel(self) -> None:
        """A contract ends, and one share of what was paid for it goes back, unless the bank cannot."""
        with self.fund.house.database.read() as session:
            query = text("SELECT contract_no, status FROM contract ORDER BY id")
            contract = self.dice.choice(session.execute(query).all())
        if contract.status != "cancelled":
            asked = CancellationAsked(new_number("ZX"), bureau_day(), "退房")
            self.fund.do(lambda s: cancel(s, contract.contract_no, asked))
        with self.fund.house.database.read() as session:
            ended = ended_of(session, contract.contract_no, locked=False)
        left = [one for one in ended.due if one.name not in ended.taken]
        if not left:
            return
        part, told, (clerk, reviewer) = self.dice.choice(left), self.fund.house.settings, self.fund.officers
        said = EndAsked(contract.contract_no, part.name, evidence(), ACCOUNT, "建设银行")

        def both(session: Any) -> int:
            number = ending.enter(session, said, told, officer_id=clerk)
            ending.confirm(session, number, officer_id=reviewer)
            return number

        number = self.fund.do(both)
        order = self.fund.do(lambda s: issue_back(s, number, told, officer_id=clerk))
        outcomes = self.dice.choice(((Outcome.PAID,), (Outcome.FAILED,), (Outcome.PAID, Outcome.RETURNED)))
        for outcome in outcomes:
            answer = Result(
                order.instruction_no, outcome, new_number("T"), part.amount, ACCOUNT, bureau_day()
            )
            self.fund.do(lambda s, a=answer: results.record(s, a, self.fund.bank_code, told))
        if outcomes == (Outcome.PAID,):
            self.model[ended.row.unit_code] -= part.amount

    def sell(self) -> None:
        """A home is sold, for the first time or again."""
        payment = Planned(PaymentKind.INSTALMENT, Yuan("100.00"), bureau_day(), Source.OWN)
        asked = Asked(
            new_number("HT"), self.fund.project_no, self.dice.choice(self.registered), Yuan("100.00"),
            (Buyer("王秀英", IdType.RESIDENT, "11010519491231002X", None),), (payment,),
        )  # fmt: skip
        self.fund.do(lambda s: draft(s, asked, self.fund.house.settings))

    def earn(self, on: date | None = None) -> None:
        serial = new_number("息")
        slip = income.Slip(
            self.fund.fund_id, IncomeKind.INTEREST, Nature.COMMODITY, Yuan("10.01"), serial,
            on or bureau_day(), "结息单", file_hash(serial),
        )  # fmt: skip
        made = self.fund.do(lambda s: income.enter(s, slip, officer_id=self.fund.officers[0]))
        self.fund.do(lambda s: income.book(
            s, made, officer_id=self.fund.officers[1], fund_id=self.fund.fund_id))  # fmt: skip

    def share(self) -> None:
        asked = sharing.Proposal(
            self.fund.fund_id, Nature.COMMODITY, self.first, month_end(self.first), Basis.DAYS
        )
        database = self.fund.house.database
        run_no = self.fund.do(lambda s: sharing.propose(s, asked, officer_id=self.fund.officers[0]))
        sharing.carry_out(database, run_no)
        self.fund.do(lambda s: sharing.approve(s, run_no, officer_id=self.fund.officers[1]))
        sharing.carry_out(database, run_no)
        with database.read() as session:
            query = text("SELECT h.unit_code, s.amount FROM income_share s JOIN house h ON h.id = s.house_id")
            shares = session.execute(query).all()
        assert sum(one.amount for one in shares) == 1001
        for one in shares:
            self.model[one.unit_code] += Yuan.from_fen(one.amount)

    def use(self) -> None:
        using.approved(self.fund, "50.00", cause=next(iter(Cause)))

    def open_houses(self, as_of: date | None = None, count: int = 1) -> None:
        rows = [
            {**home(self.opened + at), "余额": self.dice.choice(("900.00", "2000.00", "7001.01"))}
            for at in range(count)
        ]
        booked(self.fund, handed(self.fund, rows, as_of=as_of or bureau_day()))
        self.opened += count
        self.model |= {row["不动产单元代码"]: Yuan(row["余额"]) for row in rows}
