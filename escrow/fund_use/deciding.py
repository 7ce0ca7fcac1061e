"""A use is approved by another officer, and each house's share is held (核准占用). Lock, look, judge, write."""

from sqlalchemy import func
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law
from escrow.access import audit
from escrow.errors import Refusal, Refused
from escrow.fund_use.actions import Paper, record
from escrow.fund_use.facts import LAW_KEYS, Place, Shared, held, recent_of, shared
from escrow.fund_use.models import FundUse
from escrow.fund_use.rules import (
    NAMED,
    Asked,
    UseKind,
    UseStatus,
    decider_refusals,
    emergency_refusals,
    publication_refusals,
    short_refusals,
    step_refusals,
    unready_refusals,
)
from escrow.fund_use.vote_rules import tally, vote_refusals
from escrow.maintenance import chart
from escrow.maintenance.books import accounts_of
from escrow.workdays.actions import calendar
from ledger.journal import Entry, post
from ledger.money import ZERO
from ledger.movements import Transfer


def approve(session: Session, use_no: str, *, officer_id: int) -> None:
    """Judged again under the locks, then every house's share is held (核准). Raises NotFound or Refused."""
    use, place = held(session, use_no)
    law, list_ = place.law, shared(session, use.id, place, locked=True)
    if reasons := approval_refusals(session, use, place, list_, officer_id):
        raise Refused(reasons)
    entry = _hold(session, use, place, list_)
    use.status, use.decided_by, use.decided_at = UseStatus.APPROVED, officer_id, func.clock_timestamp()
    use.approved_on, use.entry_id, use.law = bureau_day(), entry.id, law.stored(LAW_KEYS)
    if use.kind is UseKind.EMERGENCY:
        days = law["emergency_filing_days"].value
        use.file_by = calendar(session).working_days_after(use.approved_on, days)
    session.flush()
    audit.record(
        session, "use.approved", use_no, held=use.fund_part, entry_no=entry.entry_no, file_by=use.file_by
    )


def file_late(session: Session, use_no: str, paper: Paper, *, officer_id: int) -> None:
    """An emergency use is put on record afterwards, with its paper (应急使用事后备案). Raises NotFound or Refused."""
    use, place = held(session, use_no)
    source = place.law["emergency_filing_days"].citation
    if use.file_by is None or use.filed_on is not None:
        raise Refused([Refusal("nothing-to-file", "这件申请不待事后备案", source)])
    record(session, use, place, (paper,), officer_id)
    use.filed_on, use.filed_by = bureau_day(), officer_id
    session.flush()
    audit.record(
        session, "use.filed", use_no, document_no=paper.document_no, overdue=use.filed_on > use.file_by
    )


def approval_refusals(
    session: Session, use: FundUse, place: Place, list_: Shared, officer_id: int | None
) -> list[Refusal]:
    """Everything that stands against approving it today (不予核准的理由).

    Without an officer: what its page foretells, whoever will approve it.
    """
    law, today = place.law, bureau_day()
    before = UseStatus.DRAFT if use.kind is UseKind.EMERGENCY else UseStatus.VOTED
    if officer_id and (reasons := step_refusals(use.status, (before,), law)):
        return reasons
    found = decider_refusals(officer_id, (use.entered_by, use.voted_by), law) if officer_id else []
    standing = list_.standing
    if use.kind is UseKind.EMERGENCY:
        asked = Asked(use.kind, use.matter, use.cause, use.budget)
        recent = recent_of(session, place, use.cause, own=use.use_no)
        found += emergency_refusals(asked, standing, recent, today, law)
    else:
        found += unready_refusals(use.status, law)
        found += vote_refusals(tally(list_.voters), use.matter, law) if use.voted_by else []
        found += publication_refusals(use.published_until or today, today, law)
    return found + _moved(list_, law) + short_refusals(standing, law)


def _moved(list_: Shared, law: Law) -> list[Refusal]:
    if not (moved := list_.moved):
        return []
    named = "、".join(moved[:NAMED])
    message = f"清册之后面积已更正或已销户的有 {named}；须重新申请"
    return [Refusal("shares-stale", message, law["use_by_area"].citation)]


def _hold(session: Session, use: FundUse, place: Place, list_: Shared) -> Entry:
    shares = [one.share for one in list_.standing if one.share.from_fund > ZERO]
    contra = (chart.USE_CONTRA, chart.use_key(use.id))
    keys = [(chart.USE_HOLD, chart.house_key(one.house_id)) for one in shares]
    accounts = accounts_of(session, place.row.book_id, [contra, *keys])
    transfers = [
        Transfer(accounts[contra], accounts[key], one.from_fund)
        for key, one in zip(keys, shares, strict=True)
    ]
    return post(
        session, chart.HOLD_USE, transfers,
        reference=f"fund-use:{use.id}:hold", effective_on=bureau_day(), memo=f"{use.title}（{use.use_no}）",
    )  # fmt: skip
