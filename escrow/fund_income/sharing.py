"""What is undistributed goes to houses: proposed, computed, approved, booked by batches (收益分配).

Every step finds its rows in a state and may be run again: a batch that is booked is not booked twice.
"""

import secrets
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.database import Database
from config.regulations import law_on
from escrow.access import audit
from escrow.errors import Invalid, NotFound, Refused
from escrow.fund_income.actions import LAW, held_fund
from escrow.fund_income.models import IncomeBatch, IncomeRun
from escrow.fund_income.rules import (
    Basis,
    RunFacts,
    RunStatus,
    decider_refusals,
    nature_codes,
    run_refusals,
)
from escrow.maintenance import chart
from escrow.maintenance.books import account_of, accounts_of
from escrow.maintenance.chart import Nature
from escrow.maintenance.models import Community, FundAccount
from ledger.accounts import balance, lock_accounts
from ledger.journal import post
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer

RUN_LAW_KEYS = ("fund_income_shared", "fund_two_officers")
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Proposal:
    """Of which income, for which days, by what measure (分配方案)."""

    fund_account_id: int
    nature: Nature
    period_from: date
    period_to: date
    basis: Basis
    community_id: int | None = None


def propose(session: Session, asked: Proposal, *, officer_id: int) -> str:
    """One officer proposes a sharing (提出分配); its number. Raises NotFound, Invalid or Refused."""
    fund = held_fund(session, asked.fund_account_id)
    of_fund = Community.fund_account_id == fund.id
    known = select(Community.id).where(Community.id == asked.community_id, of_fund)
    if asked.community_id is not None and session.scalar(known) is None:
        raise Invalid({"community_id": "小区不属于这个专户。"})
    law = law_on(bureau_day(), LAW, fund.region)
    if reasons := run_refusals(_facts(session, fund, asked), law):
        raise Refused(reasons)
    run = IncomeRun(
        run_no=f"FP{bureau_day():%Y%m%d}{secrets.token_hex(3).upper()}", fund_account_id=fund.id,
        nature=asked.nature, community_id=asked.community_id, period_from=asked.period_from,
        period_to=asked.period_to, basis=asked.basis, status=RunStatus.PROPOSED, proposed_by=officer_id,
    )  # fmt: skip
    session.add(run)
    session.flush()
    audit.record(
        session, "income-run.proposed", run.run_no, account_no=fund.account_no, nature=asked.nature.value,
        basis=asked.basis.value, period_from=asked.period_from, period_to=asked.period_to,
    )  # fmt: skip
    return run.run_no


# The days of each balance within the period, times the balance: by value date, from the ledger's days. The
# whole parts first, then one fen each by largest remainder, ties by unit code (rules.shares says the same).
_COMPUTE = text("""
WITH home AS (
    SELECT h.id, h.unit_code, h.area FROM house h
      JOIN community_building g ON g.id = h.community_building_id
      JOIN community c ON c.id = g.community_id
     WHERE c.fund_account_id = :fund AND h.nature = :nature AND h.status = 'built'
       AND (CAST(:community AS integer) IS NULL OR c.id = :community)
), stood AS (
    SELECT substring(a.key FROM 7)::integer AS house_id, -b.sign AS sign, d.day,
           lead(d.day) OVER later AS until, coalesce(lead(d.opening) OVER later, b.balance) AS closing
      FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
      JOIN ledger.balance_day d ON d.account_id = a.id
     WHERE :by_days AND a.book_id = :book AND a.code = ANY (:codes) AND a.key LIKE 'house:%'
    WINDOW later AS (PARTITION BY d.account_id ORDER BY d.day)
), lasted AS (
    SELECT house_id, sum(sign * closing::numeric * greatest(0,
               least(coalesce(until, CAST(:day_after AS date)), CAST(:day_after AS date))
               - greatest(day, CAST(:day_from AS date)))) AS weight
      FROM stood GROUP BY house_id
), weighed AS (
    SELECT home.id, home.unit_code,
           CASE WHEN :by_days THEN greatest(0, coalesce(l.weight, 0)) ELSE home.area * 100 END AS weight
      FROM home LEFT JOIN lasted l ON l.house_id = home.id
), summed AS (
    SELECT w.*, sum(w.weight) OVER () AS whole FROM weighed w
), divided AS (
    SELECT s.*, div(:total * s.weight, s.whole) AS fen, mod(:total * s.weight, s.whole) AS rest
      FROM summed s WHERE s.whole > 0
), ranked AS (
    SELECT d.*, :total - sum(d.fen) OVER () AS left_over,
           row_number() OVER (ORDER BY d.rest DESC, d.unit_code COLLATE "C") AS turn,
           row_number() OVER (ORDER BY d.id) - 1 AS place
      FROM divided d
)
INSERT INTO income_share (run_id, house_id, batch, weight, amount)
SELECT :run, r.id, r.place / :size, r.weight, r.fen + (r.turn <= r.left_over)::integer FROM ranked r
""")
# One statement over every house of the fund, in its own task: it may take its time, and reads tables whole.
_AT_LENGTH = text("""
SELECT set_config('statement_timeout', '20min', true), set_config('enable_seqscan', 'on', true),
       set_config('work_mem', '64MB', true)
""")
_BATCHES = text("""
INSERT INTO income_batch (run_id, batch, houses, amount)
SELECT run_id, batch, count(*), sum(amount) FROM income_share WHERE run_id = :run GROUP BY run_id, batch
""")


