"""Unmatched money is claimed or sent back: one enters, another decides (认领). Lock, look, judge, write."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, update
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.settings import Settings
from escrow.access import audit
from escrow.claims.booking import book, tell
from escrow.claims.facts import LAW_KEYS, Place, facts_of, held, notices_of, place_of, shares_of
from escrow.claims.models import ReceiptClaim, ReceiptClaimPart
from escrow.claims.rules import ClaimKind, ClaimStatus, Share, decision_refusals, refusals, splits_whole
from escrow.contracts.models import Contract, PaymentNotice
from escrow.contracts.rules import ContractStatus
from escrow.deposits.facts import Named, plan
from escrow.deposits.models import ReceiptAllocation
from escrow.deposits.rules import is_made_good
from escrow.errors import Invalid, Refused
from escrow.supervision.changing import moving_refusals
from escrow.supervision.papers import used_papers
from ledger.money import Yuan


@dataclass(frozen=True, slots=True)
class Evidence:
    """The paper that says whose money it is (认领依据)."""

    document_no: str
    file_hash: str
    note: str


@dataclass(frozen=True, slots=True)
class ClaimAsked:
    """For which notices, how much each, and on what evidence (认领)."""

    receipt_no: str
    evidence: Evidence
    shares: tuple[tuple[str, Yuan], ...]


@dataclass(frozen=True, slots=True)
class ReturnAsked:
    """How much goes back to the account it came from (退回付款人)."""

    receipt_no: str
    evidence: Evidence
    amount: Yuan


@dataclass(frozen=True, slots=True)
class SettleAsked:
    """How much of it is the bank's correction, and of which debt (冲抵应收银行更正款)."""

    receipt_no: str
    evidence: Evidence
    amount: Yuan
    receivable_key: str


def claim(session: Session, asked: ClaimAsked, told: Settings, *, officer_id: int) -> int:
    """One officer says whose money it is (录入认领); its number. No money moves yet.

    Raises NotFound, Invalid or Refused with every reason.
    """
    numbers = [number for number, _ in asked.shares]
    if not numbers or len(set(numbers)) != len(numbers):
        raise Invalid({"shares": "至少填一份通知书，各列一次。"})
    place = place_of(session, asked.receipt_no, locked=True)
    notices = notices_of(session, place.account, numbers)
    amount = splits_whole(tuple(Share(*one) for one in asked.shares))
    _judge(session, place, ClaimKind.CLAIM, amount, list(asked.shares), notices, told, asked.evidence)
    return _enter(session, place, asked.evidence, ClaimKind.CLAIM, amount, officer_id, [
        (notices[number], part) for number, part in asked.shares
    ])  # fmt: skip


def ask_return(session: Session, asked: ReturnAsked, told: Settings, *, officer_id: int) -> int:
    """One officer proposes to send money back to its payer (录入退回); its number. No money moves yet.

    Raises NotFound or Refused with every reason.
    """
    place = place_of(session, asked.receipt_no, locked=True)
    _judge(session, place, ClaimKind.RETURN, asked.amount, [], {}, told, asked.evidence)
    return _enter(session, place, asked.evidence, ClaimKind.RETURN, asked.amount, officer_id, [])


def settle(session: Session, asked: SettleAsked, told: Settings, *, officer_id: int) -> int:
    """One officer says that it is the bank's correction of what it owes (录入冲抵); its number.

    Raises NotFound or Refused with every reason.
    """
    place = place_of(session, asked.receipt_no, locked=True)
    kind, key = ClaimKind.SETTLE, asked.receivable_key
    _judge(session, place, kind, asked.amount, [], {}, told, asked.evidence, receivable_key=key)
    return _enter(
        session, place, asked.evidence, kind, asked.amount, officer_id, [], receivable_key=key
    )  # fmt: skip


def confirm(session: Session, claim_id: int, told: Settings, *, officer_id: int) -> ClaimKind:
    """Another officer confirms: it is the contracts' (P3), owed to its payer (P5), or the bank's own (P22).

    Raises NotFound or Refused with every reason.
    """
    one, place = held(session, claim_id)
    law = place.law
    if reasons := decision_refusals(one.status, entered_by=one.entered_by, officer_id=officer_id, law=law):
        raise Refused(reasons)
    shares = shares_of(session, one)
    notices = notices_of(session, place.account, [number for number, _ in shares])
    _judge(
        session, place, one.kind, one.amount, shares, notices, told, None, receivable_key=one.receivable_key,
    )  # fmt: skip
    parts = [(notices[number], amount) for number, amount in shares]
    entry = book(session, one, place, parts)
    for notice, amount in parts:
        _allocate(session, place, notice, amount)
    _decide(session, one, ClaimStatus.CONFIRMED, officer_id, entry_id=entry.id, law=law.stored(LAW_KEYS))
    for notice in {notice.contract_id: notice for notice, _ in parts}.values():
        _clear_risk(session, notice)
    tell(session, one, place, entry, [notice.contract_no for notice, _ in parts])
    return one.kind


