"""A refund is entered by one officer (退款录入). Lock, look, judge, write."""

import secrets
from dataclasses import dataclass
from datetime import date

from sqlalchemy import insert
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import mask_account, mask_name, seal
from escrow.errors import Invalid, Refused
from escrow.instructions.rules import ORIGINAL_BANK
from escrow.refunds.facts import Paid, Place, facts_of, paid_on, place_of
from escrow.refunds.models import Refund, RefundPaper, RefundPart
from escrow.refunds.rules import Part, RefundStatus, refusals
from escrow.supervision.papers import used_number, used_papers
from ledger.money import ZERO, Yuan


@dataclass(frozen=True, slots=True)
class OtherPayee:
    """Somebody else than the payer (改退账户)."""

    name: str
    account_no: str
    bank_name: str


@dataclass(frozen=True, slots=True)
class AskedPart:
    """What is asked back of one receipt; no payee: to the account it came from (退款明细)."""

    receipt_no: str
    amount: Yuan
    payee: OtherPayee | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """The paper for another payee (改退他人的证明)."""

    paper_no: str
    file_hash: str


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """The application for a refund with the proof of the cancellation (退款申请)."""

    contract_no: str
    application_no: str
    applied_on: date
    file_hash: str
    parts: tuple[AskedPart, ...]
    proof: Proof | None = None


def enter(session: Session, asked: RefundAsked, told: Settings, *, officer_id: int) -> str:
    """One officer writes the application down; its number (录入退款). No money moves yet.

    Raises NotFound, Invalid or Refused with every reason.
    """
    place = place_of(session, asked.contract_no, lock="share")
    paid = paid_on(session, place.contract_id)
    if faults := _faults(asked, paid):
        raise Invalid(faults)
    parts = tuple(
        Part(
            one.receipt_no,
            one.amount,
            paid[one.receipt_no].refundable,
            paid[one.receipt_no].is_reversed,
            to_original=one.payee is None,
        )
        for one in asked.parts
    )
    used = used_number(session, "refund", place.account_id, asked.application_no, place.law)
    papers = [asked.file_hash, *([asked.proof.file_hash] if asked.proof else [])]
    used += used_papers(session, papers, place.law)
    if reasons := [*refusals(facts_of(session, place, parts), place.law), *used]:
        raise Refused(reasons)
    refund = _write(session, asked, place, officer_id)
    for one in asked.parts:
        _write_part(session, refund, one, paid[one.receipt_no], told)
    audit.record(
        session, "refund.entered", refund.refund_no, contract_no=asked.contract_no, amount=refund.amount,
        other_payee=refund.other_payee, application_no=asked.application_no, file_hash=asked.file_hash,
    )  # fmt: skip
    return refund.refund_no


def _faults(asked: RefundAsked, paid: dict[str, Paid]) -> dict[str, str]:
    found = {}
    elsewhere = any(one.payee for one in asked.parts)
    numbers = [one.receipt_no for one in asked.parts]
    if asked.applied_on > bureau_day():
        found["applied_on"] = "申请日期不能晚于今天。"
    if not numbers:
        found["parts"] = "至少填一笔入账的退款金额。"
    if len(set(numbers)) != len(numbers) or not set(numbers) <= set(paid):
        found["parts"] = "所列入账须是此合同的入账，各列一次。"
    if any(one.amount <= ZERO for one in asked.parts):
        found["parts"] = "退款金额须大于零。"
    if elsewhere and asked.proof is None:
        found["proof"] = "改退他人须填证明文号与文件 SHA-256。"
    if asked.proof is not None and not elsewhere:
        found["proof"] = "全部退回原付款账户的，不填改退证明。"
    if asked.proof is not None and asked.proof.file_hash == asked.file_hash:
        found["proof"] = "改退证明与退款申请须是两份文件。"
    return found


def _write(session: Session, asked: RefundAsked, place: Place, officer_id: int) -> Refund:
    refund = Refund(
        refund_no=f"TK{bureau_day():%Y%m%d}{secrets.token_hex(4).upper()}",
        contract_id=place.contract_id, account_id=place.account_id, building_id=place.building_id,
        application_no=asked.application_no, applied_on=asked.applied_on, file_hash=asked.file_hash,
        other_payee=asked.proof is not None, status=RefundStatus.ENTERED, entered_by=officer_id,
        amount=sum((one.amount for one in asked.parts), ZERO),
    )  # fmt: skip
    session.add(refund)
    session.flush()
    if asked.proof is not None:
        values = {"paper_no": asked.proof.paper_no, "file_hash": asked.proof.file_hash}
        session.execute(insert(RefundPaper).values(refund_id=refund.id, **values))
    return refund


def _write_part(session: Session, refund: Refund, one: AskedPart, paid: Paid, told: Settings) -> None:
    """The payer's own account is copied as it was sealed, so that PostgreSQL can see it is the same."""
    payee = {
        "payee_name_sealed": paid.payer_name_sealed, "payee_name_masked": paid.payer_name_masked,
        "payee_account_sealed": paid.payer_account_sealed,
        "payee_account_masked": paid.payer_account_masked, "payee_bank": ORIGINAL_BANK,
    }  # fmt: skip
    if one.payee is not None:
        payee = {
            "payee_name_sealed": seal(one.payee.name, told), "payee_name_masked": mask_name(one.payee.name),
            "payee_account_sealed": seal(one.payee.account_no, told),
            "payee_account_masked": mask_account(one.payee.account_no), "payee_bank": one.payee.bank_name,
        }  # fmt: skip
    session.execute(
        insert(RefundPart).values(
            refund_id=refund.id, contract_id=refund.contract_id, receipt_id=paid.receipt_id,
            source=paid.source, amount=one.amount, to_original=one.payee is None, **payee,
        )
    )  # fmt: skip