def compute(session: Session, run_no: str) -> bool:
    """What each house gets (测算), under the lock of the run; False where it was computed before.

    The total is what is undistributed now. Raises Invalid where nobody weighs anything any more.
    """
    run, fund = _held(session, run_no)
    if run.status is not RunStatus.PROPOSED:
        return False
    pool = _pool(session, fund, run.nature, run.community_id)
    total = lock_accounts(session, [pool])[pool.id]
    session.execute(_AT_LENGTH)
    session.execute(_COMPUTE, {
        "fund": fund.id, "nature": run.nature.value, "community": run.community_id, "book": fund.book_id,
        "by_days": run.basis is Basis.DAYS, "codes": nature_codes(run.nature), "run": run.id,
        "day_from": run.period_from, "day_after": date.fromordinal(run.period_to.toordinal() + 1),
        "total": total.fen, "size": BATCH,
    })  # fmt: skip
    session.execute(_BATCHES, {"run": run.id})
    seen = text("SELECT count(*), coalesce(sum(amount), 0)::bigint FROM income_share WHERE run_id = :run")
    houses, shared = session.execute(seen, {"run": run.id}).one()
    if shared != total.fen or total == ZERO:
        raise Invalid({"basis": "期间内没有可据以分配的余额或面积。"})
    run.status, run.total, run.houses = RunStatus.COMPUTED, total, houses
    session.flush()
    audit.record(session, "income-run.computed", run_no, total=str(total), houses=houses)
    return True


def approve(session: Session, run_no: str, *, officer_id: int) -> None:
    """Another officer approves what was computed (批准分配). Raises NotFound or Refused."""
    run, fund = _held(session, run_no)
    _judge(run, fund, run.status is RunStatus.COMPUTED, officer_id)
    law = law_on(bureau_day(), LAW, fund.region)
    run.status, run.law = RunStatus.APPROVED, law.stored(RUN_LAW_KEYS)
    run.decided_by, run.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "income-run.approved", run_no, total=str(run.total), houses=run.houses)


def reject(session: Session, run_no: str, reason: str, *, officer_id: int) -> None:
    """Another officer sends it back, saying why (退回分配). Raises NotFound or Refused."""
    run, fund = _held(session, run_no)
    _judge(run, fund, run.status in (RunStatus.PROPOSED, RunStatus.COMPUTED), officer_id)
    run.status, run.reason = RunStatus.REJECTED, reason
    run.decided_by, run.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "income-run.rejected", run_no, reason=reason)


def waiting(session: Session) -> list[str]:
    """Runs that have work to be done, oldest first (待办的分配)."""
    query = select(IncomeRun.run_no).where(IncomeRun.status.in_((RunStatus.PROPOSED, RunStatus.APPROVED)))
    return list(session.scalars(query.order_by(IncomeRun.id)))


def carry_out(database: Database, run_no: str) -> None:
    """Compute what was proposed, book what was approved: batch by batch, each in its own transaction (办理).

    Two at once take different batches; one that died left its batch undone, and it is found again.
    """
    with database.begin() as session:
        compute(session, run_no)
    while True:
        with database.begin() as session:
            if not _book_next(session, run_no):
                break
    with database.begin() as session:
        _finish(session, run_no)


_NEXT = text("""
SELECT b.run_id, b.batch FROM income_batch b JOIN income_run r ON r.id = b.run_id
 WHERE r.run_no = :run_no AND r.status = 'approved' AND b.entry_id IS NULL AND b.amount > 0
 ORDER BY b.batch LIMIT 1 FOR NO KEY UPDATE OF b SKIP LOCKED
""")
_SHARES = text("""
SELECT house_id, amount FROM income_share
 WHERE run_id = :run_id AND batch = :batch AND amount > 0 ORDER BY house_id
""")


