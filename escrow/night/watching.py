"""What is due in every room and nobody has seen to (应办未办): one question for each kind of alarm.

Each answers subject, said, place, due_on. The working days that are over come from the calendar, by region.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from config.clock import bureau_day, now
from config.regulations import law_on
from escrow.night.rules import AlarmKind, Warned, overdue_since
from escrow.supervision.freshness import missing_statement
from escrow.workdays.actions import calendar
from escrow.workdays.lists import missing_years

SUBJECT = "presale_funds"
# How long before its last day a measure is warned of (到期前多少天报警).
HOLD_DAYS, GUARANTEE_DAYS = 30, 60

_ACCOUNTS = text("""
SELECT a.account_no, p.region, p.name AS project_name, a.opened_at,
       (SELECT max(s.business_date) FROM statement s
         WHERE s.account_id = a.id AND s.status IN ('matched', 'differences')) AS stated_through
  FROM supervised_account a JOIN project p ON p.id = a.project_id
 WHERE a.status IN ('active', 'suspended', 'releasing') ORDER BY a.id
""")
_REGIONS = text("""
SELECT DISTINCT p.region FROM project p JOIN supervised_account a ON a.project_id = p.id ORDER BY 1
""")
_STOPPED = text("""
SELECT t.id::text AS subject, '账户 ' || a.account_no || ' 已停付：' || t.cause AS said,
       '/instructions?find=' || a.account_no AS place, NULL::date AS due_on
  FROM account_suspension t JOIN supervised_account a ON a.id = t.account_id WHERE t.reopened_by IS NULL
""")
_UNKNOWN = text("""
SELECT i.instruction_no AS subject,
       '指令 ' || i.instruction_no || ' 逾时无结果，请向开户行查询；查清之前不得重发' AS said,
       '/instructions/' || i.instruction_no AS place, i.expires_on AS due_on
  FROM instruction i WHERE i.status = 'unknown'
UNION ALL
SELECT o.instruction_no, '维修资金指令 ' || o.instruction_no || ' 逾时无结果，请向专户银行查询；查清之前不得重发',
       '/fund/orders/' || o.instruction_no, o.expires_on
  FROM fund_order o WHERE o.status = 'unknown'
""")
_REVIEWS = text("""
SELECT w.withdrawal_no AS subject, '用款 ' || w.withdrawal_no || ' 逾期未复核' AS said,
       '/withdrawals/' || w.withdrawal_no AS place, w.review_by AS due_on
  FROM withdrawal w WHERE w.status IN ('entered', 'reviewed') AND w.review_by < :today
UNION ALL
SELECT 'node:' || n.id, p.name || ' ' || b.building_no || ' 幢的节点申报逾期未审核', '/nodes/' || n.id, n.review_by
  FROM node_claim n JOIN building b ON b.id = n.building_id JOIN project p ON p.id = b.project_id
 WHERE n.status = 'entered' AND n.review_by < :today
""")
_HOLDS = text("""
SELECT h.hold_no AS subject,
       h.court || ' 对账户 ' || a.account_no || ' 的冻结'
       || CASE WHEN h.held_until < :today THEN '已过止期，仍按冻结办理，解除须凭文书' ELSE '将到止期' END AS said,
       '/accounts/' || a.account_no || '/measures' AS place, h.held_until AS due_on
  FROM court_hold h JOIN supervised_account a ON a.id = h.account_id
 WHERE h.status = 'in-force' AND h.held_until <= :today + CAST(:days AS integer)
""")
_GUARANTEES = text("""
SELECT g.guarantee_no || ':' || g.id AS subject,
       g.issuer || ' 保函 ' || g.guarantee_no || ' 将到期，到期当日之后即失效、恢复额度' AS said,
       '/accounts/' || a.account_no || '/measures' AS place, g.valid_until AS due_on
  FROM guarantee g JOIN supervised_account a ON a.id = g.account_id
 WHERE g.status = 'in-force' AND g.valid_until <= :today + CAST(:days AS integer)
""")
_RECEIPTS = text("""
SELECT r.receipt_no AS subject, '待认领款 ' || r.receipt_no || ' 已超过认领时限' AS said,
       '/unmatched/' || r.receipt_no AS place, NULL::date AS due_on
  FROM unmatched_receipt u JOIN receipt r ON r.id = u.receipt_id
  JOIN supervised_account a ON a.id = u.account_id JOIN project p ON p.id = a.project_id
  JOIN unnest(CAST(:regions AS text[]), CAST(:since AS date[])) AS l (region, since) ON l.region = p.region
 WHERE u.remainder > 0 AND (r.booked_at AT TIME ZONE 'Asia/Shanghai')::date <= l.since
""")
_DIFFERENCES = text("""
SELECT d.id::text AS subject, '账户 ' || a.account_no || ' 的对账差异超过查明时限' AS said,
       '/differences/' || d.id AS place, NULL::date AS due_on
  FROM statement_difference d JOIN supervised_account a ON a.id = d.account_id
  JOIN project p ON p.id = a.project_id
  JOIN unnest(CAST(:regions AS text[]), CAST(:since AS date[])) AS l (region, since) ON l.region = p.region
 WHERE d.status = 'open' AND (d.opened_at AT TIME ZONE 'Asia/Shanghai')::date <= l.since
