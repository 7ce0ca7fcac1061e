"""Deposits of a cancelled contract are returned or left: one enters, another decides (注销后的处置). Four beats."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import mask_account, seal
from escrow.advances.deciding import Evidence
from escrow.advances.repayment_rules import decider_refusals
from escrow.errors import NotFound, Refused
from escrow.fund_orders.ended_facts import Ended, ended_of
from escrow.fund_orders.ended_models import EndedDeposit
from escrow.fund_orders.ended_rules import EndKind, EndStatus, Part, end_refusals, part_of
from escrow.maintenance import chart
from escrow.maintenance.books import accounts_of
from escrow.supervision.papers import refuse_used_paper
from ledger.journal import Entry, post
from ledger.money import ZERO
from ledger.movements import Transfer

LAW_KEYS = ("cancelled_advance", "cancelled_repaid_to_buyer", "fund_two_officers", "fund_order_once")


@dataclass(frozen=True, slots=True)
class EndAsked:
    """Which share, on which paper; for a return, to which account of whom the rule names (录入处置)."""

    contract_no: str
    share: str
    evidence: Evidence
    account_no: str = ""
    bank: str = ""


def enter(session: Session, asked: EndAsked, told: Settings, *, officer_id: int) -> int:
    """One officer enters it (录入); its number. Nothing moves yet. Raises NotFound or Refused."""
    ended = ended_of(session, asked.contract_no)
    part, reasons = part_of(ended.due, asked.share), end_refusals(ended.facts, asked.share, ended.law)
    if reasons or part is None:
        raise Refused(reasons)
    evidence = asked.evidence
    refuse_used_paper(session, evidence.file_hash, law_on(bureau_day(), "presale_funds", ended.row.region))
    made = insert(EndedDeposit).values(
        deposit_id=part.deposit_id, contract_id=ended.row.contract_id, kind=part.kind, amount=part.amount,
        closes=part.closes, document_no=evidence.document_no, file_hash=evidence.file_hash,
        note=evidence.note, status=EndStatus.ENTERED, entered_by=officer_id,
        **_payee(ended, part, asked, told),
    )  # fmt: skip
    number: int = session.execute(made.returning(EndedDeposit.id)).scalar_one()
    audit.record(
        session, "ended.entered", asked.contract_no, number=number, kind=part.kind.value,
        amount=str(part.amount), document_no=evidence.document_no,
    )  # fmt: skip
    return number


def confirm(session: Session, ended_id: int, *, officer_id: int) -> EndKind:
    """Another confirms: held until it is paid, or the next buyer's (确认). Raises NotFound or Refused."""
    one, ended = held(session, ended_id)
    law = ended.law
    decided = one.status is not EndStatus.ENTERED
    reasons = decider_refusals(decided, entered_by=one.entered_by, officer_id=officer_id, law=law)
    part = Part(one.deposit_id, one.kind, one.payee, one.amount, one.closes)
    named = part.name if part in ended.due else "changed"
    if reasons := reasons or end_refusals(ended.facts, named, law, own=True):
        raise Refused(reasons)
    entry = _book(session, one, ended)
    stays = one.kind is EndKind.STAY
    values: dict[str, Any] = {
        "status": EndStatus.STAYS if stays else EndStatus.RETURN_DUE, "decided_by": officer_id,
        "decided_at": func.clock_timestamp(), "entry_id": entry.id, "law": law.stored(LAW_KEYS),
    }  # fmt: skip
    _write(session, one, values)
    audit.record(
        session, "ended.confirmed", ended.row.contract_no, number=ended_id, kind=one.kind.value,
        amount=str(one.amount), entry_no=entry.entry_no,
    )  # fmt: skip
    return one.kind


def reject(session: Session, ended_id: int, reason: str, *, officer_id: int) -> None:
    """Another officer is not convinced (退回). Raises NotFound or Refused."""
    one, ended = held(session, ended_id)
    decided = one.status is not EndStatus.ENTERED
    if reasons := decider_refusals(
        decided, entered_by=one.entered_by, officer_id=officer_id, law=ended.law
    ):
        raise Refused(reasons)
    _write(session, one, {
        "status": EndStatus.REJECTED, "decided_by": officer_id, "reason": reason,
        "decided_at": func.clock_timestamp(),
    })  # fmt: skip
    audit.record(
        session, "ended.rejected", ended.row.contract_no, result="refused", number=ended_id, reason=reason
    )


_CONTRACT = text("""
SELECT c.contract_no FROM ended_deposit k JOIN contract c ON c.id = k.contract_id WHERE k.id = :id
""")


def held(session: Session, ended_id: int) -> tuple[EndedDeposit, Ended]:
    """A decision under its lock, contract and house before it (锁定处置). Raises NotFound."""
    contract_no = session.scalar(_CONTRACT, {"id": ended_id})
    if contract_no is None:
        raise NotFound("没有这件处置")
    ended = ended_of(session, contract_no)
    query = select(EndedDeposit).where(EndedDeposit.id == ended_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one(), ended


def _payee(ended: Ended, part: Part, asked: EndAsked, told: Settings) -> dict[str, Any]:
    if part.bearer is None:
        return {}
    name, shown = ended.payee(part, told)
    return {
        "payee": part.bearer, "payee_name_sealed": seal(name, told), "payee_name_masked": shown,
        "payee_account_sealed": seal(asked.account_no, told), "payee_bank": asked.bank,
        "payee_account_masked": mask_account(asked.account_no),
    }  # fmt: skip


def _book(session: Session, one: EndedDeposit, ended: Ended) -> Entry:
    """The claim on the old buyer closes; what goes back is held, what stays the next buyer owes (记账)."""
    key, back = chart.house_key(ended.row.house_id), chart.return_key(one.id)
    claim, contra = (chart.CLAIM, key), (chart.CLAIM_CONTRA, "")
    hold, use = (chart.USE_HOLD, key), (chart.USE_CONTRA, back)
    stays = one.kind is EndKind.STAY
    places = [claim, contra] if stays else [claim, contra, hold, use]
    found = accounts_of(session, ended.row.book_id, places)
    transfers = [Transfer(found[contra], found[claim], one.closes)] if one.closes > ZERO else []
    to = Transfer(found[claim], found[contra], one.amount) if stays else Transfer(
        found[use], found[hold], one.amount
    )  # fmt: skip
    return post(
        session, chart.CARRY_CLAIM if stays else chart.HOLD_REFUND, [*transfers, to],
        reference=f"ended:{one.id}", effective_on=bureau_day(),
        memo=f"合同 {ended.row.contract_no} 注销，依据 {one.document_no}",
    )  # fmt: skip


def _write(session: Session, one: EndedDeposit, values: dict[str, Any]) -> None:
    statement = update(EndedDeposit).where(EndedDeposit.id == one.id).values(**values)
    session.execute(statement.execution_options(synchronize_session=False))
    session.expire(one)
