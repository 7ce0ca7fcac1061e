"""A month of the fund's book closes: income to 3101, with December the rest to 3001 (期末结转, M20).

Closing lines carry a community's key, never a house's: what a house has is told by its own lines for ever.
"""

from datetime import date
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access import audit
from escrow.errors import Refused
from escrow.fund_income.actions import LAW, closed_through, held_fund
from escrow.fund_income.models import FundPeriod
from escrow.fund_income.rules import EARNED, CloseFacts, close_refusals, month_end
from escrow.maintenance import chart
from escrow.maintenance.books import accounts_of
from escrow.maintenance.chart import Nature
from escrow.maintenance.models import FundAccount
from ledger.accounts import Account
from ledger.journal import Draft, close_day, post_many
from ledger.money import Yuan
from ledger.movements import Transfer

_LINES = 500
Line = tuple[tuple[str, str], tuple[str, str], int]

# What stood at the end of a day by value date, heading by heading; below zero it stands on the other side.
_TRIAL = text("""
WITH stood AS (
    SELECT a.code, a.side, coalesce(
               (SELECT d.opening FROM ledger.balance_day d
                 WHERE d.account_id = b.account_id AND d.day > :day ORDER BY d.day LIMIT 1), b.balance) AS fen
      FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id WHERE a.book_id = :book
)
SELECT code, side, sum(fen)::bigint AS fen FROM stood GROUP BY code, side ORDER BY code
""")

# Income by its key; what of a heading is not yet closed, community by community, its houses' lines among it.
_OPEN = text(r"""
WITH stood AS (
    SELECT a.code, a.key, coalesce(
               (SELECT d.opening FROM ledger.balance_day d
                 WHERE d.account_id = b.account_id AND d.day > :day ORDER BY d.day LIMIT 1), b.balance) AS fen
      FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
     WHERE a.book_id = :book AND a.code = ANY (:codes)
)
SELECT s.code,
       CASE WHEN h.id IS NULL THEN s.key
            ELSE 'community:' || g.community_id
                 || CASE h.nature WHEN 'public' THEN '\:public' ELSE '' END END AS key,
       sum(s.fen)::bigint AS fen
  FROM stood s
  LEFT JOIN house h ON h.id = substring(s.key FROM '^house:([0-9]+)$')::integer
  LEFT JOIN community_building g ON g.id = h.community_building_id
 GROUP BY 1, 2 HAVING sum(s.fen) <> 0 ORDER BY 1, 2
""")


def trial(session: Session, fund: FundAccount, day: date) -> list[dict[str, Any]]:
    """The trial balance by heading at the end of a day (试算平衡表), in fen: both columns add up alike."""
    rows = session.execute(_TRIAL, {"book": fund.book_id, "day": day}).all()
    return [
        {
            "code": row.code, "label": chart.HEADINGS[row.code].label,
            "debit": abs(row.fen) if (row.side == "debit") == (row.fen >= 0) else 0,
            "credit": 0 if (row.side == "debit") == (row.fen >= 0) else abs(row.fen),
        }
        for row in rows
    ]  # fmt: skip


def close_month(session: Session, fund_id: int, month: date, *, officer_id: int) -> FundPeriod:
    """Close a month in its turn, and with December its year (月结、年结). Raises NotFound or Refused."""
    fund = held_fund(session, fund_id)
    law = law_on(bureau_day(), LAW, fund.region)
    facts = CloseFacts(month, bureau_day(), fund.opened_on or date.max, closed_through(session, fund))
    if reasons := close_refusals(facts, law):
        raise Refused(reasons)
    end = month_end(month)
    before = trial(session, fund, end)
    lines = _income_lines(session, fund, end)
    if end.month == 12:
        lines += _year_lines(session, fund, end)
    entry_ids = _book(session, fund, lines, end)
    period = FundPeriod(
        fund_account_id=fund.id, month=end.replace(day=1), closed_by=officer_id, before=before,
        after=trial(session, fund, end), entry_ids=entry_ids, closed_at=func.clock_timestamp(),
    )  # fmt: skip
    session.add(period)
    session.flush()
    close_day(session, fund.book_id or 0, end)
    audit.record(session, "fund-period.closed", fund.account_no, month=f"{end:%Y-%m}", entries=len(entry_ids))
    return period


def closed_months(session: Session, fund_id: int) -> list[FundPeriod]:
    """The months that are closed, newest first (已结转的月份)."""
    query = select(FundPeriod).where(FundPeriod.fund_account_id == fund_id)
    return list(session.scalars(query.order_by(FundPeriod.month.desc()).limit(120)))


def _unclosed(session: Session, fund: FundAccount, end: date, codes: list[str]) -> list[Any]:
    return list(session.execute(_OPEN, {"book": fund.book_id, "day": end, "codes": codes}))


def _income_lines(session: Session, fund: FundAccount, end: date) -> list[Line]:
    """Income and other expense go to what is undistributed, with the key they bear (收入转待分配累计收益)."""
    lines = list[Line]()
    for nature in Nature:
        pool = chart.UNDISTRIBUTED[nature]
        earned = [one[nature] for one in (*EARNED.values(), chart.BOND_INTEREST)]
        for row in _unclosed(session, fund, end, earned):
            lines.append(((row.code, row.key), (pool, row.key), row.fen))
        for row in _unclosed(session, fund, end, [chart.OTHER_EXPENSE[nature]]):
            lines.append(((pool, row.key), (row.code, row.key), row.fen))
    return lines


def _year_lines(session: Session, fund: FundAccount, end: date) -> list[Line]:
    """Deposits, repairs and returns of the year go to net assets, community by community (转维修资金)."""
    lines = list[Line]()
    for row in _unclosed(session, fund, end, list(chart.DEPOSITS.values())):
        lines.append(((row.code, row.key), (_net_assets(row.key), row.key), row.fen))
    for row in _unclosed(session, fund, end, [*chart.REPAIRS, *chart.RETURNED.values()]):
        lines.append(((_net_assets(row.key), row.key), (row.code, row.key), row.fen))
    return lines


def _net_assets(key: str) -> str:
    return chart.NET_ASSETS[Nature.PUBLIC if key.endswith(":public") else Nature.COMMODITY]


def _book(session: Session, fund: FundAccount, lines: list[Line], end: date) -> list[int]:
    held: dict[tuple[str, str], Account] = accounts_of(
        session, fund.book_id or 0, [one for line in lines for one in line[:2]]
    )
    # A heading that went the other way over the period (more given back than paid in) closes the other way.
    transfers = [
        Transfer(held[debit], held[credit], Yuan.from_fen(fen)) if fen > 0
        else Transfer(held[credit], held[debit], Yuan.from_fen(-fen))
        for debit, credit, fen in lines
    ]  # fmt: skip
    entries = post_many(session, [
        Draft(
            chart.CLOSE, transfers[at : at + _LINES], f"fund-close:{end:%Y-%m}:{at // _LINES + 1}", end,
            memo=f"{end:%Y 年 %m 月}结转",
        )
        for at in range(0, len(transfers), _LINES)
    ])  # fmt: skip
    return [entry.id for entry in entries]
