"""A change of a house account is decided by another officer, and booked (分户账事项的确认)."""

from dataclasses import replace
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access import audit
from escrow.advances.facts import open_day
from escrow.errors import NotFound, Refusal, Refused
from escrow.houses.actions import LAW, Place, closing, deposit_facts, deposit_of, locked, other_of
from escrow.houses.change_models import HouseChange
from escrow.houses.change_rules import (
    ChangeKind,
    ChangeStatus,
    area_refusals,
    decider_refusals,
    lost_refusals,
    misplaced_refusals,
    renewal_refusals,
)
from escrow.maintenance import chart
from escrow.maintenance.books import accounts_of
from escrow.maintenance.models import FundAccount, House
from escrow.maintenance.reading import UnitSeen, line_refusals
from escrow.maintenance.rules import HouseStatus
from escrow.projects.rules import Home, Structure, UnitUse, first_deposit
from ledger.journal import Entry, post
from ledger.money import ZERO, Yuan
from ledger.movements import Movement, Transfer

LAW_KEYS = {
    ChangeKind.AREA: ("area_by_survey", "fund_two_officers"),
    ChangeKind.MISPLACED: ("wrong_house_corrected", "fund_two_officers"),
    ChangeKind.LOST: ("loss_returned", "fund_two_officers"),
    ChangeKind.RENEWAL: ("renewal_threshold", "fund_two_officers"),
}
_XACT = text("SELECT pg_current_xact_id()::text::bigint")
_OWNER_CHANGED = text("SELECT owner_known_since(:house_id, :entered_at, NULL)")
_NAMES = text("""
SELECT h.unit_code, o.unit_code AS other_code FROM house_change k JOIN house h ON h.id = k.house_id
  LEFT JOIN house o ON o.id = k.other_house_id WHERE k.id = :id AND h.unit_code = :unit_code
""")


def confirm(session: Session, unit_code: str, change_id: int, *, officer_id: int) -> None:
    """Another officer confirms it: looked at again under the lock, then done (确认).

    Raises NotFound, or Refused with every reason.
    """
    place, row, other_code = _held(session, unit_code, change_id)
    if reasons := decider_refusals(row.status, row.entered_by, officer_id, place.law):
        raise Refused(reasons)
    said: dict[str, Any] = {}
    if row.kind is ChangeKind.AREA:
        said = _area(place, row)
    elif row.kind is ChangeKind.MISPLACED:
        said = _misplaced(session, place, row, other_code)
    elif row.kind is ChangeKind.LOST:
        said = _lost(session, place, row)
    else:
        said = _renewed(session, place, row)
    for name, value in said.items():
        setattr(row, name, value)
    row.status, row.booked_in = ChangeStatus.CONFIRMED, session.scalar(_XACT)
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    row.law = place.law.stored(LAW_KEYS[row.kind])
    session.flush()
    _house(session, place, row)
    audit.record(
        session, "house-change.confirmed", unit_code, kind=row.kind.value, change=row.id,
        document_no=row.document_no,
    )  # fmt: skip


def reject(session: Session, unit_code: str, change_id: int, reason: str, *, officer_id: int) -> None:
    """Another officer sends it back, saying why (退回). Raises NotFound or Refused."""
    place, row, _ = _held(session, unit_code, change_id)
    if reasons := decider_refusals(row.status, row.entered_by, officer_id, place.law):
        raise Refused(reasons)
    row.status, row.reason = ChangeStatus.REJECTED, reason
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "house-change.rejected", unit_code, change=row.id, reason=reason)


def _held(session: Session, unit_code: str, change_id: int) -> tuple[Place, HouseChange, str | None]:
    """The house, then the change, each under its lock. Raises NotFound."""
    named = session.execute(_NAMES, {"id": change_id, "unit_code": unit_code}).one_or_none()
    if named is None:
        raise NotFound("本户没有这件事项")
    others = [named.other_code] if named.other_code else []
    place = locked(session, unit_code, ChangeKind.AREA, *others)
    query = select(HouseChange).where(HouseChange.id == change_id).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one()
    # What waits is this one itself.
    return replace(place, facts=replace(place.facts, is_waiting=False)), row, named.other_code


def _area(place: Place, row: HouseChange) -> dict[str, Any]:
    """The due amount by the corrected area, by the standard that held; what is booked stays (重算应缴)."""
    after = row.area_after or place.facts.area
    reasons = area_refusals(place.facts, after, place.law)
    if place.facts.area != row.area_before:
        source = place.law["area_by_survey"].citation
        reasons.append(Refusal("area-changed", "本户面积在录入后有变动，请退回后重新录入", source))
    if reasons:
        raise Refused(reasons)
    seen = place.seen
    if seen.row.first_due is not None and not seen.due.standard:
        # Brought by an opening: which standard it was paid by is not known, and what was paid stands.
        return {"due_before": seen.due.amount, "due_after": None}
    home = Home(
        after, Structure(seen.row.structure), UnitUse(seen.row.use),
        None if seen.row.price is None else Yuan.from_fen(seen.row.price),
    )  # fmt: skip
    due = first_deposit(home, law_on(seen.on, LAW, seen.row.region)).amount
    return {"due_before": seen.due.amount, "due_after": due}


