"""Money set apart is claimed for houses or returned: one enters, another decides (另列款的处理). Four beats."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, update
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import mask_account, mask_name, seal
from escrow.advances.apart_facts import Place, held, parts_of, place_of, shares_of
from escrow.advances.apart_rules import (
    DecisionKind,
    DecisionStatus,
    Payee,
    Share,
    claim_refusals,
    return_refusals,
)
from escrow.advances.booking import Into, claimed, due_of, returned
from escrow.advances.facts import House
from escrow.advances.models import AdvanceRepayment, ApartDecision
from escrow.advances.repaying import memo
from escrow.advances.repayment_rules import RepaymentOrigin, RepaymentStatus, decider_refusals
from escrow.advances.rules import Aside, PayerKind
from escrow.errors import Invalid, Refused
from escrow.maintenance import chart
from escrow.supervision.papers import refuse_used_paper
from ledger.journal import post
from ledger.money import ZERO, Yuan
from ledger.wire import ask

LAW_KEYS = ("fund_two_officers", "deposit_fits_house", "owner_paid_after_advance")


# All in one statement: the guard holds the parts against the whole.
_PARTS = """
INSERT INTO apart_decision_part (decision_id, house_id, amount)
SELECT %s, p.house_id, p.amount FROM unnest(%s::integer[], %s::bigint[]) AS p (house_id, amount)
RETURNING house_id
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The paper that says whose money it is (依据)."""

    document_no: str
    file_hash: str
    note: str


@dataclass(frozen=True, slots=True)
class ClaimAsked:
    """For which houses, how much each, and as whose deposit (归入分户)."""

    apart_id: int
    payer: PayerKind
    shares: tuple[tuple[str, Yuan], ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class ReturnAsked:
    """How much goes back, and to which account of whom the rule names (退还)."""

    apart_id: int
    amount: Yuan
    payee: Payee
    account_no: str
    bank: str
    evidence: Evidence


def claim(session: Session, asked: ClaimAsked, *, officer_id: int) -> int:
    """One officer says for which houses it is (录入归入); its number. Nothing moves yet.

    Raises NotFound, Invalid or Refused with every reason.
    """
    codes = [code for code, _ in asked.shares]
    if not codes or len(set(codes)) != len(codes):
        raise Invalid({"shares": "至少填一户，各列一次。"})
    place = place_of(session, asked.apart_id)
    shares = shares_of(session, place, list(asked.shares))
    _judge_claim(place, shares, asked.payer)
    number = _enter(
        session, place, asked.evidence, officer_id, kind=DecisionKind.CLAIM, payer_kind=asked.payer,
        amount=sum((share.amount for _, share in shares), ZERO),
    )  # fmt: skip
    ask(session, _PARTS, (
        number, [house.id for house, _ in shares], [share.amount.fen for _, share in shares]
    ))  # fmt: skip
    return number


def ask_return(session: Session, asked: ReturnAsked, told: Settings, *, officer_id: int) -> int:
    """One officer proposes to send it back (录入退还); its number. Nothing moves yet.

    Raises NotFound or Refused with every reason.
    """
    place = place_of(session, asked.apart_id)
    _judge_return(place, asked.amount, asked.payee)
    name = place.payee_name(asked.payee, told)
    shown = name if asked.payee is Payee.DEVELOPER else place.row.payer_name_masked or mask_name(name)
    return _enter(
        session, place, asked.evidence, officer_id, kind=DecisionKind.RETURN, amount=asked.amount,
        payee=asked.payee, payee_name_sealed=seal(name, told), payee_name_masked=shown,
        payee_account_sealed=seal(asked.account_no, told), payee_bank=asked.bank,
        payee_account_masked=mask_account(asked.account_no),
    )  # fmt: skip


def confirm(session: Session, decision_id: int, *, officer_id: int) -> DecisionKind:
    """Another officer confirms: it is its houses', or due to be returned (确认). Raises NotFound or Refused."""
    one, place = held(session, decision_id)
    decided = one.status is not DecisionStatus.ENTERED
    if reasons := decider_refusals(
        decided, entered_by=one.entered_by, officer_id=officer_id, law=place.law
    ):
        raise Refused(reasons)
    if one.kind is DecisionKind.CLAIM:
        _into_houses(session, one, place, officer_id)
    else:
        _to_be_returned(session, one, place, officer_id)
    audit.record(
        session, "apart.confirmed", place.row.receipt_no, decision=one.id, kind=one.kind, amount=one.amount
    )
    return one.kind


def reject(session: Session, decision_id: int, reason: str, *, officer_id: int) -> None:
    """Another officer is not convinced (退回). Raises NotFound or Refused."""
    one, place = held(session, decision_id)
    decided = one.status is not DecisionStatus.ENTERED
    if reasons := decider_refusals(
        decided, entered_by=one.entered_by, officer_id=officer_id, law=place.law
    ):
        raise Refused(reasons)
    values = {
        "status": DecisionStatus.REJECTED, "decided_by": officer_id, "reason": reason,
        "decided_at": func.clock_timestamp(),
    }  # fmt: skip
    session.execute(update(ApartDecision).where(ApartDecision.id == one.id).values(**values))
    audit.record(
        session, "apart.rejected", place.row.receipt_no, result="refused", decision=one.id, reason=reason
    )


def _judge_claim(
    place: Place, shares: Sequence[tuple[House, Share]], payer: PayerKind, own: int | None = None
) -> None:
    law = place.fund.law
    if reasons := claim_refusals(place.facts(own=own), [share for _, share in shares], payer, law):
        raise Refused(reasons)


def _judge_return(place: Place, amount: Yuan, payee: Payee, own: int | None = None) -> None:
    if reasons := return_refusals(
        place.facts(own=own), amount, payee=payee, by_rule=place.by_rule, owed=place.owed, law=place.law
    ):
        raise Refused(reasons)


