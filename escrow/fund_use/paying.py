"""Acceptance, and what is paid: entered by one, decided by another, ordered by the cashier (验收与付款)."""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import mask_account, seal, unseal
from escrow.errors import NotFound, Refusal, Refused
from escrow.fund_orders.issuing import Issued, Order, issue, lock_fund
from escrow.fund_orders.rules import FundOrderKind
from escrow.fund_use.actions import Paper, record
from escrow.fund_use.closing import close, free
from escrow.fund_use.facts import Place, held, nature_of, shared
from escrow.fund_use.models import FundUse, UsePaper
from escrow.fund_use.payment_models import UsePayment, UsePaymentPart
from escrow.fund_use.payment_rules import (
    PaymentFacts,
    PaymentKind,
    PaymentStatus,
    advance_parts,
    final_parts,
    fund_totals,
    over_advance_refusals,
    payment_refusals,
)
from escrow.fund_use.rules import PaperKind, UseStatus, decider_refusals, step_refusals
from escrow.instructions.actions import Payee
from ledger.money import ZERO, Yuan
from ledger.wire import ask

LAW_KEYS = (
    "fund_two_officers", "use_advance_ratio", "use_review_over", "use_settled_within_budget", "use_by_area",
    "use_unsold", "emergency_filing_days",
)  # fmt: skip
ORDER_KINDS = {PaymentKind.ADVANCE: FundOrderKind.USE_ADVANCE, PaymentKind.FINAL: FundOrderKind.USE_FINAL}
_PARTS = """
INSERT INTO use_payment_part (payment_id, house_id, amount)
SELECT %s, * FROM unnest(%s::integer[], %s::bigint[]) RETURNING house_id
"""
_FUND = text("""
SELECT c.fund_account_id FROM fund_use u JOIN community c ON c.id = u.community_id WHERE u.use_no = :use_no
""")


@dataclass(frozen=True, slots=True)
class PaymentAsked:
    """What is to be paid, to which account of the contractor, on which papers (付款申请)."""

    kind: PaymentKind
    total: Yuan
    account_no: str
    bank: str
    papers: tuple[Paper, ...]


def accept(session: Session, use_no: str, paper: Paper, *, officer_id: int) -> None:
    """The works are accepted, with the paper that says so (验收). Raises NotFound or Refused."""
    use, place = held(session, use_no)
    if reasons := step_refusals(use.status, (UseStatus.APPROVED,), place.law):
        raise Refused(reasons)
    record(session, use, place, (paper,), officer_id)
    use.status, use.accepted_on = UseStatus.ACCEPTED, bureau_day()
    use.accepted_by, use.accepted_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "use.accepted", use_no, document_no=paper.document_no)


def ask_payment(
    session: Session, use_no: str, asked: PaymentAsked, settings: Settings, *, officer_id: int
) -> int:
    """One officer enters a payment, shared to the houses; its number (录入付款). Raises NotFound or Refused."""
    use, place = held(session, use_no)
    law, shares = place.law, [one.share for one in shared(session, use.id, place).standing]
    advanced = _advanced(session, use.id)
    reasons = payment_refusals(_facts(session, use, advanced, asked), asked.kind, asked.total, law)
    parts: dict[int, Yuan] = {}
    if asked.kind is PaymentKind.ADVANCE:
        parts = advance_parts(asked.total, shares)
    elif asked.kind is PaymentKind.FINAL:
        totals = fund_totals(asked.total, shares)
        reasons += over_advance_refusals(sum(totals.values(), ZERO), sum(advanced.values(), ZERO), law)
        parts = final_parts(totals, advanced, shares)
    if reasons:
        raise Refused(reasons)
    record(session, use, place, asked.papers, officer_id)
    return _write(session, use, asked, parts, settings, officer_id)


def confirm_payment(session: Session, use_no: str, payment_id: int, *, officer_id: int) -> PaymentStatus:
    """Another officer decides it: due, or done where nothing is to be paid (复核付款).

    Raises NotFound or Refused.
    """
    use, place, one = _held(session, use_no, payment_id, officer_id)
    law, advanced = place.law, _advanced(session, use.id)
    asked = PaymentAsked(one.kind, one.total, "", "", ())
    facts = _facts(session, use, advanced, asked, own=one.id)
    if reasons := payment_refusals(facts, one.kind, one.total, law):
        raise Refused(reasons)
    one.status = PaymentStatus.DUE if one.amount > ZERO else PaymentStatus.PAID
    one.decided_by, one.decided_at, one.law = officer_id, func.clock_timestamp(), law.stored(LAW_KEYS)
    session.flush()
    audit.record(session, "use.payment-confirmed", use_no, kind=one.kind.value, amount=one.amount)
    if one.kind is PaymentKind.END:
        use.free_entry_id = free(session, use)
        use.status, use.reason = UseStatus.FAILED, "未施工，终止，占用已解除"
        use.ended_by, use.ended_at = officer_id, func.clock_timestamp()
        session.flush()
    elif one.status is PaymentStatus.PAID:
        close(session, use, one.total)
    return one.status


