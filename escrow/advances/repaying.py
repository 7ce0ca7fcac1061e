"""A buyer repays the developer's advance: the claim closes, no money of the fund moves (归还). Four beats."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from config.regulations import Law, law_on
from escrow.access import audit
from escrow.advances.facts import SUBJECT
from escrow.advances.models import AdvanceRepayment
from escrow.advances.repayment_rules import (
    Claim,
    RepaymentOrigin,
    RepaymentStatus,
    decider_refusals,
    repayment_refusals,
)
from escrow.contracts.rules import ContractStatus
from escrow.errors import Invalid, NotFound, Refused
from escrow.maintenance import chart
from escrow.maintenance.books import accounts_of
from escrow.supervision.papers import refuse_used_paper
from ledger.journal import Entry, post
from ledger.money import Yuan
from ledger.movements import Transfer
from ledger.wire import ask

LAW_KEYS = ("repaid_once", "fund_two_officers")


@dataclass(frozen=True, slots=True)
class Repayment:
    """What a buyer has given the developer, and the paper that proves it (归还)."""

    unit_code: str
    amount: Yuan
    repaid_on: date
    evidence_no: str


@dataclass(frozen=True, slots=True)
class Place:
    """The house with its contract, locked, and the claim on it (所涉房屋与债权)."""

    house_id: int
    book_id: int
    contract_id: int | None
    contract_no: str | None
    region: str
    claim: Claim

    @property
    def law(self) -> Law:
        """The fund's law of the region today (适用规定)."""
        return law_on(bureau_day(), SUBJECT, self.region)


_LOCK_CONTRACT = """
SELECT c.id FROM contract c JOIN unit u ON u.id = c.unit_id
 WHERE u.unit_code = %s AND c.status <> 'cancelled' FOR SHARE OF c
"""
_LOCK_HOUSE = "SELECT id FROM house WHERE unit_code = %s FOR NO KEY UPDATE"
_PLACE = """
SELECT h.id, f.book_id, m.region, c.id AS contract_id, c.contract_no, c.status AS contract_status,
       EXISTS (SELECT FROM contract e WHERE e.unit_id = h.unit_id) AS was_sold,
       (SELECT coalesce(sum(d.amount), 0)::bigint FROM standing_deposit d
         WHERE d.house_id = h.id AND d.is_advance) AS advanced,
       (SELECT coalesce(sum(p.amount), 0)::bigint FROM advance_repayment p
         WHERE p.house_id = h.id AND p.contract_id = c.id AND p.status = 'confirmed') AS repaid,
       (SELECT p.id FROM advance_repayment p WHERE p.house_id = h.id AND p.status = 'entered') AS waiting,
       EXISTS (SELECT FROM advance_repayment p WHERE p.house_id = h.id AND p.evidence_no = %(evidence_no)s
                  AND p.status <> 'rejected' AND p.id <> %(own)s) AS evidence_used
  FROM house h JOIN community_building g ON g.id = h.community_building_id
  JOIN community m ON m.id = g.community_id JOIN fund_account f ON f.id = m.fund_account_id
  LEFT JOIN contract c ON c.unit_id = h.unit_id AND c.status <> 'cancelled'
 WHERE h.unit_code = %(unit_code)s
"""


def place_of(
    session: Session, unit_code: str, *, evidence_no: str = "", own: int = 0, locked: bool = True
) -> Place:
    """The house and what its buyer owes, contract before house under their locks. Raises NotFound."""
    if locked:
        ask(session, _LOCK_CONTRACT, (unit_code,))
        ask(session, _LOCK_HOUSE, (unit_code,))
    told = {"unit_code": unit_code, "evidence_no": evidence_no, "own": own}
    rows = ask(session, _PLACE, told, named=True)
    if not rows:
        raise NotFound("没有这户房屋的维修资金分户账")
    [row] = rows
    status = row.contract_status or (ContractStatus.CANCELLED if row.was_sold else None)
    claim = Claim(
        unit_code, Yuan.from_fen(row.advanced), Yuan.from_fen(row.repaid),
        ContractStatus(status) if status else None, waiting=row.waiting, evidence_used=row.evidence_used,
    )  # fmt: skip
    return Place(row.id, row.book_id, row.contract_id, row.contract_no, row.region, claim)


def report(session: Session, asked: Repayment, key: str, event_id: str) -> dict[str, Any]:
    """The filing system tells of a repayment, with its evidence (网签系统报来归还); the answer.

    Raises NotFound, Invalid or Refused with every reason.
    """
    place = _judged(session, asked)
    made = insert(AdvanceRepayment).values(
        **_facts(place, asked), origin=RepaymentOrigin.FILING, status=RepaymentStatus.CONFIRMED,
        entry_id=(entry := _book(session, place, asked, key)).id,
        law=place.law.stored(LAW_KEYS),
    )  # fmt: skip
    session.execute(made)
    _trail(session, "repayment.reported", place, asked, entry)
    return _answer(place, asked, event_id, entry)


def enter(session: Session, asked: Repayment, file_hash: str, *, officer_id: int) -> int:
    """One officer enters a repayment with its paper; its number (录入归还). Nothing is noted yet.

    Raises NotFound, Invalid or Refused with every reason.
    """
    place = _judged(session, asked)
    refuse_used_paper(session, file_hash, law_on(bureau_day(), "presale_funds", place.region))
    made = insert(AdvanceRepayment).values(
        **_facts(place, asked), file_hash=file_hash, origin=RepaymentOrigin.PAGE,
        status=RepaymentStatus.ENTERED, entered_by=officer_id,
    )  # fmt: skip
    number: int = session.execute(made.returning(AdvanceRepayment.id)).scalar_one()
    _trail(session, "repayment.entered", place, asked, None)
    return number


