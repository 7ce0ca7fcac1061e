"""What a deposit is judged by: the fund account and each house with its contract, under their locks (交存事实).

Order of locks: fund account, contracts by id, houses by id, then balances by id inside the ledger.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow.advances.rules import HouseFacts, renewable
from escrow.contracts.rules import ContractStatus
from escrow.errors import Invalid, NotFound, Refusal, Refused
from escrow.maintenance.chart import Nature
from escrow.maintenance.rules import FUND_LABELS, FundStatus
from escrow.projects.rules import FirstDeposit, Home, Structure, UnitUse, first_deposit
from ledger.money import ZERO, Yuan
from ledger.wire import ask

SUBJECT = "maintenance_fund"


@dataclass(frozen=True, slots=True)
class Fund:
    """The fund account a bank speaks of (所涉专户)."""

    id: int
    account_no: str
    book_id: int
    region: str
    law: Law


@dataclass(frozen=True, slots=True)
class House:
    """One unit that is spoken of: its account here if it has one, and what stands on it (所涉房屋)."""

    unit_code: str
    known: bool
    id: int | None = None
    nature: Nature = Nature.COMMODITY
    facts: HouseFacts | None = None
    due: FirstDeposit | None = None
    # The living contract of the unit.
    contract_id: int | None = None
    contract_no: str | None = None


_FUND = """
SELECT id, account_no, book_id, region, status, fund_begins(id) FROM fund_account
 WHERE account_no = %s AND bank_code = %s AND status <> 'rejected' FOR SHARE
"""


def fund_of(session: Session, account_no: str, bank_code: str, day: date) -> Fund:
    """The bank's own fund account on a value date.

    Raises NotFound, Refused where it is not open, or Invalid for a day before its books begin.
    """
    rows = ask(session, _FUND, (account_no, bank_code))
    if not rows:
        raise NotFound("没有这个维修资金专户，或不属于贵行")
    [(fund_id, number, book_id, region, status, begins)] = rows
    law = law_on(day, SUBJECT, region)
    if status != FundStatus.ACTIVE:
        message = f"维修资金专户 {number} {FUND_LABELS[FundStatus(status)]}，不能入账"
        raise Refused([Refusal("fund-not-active", message, law["fund_two_officers"].citation)])
    if day < begins:
        raise Invalid({"value_date": f"起息日不能早于专户账簿起始日 {begins}。"})
    return Fund(fund_id, number, book_id, region, law)


_OPEN_FROM = """
SELECT b.closed_through + 1 FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
 WHERE a.book_id = %s AND a.code = '100101' AND a.key = ''
"""


def open_day(session: Session, book_id: int, value_date: date) -> date:
    """The day on which a fact counts in the book: its value date, or the first open day after it (记账日)."""
    if value_date >= bureau_day():
        return value_date
    [(open_from,)] = ask(session, _OPEN_FROM, (book_id,))
    found: date = max(value_date, open_from)
    return found


_LOCK_CONTRACTS = """
SELECT c.id FROM contract c JOIN unit u ON u.id = c.unit_id
 WHERE u.unit_code = ANY (%s) AND c.status <> 'cancelled' ORDER BY c.id FOR SHARE OF c
"""
_LOCK_HOUSES = "SELECT id FROM house WHERE unit_code = ANY (%s) ORDER BY id FOR NO KEY UPDATE"
# OFFSET 0 keeps each lookup a probe of its key, however many units are named.
_HOUSES = """
SELECT w.unit_code, u.id IS NOT NULL AS known, u.use AS told_use, h.id AS house_id, h.area, h.use, h.nature,
       h.status, h.first_due, g.structure, m.fund_account_id, coalesce(b.owed, 0) AS owed, b.balance, b.held,
       CASE WHEN h.id IS NOT NULL THEN house_raise_need(h.id) ELSE 0 END AS raised_for, c.id AS contract_id,
       c.contract_no, c.status AS contract_status, c.price, h.first_due_standard, h.first_due_citation,
       (SELECT coalesce(sum(d.amount), 0)::bigint FROM standing_deposit d
         WHERE d.house_id = h.id) AS standing,
       c.id IS NULL AND EXISTS (SELECT FROM contract e WHERE e.unit_id = u.id) AS was_sold,
       c.id IS NULL AND EXISTS (
           SELECT FROM registered_building r WHERE r.building_id = u.building_id AND r.status = 'confirmed')
       AS is_developers
  FROM unnest(%(codes)s::text[]) WITH ORDINALITY AS w (unit_code, place)
  LEFT JOIN LATERAL (SELECT * FROM unit
                      WHERE unit_code = w.unit_code AND removed_at IS NULL OFFSET 0) u ON true
  LEFT JOIN LATERAL (SELECT * FROM house WHERE unit_code = w.unit_code OFFSET 0) h ON true
  LEFT JOIN LATERAL (SELECT * FROM contract
                      WHERE unit_id = u.id AND status <> 'cancelled' OFFSET 0) c ON true
  LEFT JOIN community_building g ON g.id = h.community_building_id
  LEFT JOIN community m ON m.id = g.community_id
  LEFT JOIN house_balance b ON b.house_id = h.id
 ORDER BY w.place
"""


def houses(session: Session, fund: Fund, codes: Collection[str], *, locked: bool = True) -> list[House]:
    """The units as named, in that order, contracts and houses held still (锁定并查各户)."""
    asked = list(codes)
    if not asked:
        return []
    if locked:
        ask(session, _LOCK_CONTRACTS, (asked,))
        ask(session, _LOCK_HOUSES, (asked,))
    rows: Sequence[Any] = ask(session, _HOUSES, {"codes": asked}, named=True)
    return [_house(row, fund) for row in rows]


def _house(row: Any, fund: Fund) -> House:
    if row.house_id is None:
        # What is no home is never built: what is paid for it waits for nothing, and goes back.
        is_home = row.told_use in (None, UnitUse.RESIDENTIAL) or not fund.law["residential_only"].value
        return House(row.unit_code, known=row.known, facts=None if is_home else HouseFacts(due=ZERO))
    due = _due(row, fund.law)
    contract = row.contract_status or (ContractStatus.CANCELLED if row.was_sold else None)
    facts = HouseFacts(
        due=due.amount, standing=Yuan.from_fen(row.standing), owed=Yuan.from_fen(row.owed),
        contract=ContractStatus(contract) if contract else None,
        same_fund=row.fund_account_id == fund.id, is_closed=row.status != "built",
        is_developers=row.is_developers, renewable=_renewable(row, fund.law),
    )  # fmt: skip
    return House(
        row.unit_code, known=True, id=row.house_id, nature=Nature(row.nature), facts=facts, due=due,
        contract_id=row.contract_id, contract_no=row.contract_no,
    )  # fmt: skip


def _renewable(row: Any, law: Law) -> Yuan:
    """What its owner may still pay in, once the first deposit is whole (可续交)."""
    if not row.first_due:
        return ZERO
    low = renewable(Yuan.from_fen(row.first_due), Yuan.from_fen(row.balance), law)
    return max(low, Yuan.from_fen(max(row.raised_for - row.balance + row.held, 0)))


def _due(row: Any, law: Law) -> FirstDeposit:
    """What was whole when it was paid stays whole; what was not goes by the law of the payment (不溯及既往)."""
    if row.first_due is not None:
        return FirstDeposit(Yuan.from_fen(row.first_due), row.first_due_standard, row.first_due_citation)
    price = None if row.price is None else Yuan.from_fen(row.price)
    return first_deposit(Home(row.area, Structure(row.structure), UnitUse(row.use), price), law)
