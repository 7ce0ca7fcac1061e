"""Findings are written once each and decided by another officer (风险提示). Lock, look, judge, write."""

from typing import Any

from sqlalchemy import Row, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.database import Database
from config.regulations import Law, law_on
from config.settings import Settings
from escrow.access import audit
from escrow.access.models import AuditEvent
from escrow.errors import NotFound, Refused
from escrow.oversight.finding_facts import Facts, facts_of
from escrow.oversight.finding_models import Finding
from escrow.oversight.finding_rules import (
    decider_refusals,
    insider_payers,
    one_account,
    one_id,
    payees_named_as_developers,
    quick_reversals,
    shared_accounts,
    stranger_payers,
)
from escrow.oversight.finding_terms import PROVISIONS, STEPS, FindingStatus, Suspicion
from escrow.oversight.round_trips import round_trips

_AT_ONCE = 200
_PATIENCE = text("SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '60s'")
# One look at a time: the second sees what the first has written.
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('findings', 0))")
# Whoever entered what it is about (所涉用款与收款人的录入人).
_CONCERNED = text("""
SELECT w.entered_by FROM withdrawal w WHERE w.id = ANY (:withdrawals)
UNION SELECT p.entered_by FROM listed_payee p WHERE p.id = ANY (:payees)
""")


def look(house: Database, told: Settings, *, fresh: list[int] | None = None) -> int:
    """Ask every rule, and write what is new; how much that was (查找风险).

    `fresh` names receipts just watched: what hangs on a payer is then asked for theirs alone.
    """
    law = law_on(bureau_day(), "presale_funds", told.region)
    with house.begin() as session:
        session.execute(_PATIENCE)
        session.execute(_ALONE)
        found = suspicions(facts_of(session, told, law, fresh), law)
        return raise_findings(session, found, law)


def suspicions(facts: Facts, law: Law) -> list[Suspicion]:
    """What every rule says of the county (全部提示)."""
    return [
        *round_trips(facts.flows, facts.labels, law),
        *insider_payers(facts.by_insiders, facts.insiders, law),
        *shared_accounts(facts.listings, law),
        *payees_named_as_developers(facts.listings, facts.developers, law),
        *one_id(facts.one_id, law),
        *one_account(facts.one_account, law),
        *stranger_payers(facts.by_strangers, facts.insiders, law),
        *quick_reversals(facts.reversals, law),
    ]


def raise_findings(session: Session, found: list[Suspicion], law: Law) -> int:
    """Write what was not noticed before, with its law and its trail; how many (写入提示)."""
    known = set(session.scalars(select(Finding.key).where(Finding.key.in_([one.key for one in found]))))
    new = {one.key: one for one in found if one.key not in known}
    drafts = [_row(one, law) for one in new.values()]
    made = list[Row[Any]]()
    for start in range(0, len(drafts), _AT_ONCE):
        statement = upsert(Finding).on_conflict_do_nothing(index_elements=["key"])
        rows = statement.values(drafts[start : start + _AT_ONCE]).returning(Finding.id, Finding.kind)
        made.extend(session.execute(rows))
    if made:
        trail = [audit.row("finding.raised", row.id, kind=row.kind) for row in made]
        session.execute(insert(AuditEvent), trail)
    return len(made)


def decide(
    session: Session, finding_id: int, status: FindingStatus, reason: str, *, told: Settings, officer_id: int
) -> None:
    """An officer says what came of it: nothing, or that it is so (核查决定). Raises NotFound or Refused."""
    query = select(Finding).where(Finding.id == finding_id).with_for_update()
    finding = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if finding is None:
        raise NotFound("没有这条风险提示")
    law = law_on(bureau_day(), "presale_funds", told.region)
    if reasons := decider_refusals(finding.status, concerned(session, finding), officer_id, law):
        raise Refused(reasons)
    if (finding.status, status) not in STEPS:
        raise ValueError(f"{finding.status} to {status}")
    finding.status, finding.reason = status, reason
    finding.decided_by, finding.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(
        session, "finding.cleared" if status is FindingStatus.CLEARED else "finding.confirmed", finding_id,
        kind=finding.kind, key=finding.key, reason=reason,
    )  # fmt: skip


def concerned(session: Session, finding: Finding) -> set[int]:
    """Who entered the applications and payees it is about (须回避的人员)."""
    asked = {"withdrawals": finding.withdrawal_ids, "payees": finding.payee_ids}
    return set(session.scalars(_CONCERNED, asked))


def _row(one: Suspicion, law: Law) -> dict[str, Any]:
    return {
        "kind": one.kind, "key": one.key, "subject": one.subject, "said": one.said, "detail": one.detail,
        "withdrawal_ids": list(one.withdrawals), "payee_ids": list(one.payees),
        "receipt_ids": list(one.receipts), "law": law.stored(PROVISIONS[one.kind]),
        "status": FindingStatus.OPEN,
    }  # fmt: skip
