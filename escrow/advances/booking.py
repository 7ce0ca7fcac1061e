"""How a deposit stands in the fund's book: into houses, apart, and what buyers owe (交存记账)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from escrow.advances.facts import Fund, House
from escrow.advances.rules import Aside, PayerKind
from escrow.maintenance import chart
from escrow.maintenance.books import accounts_of
from escrow.maintenance.chart import Nature
from ledger.accounts import Account
from ledger.money import Yuan
from ledger.movements import Movement, Transfer
from ledger.wire import ask

CODES = {Aside.UNCLAIMED: chart.UNCLAIMED, Aside.PREPAID: chart.PREPAID, Aside.OVERPAID: chart.OVERPAID}


@dataclass(frozen=True, slots=True)
class Into:
    """What one house is given (入户)."""

    house: House
    amount: Yuan
    is_advance: bool
    is_renewal: bool = False

    @property
    def key(self) -> str:
        """The house dimension of its accounts (房屋辅助核算)."""
        return chart.house_key(self.house.id or 0)


@dataclass(frozen=True, slots=True)
class Apart:
    """What stands apart, numbered before it is booked (另列)."""

    id: int
    aside: Aside
    amount: Yuan
    nature: Nature = Nature.COMMODITY

    @property
    def place(self) -> tuple[str, str]:
        """Its own account of the book (所在科目)."""
        return CODES[self.aside], chart.apart_key(self.id)


def due_of(house: House, *, is_renewal: bool) -> dict[str, Any]:
    """What a deposit row says was due, and for which contract; a renewal is of none (应缴与合同)."""
    if is_renewal:
        return {"due": house.facts.renewable.fen if house.facts else None, "contract_id": None}
    due = house.due.amount if house.due else None
    return {"due": due.fen if due else None, "contract_id": house.contract_id}


def movement_of(payer: PayerKind, into: Sequence[Into], apart: Sequence[Apart]) -> Movement:
    """Which event of the chart a bank's line is (业务)."""
    if not into:
        kinds = {one.aside for one in apart}
        if kinds == {Aside.PREPAID}:
            return chart.LUMP_SUM
        if kinds == {Aside.UNCLAIMED}:
            return chart.UNIDENTIFIED
        if kinds == {Aside.OVERPAID}:
            return chart.MISPAID
    if not apart and all(one.is_renewal for one in into):
        return chart.RENEWAL
    return chart.ADVANCE if payer is PayerKind.DEVELOPER else chart.OWNER_DEPOSIT


def received(session: Session, fund: Fund, into: Sequence[Into], apart: Sequence[Apart]) -> list[Transfer]:
    """From the bank account to each house and each sum apart (入账分录)."""
    places = [(chart.BANK[nature], "") for nature in Nature]
    held = accounts_of(session, fund.book_id, [*places, *_places(into), *(one.place for one in apart)])
    transfers = [
        Transfer(held[chart.BANK[one.house.nature], ""], held[_deposit(one)], one.amount) for one in into
    ]
    transfers += [Transfer(held[chart.BANK[one.nature], ""], held[one.place], one.amount) for one in apart]
    return transfers + _owing(held, into)


def claimed(session: Session, fund: Fund, source: Apart, into: Sequence[Into]) -> list[Transfer]:
    """Out of a sum set apart into its houses (归入分录)."""
    held = accounts_of(session, fund.book_id, [source.place, *_places(into)])
    transfers = [Transfer(held[source.place], held[_deposit(one)], one.amount) for one in into]
    return transfers + _owing(held, into)


def returned(session: Session, fund: Fund, source: Apart, decision_id: int, amount: Yuan) -> Transfer:
    """Out of a sum set apart, to be returned until the bank has paid it (应退分录)."""
    due = (chart.OVERPAID, chart.return_key(decision_id))
    held = accounts_of(session, fund.book_id, [source.place, due])
    return Transfer(held[source.place], held[due], amount)


def _places(into: Sequence[Into]) -> list[tuple[str, str]]:
    owing = [(chart.CLAIM, one.key) for one in into if one.is_advance]
    return [*(_deposit(one) for one in into), *owing, (chart.CLAIM_CONTRA, "")]


def _deposit(one: Into) -> tuple[str, str]:
    return chart.DEPOSITS[one.house.nature], one.key


def _owing(held: dict[tuple[str, str], Account], into: Sequence[Into]) -> list[Transfer]:
    """The buyer owes the developer what it has paid (代缴待收回)."""
    contra = held[chart.CLAIM_CONTRA, ""]
    return [Transfer(held[chart.CLAIM, one.key], contra, one.amount) for one in into if one.is_advance]


def numbers(session: Session, table: str, count: int) -> list[int]:
    """So many new ids of a table, so that the book can bear them as keys (预取编号)."""
    query = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
    return [number for (number,) in ask(session, query, (table, count))]