def confirm(session: Session, repayment_id: int, *, officer_id: int) -> None:
    """Another officer confirms: the claim on the buyer closes by it (确认归还). Raises NotFound or Refused."""
    one, asked = _held(session, repayment_id)
    place = place_of(session, asked.unit_code, evidence_no=one.evidence_no, own=one.id)
    law = place.law
    decided = one.status is not RepaymentStatus.ENTERED
    reasons = decider_refusals(decided, entered_by=one.entered_by, officer_id=officer_id, law=law)
    if reasons := reasons or repayment_refusals(place.claim, one.amount, law, own=one.id):
        raise Refused(reasons)
    entry = _book(session, place, asked, str(one.id))
    _decide(
        session, one, RepaymentStatus.CONFIRMED, officer_id, entry_id=entry.id, law=law.stored(LAW_KEYS)
    )
    _trail(session, "repayment.confirmed", place, asked, entry)


def reject(session: Session, repayment_id: int, reason: str, *, officer_id: int) -> None:
    """Another officer is not convinced (退回). Raises NotFound or Refused."""
    one, asked = _held(session, repayment_id)
    place = place_of(session, asked.unit_code, locked=False)
    decided = one.status is not RepaymentStatus.ENTERED
    if reasons := decider_refusals(
        decided, entered_by=one.entered_by, officer_id=officer_id, law=place.law
    ):
        raise Refused(reasons)
    _decide(session, one, RepaymentStatus.REJECTED, officer_id, reason=reason)
    audit.record(
        session, "repayment.rejected", asked.unit_code, result="refused", repayment=one.id, reason=reason
    )


def memo(session: Session, place: Place, amount: Yuan) -> Transfer:
    """The buyer owes so much less (冲代缴待收回)."""
    key = chart.house_key(place.house_id)
    held = accounts_of(session, place.book_id, [(chart.CLAIM, key), (chart.CLAIM_CONTRA, "")])
    return Transfer(held[chart.CLAIM_CONTRA, ""], held[chart.CLAIM, key], amount)


def _judged(session: Session, asked: Repayment) -> Place:
    if asked.repaid_on > bureau_day():
        raise Invalid({"repaid_on": "归还日期不能晚于今天。"})
    place = place_of(session, asked.unit_code, evidence_no=asked.evidence_no)
    if reasons := repayment_refusals(place.claim, asked.amount, place.law):
        raise Refused(reasons)
    return place


def _held(session: Session, repayment_id: int) -> tuple[AdvanceRepayment, Repayment]:
    """A repayment; the house it is of is locked by whoever decides it. Raises NotFound."""
    query = select(AdvanceRepayment).where(AdvanceRepayment.id == repayment_id).with_for_update()
    one = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if one is None:
        raise NotFound("没有这件归还登记")
    [(unit_code,)] = ask(session, "SELECT unit_code FROM house WHERE id = %s", (one.house_id,))
    return one, Repayment(unit_code, one.amount, one.repaid_on, one.evidence_no)


def _book(session: Session, place: Place, asked: Repayment, number: str) -> Entry:
    return post(
        session, chart.REPAY, [memo(session, place, asked.amount)], reference=f"repayment:{number}",
        effective_on=bureau_day(), memo=f"房屋 {asked.unit_code} 归还代缴款，凭据 {asked.evidence_no}",
    )  # fmt: skip


def _facts(place: Place, asked: Repayment) -> dict[str, Any]:
    return {
        "house_id": place.house_id, "contract_id": place.contract_id, "amount": asked.amount,
        "repaid_on": asked.repaid_on, "evidence_no": asked.evidence_no,
    }  # fmt: skip


def _decide(
    session: Session, one: AdvanceRepayment, to: RepaymentStatus, officer_id: int, **values: Any
) -> None:  # fmt: skip
    values |= {"status": to, "decided_by": officer_id, "decided_at": func.clock_timestamp()}
    statement = update(AdvanceRepayment).where(AdvanceRepayment.id == one.id).values(**values)
    session.execute(statement.execution_options(synchronize_session=False))
    session.expire(one)


def _trail(session: Session, step: str, place: Place, asked: Repayment, entry: Entry | None) -> None:
    audit.record(
        session, step, asked.unit_code, contract_no=place.contract_no, amount=asked.amount,
        repaid_on=asked.repaid_on, evidence_no=asked.evidence_no,
        entry_no=entry.entry_no if entry else None,
    )  # fmt: skip


def _answer(place: Place, asked: Repayment, event_id: str, entry: Entry) -> dict[str, Any]:
    repaid = place.claim.repaid + asked.amount
    return {
        "event_id": event_id, "unit_code": asked.unit_code, "contract_no": place.contract_no,
        "amount": str(asked.amount), "repaid_on": asked.repaid_on.isoformat(),
        "evidence_no": asked.evidence_no, "advanced": str(place.claim.advanced), "repaid": str(repaid),
        "owed": str(place.claim.advanced - repaid), "entry_no": entry.entry_no,
        "booked_at": bureau_time(entry.booked_at).isoformat(),
    }  # fmt: skip
