"""A sum set apart with its receipt, fund and house, under the receipt's lock (另列款事实).

Order of locks: receipt, contracts by id, houses by id, then balances by id inside the ledger.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from config.settings import Settings
from escrow.access.sealing import unseal
from escrow.advances.apart_rules import ApartFacts, Payee, Share, payee_of
from escrow.advances.booking import Apart
from escrow.advances.facts import SUBJECT, Fund, House, houses
from escrow.advances.models import ApartDecision, ApartDecisionPart
from escrow.advances.repaying import Place as Buyer
from escrow.advances.repaying import place_of as buyer_of
from escrow.advances.rules import Aside, PayerKind
from escrow.errors import NotFound
from escrow.maintenance.chart import Nature
from escrow.maintenance.models import House as HouseRow
from ledger.money import ZERO, Yuan
from ledger.wire import ask

_APART = """
SELECT a.id, a.aside, a.amount, a.remainder, a.unit_code, a.code, a.message, a.citation,
       r.id AS receipt_id, r.receipt_no, r.payer_kind, r.payer_name_sealed, r.payer_name_masked,
       r.value_date, f.id AS fund_id, f.account_no,
       f.book_id, f.region, h.unit_code AS house_code, coalesce(h.nature, 'commodity') AS nature,
       d.name AS developer_name,
       (SELECT k.id FROM apart_decision k WHERE k.apart_id = a.id AND k.status = 'entered') AS waiting
  FROM apart_money a JOIN fund_receipt r ON r.id = a.receipt_id
  JOIN fund_account f ON f.id = r.fund_account_id
  LEFT JOIN house h ON h.id = a.house_id LEFT JOIN unit u ON u.id = h.unit_id
  LEFT JOIN building b ON b.id = u.building_id LEFT JOIN project p ON p.id = b.project_id
  LEFT JOIN developer d ON d.id = p.developer_pk
 WHERE a.id = %s
"""
_HOLD = """
SELECT r.id FROM fund_receipt r JOIN apart_money a ON a.receipt_id = r.id
 WHERE a.id = %s FOR NO KEY UPDATE OF r
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The sum, and whoever still owes on its house (所涉款项)."""

    row: Any
    # None where its house has no buyer who could owe anything.
    buyer: Buyer | None

    @property
    def law(self) -> Law:
        """The fund's law of the region today (适用规定)."""
        return law_on(bureau_day(), SUBJECT, self.row.region)

    @property
    def fund(self) -> Fund:
        """The fund account; what is due goes by the day the money arrived (专户)."""
        row = self.row
        law = law_on(row.value_date, SUBJECT, row.region)
        return Fund(row.fund_id, row.account_no, row.book_id, row.region, law)

    @property
    def source(self) -> Apart:
        """Where it stands in the book (所在科目)."""
        amount = Yuan.from_fen(self.row.amount)
        return Apart(self.row.id, Aside(self.row.aside), amount, Nature(self.row.nature))

    @property
    def owed(self) -> Yuan:
        """What the buyer of its house still owes the developer (尚欠)."""
        return self.buyer.claim.owed if self.buyer and self.buyer.contract_id is not None else ZERO

    @property
    def by_rule(self) -> Payee:
        """To whom it goes back now (依规定的退还对象)."""
        return payee_of(PayerKind(self.row.payer_kind), self.owed, self.law)

    def facts(self, *, own: int | None = None) -> ApartFacts:
        """As the rules judge it; `own` is the decision itself where it was entered before (事实)."""
        row = self.row
        waiting = row.waiting if row.waiting != own else None
        number = f"{row.receipt_no} 第 {row.id} 号另列款"
        return ApartFacts(number, Aside(row.aside), Yuan.from_fen(row.remainder), waiting)

    def payee_name(self, payee: Payee, told: Settings) -> str:
        """Whom the bank is to pay (收款人)."""
        if payee is Payee.DEVELOPER:
            return str(self.row.developer_name)
        return unseal(bytes(self.row.payer_name_sealed), told)


def place_of(session: Session, apart_id: int, *, locked: bool = True) -> Place:
    """A sum set apart, its receipt and its house's buyer held still. Raises NotFound."""
    if locked:
        ask(session, _HOLD, (apart_id,))
    rows = ask(session, _APART, (apart_id,), named=True)
    if not rows:
        raise NotFound("没有这笔另列款")
    [row] = rows
    buyer = buyer_of(session, row.house_code, locked=locked) if row.house_code else None
    return Place(row, buyer)


def held(session: Session, decision_id: int) -> tuple[ApartDecision, Place]:
    """A decision under its lock, the receipt's before it (锁定处理). Raises NotFound."""
    apart_id = session.scalar(select(ApartDecision.apart_id).where(ApartDecision.id == decision_id))
    if apart_id is None:
        raise NotFound("没有这件处理")
    place = place_of(session, apart_id)
    query = select(ApartDecision).where(ApartDecision.id == decision_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one(), place


def shares_of(session: Session, place: Place, asked: list[tuple[str, Yuan]]) -> list[tuple[House, Share]]:
    """The houses it is claimed for, held still, each with its part (归入各户)."""
    found = houses(session, place.fund, [code for code, _ in asked])
    return [
        (house, Share(house.unit_code, amount, house.facts, house.known))
        for house, (_, amount) in zip(found, asked, strict=True)
    ]


def parts_of(session: Session, decision: ApartDecision) -> list[tuple[str, Yuan]]:
    """What a decision was entered for, house by house (录入份额)."""
    query = (
        select(HouseRow.unit_code, ApartDecisionPart.amount)
        .join(HouseRow, HouseRow.id == ApartDecisionPart.house_id)
        .where(ApartDecisionPart.decision_id == decision.id)
        .order_by(HouseRow.id)
    )
    return [(row.unit_code, row.amount) for row in session.execute(query)]