def _misplaced(
    session: Session, place: Place, row: HouseChange, other_code: str | None
) -> dict[str, Any]:
    """The deposit is taken from this house and given to the other, with what its buyer owes for it (M18)."""
    found = deposit_of(session, place.house_id, deposit_id=row.deposit_id)
    other = other_of(session, other_code or "", found.paid_on if found else None)
    deposit = deposit_facts(found)
    reasons = misplaced_refusals(place.facts, other[1] if other else None, deposit, place.law)
    if reasons or other is None or deposit is None:
        raise Refused(reasons)
    ours, theirs = chart.house_key(place.house_id), chart.house_key(other[0].row.house_id)
    code = chart.DEPOSITS[place.facts.nature]
    ways = [((code, ours), (code, theirs), deposit.amount)]
    if deposit.is_advance:
        ways.append(((chart.CLAIM, theirs), (chart.CLAIM, ours), deposit.amount))
    entry = _post(session, place, row, chart.WRONG_HOUSE, ways)
    contract = session.scalar(_CONTRACT, {"house_id": other[0].row.house_id})
    if deposit.amount == other[1].outstanding:
        _whole(session, other[0])
    return {"entry_id": entry.id, "contract_id": contract, "due_after": other[1].due}


def _whole(session: Session, seen: UnitSeen) -> None:
    """With it the right house's first deposit is whole, by the standard of the day it was paid (缴足所定)."""
    home = session.get_one(House, seen.row.house_id, populate_existing=True)
    if home.first_due is None:
        home.first_due, home.first_due_on = seen.due.amount, seen.on
        home.first_due_standard, home.first_due_citation = seen.due.standard, seen.due.citation
        session.flush()


_CONTRACT = text("""
SELECT c.id FROM house h JOIN contract c ON c.unit_id = h.unit_id AND c.status <> 'cancelled'
 WHERE h.id = :house_id FOR SHARE OF c
""")


def _lost(session: Session, place: Place, row: HouseChange) -> dict[str, Any]:
    """All that stands on the house is due to its owner and, of public housing, its seller (M15a)."""
    seller, amount = row.seller_amount or ZERO, row.amount or ZERO
    place = closing(session, place)
    reasons = lost_refusals(place.facts, seller, place.law)
    if place.facts.balance != amount:
        said = f"本户余额现为 {place.facts.balance} 元，与录入时不同，请退回后重新录入"
        reasons.append(Refusal("balance-changed", said, place.law["loss_returned"].citation))
    if session.scalar(_OWNER_CHANGED, {"house_id": place.house_id, "entered_at": row.entered_at}):
        said = "录入之后本户业主有变更，返还给谁请退回后重新录入"
        reasons.append(Refusal("owner-changed", said, place.law["owner_by_registration"].citation))
    if reasons:
        raise Refused(reasons)
    nature = place.facts.nature
    ours = (chart.RETURNED[nature], chart.house_key(place.house_id))
    parts = [("owner", amount - seller), ("seller", seller)]
    ways = [
        (ours, (chart.LOSS_PAYABLE[nature], chart.loss_key(row.id, part)), share)
        for part, share in parts if share > ZERO
    ]  # fmt: skip
    return {"entry_id": _post(session, place, row, chart.LOSS_DUE, ways).id} if ways else {}


def _renewed(session: Session, place: Place, row: HouseChange) -> dict[str, Any]:
    """The owner has paid the fund up again (M16)."""
    amount, nature = row.amount or ZERO, place.facts.nature
    reasons = renewal_refusals(place.facts, amount, place.law)
    source = place.law["fund_income_papers"].citation
    if reasons := reasons + line_refusals(session, place.facts.fund_id, row.document_no, source):
        raise Refused(reasons)
    key = chart.house_key(place.house_id)
    way = ((chart.BANK[nature], ""), (chart.DEPOSITS[nature], key), amount)
    return {"entry_id": _post(session, place, row, chart.RENEWAL, [way]).id}


def _post(
    session: Session, place: Place, row: HouseChange, movement: Movement,
    ways: list[tuple[tuple[str, str], tuple[str, str], Yuan]],
) -> Entry:  # fmt: skip
    book_id = session.get_one(FundAccount, place.facts.fund_id).book_id or 0
    held = accounts_of(session, book_id, [one for way in ways for one in way[:2]])
    transfers = [Transfer(held[debit], held[credit], amount) for debit, credit, amount in ways]
    return post(
        session, movement, transfers, reference=f"house-change:{row.id}", memo=row.document_no,
        effective_on=open_day(session, book_id, row.effective_on or bureau_day()),
    )  # fmt: skip


def _house(session: Session, place: Place, row: HouseChange) -> None:
    """The house says what was confirmed (分户账随之更正)."""
    home = session.get_one(House, place.house_id, populate_existing=True)
    if row.kind is ChangeKind.AREA and row.area_after is not None:
        home.area = row.area_after
        if home.first_due is not None and row.due_after is not None:
            home.first_due = row.due_after
            home.first_due_citation = f"{home.first_due_citation}；面积更正 {row.document_no}"
    elif row.kind is ChangeKind.MISPLACED and home.first_due is not None:
        home.first_due = home.first_due_on = home.first_due_standard = home.first_due_citation = None
    elif row.kind is ChangeKind.LOST:
        home.status = HouseStatus.CLOSED
    session.flush()
