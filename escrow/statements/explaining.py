"""A difference is taken, explained by one officer, closed by another (了结差异). Lock, look, judge, write."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow import chart
from escrow.access import audit
from escrow.errors import NotFound, Refused
from escrow.projects.models import Project
from escrow.statements.difference_rules import BOOKS, TAKES_FROM, ClosingFacts, Remedy, closing_refusals
from escrow.statements.models import DifferenceEntry, StatementDifference
from escrow.statements.rules import Cause, DifferenceStatus
from escrow.supervision.books import account_of
from escrow.supervision.models import SupervisedAccount
from ledger.journal import post
from ledger.money import Yuan, yuan_of
from ledger.movements import Transfer


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an officer found out (查明结果)."""

    cause: Cause
    note: str
    remedy: Remedy
    entries: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A difference under its lock, its account before it (已锁定的差异)."""

    difference: StatementDifference
    account: SupervisedAccount
    law: Law


def take(session: Session, difference_id: int, *, officer_id: int) -> None:
    """An officer works on it (认领). Raises NotFound or Refused."""
    held = _held(session, difference_id)
    if held.difference.status is DifferenceStatus.CLOSED:
        raise Refused(closing_refusals(_facts(session, held, Remedy.NONE, officer_id), held.law)[:1])
    held.difference.worker_id = officer_id
    session.flush()
    audit.record(session, "difference.taken", difference_id, account_no=held.account.account_no)


def explain(session: Session, difference_id: int, said: Explanation, *, officer_id: int) -> None:
    """One officer says why, and which entries explain it (录入查明结果). Raises NotFound or Refused."""
    held = _held(session, difference_id)
    facts = _facts(session, held, said.remedy, officer_id, entries=said.entries)
    if reasons := closing_refusals(facts, held.law):
        raise Refused(reasons)
    one = held.difference
    one.worker_id = one.asked_by = officer_id
    one.cause, one.note, one.remedy = said.cause, said.note, said.remedy.value
    one.proposed = list(said.entries) if said.remedy is Remedy.ENTRIES else None
    session.flush()
    audit.record(
        session, "difference.entered", difference_id, account_no=held.account.account_no, cause=said.cause,
        remedy=said.remedy, entries=list(said.entries), note=said.note,
    )  # fmt: skip


def give_back(session: Session, difference_id: int, reason: str, *, officer_id: int) -> None:
    """The other officer is not convinced (退回). Raises NotFound or Refused."""
    held = _held(session, difference_id)
    one = held.difference
    facts = _facts(session, held, Remedy(one.remedy or Remedy.NONE), officer_id, confirming=True)
    steps = {"difference-closed", "difference-not-asked", "same-officer"}
    if reasons := [each for each in closing_refusals(facts, held.law) if each.code in steps]:
        raise Refused(reasons)
    one.asked_by = one.cause = one.note = one.remedy = one.proposed = None
    session.flush()
    audit.record(session, "difference.returned", difference_id, result="refused", reason=reason)


def close(session: Session, difference_id: int, *, officer_id: int) -> None:
    """Another officer closes it; the entry that explains it is made now where one is to be made (了结)."""
    held = _held(session, difference_id)
    one = held.difference
    remedy = Remedy(one.remedy or Remedy.NONE)
    facts = _facts(
        session, held, remedy, officer_id, entries=tuple(one.proposed or ()), confirming=True
    )  # fmt: skip
    if reasons := closing_refusals(facts, held.law):
        raise Refused(reasons)
    entries = list(one.proposed or [])
    if remedy in BOOKS:
        entries.append(_book(session, held, remedy))
    for entry_id in entries:
        session.execute(insert(DifferenceEntry).values(difference_id=one.id, entry_id=entry_id))
    one.status, one.closed_how, one.decided_by = DifferenceStatus.CLOSED, "entries", officer_id
    one.closed_at = session.scalar(text("SELECT clock_timestamp()"))
    session.flush()
    audit.record(
        session, "difference.closed", difference_id, account_no=held.account.account_no, kind=one.kind,
        delta=yuan_of(one.delta), entries=entries,
    )  # fmt: skip


def _book(session: Session, held: Held, remedy: Remedy) -> int:
    """The entry a remedy makes, on the day of the difference where that is still open (记更正凭证)."""
    movement, code, way = BOOKS[remedy]
    book_id, one = held.account.book_id, held.difference
    bank, beside = account_of(session, book_id, chart.DEPOSITS_AT_BANK), account_of(session, book_id, code)
    amount = Yuan.from_fen(abs(one.delta))
    transfer = Transfer(bank, beside, amount) if way > 0 else Transfer(beside, bank, amount)
    query = text("SELECT closed_through + 1 FROM ledger.balance WHERE account_id = :bank")
    open_from = session.execute(query, {"bank": bank.id}).scalar_one()
    entry = post(
        session, movement, [transfer], reference=f"difference:{one.id}",
        effective_on=max(one.on_date, open_from), memo=one.note or "",
    )  # fmt: skip
    return entry.id


_NAMED = text("""
SELECT e.id, bank_effect(e.id) AS effect FROM ledger.journal_entry e
 WHERE e.id = ANY (CAST(:entries AS bigint[])) AND e.book_id = :book_id AND e.booked_at > :opened_at
   AND bank_effect(e.id) <> 0
   AND NOT EXISTS (SELECT FROM statement_match m WHERE m.entry_id = e.id AND m.live)
   AND NOT EXISTS (SELECT FROM difference_entry x WHERE x.entry_id = e.id AND x.live)
""")


def _facts(
    session: Session, held: Held, remedy: Remedy, officer_id: int, *, entries: tuple[int, ...] = (),
    confirming: bool = False,
) -> ClosingFacts:  # fmt: skip
    one = held.difference
    told = {"entries": list(entries), "book_id": held.account.book_id, "opened_at": one.opened_at}
    known: dict[int, Any] = {row.id: row.effect for row in session.execute(_NAMED, told)} if entries else {}
    return ClosingFacts(
        status=one.status, delta=one.delta, remedy=remedy, explained=sum(known.values()),
        strange=tuple(f"{entry:010d}" for entry in entries if entry not in known),
        asked_by=one.asked_by, officer_id=officer_id, confirming=confirming,
        held=_balances(session, held, remedy),
    )  # fmt: skip


_BALANCES = text("""
SELECT c.code, coalesce(max(b.balance), 0) AS fen FROM unnest(CAST(:codes AS text[])) AS c (code)
  LEFT JOIN ledger.account a ON a.book_id = :book_id AND a.code = c.code AND a.key = ''
  LEFT JOIN ledger.balance b ON b.account_id = a.id GROUP BY c.code ORDER BY c.code
""")


def _balances(session: Session, held: Held, remedy: Remedy) -> dict[str, int]:
    told = {"codes": list(TAKES_FROM.get(remedy, ())), "book_id": held.account.book_id}
    return {row.code: int(row.fen) for row in session.execute(_BALANCES, told)}


def _held(session: Session, difference_id: int) -> Held:
    query = select(StatementDifference.account_id).where(StatementDifference.id == difference_id)
    account_id = session.scalar(query)
    if account_id is None:
        raise NotFound("没有这件差异")
    account = session.scalars(
        select(SupervisedAccount).where(SupervisedAccount.id == account_id).with_for_update()
    ).one()
    one = session.scalars(
        select(StatementDifference)
        .where(StatementDifference.id == difference_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    region = session.scalar(select(Project.region).where(Project.id == account.project_id)) or ""
    return Held(one, account, law_on(bureau_day(), "presale_funds", region))