def _book_next(session: Session, run_no: str) -> bool:
    found = session.execute(_NEXT, {"run_no": run_no}).one_or_none()
    if found is None:
        return False
    run = session.scalars(select(IncomeRun).where(IncomeRun.run_no == run_no)).one()
    fund = session.get_one(FundAccount, run.fund_account_id)
    rows = session.execute(_SHARES, {"run_id": found.run_id, "batch": found.batch}).all()
    code = chart.NET_ASSETS[run.nature]
    held = accounts_of(session, fund.book_id or 0, [(code, chart.house_key(row.house_id)) for row in rows])
    pool = _pool(session, fund, run.nature, run.community_id)
    transfers = [
        Transfer(pool, held[code, chart.house_key(row.house_id)], Yuan.from_fen(row.amount)) for row in rows
    ]
    entry = post(
        session, chart.SHARE_INCOME, transfers, reference=f"income-share:{run_no}:{found.batch}",
        effective_on=bureau_day(run.decided_at), group=run_no, memo=f"收益分配 {run_no}",
    )  # fmt: skip
    mine = (IncomeBatch.run_id == found.run_id, IncomeBatch.batch == found.batch)
    session.execute(update(IncomeBatch).where(*mine).values(entry_id=entry.id))
    return True


def _finish(session: Session, run_no: str) -> None:
    run, _ = _held(session, run_no)
    undone = select(IncomeBatch.batch).where(
        IncomeBatch.run_id == run.id, IncomeBatch.entry_id.is_(None), IncomeBatch.amount > ZERO
    )
    if run.status is RunStatus.APPROVED and session.scalar(undone.limit(1)) is None:
        run.status = RunStatus.DONE
        session.flush()
        audit.record(session, "income-run.done", run_no, total=str(run.total), houses=run.houses)


# One house of the scope will do, with an area or with money on some day of the period.
_SOMEBODY = text("""
SELECT EXISTS (
    SELECT FROM house h JOIN community_building g ON g.id = h.community_building_id
      JOIN community c ON c.id = g.community_id
     WHERE c.fund_account_id = :fund AND h.nature = :nature AND h.status = 'built'
       AND (CAST(:community AS integer) IS NULL OR c.id = :community) AND (NOT :by_days OR EXISTS (
           SELECT FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
             JOIN LATERAL (
               SELECT day, lead(day) OVER w AS until, coalesce(lead(opening) OVER w, b.balance) AS fen
                 FROM ledger.balance_day WHERE account_id = a.id WINDOW w AS (ORDER BY day)) d ON true
            WHERE a.book_id = :book AND a.code = ANY (:codes) AND a.key = 'house:' || h.id AND d.fen <> 0
              AND d.day <= :day_to AND coalesce(d.until > :day_from, true))))
""")


def _facts(session: Session, fund: FundAccount, asked: Proposal) -> RunFacts:
    same = select(IncomeRun.id).where(
        IncomeRun.fund_account_id == fund.id, IncomeRun.nature == asked.nature,
        IncomeRun.community_id.is_not_distinct_from(asked.community_id),
    )  # fmt: skip
    open_ = same.where(IncomeRun.status.in_((RunStatus.PROPOSED, RunStatus.COMPUTED, RunStatus.APPROVED)))
    over = same.where(
        IncomeRun.status != RunStatus.REJECTED, IncomeRun.period_from <= asked.period_to,
        IncomeRun.period_to >= asked.period_from,
    )  # fmt: skip
    closed = text("SELECT max(day) FROM ledger.day_close WHERE book_id = :book")
    through = session.scalar(closed, {"book": fund.book_id})
    return RunFacts(
        period_from=asked.period_from, period_to=asked.period_to, today=bureau_day(),
        undistributed=balance(session, _pool(session, fund, asked.nature, asked.community_id)),
        one_open=session.scalar(open_) is not None, days_shared=session.scalar(over) is not None,
        income_unclosed=through is None or through < asked.period_to,
        somebody_weighs=bool(session.scalar(_SOMEBODY, {
            "fund": fund.id, "nature": asked.nature.value, "community": asked.community_id,
            "book": fund.book_id, "codes": nature_codes(asked.nature), "day_from": asked.period_from,
            "day_to": asked.period_to, "by_days": asked.basis is Basis.DAYS})),
    )  # fmt: skip


def _pool(session: Session, fund: FundAccount, nature: Nature, community_id: int | None) -> Any:
    key = chart.community_key(community_id, nature) if community_id else ""
    return account_of(session, fund.book_id or 0, chart.UNDISTRIBUTED[nature], key=key)


def _judge(run: IncomeRun, fund: FundAccount, is_open: bool, officer_id: int) -> None:
    law = law_on(bureau_day(), LAW, fund.region)
    if reasons := decider_refusals(is_open, run.proposed_by, officer_id, law):
        raise Refused(reasons)


def _held(session: Session, run_no: str) -> tuple[IncomeRun, FundAccount]:
    fund_id = session.scalar(select(IncomeRun.fund_account_id).where(IncomeRun.run_no == run_no))
    if fund_id is None:
        raise NotFound("没有这次分配")
    fund = held_fund(session, fund_id)
    query = select(IncomeRun).where(IncomeRun.run_no == run_no).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one(), fund
