"""What is asked of a house account is entered by one officer (分户账事项的录入). Lock, look, judge, write."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import mask_account, mask_name, seal
from escrow.errors import Invalid, NotFound, Refusal, Refused
from escrow.houses.change_models import HouseChange
from escrow.houses.change_rules import (
    ChangeKind,
    ChangeStatus,
    DepositFacts,
    HouseFacts,
    area_refusals,
    lost_refusals,
    misplaced_refusals,
    renewal_refusals,
)
from escrow.maintenance.chart import Nature
from escrow.maintenance.reading import UnitSeen, line_refusals, units_seen
from escrow.maintenance.rules import HouseStatus
from ledger.money import ZERO, Yuan

LAW = "maintenance_fund"


@dataclass(frozen=True, slots=True)
class Paper:
    """What a change stands on (依据)."""

    document_no: str
    file_hash: str
    note: str


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is paid for a lost house (收款人)."""

    name: str
    account_no: str
    bank: str


@dataclass(frozen=True, slots=True)
class Place:
    """A house under its lock, as it stands (锁定的一户)."""

    seen: UnitSeen
    facts: HouseFacts
    law: Law

    @property
    def house_id(self) -> int:
        """The house (户)."""
        return int(self.seen.row.house_id)


def enter_area(session: Session, unit_code: str, paper: Paper, after: Decimal, *, officer_id: int) -> int:
    """A corrected area is entered (录入面积更正). Raises NotFound or Refused."""
    place = locked(session, unit_code, ChangeKind.AREA)
    _refuse(session, paper, place, area_refusals(place.facts, after, place.law))
    said = {"area_before": place.facts.area, "area_after": after}
    return _write(session, place, ChangeKind.AREA, paper, officer_id, **said)


def enter_misplaced(
    session: Session, unit_code: str, paper: Paper, receipt_no: str, other_code: str, *, officer_id: int
) -> int:
    """A deposit on the wrong house is entered to be moved (录入串户更正). Raises NotFound or Refused."""
    if other_code == unit_code:
        raise Invalid({"other_code": "应入的房屋不能是本户。"})
    place = locked(session, unit_code, ChangeKind.MISPLACED, other_code)
    row = deposit_of(session, place.house_id, receipt_no=receipt_no)
    other = other_of(session, other_code, row.paid_on if row else None)
    facts = other[1] if other else None
    _refuse(session, paper, place, misplaced_refusals(place.facts, facts, deposit_facts(row), place.law))
    if other is None or row is None:
        raise NotFound("没有这笔交存或这套房屋")
    amount = Yuan.from_fen(row.amount)
    said = {"deposit_id": row.id, "other_house_id": other[0].row.house_id, "amount": amount}
    return _write(session, place, ChangeKind.MISPLACED, paper, officer_id, **said)


def enter_lost(
    session: Session, unit_code: str, paper: Paper, seller_amount: Yuan, owner: Receiver | None,
    seller: Receiver | None, told: Settings, *, officer_id: int,
) -> int:  # fmt: skip
    """A lost house is entered, and who is to have its fund (录入灭失返还). Raises NotFound, Invalid or Refused."""
    place = closing(session, locked(session, unit_code, ChangeKind.LOST))
    _refuse(session, paper, place, lost_refusals(place.facts, seller_amount, place.law))
    amount = place.facts.balance
    if (owner is None) != (seller_amount == amount):
        raise Invalid({"owner_name": "有应返还业主的款须填业主收款账户，没有的不填。"})
    if (seller is None) != (seller_amount == ZERO):
        raise Invalid({"seller_name": "有应返还售房单位的款须填其收款账户，没有的不填。"})
    said: dict[str, Any] = {"amount": amount, "seller_amount": seller_amount}
    if owner is not None:
        said |= _receiver("payee", owner, told) | {"payee_name_masked": mask_name(owner.name)}
    if seller is not None:
        said |= _receiver("seller", seller, told) | {"seller_name": seller.name}
    return _write(session, place, ChangeKind.LOST, paper, officer_id, **said)


def enter_renewal(
    session: Session, unit_code: str, paper: Paper, amount: Yuan, value_date: date, *, officer_id: int
) -> int:
    """A bank's line that renews a house's fund is entered (录入续交). Raises NotFound, Invalid or Refused."""
    if value_date > bureau_day():
        raise Invalid({"value_date": "起息日不能晚于今天。"})
    place = locked(session, unit_code, ChangeKind.RENEWAL)
    reasons = renewal_refusals(place.facts, amount, place.law)
    reasons += line_refusals(session, place.facts.fund_id, paper.document_no, _once(place))
    if session.scalar(_SERIAL, {"fund_id": place.facts.fund_id, "serial": paper.document_no}):
        said = f"银行流水 {paper.document_no} 已录入续交，不得重复"
        reasons.append(Refusal("serial-entered", said, _once(place)))
    _refuse(session, paper, place, reasons)
    said_ = {"amount": amount, "effective_on": value_date}
    return _write(session, place, ChangeKind.RENEWAL, paper, officer_id, **said_)


# --- looking ---


def _once(place: Place) -> str:
    return place.law["fund_income_papers"].citation