""")
_DEAD = text("""
SELECT c.client_id || ':' || s.id AS subject,
       c.title || ' 有对外事件未送达，其后同一主体的事件都在等' AS said,
       '/deliveries?status=dead' AS place, NULL::date AS due_on
  FROM subscriber s JOIN api_client c ON c.id = s.api_client_id
 WHERE EXISTS (SELECT FROM delivery d WHERE d.subscriber_id = s.id AND d.status = 'dead')
""")


def _told(kind: AlarmKind, query: TextClause, session: Session, **asked: Any) -> list[Warned]:
    return [Warned(kind, *row) for row in session.execute(query, asked)]


def stale_accounts(session: Session, region: str) -> list[Warned] | None:
    """Accounts whose bank has not told of the last working day (对账单未到的账户)."""
    days, at, found = calendar(session), now(), []
    if bureau_day().year not in days.years or bureau_day().year - 1 not in days.years:
        return None
    for row in session.execute(_ACCOUNTS):
        law = law_on(bureau_day(), SUBJECT, row.region)
        missing = missing_statement(row.opened_at, row.stated_through, law, at, lambda: days)
        if missing is not None:
            said = f"{row.project_name}的账户 {row.account_no} 缺 {missing} 的对账单：不予核对、不付款"
            place = f"/statements?account_no={row.account_no}"
            found.append(Warned(AlarmKind.STATEMENT_STALE, row.account_no, said, place, missing))
    return found


def stopped_accounts(session: Session, region: str) -> list[Warned]:
    """Accounts that pay nothing: the bank paid without an order, or says two things (停付的账户)."""
    return _told(AlarmKind.ACCOUNT_STOPPED, _STOPPED, session)


def unknown_orders(session: Session, region: str) -> list[Warned]:
    """Orders whose result nobody knows (结果不明的指令)."""
    return _told(AlarmKind.ORDER_UNKNOWN, _UNKNOWN, session)


def late_reviews(session: Session, region: str) -> list[Warned]:
    """Applications and node claims that wait past their day (逾期未审核)."""
    return _told(AlarmKind.REVIEW_LATE, _REVIEWS, session, today=bureau_day())


def ending_holds(session: Session, region: str) -> list[Warned]:
    """Court holds near their end, or past it (将到期的司法冻结)."""
    return _told(AlarmKind.HOLD_ENDING, _HOLDS, session, today=bureau_day(), days=HOLD_DAYS)


def ending_guarantees(session: Session, region: str) -> list[Warned]:
    """Guarantees near their end (将到期的保函)."""
    return _told(AlarmKind.GUARANTEE_ENDING, _GUARANTEES, session, today=bureau_day(), days=GUARANTEE_DAYS)


def late_receipts(session: Session, region: str) -> list[Warned] | None:
    """Money that has been nobody's for too long (逾期待认领)."""
    return _aged(session, AlarmKind.RECEIPT_LATE, _RECEIPTS, "claim_days")


def late_differences(session: Session, region: str) -> list[Warned] | None:
    """Differences nobody has explained in time (逾期未了的差异)."""
    return _aged(session, AlarmKind.DIFFERENCE_LATE, _DIFFERENCES, "difference_days")


def dead_deliveries(session: Session, region: str) -> list[Warned]:
    """Subscribers who have not been told (未送达的订阅方)."""
    return _told(AlarmKind.DELIVERY_DEAD, _DEAD, session)


def years_missing(session: Session, region: str) -> list[Warned]:
    """Years whose notice should have been entered (应录未录的年份)."""
    said = "{} 年的放假通知尚未录入，落在该年的期限一律不予计算"
    return [
        Warned(AlarmKind.YEAR_MISSING, str(year), said.format(year), "/working-days")
        for year in missing_years(session, region)
    ]


def _aged(session: Session, kind: AlarmKind, query: TextClause, key: str) -> list[Warned] | None:
    """None where a year's working days are not known: nothing is said of what cannot be computed."""
    today, days = bureau_day(), calendar(session)
    since = {
        region: overdue_since(law_on(today, SUBJECT, region)[key].value, today, days)
        for region in session.scalars(_REGIONS)
    }
    if None in since.values():
        return None
    return _told(kind, query, session, regions=list(since), since=list(since.values()))


# What each kind asks; None for an answer leaves its alarms as they are (各种报警的提问).
Asks = Callable[[Session, str], list[Warned] | None]
QUESTIONS: dict[AlarmKind, Asks] = {
    AlarmKind.ACCOUNT_STOPPED: stopped_accounts,
    AlarmKind.STATEMENT_STALE: stale_accounts,
    AlarmKind.ORDER_UNKNOWN: unknown_orders,
    AlarmKind.REVIEW_LATE: late_reviews,
    AlarmKind.HOLD_ENDING: ending_holds,
    AlarmKind.GUARANTEE_ENDING: ending_guarantees,
    AlarmKind.RECEIPT_LATE: late_receipts,
    AlarmKind.DIFFERENCE_LATE: late_differences,
    AlarmKind.DELIVERY_DEAD: dead_deliveries,
    AlarmKind.YEAR_MISSING: years_missing,
}
