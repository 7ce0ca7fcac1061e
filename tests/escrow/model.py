"""A supervised account played at random on the product's own rules and chart (账户模型).

Every event is planned by the pure rules, posted through the chart's movements to a book, and written down a
second time in the slow way; what must hold is asked after every event.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from escrow import chart
from escrow.supervision.levels import Position, into, out_of, resplit
from escrow.supervision.limits import AccountFunds, Limits
from escrow.supervision.rules import QuotaMode
from ledger.money import ZERO, Yuan
from ledger.movements import Movement
from ledger.terms import Side

BUILDINGS = (1, 2)
THOUSAND = Yuan("1000.00")
Line = tuple[tuple[str, str], tuple[str, str], Yuan]
LEVEL_CODES = {
    "quota": chart.QUOTA, "guarantee": chart.GUARANTEE, "released": chart.NODE_RELEASED,
    "key_paid": chart.KEY_PAID,
}  # fmt: skip


class Book(Protocol):
    """Where entries go: a dictionary, or PostgreSQL (账套)."""

    def post(self, movement: Movement, lines: list[Line]) -> None:
        """One entry."""

    def balances(self) -> dict[tuple[str, str], Yuan]:
        """Every account that is not zero."""


class PureBook:
    """Double entry in a dictionary; a balance below its floor is a fault of the rules (纯账套)."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], Yuan] = defaultdict(lambda: ZERO)

    def post(self, movement: Movement, lines: list[Line]) -> None:
        for debit, credit, amount in lines:
            assert (debit[0], credit[0]) in movement.routes, (movement.code, debit, credit)
            assert amount > ZERO
            for account, sign in ((debit, 1), (credit, -1)):
                grown = amount if (chart.HEADINGS[account[0]].side is Side.DEBIT) == (sign > 0) else -amount
                self.held[account] += grown
        for account, amount in self.held.items():
            floor = chart.HEADINGS[account[0]].floor
            assert floor is None or amount >= ZERO, (movement.code, account, amount)

    def balances(self) -> dict[tuple[str, str], Yuan]:
        return {account: amount for account, amount in self.held.items() if amount != ZERO}


