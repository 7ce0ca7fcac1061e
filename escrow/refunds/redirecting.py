"""A part of a refund goes to another payee when its own cannot take it (改退账户). Lock, look, judge, write."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import mask_account, mask_name, seal
from escrow.errors import NotFound, Refused
from escrow.refunds.actions import OtherPayee, Proof
from escrow.refunds.facts import Place, locked
from escrow.refunds.issuing import open_parts, redirects
from escrow.refunds.models import Refund, RefundPart, RefundRedirect
from escrow.refunds.redirect_rules import (
    OPEN,
    STEPS,
    RedirectHandled,
    RedirectStatus,
    decider_refusals,
    entry_refusals,
)
from escrow.refunds.rules import ready_on
from escrow.supervision.papers import refuse_used_paper
from escrow.workdays.actions import calendar


@dataclass(frozen=True, slots=True)
class RedirectAsked:
    """To whom a part is to go instead, and why (改退申请)."""

    refund_no: str
    part_id: int
    payee: OtherPayee
    proof: Proof


def enter_redirect(session: Session, asked: RedirectAsked, told: Settings, *, officer_id: int) -> int:
    """One officer writes down that a part is to go elsewhere (录入改退). Raises NotFound or Refused."""
    refund, place = locked(session, asked.refund_no)
    part = session.get(RefundPart, asked.part_id)
    if part is None or part.refund_id != refund.id:
        raise NotFound("没有这笔退款明细")
    waiting = [one for one in redirects(session, refund.id) if one.part_id == part.id and one.status in OPEN]
    ordered = part.id not in {one.id for one in open_parts(session, refund)}
    if reasons := entry_refusals(refund.status, is_ordered=ordered, is_open=bool(waiting), law=place.law):
        raise Refused(reasons)
    refuse_used_paper(session, asked.proof.file_hash, place.law)
    redirect = RefundRedirect(
        part_id=part.id, paper_no=asked.proof.paper_no, file_hash=asked.proof.file_hash,
        payee_name_sealed=seal(asked.payee.name, told), payee_name_masked=mask_name(asked.payee.name),
        payee_account_sealed=seal(asked.payee.account_no, told),
        payee_account_masked=mask_account(asked.payee.account_no), payee_bank=asked.payee.bank_name,
        status=RedirectStatus.ENTERED, entered_by=officer_id,
    )  # fmt: skip
    session.add(redirect)
    session.flush()
    audit.record(
        session, "refund.redirect-entered", asked.refund_no, part=part.id, file_hash=asked.proof.file_hash,
        payee_account=redirect.payee_account_masked,
    )  # fmt: skip
    return redirect.id


def approve_redirect(session: Session, redirect_id: int, *, officer_id: int) -> RedirectStatus:
    """The next level approves; after the second it may be issued on its day (复核改退). Raises Refused."""
    redirect, refund, place = _held(session, redirect_id)
    _judge(redirect, place.law, officer_id)
    if redirect.status is RedirectStatus.ENTERED:
        to = RedirectStatus.REVIEWED
        values: dict[str, Any] = {"reviewed_by": officer_id, "reviewed_at": func.clock_timestamp()}
    else:
        to = RedirectStatus.APPROVED
        day = ready_on(bureau_day(), calendar(session), other_payee=True, law=place.law)
        values = {"decided_by": officer_id, "decided_at": func.clock_timestamp(), "ready_on": day}
    _step(session, redirect, to, **values)
    audit.record(
        session,
        "refund.redirect-reviewed" if to is RedirectStatus.REVIEWED else "refund.redirect-approved",
        refund.refund_no, part=redirect.part_id,
    )  # fmt: skip
    return to


def reject_redirect(session: Session, redirect_id: int, *, officer_id: int, reason: str) -> None:
    """Another officer sends it back (退回改退). Raises NotFound or Refused."""
    redirect, refund, place = _held(session, redirect_id)
    _judge(redirect, place.law, officer_id)
    values = {"decided_by": officer_id, "decided_at": func.clock_timestamp(), "reason": reason}
    _step(session, redirect, RedirectStatus.REJECTED, **values)
    audit.record(session, "refund.redirect-rejected", refund.refund_no, part=redirect.part_id, reason=reason)


def redirect_faults(redirect: RefundRedirect, law: Law, officer_id: int) -> list[Any]:
    """Why this officer could not decide it: for the page, beforehand (回避提示)."""
    handled = RedirectHandled(redirect.status, redirect.entered_by, redirect.reviewed_by, officer_id)
    return decider_refusals(handled, law)


def number_of(session: Session, redirect_id: int) -> str:
    """Which refund a change of payee belongs to. Raises NotFound."""
    query = (
        select(Refund.refund_no)
        .join(RefundPart, RefundPart.refund_id == Refund.id)
        .join(RefundRedirect, RefundRedirect.part_id == RefundPart.id)
        .where(RefundRedirect.id == redirect_id)
    )
    found = session.scalar(query)
    if found is None:
        raise NotFound("没有这件改退申请")
    return found


def _held(session: Session, redirect_id: int) -> tuple[RefundRedirect, Refund, Place]:
    refund, place = locked(session, number_of(session, redirect_id))
    query = select(RefundRedirect).where(RefundRedirect.id == redirect_id).with_for_update(key_share=True)
    return session.scalars(query.execution_options(populate_existing=True)).one(), refund, place


def _judge(redirect: RefundRedirect, law: Law, officer_id: int) -> None:
    if reasons := redirect_faults(redirect, law, officer_id):
        raise Refused(reasons)


def _step(session: Session, redirect: RefundRedirect, to: RedirectStatus, **values: Any) -> None:
    if (redirect.status, to) not in STEPS:
        raise ValueError(f"{redirect.status} to {to}")
    statement = update(RefundRedirect).where(RefundRedirect.id == redirect.id).values(status=to, **values)
    session.execute(statement.execution_options(synchronize_session=False))
    session.expire(redirect)