_LOCK = text("SELECT id FROM house WHERE unit_code = ANY (:codes) ORDER BY id FOR NO KEY UPDATE")
_SERIAL = text("""
SELECT 1 FROM house_change WHERE fund_account_id = :fund_id AND document_no = :serial
   AND kind = 'renewal' AND status = 'entered' LIMIT 1
""")
_PAPER = text("SELECT 1 FROM filed_paper WHERE file_hash = :file_hash")
_DEPOSIT = text("""
SELECT d.id, d.amount, d.is_advance, d.paid_on,
       c.status IS NOT DISTINCT FROM 'cancelled' OR EXISTS (
           SELECT FROM ended_deposit e WHERE e.deposit_id = d.id AND e.status <> 'rejected') AS is_void,
       EXISTS (SELECT FROM house_change k WHERE k.deposit_id = d.id AND k.status = 'confirmed') AS is_moved
  FROM house_deposit d JOIN fund_receipt r ON r.id = d.receipt_id
  LEFT JOIN contract c ON c.id = deposit_contract(d)
 WHERE d.house_id = :house_id AND (r.receipt_no = :receipt_no OR d.id = :deposit_id)
   AND NOT d.is_renewal ORDER BY d.id LIMIT 1
""")


def locked(session: Session, unit_code: str, kind: ChangeKind, *others: str) -> Place:
    """The house as it stands, and any other that is named, held still in one order. Raises NotFound."""
    session.execute(_LOCK, {"codes": [unit_code, *others]})
    seen = units_seen(session, [unit_code]).get(unit_code)
    if seen is None or not seen.is_built:
        raise NotFound("没有这套房屋的分户账")
    waits = select(HouseChange.id).where(
        HouseChange.house_id == seen.row.house_id, HouseChange.kind == kind,
        HouseChange.status == ChangeStatus.ENTERED,
    )  # fmt: skip
    law = law_on(bureau_day(), LAW, seen.row.region)
    return Place(seen, facts_of(seen, is_waiting=session.scalar(waits) is not None), law)


_SHARE_WAITS = text("SELECT house_share_waits(:house_id)")


def closing(session: Session, place: Place) -> Place:
    """The house as it must be known to be closed (销户前的现状)."""
    waits = bool(session.scalar(_SHARE_WAITS, {"house_id": place.house_id}))
    return replace(place, facts=replace(place.facts, share_waits=waits))


def other_of(
    session: Session, unit_code: str, paid_on: date | None = None
) -> tuple[UnitSeen, HouseFacts] | None:
    """The house a deposit should have gone to, if it has an account; due as on its day (应入的房屋)."""
    seen = units_seen(session, [unit_code], on=paid_on).get(unit_code)
    return (seen, facts_of(seen)) if seen is not None and seen.is_built else None


def facts_of(seen: UnitSeen, *, is_waiting: bool = False) -> HouseFacts:
    """A house as the rules see it (分户账现状)."""
    return HouseFacts(
        fund_id=seen.row.fund_id, is_open=seen.row.house_status == HouseStatus.BUILT,
        nature=Nature(seen.row.nature), area=seen.row.area, balance=seen.balance, held=seen.held,
        owed=seen.owed, due=seen.due.amount, paid=seen.paid, has_contract=seen.row.contract_no is not None,
        is_waiting=is_waiting,
    )  # fmt: skip


def deposit_of(
    session: Session, house_id: int, *, receipt_no: str = "", deposit_id: int | None = None
) -> Row[Any] | None:
    """The deposit a bank's line brought this house (本户的那笔交存)."""
    asked = {"house_id": house_id, "receipt_no": receipt_no, "deposit_id": deposit_id}
    return session.execute(_DEPOSIT, asked).one_or_none()


def deposit_facts(row: Row[Any] | None) -> DepositFacts | None:
    """The deposit as the rules see it (交存现状)."""
    if row is None:
        return None
    return DepositFacts(Yuan.from_fen(row.amount), row.is_advance, bool(row.is_void), row.is_moved)


# --- writing ---


def _refuse(session: Session, paper: Paper, place: Place, reasons: list[Refusal]) -> None:
    if session.scalar(_PAPER, {"file_hash": paper.file_hash}):
        said = f"文件 {paper.file_hash[:12]}…（SHA-256 相同）已在别的事项中使用过，不得重复使用"
        reasons.append(Refusal("file-reused", said, place.law["fund_two_officers"].citation))
    if reasons:
        raise Refused(reasons)


def _write(
    session: Session, place: Place, kind: ChangeKind, paper: Paper, officer_id: int, **said: Any
) -> int:
    row = HouseChange(
        house_id=place.house_id, fund_account_id=place.facts.fund_id, kind=kind,
        document_no=paper.document_no, file_hash=paper.file_hash, note=paper.note,
        status=ChangeStatus.ENTERED, entered_by=officer_id, **said,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, "house-change.entered", place.seen.row.unit_code, kind=kind.value, change=row.id,
        document_no=paper.document_no, file_hash=paper.file_hash,
    )  # fmt: skip
    return row.id


def _receiver(part: str, one: Receiver, told: Settings) -> dict[str, Any]:
    return {
        f"{part}_name_sealed": seal(one.name, told), f"{part}_account_sealed": seal(one.account_no, told),
        f"{part}_account_masked": mask_account(one.account_no), f"{part}_bank": one.bank,
    }  # fmt: skip