@dataclass
class History:
    """One random life of an account with two buildings (一段随机的账户经历)."""

    book: Book
    dice: random.Random
    mode: QuotaMode
    paid_in: dict[str, Yuan] = field(default_factory=dict)
    home: dict[str, int] = field(default_factory=dict)
    holds: dict[str, tuple[int, Yuan]] = field(default_factory=dict)
    orders: dict[str, tuple[str, int, Yuan, Yuan]] = field(default_factory=dict)
    with_quota: set[int] = field(default_factory=set)
    frozen: Yuan = ZERO
    serial: int = 0

    # --- what stands ---

    def balance(self, code: str, key: str = "") -> Yuan:
        return self.book.balances().get((code, key), ZERO)

    def position(self, building: int) -> Position:
        held, key = self.book.balances(), chart.building_key(building)
        level = {name: held.get((code, key), ZERO) for name, code in LEVEL_CODES.items()}
        quota = level.pop("quota")
        return Position(
            self.mode, held.get((chart.KEY_FUNDS, key), ZERO), held.get((chart.GENERAL_FUNDS, key), ZERO),
            quota if building in self.with_quota else None, **level,
        )  # fmt: skip

    def limits(self, building: int) -> Limits:
        by_code: dict[str, Yuan] = defaultdict(lambda: ZERO)
        for (code, _), amount in self.book.balances().items():
            by_code[code] += amount
        own = {
            code: sum((amount for (c, key), amount in self.book.balances().items()
                       if c == code and key.startswith(f"building:{building}:")), ZERO)
            for code in (chart.WITHDRAWAL_HOLD, chart.REFUND_HOLD)
        }  # fmt: skip
        return Limits(
            self.position(building), own[chart.WITHDRAWAL_HOLD], own[chart.REFUND_HOLD], AccountFunds(by_code)
        )

    # --- planning ---

    def amount(self, most: Yuan = THOUSAND) -> Yuan:
        return Yuan.from_fen(self.dice.randint(1, max(most.fen, 1)))

    def funds(self, building: int) -> tuple[tuple[str, str], tuple[str, str]]:
        key = chart.building_key(building)
        return (chart.KEY_FUNDS, key), (chart.GENERAL_FUNDS, key)

    def levelled(self, building: int, **changes: Yuan) -> list[Line]:
        """Memo lines of a new level, and the reclass that goes with it."""
        before = self.position(building)
        after = replace(before, **changes)
        contra, lines = (chart.MEMO_CONTRA, ""), []
        for name, code in LEVEL_CODES.items():
            grown = (getattr(after, name) or ZERO) - (getattr(before, name) or ZERO)
            memo = (code, chart.building_key(building))
            if grown != ZERO:
                lines.append((contra, memo, grown) if grown > ZERO else (memo, contra, -grown))
        return [*lines, *self.reclass(building, after)]

    def reclass(self, building: int, after: Position) -> list[Line]:
        key, general = self.funds(building)
        moved = resplit(after)
        if moved == ZERO:
            return []
        return [(general, key, moved) if moved > ZERO else (key, general, -moved)]

    def spread(self, building: int, amount: Yuan, to: tuple[str, str]) -> list[Line]:
        """Money that leaves a building, general first."""
        key, general = self.funds(building)
        split = out_of(self.position(building), amount)
        parts = ((general, split.general), (key, split.key_funds))
        return [(source, to, part) for source, part in parts if part]

    # --- events ---

    def deposit(self) -> None:
        self.serial += 1
        building, amount = self.dice.choice(BUILDINGS), self.amount()
        contract = self.dice.choice([*self.paid_in, f"contract:{self.serial}"])
        building = self.home.setdefault(contract, building)
        split, (key, general) = into(self.position(building), amount), self.funds(building)
        bank = (chart.DEPOSITS_AT_BANK, "")
        lines = [(bank, to, part) for to, part in ((key, split.key_funds), (general, split.general)) if part]
        lines.append(((chart.MEMO_CONTRA, ""), (chart.PAID_IN_BY_CONTRACT, contract), amount))
        self.book.post(chart.RECEIVE_DEPOSIT, lines)
        self.paid_in[contract] = self.paid_in.get(contract, ZERO) + amount

    def unmatched(self) -> None:
        bank = (chart.DEPOSITS_AT_BANK, "")
        self.book.post(chart.RECEIVE_DEPOSIT, [(bank, (chart.UNMATCHED, ""), self.amount())])

    def quota(self) -> None:
        building = self.dice.choice(BUILDINGS)
        asked = max(self.amount(Yuan("3000.00")), self.position(building).released)
        self.with_quota.add(building)
        if lines := self.levelled(building, quota=asked):
            self.book.post(chart.SET_QUOTA, lines)

    def node(self) -> None:
        building = self.dice.choice(BUILDINGS)
        quota = self.position(building).quota
        if quota and (lines := self.levelled(building, released=self.amount(quota))):
            self.book.post(chart.REACH_NODE, lines)

    def guarantee(self) -> None:
        building = self.dice.choice(BUILDINGS)
        if (quota := self.position(building).quota) and (
            lines := self.levelled(building, guarantee=self.dice.choice([ZERO, self.amount(quota)]))
        ):
            self.book.post(chart.SET_GUARANTEE, lines)

    def approve(self) -> None:
        building = self.dice.choice(BUILDINGS)
        payable = self.limits(building).payable()
        if payable > ZERO:
            self.serial += 1
            key, amount = chart.withdrawal_key(building, self.serial), self.amount(payable)
            self.book.post(
                chart.HOLD_WITHDRAWAL, [((chart.MEMO_CONTRA, ""), (chart.WITHDRAWAL_HOLD, key), amount)]
            )
            self.holds[key] = (building, amount)

    def instruct(self) -> None:
        """The limits are asked again: an uncovered approval is not sent."""
        if not self.holds:
            return
        key = self.dice.choice(list(self.holds))
        building, amount = self.holds[key]
        limits = self.limits(building)
        if limits.position.general < amount or limits.account.free() + amount < amount or limits.uncovered:
            return
        self.serial += 1
        order = chart.instruction_key(self.serial)
        lines = [
            (self.funds(building)[1], (chart.PAYMENT_IN_TRANSIT, order), amount),
            ((chart.WITHDRAWAL_HOLD, key), (chart.MEMO_CONTRA, ""), amount),
        ]
        self.book.post(chart.INSTRUCT_PAYMENT, lines)
        del self.holds[key]
        self.orders[order] = ("withdrawal", building, amount, ZERO)

    def instruct_key(self) -> None:
        building = self.dice.choice(BUILDINGS)
        most = self.limits(building).key_payable()
        if self.mode is not QuotaMode.DRAW_DOWN or most == ZERO:
            return
        self.serial += 1
        order, amount = chart.instruction_key(self.serial), self.amount(most)
        position = self.position(building)
        paid = replace(
            position, key_funds=position.key_funds - amount, key_paid=position.key_paid + amount
        )
        lines = [
            (self.funds(building)[0], (chart.PAYMENT_IN_TRANSIT, order), amount),
            ((chart.MEMO_CONTRA, ""), (chart.KEY_PAID, chart.building_key(building)), amount),
            *self.reclass(building, paid),
        ]
        self.book.post(chart.INSTRUCT_PAYMENT, lines)
        self.orders[order] = ("withdrawal", building, amount, amount)

    def result(self) -> None:
        if not self.orders:
            return
        order = self.dice.choice(list(self.orders))
        kind, building, amount, key_amount = self.orders[order]
        refund = kind == "refund"
        transit = (chart.REFUND_IN_TRANSIT if refund else chart.PAYMENT_IN_TRANSIT, order)
        if self.dice.random() < 0.6:
            movement = chart.REFUND_PAID if refund else chart.PAYMENT_PAID
            self.book.post(movement, [(transit, (chart.DEPOSITS_AT_BANK, ""), amount)])
            if self.dice.random() < 0.2:
                back = chart.REFUND_RETURNED if refund else chart.PAYMENT_RETURNED
                self.book.post(back, [((chart.DEPOSITS_AT_BANK, ""), transit, amount)])
                return
        elif refund:
            payable = (chart.REFUND_PAYABLE, chart.refund_key(building, 0))
            self.book.post(chart.REFUND_FAILED, [(transit, payable, amount)])
        else:
            self.fail(building, transit, amount, key_amount)
        del self.orders[order]

    def fail(self, building: int, transit: tuple[str, str], amount: Yuan, key_amount: Yuan) -> None:
        """The money is the building's again, divided by the level as it now is."""
        _, general = self.funds(building)
        before = self.position(building)
        after = replace(before, key_paid=before.key_paid - key_amount, general=before.general + amount)
        memo = (chart.KEY_PAID, chart.building_key(building))
        lines = [(transit, general, amount), *self.reclass(building, after)]
        if key_amount > ZERO:
            lines.append((memo, (chart.MEMO_CONTRA, ""), key_amount))
        self.book.post(chart.PAYMENT_FAILED, lines)

    def refund(self) -> None:
        """Approved and due at once; not bound by quota or node, general funds first."""
        living = [contract for contract, paid in self.paid_in.items() if paid > ZERO]
        if not living:
            return
        contract = self.dice.choice(living)
        building = self.home[contract]
        most = min(self.paid_in[contract], self.position(building).held)
        if most == ZERO:
            return
        amount = self.amount(most)
        payable = (chart.REFUND_PAYABLE, chart.refund_key(building, 0))
        lines = self.spread(building, amount, payable)
        lines.append(((chart.PAID_IN_BY_CONTRACT, contract), (chart.MEMO_CONTRA, ""), amount))
        self.book.post(chart.REFUND_DUE, lines)
        self.paid_in[contract] -= amount

    def send_refund(self) -> None:
        building = self.dice.choice(BUILDINGS)
        payable = (chart.REFUND_PAYABLE, chart.refund_key(building, 0))
        if (due := self.balance(*payable)) > ZERO:
            self.serial += 1
            order, amount = chart.instruction_key(self.serial), self.amount(due)
            self.book.post(chart.INSTRUCT_REFUND, [(payable, (chart.REFUND_IN_TRANSIT, order), amount)])
            self.orders[order] = ("refund", building, amount, ZERO)

    def reverse(self) -> None:
        """A bank takes a deposit back; what the building no longer has the bank owes."""
        living = [contract for contract, paid in self.paid_in.items() if paid > ZERO]
        if not living:
            return
        contract = self.dice.choice(living)
        building, amount = self.home[contract], self.amount(self.paid_in[contract])
        bank = (chart.DEPOSITS_AT_BANK, "")
        if self.balance(*bank) < amount:
            return
        covered = min(amount, self.position(building).held)
        lines = self.spread(building, covered, bank)
        if covered < amount:
            lines.append(((chart.BANK_ERROR_RECEIVABLE, ""), bank, amount - covered))
        lines.append(((chart.PAID_IN_BY_CONTRACT, contract), (chart.MEMO_CONTRA, ""), amount))
        self.book.post(chart.REVERSE_DEPOSIT, lines)
        self.paid_in[contract] -= amount

    def court(self) -> None:
        memo, contra = (chart.JUDICIAL_HOLD, chart.hold_key(1)), (chart.MEMO_CONTRA, "")
        if self.frozen == ZERO:
            self.frozen = self.amount()
            self.book.post(chart.COURT_HOLD, [(contra, memo, self.frozen)])
            return
        building = self.dice.choice(BUILDINGS)
        most = min(self.frozen, self.position(building).held, self.balance(chart.DEPOSITS_AT_BANK))
        if self.dice.random() < 0.5 and most > ZERO:
            amount = self.amount(most)
            lines = [*self.spread(building, amount, (chart.DEPOSITS_AT_BANK, "")), (memo, contra, amount)]
            self.book.post(chart.COURT_DEDUCTION, lines)
            self.frozen -= amount
        else:
            self.book.post(chart.COURT_HOLD, [(memo, contra, self.frozen)])
            self.frozen = ZERO

    # --- what must hold ---

    def check(self) -> None:
        """I2, I3, I5, I6, I11; I1 holds because an entry is made of transfers."""
        held = self.book.balances()
        money = dict.fromkeys(chart.HEADINGS, ZERO)
        for (code, _), amount in held.items():
            money[code] += amount
        assets = money["1101"] + money["1102"] + money["1301"]
        assert assets == sum((amount for code, amount in money.items() if code.startswith("2")), ZERO)
        for building in BUILDINGS:
            position = self.position(building)
            assert position.key_funds == position.key_due, (building, position)
        for contract, paid in self.paid_in.items():
            assert held.get((chart.PAID_IN_BY_CONTRACT, contract), ZERO) == paid >= ZERO
        transit = {key: amount for (code, key), amount in held.items() if code in ("2201", "2202")}
        assert transit == {order: amount for order, (_, _, amount, _) in self.orders.items()}
        for building in BUILDINGS:
            limits = self.limits(building)
            payable, apart = limits.payable(), limits.account.promised + money["8303"]
            assert payable == ZERO or payable + apart <= money["2112"] - money["1301"]

    def events(self) -> Iterator[str]:
        """Names of events, the common ones more often."""
        common = ["deposit"] * 6 + ["approve", "instruct", "instruct_key", "result"] * 3
        rare = ["unmatched", "quota", "node", "guarantee", "refund", "send_refund", "reverse", "court"] * 2
        while True:
            yield self.dice.choice(common + rare)

    def live(self, steps: int) -> None:
        """So many events, each followed by every question."""
        for name, _ in zip(self.events(), range(steps), strict=False):
            getattr(self, name)()
            self.check()