def _enter(session: Session, place: Place, evidence: Evidence, officer_id: int, **values: Any) -> int:
    presale = law_on(bureau_day(), "presale_funds", place.row.region)
    refuse_used_paper(session, evidence.file_hash, presale)
    made = insert(ApartDecision).values(
        apart_id=place.row.id, document_no=evidence.document_no, file_hash=evidence.file_hash,
        note=evidence.note, status=DecisionStatus.ENTERED, entered_by=officer_id, **values,
    )  # fmt: skip
    number: int = session.execute(made.returning(ApartDecision.id)).scalar_one()
    audit.record(
        session, "apart.entered", place.row.receipt_no, decision=number, kind=values["kind"],
        amount=values["amount"], document_no=evidence.document_no,
    )  # fmt: skip
    return number


# The decision, its houses' deposits and what is whole by them: one statement, the guards see all of it.
_INTO = """
WITH decided AS (
    UPDATE apart_decision
       SET status = 'confirmed', decided_by = %(officer_id)s, decided_at = clock_timestamp(),
           entry_id = %(entry_id)s, law = %(law)s::jsonb
     WHERE id = %(decision_id)s RETURNING id
), said AS (
    SELECT * FROM jsonb_to_recordset(%(units)s::jsonb) AS u (
        house_id integer, amount bigint, is_advance boolean, is_renewal boolean, due bigint,
        contract_id integer, is_whole boolean, standard text, citation text)
), given AS (
    INSERT INTO house_deposit (house_id, payer_kind, is_advance, is_renewal, amount, due, contract_id,
                               receipt_id, decision_id, entry_id, paid_on, booked_at)
    SELECT s.house_id, %(payer_kind)s, s.is_advance, s.is_renewal, s.amount, s.due, s.contract_id,
           %(receipt_id)s, %(decision_id)s, %(entry_id)s, %(paid_on)s, %(booked_at)s
      FROM said s ORDER BY s.house_id
)
UPDATE house h SET first_due = s.due, first_due_on = %(paid_on)s, first_due_standard = s.standard,
                   first_due_citation = s.citation
  FROM said s WHERE h.id = s.house_id AND s.is_whole AND h.first_due IS NULL
RETURNING h.id
"""


def _into_houses(session: Session, one: ApartDecision, place: Place, officer_id: int) -> None:
    payer = one.payer_kind or PayerKind.DEVELOPER
    shares = shares_of(session, place, parts_of(session, one))
    _judge_claim(place, shares, payer, own=one.id)
    into = [
        Into(
            house, share.amount, payer is PayerKind.DEVELOPER and not share.house.is_developers,
            share.house.renews,
        )
        for house, share in shares
        if share.house is not None
    ]
    prepaid = place.source.aside is Aside.PREPAID
    entry = post(
        session, chart.SPREAD if prepaid else chart.IDENTIFIED,
        claimed(session, place.fund, place.source, into), reference=f"apart:{one.id}",
        effective_on=bureau_day(), memo=f"入账 {place.row.receipt_no}，依据 {one.document_no}",
    )  # fmt: skip
    ask(session, _INTO, {
        "decision_id": one.id, "officer_id": officer_id, "entry_id": entry.id, "booked_at": entry.booked_at,
        "law": json.dumps(place.law.stored(LAW_KEYS), ensure_ascii=False), "payer_kind": payer.value,
        "receipt_id": place.row.receipt_id, "paid_on": place.row.value_date,
        "units": json.dumps([_unit_row(part) for part in into], ensure_ascii=False),
    })  # fmt: skip
    session.expire(one)


def _unit_row(part: Into) -> dict[str, Any]:
    facts, due = part.house.facts, part.house.due
    return {
        "house_id": part.house.id, "amount": part.amount.fen, "is_advance": part.is_advance,
        "is_renewal": part.is_renewal, **due_of(part.house, is_renewal=part.is_renewal),
        "is_whole": facts is not None and facts.standing + part.amount == facts.due,
        "standard": due.standard if due else None, "citation": due.citation if due else None,
    }  # fmt: skip


def _to_be_returned(session: Session, one: ApartDecision, place: Place, officer_id: int) -> None:
    payee = one.payee or Payee.PAYER
    _judge_return(place, one.amount, payee, own=one.id)
    transfers = [returned(session, place.fund, place.source, one.id, one.amount)]
    settles = place.buyer if payee is Payee.DEVELOPER else None
    if settles is not None:
        transfers.append(memo(session, settles, one.amount))
    entry = post(
        session, chart.DECIDE_RETURN, transfers, reference=f"apart:{one.id}", effective_on=bureau_day(),
        memo=f"入账 {place.row.receipt_no} 退还，依据 {one.document_no}",
    )  # fmt: skip
    law = place.law.stored((*LAW_KEYS, "repaid_once"))
    values = {
        "status": DecisionStatus.RETURN_DUE, "decided_by": officer_id, "entry_id": entry.id, "law": law,
        "decided_at": func.clock_timestamp(),
    }  # fmt: skip
    statement = update(ApartDecision).where(ApartDecision.id == one.id).values(**values)
    session.execute(statement.execution_options(synchronize_session=False))
    session.expire(one)
    if settles is not None:
        # The buyer's mistaken payment is the developer's from here on: it has been repaid by it.
        session.execute(insert(AdvanceRepayment).values(
            house_id=settles.house_id, contract_id=settles.contract_id, amount=one.amount,
            repaid_on=place.row.value_date, evidence_no=place.row.receipt_no, decision_id=one.id,
            origin=RepaymentOrigin.RETURNED, status=RepaymentStatus.CONFIRMED, entry_id=entry.id, law=law,
        ))  # fmt: skip
