"""A use is applied for, published, voted on, or given up (使用申请). Lock, look, judge, write."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow.access import audit
from escrow.errors import Invalid, Refusal, Refused
from escrow.fund_use.facts import Place, held, place_of, recent_of, scope_of, shared
from escrow.fund_use.models import FundUse, UsePaper
from escrow.fund_use.rules import (
    Asked,
    Exclusion,
    PaperKind,
    UseKind,
    UseMatter,
    UseStatus,
    asked_refusals,
    step_refusals,
)
from escrow.fund_use.share_rules import Share, share_out
from escrow.fund_use.vote_rules import Ballot, ballot_faults, tally, vote_refusals
from escrow.supervision.papers import refuse_used_paper
from ledger.money import ZERO
from ledger.wire import ask


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper as it is handed in (材料)."""

    kind: PaperKind
    issuer: str
    document_no: str
    file_hash: str


@dataclass(frozen=True, slots=True)
class Application:
    """What an applicant hands in (使用申请书)."""

    community_id: int
    building_id: int | None
    asked: Asked
    title: str
    works: str
    contractor: str
    papers: tuple[Paper, ...]


_SHARE_ROWS = """
INSERT INTO use_share (use_id, house_id, bearer, area, amount, from_fund)
SELECT %s, * FROM unnest(%s::integer[], %s::text[], %s::numeric[], %s::bigint[], %s::bigint[])
RETURNING house_id
"""
_VOTE_ROWS = """
INSERT INTO use_vote (use_id, house_id, ballot)
SELECT s.use_id, s.house_id, v.ballot
  FROM unnest(%s::text[], %s::text[]) AS v (unit_code, ballot)
  JOIN house h ON h.unit_code = v.unit_code
  JOIN use_share s ON s.house_id = h.id AND s.use_id = %s
RETURNING house_id
"""


def enter(session: Session, said: Application, *, officer_id: int) -> str:
    """One officer enters it with its share list; its number (录入申请). Nothing is held yet.

    Raises NotFound, Invalid or Refused with every reason.
    """
    place = place_of(session, said.community_id, said.building_id, locked=True)
    asked, law = said.asked, place.law
    scope = scope_of(session, place, asked.cause)
    shares = share_out(asked.budget, scope.homes, raising=_beside(asked, law))
    recent = recent_of(session, place, asked.cause) if asked.kind is UseKind.EMERGENCY else []
    reasons = asked_refusals(asked, scope.standing(shares), scope.public, recent, bureau_day(), law)
    if reasons:
        raise Refused(reasons)
    use = FundUse(
        use_no=f"SY{bureau_day():%Y%m%d}{secrets.token_hex(4).upper()}",
        community_id=said.community_id, community_building_id=said.building_id, kind=asked.kind,
        matter=asked.matter, cause=asked.cause, title=said.title, works=said.works,
        contractor=said.contractor, budget=asked.budget,
        fund_part=sum((one.from_fund for one in shares), ZERO), status=UseStatus.DRAFT,
        entered_by=officer_id, **{one.value: False for one in Exclusion},
    )  # fmt: skip
    session.add(use)
    session.flush()
    record(session, use, place, said.papers, officer_id)
    _write_shares(session, use, shares)
    audit.record(
        session, "use.entered", use.use_no, kind=asked.kind.value, budget=asked.budget, houses=len(shares),
        fund_part=use.fund_part, document_no=said.papers[0].document_no,
    )  # fmt: skip
    return use.use_no


def _beside(asked: Asked, law: Law) -> bool:
    """Whether owners pay what is lacking beside the fund; else they pay it in before approval (自筹方式)."""
    return asked.matter is UseMatter.RAISE and law["use_short"].value == "owner"


def publish(session: Session, use_no: str, *, officer_id: int) -> None:
    """The plan, its budget and its share list are shown to the owners from today on (公示).

    Raises NotFound or Refused.
    """
    use, place = held(session, use_no)
    law = place.law
    reasons = step_refusals(use.status, (UseStatus.DRAFT,), law)
    if use.kind is UseKind.EMERGENCY:
        message = "应急使用不经公示与表决，凭第三方鉴定直接核准"
        reasons.append(Refusal("emergency-not-published", message, law["emergency_causes"].citation))
    if reasons:
        raise Refused(reasons)
    use.status, use.published_by, use.published_at = UseStatus.PUBLISHED, officer_id, func.clock_timestamp()
    use.published_on = bureau_day()
    use.published_until = use.published_on + timedelta(days=law["use_publication_days"].value)
    session.flush()
    audit.record(session, "use.published", use_no, until=use.published_until)


def vote(
    session: Session, use_no: str, ballots: dict[str, Ballot], paper: Paper, *, officer_id: int
) -> UseStatus:
    """The ballots of a published plan, recorded once and whole; what came of it (登记表决).

    Raises NotFound, Invalid or Refused. A vote that does not carry ends the application.
    """
    use, place = held(session, use_no)
    if reasons := step_refusals(use.status, (UseStatus.PUBLISHED,), place.law):
        raise Refused(reasons)
    seen = shared(session, use.id, place)
    if faults := ballot_faults(ballots, {one.unit_code: one.head for one in seen.voters}):
        raise Invalid({"ballots": "；".join(faults[:5])})
    record(session, use, place, (paper,), officer_id)
    ask(session, _VOTE_ROWS, (list(ballots), [one.value for one in ballots.values()], use.id))
    found = tally(shared(session, use.id, place).voters)
    reasons = vote_refusals(found, use.matter, place.law)
    use.voted_by, use.voted_at = officer_id, func.clock_timestamp()
    use.status = UseStatus.VOTED
    if reasons:
        use.status, use.ended_by, use.ended_at = UseStatus.FAILED, officer_id, func.clock_timestamp()
        use.reason = "表决未通过：" + "；".join(one.message for one in reasons)
    session.flush()
    audit.record(
        session, "use.voted", use_no, result="refused" if reasons else "done", ballots=len(ballots),
        codes=[one.code for one in reasons], document_no=paper.document_no,
    )  # fmt: skip
    return use.status


def give_up(session: Session, use_no: str, reason: str, *, officer_id: int) -> None:
    """Sent back or withdrawn before anything is held, saying why (退回或撤回). Raises NotFound or Refused."""
    use, place = held(session, use_no)
    open_ = (UseStatus.DRAFT, UseStatus.PUBLISHED, UseStatus.VOTED)
    if reasons := step_refusals(use.status, open_, place.law):
        raise Refused(reasons)
    use.status, use.reason = UseStatus.FAILED, reason
    use.ended_by, use.ended_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "use.ended", use_no, reason=reason)


def record(
    session: Session, use: FundUse, place: Place, papers: Sequence[Paper], officer_id: int
) -> None:
    """Its papers, each used once (记录材料). Raises Refused."""
    for one in papers:
        refuse_used_paper(session, one.file_hash, law_on(bureau_day(), "presale_funds", place.row.region))
        session.add(UsePaper(
            use_id=use.id, kind=one.kind, issuer=one.issuer, document_no=one.document_no,
            file_hash=one.file_hash, recorded_by=officer_id,
        ))  # fmt: skip
        session.flush()


def _write_shares(session: Session, use: FundUse, shares: list[Share]) -> None:
    ask(session, _SHARE_ROWS, (
        use.id, [one.house_id for one in shares], [one.bearer.value for one in shares],
        [one.area for one in shares], [one.amount.fen for one in shares],
        [one.from_fund.fen for one in shares],
    ))  # fmt: skip