def reject_payment(
    session: Session, use_no: str, payment_id: int, reason: str, *, officer_id: int
) -> None:  # fmt: skip
    """Another officer sends it back, saying why (退回付款). Raises NotFound or Refused."""
    _, _, one = _held(session, use_no, payment_id, officer_id)
    one.status, one.reason = PaymentStatus.REJECTED, reason
    one.decided_by, one.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "use.payment-rejected", use_no, reason=reason)


def issue_payment(
    session: Session, use_no: str, payment_id: int, settings: Settings, *, officer_id: int
) -> Issued:  # fmt: skip
    """The bank is ordered to pay what two have decided (签发付款指令). Raises NotFound or Refused."""
    fund_id = session.scalar(_FUND, {"use_no": use_no})
    lock_fund(session, fund_id or 0)
    use, place = held(session, use_no)
    one = _payment(session, use.id, payment_id)
    law = place.law
    if one.status is not PaymentStatus.DUE:
        raise Refused([Refusal("not-due", "这笔款未经复核或已付，不能签发", law["fund_order_once"].citation)])
    name, account = one.payee_name_sealed or b"", one.payee_account_sealed or b""
    return issue(session, Order(
        kind=ORDER_KINDS[one.kind], fund_account_id=place.row.fund_id, nature=nature_of(session, use.id),
        amount=one.amount, source=source_of(one), decided_by=one.decided_by or 0,
        payee=Payee(unseal(name, settings), unseal(account, settings), one.payee_bank or "",
                    sealed=(name, account)),
        purpose=f"维修资金使用 {use.use_no}：{use.title}", law=law.stored((*LAW_KEYS, "fund_order_once")),
    ), settings, officer_id=officer_id)  # fmt: skip


def source_of(one: UsePayment) -> str:
    """What an order names as paid by it (所付款项)."""
    return f"fund-use:{one.use_id}:payment:{one.id}"


def _held(
    session: Session, use_no: str, payment_id: int, officer_id: int
) -> tuple[FundUse, Place, UsePayment]:  # fmt: skip
    use, place = held(session, use_no)
    one = _payment(session, use.id, payment_id)
    source = place.law["fund_two_officers"].citation
    if one.status is not PaymentStatus.ENTERED:
        raise Refused([Refusal("already-decided", "这笔付款已经复核，不再待决", source)])
    if reasons := decider_refusals(officer_id, (one.entered_by,), place.law):
        raise Refused(reasons)
    return use, place, one


def _payment(session: Session, use_id: int, payment_id: int) -> UsePayment:
    query = select(UsePayment).where(UsePayment.id == payment_id, UsePayment.use_id == use_id)
    query = query.with_for_update().execution_options(populate_existing=True)
    one = session.scalars(query).one_or_none()
    if one is None:
        raise NotFound("没有这笔付款")
    return one


def _advanced(session: Session, use_id: int) -> dict[int, Yuan]:
    query = select(UsePaymentPart.house_id, UsePaymentPart.amount).join(
        UsePayment, UsePayment.id == UsePaymentPart.payment_id
    ).where(
        UsePayment.use_id == use_id, UsePayment.kind == PaymentKind.ADVANCE,
        UsePayment.status == PaymentStatus.PAID,
    )  # fmt: skip
    return {row.house_id: row.amount for row in session.execute(query)}


def _facts(
    session: Session, use: FundUse, advanced: dict[int, Yuan], asked: PaymentAsked, *, own: int = 0
) -> PaymentFacts:  # fmt: skip
    standing = session.execute(select(UsePayment.kind, UsePayment.status).where(
        UsePayment.use_id == use.id, UsePayment.status != PaymentStatus.REJECTED, UsePayment.id != own,
    ))  # fmt: skip
    held_review = session.scalar(
        select(UsePaper.id).where(UsePaper.use_id == use.id, UsePaper.kind == PaperKind.REVIEW).limit(1)
    )
    return PaymentFacts(
        status=use.status, budget=use.budget, fund_part=use.fund_part,
        advanced=sum(advanced.values(), ZERO), standing={row.kind: row.status for row in standing},
        reviewed=held_review is not None or any(one.kind is PaperKind.REVIEW for one in asked.papers),
        unfiled=use.file_by is not None and use.filed_on is None,
    )  # fmt: skip


def _write(
    session: Session, use: FundUse, asked: PaymentAsked, parts: dict[int, Yuan], settings: Settings,
    officer_id: int,
) -> int:  # fmt: skip
    amount = sum(parts.values(), ZERO)
    payee = {
        "payee_name_sealed": seal(use.contractor, settings), "payee_bank": asked.bank,
        "payee_account_sealed": seal(asked.account_no, settings),
        "payee_account_masked": mask_account(asked.account_no),
    } if amount > ZERO else {}  # fmt: skip
    row = UsePayment(
        use_id=use.id, kind=asked.kind, total=asked.total, amount=amount, status=PaymentStatus.ENTERED,
        entered_by=officer_id, **payee,
    )  # fmt: skip
    session.add(row)
    session.flush()
    if parts:
        ask(session, _PARTS, (row.id, list(parts), [one.fen for one in parts.values()]))
    audit.record(
        session, "use.payment-entered", use.use_no, kind=asked.kind.value, total=asked.total, amount=amount,
        document_no=asked.papers[0].document_no,
    )  # fmt: skip
    return row.id