def reject(session: Session, claim_id: int, reason: str, *, officer_id: int) -> None:
    """Another officer is not convinced (退回认领). Raises NotFound or Refused."""
    one, place = held(session, claim_id)
    if reasons := decision_refusals(
        one.status, entered_by=one.entered_by, officer_id=officer_id, law=place.law
    ):
        raise Refused(reasons)
    _decide(session, one, ClaimStatus.REJECTED, officer_id, reason=reason)
    audit.record(
        session, "claim.rejected", place.receipt.receipt_no, result="refused", claim=one.id, reason=reason
    )


def _judge(
    session: Session, place: Place, kind: ClaimKind, amount: Yuan, shares: list[tuple[str, Yuan]],
    notices: dict[str, Named], told: Settings, evidence: Evidence | None, *,
    receivable_key: str | None = None,
) -> None:  # fmt: skip
    """Every reason against it; `evidence` is its paper, None where that was judged before."""
    account = place.account
    reasons = moving_refusals(session, account.id, account.account_no, account.status, account.law)
    facts = facts_of(
        session, place, kind, amount, shares=shares, notices=notices, told=told, waiting=evidence is not None,
        receivable_key=receivable_key,
    )  # fmt: skip
    used = used_papers(session, [evidence.file_hash], place.law) if evidence else []
    if reasons := [*reasons, *refusals(facts, place.law), *used]:
        raise Refused(reasons)


def _enter(
    session: Session, place: Place, evidence: Evidence, kind: ClaimKind, amount: Yuan, officer_id: int,
    parts: list[tuple[Named, Yuan]], *, receivable_key: str | None = None,
) -> int:  # fmt: skip
    made = insert(ReceiptClaim).values(
        receipt_id=place.receipt.id, kind=kind, amount=amount, document_no=evidence.document_no,
        file_hash=evidence.file_hash, note=evidence.note, status=ClaimStatus.ENTERED, entered_by=officer_id,
        receivable_key=receivable_key,
    )  # fmt: skip
    claim_id = session.execute(made.returning(ReceiptClaim.id)).scalar_one()
    for notice, part in parts:
        session.execute(
            insert(ReceiptClaimPart).values(
                claim_id=claim_id, notice_id=notice.id, contract_id=notice.contract_id, amount=part
            )
        )
    audit.record(
        session, "claim.entered", place.receipt.receipt_no, claim=claim_id, kind=kind, amount=amount,
        document_no=evidence.document_no, file_hash=evidence.file_hash,
        contracts=[notice.contract_no for notice, _ in parts],
    )  # fmt: skip
    return claim_id


def _allocate(session: Session, place: Place, notice: Named, amount: Yuan) -> None:
    session.execute(
        insert(ReceiptAllocation).values(
            receipt_id=place.receipt.id, notice_id=notice.id, contract_id=notice.contract_id, amount=amount
        )
    )
    session.execute(
        update(PaymentNotice)
        .where(PaymentNotice.id == notice.id)
        .values(paid=PaymentNotice.paid + amount)
    )


def _clear_risk(session: Session, notice: Named) -> None:
    """A filed contract that was at risk has its money again (风险消除)."""
    at_risk = notice.facts.contract_status is ContractStatus.AT_RISK
    if at_risk and is_made_good(plan(session, notice.contract_id), bureau_day()):
        session.execute(
            update(Contract).where(Contract.id == notice.contract_id).values(status=ContractStatus.FILED)
        )


def _decide(session: Session, one: ReceiptClaim, to: ClaimStatus, officer_id: int, **values: Any) -> None:
    statement = update(ReceiptClaim).where(ReceiptClaim.id == one.id)
    values |= {"status": to, "decided_by": officer_id, "decided_at": func.clock_timestamp()}
    session.execute(statement.values(**values).execution_options(synchronize_session=False))
    session.expire(one)
