"""What buyers owe their developers: who paid what when, unit by unit, and for how long (代缴待收回)."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy.orm import Session

from config.regulations import Law
from ledger.money import Yuan
from ledger.wire import ask

# Its words, more than so many days, up to so many.
Bucket = tuple[str, int | None, int | None]

# A claim's age is that of its first standing advance; what an ended contract left owing is no next buyer's.
_OWING = """
SELECT b.house_id, (f.advanced - r.repaid)::bigint AS owed, f.first_id, f.paid_on
  FROM house_balance b CROSS JOIN LATERAL (
       SELECT min(d.id) AS first_id, min(d.paid_on) AS paid_on, sum(d.amount) AS advanced
         FROM standing_deposit d
        WHERE d.house_id = b.house_id AND d.is_advance) f
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(p.amount), 0) AS repaid
         FROM advance_repayment p JOIN contract n ON n.id = p.contract_id
        WHERE p.house_id = b.house_id AND p.status = 'confirmed' AND n.status <> 'cancelled') r
 WHERE b.owed > 0 AND f.advanced > r.repaid
"""
_LISTED = f"""
SELECT o.first_id AS id, o.owed, o.paid_on, h.unit_code, h.room_no, g.building_no, m.name AS community_name,
       c.contract_no, c.status AS contract_status, v.name AS developer_name,
       (SELECT string_agg(y.name_masked, '、' ORDER BY y.position) FROM party y
         WHERE y.contract_id = c.id AND y.version = c.version) AS buyers
  FROM ({_OWING}) o JOIN house h ON h.id = o.house_id
  JOIN community_building g ON g.id = h.community_building_id JOIN community m ON m.id = g.community_id
  LEFT JOIN project p ON p.id = m.project_id LEFT JOIN developer v ON v.id = p.developer_pk
  LEFT JOIN contract c ON c.unit_id = h.unit_id AND c.status <> 'cancelled'
 WHERE o.first_id > %(after)s AND (%(until)s::date IS NULL OR o.paid_on <= %(until)s)
   AND (%(since)s::date IS NULL OR o.paid_on > %(since)s)
 ORDER BY o.first_id LIMIT %(limit)s
"""  # noqa: S608 - nothing but this page's own words is put together here
_TOTALS = f"""
SELECT width_bucket(%(today)s::date - o.paid_on, %(ages)s::integer[]) AS place, count(*) AS houses,
       sum(o.owed)::bigint AS owed
  FROM ({_OWING}) o GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - as above
_DEPOSITS = """
SELECT d.id, d.payer_kind, d.is_advance, d.amount, d.paid_on, d.booked_at, d.entry_id, r.receipt_no,
       r.payer_name_masked, c.contract_no,
       d.is_renewal,
       NOT d.is_renewal AND NOT EXISTS (
           SELECT FROM standing_deposit s WHERE s.id = d.id AND s.house_id = o.house_id) AS is_void,
       CASE WHEN o.house_id <> d.house_id THEN (
           SELECT h.unit_code FROM house h WHERE h.id IN (o.house_id, d.house_id) AND h.id <> %(id)s
       ) END AS other_code, d.house_id = %(id)s AS came_here
  FROM house_deposit d JOIN fund_receipt r ON r.id = d.receipt_id JOIN deposit_holder o ON o.deposit_id = d.id
  LEFT JOIN contract c ON c.id = o.contract_id
 WHERE d.house_id = %(id)s
    OR d.id IN (SELECT k.deposit_id FROM house_change k
                 WHERE k.other_house_id = %(id)s AND k.status = 'confirmed')
 ORDER BY d.id
"""
_MISPAID = """
SELECT a.id, a.aside, a.amount, a.remainder, a.message, r.receipt_no, r.value_date, r.payer_kind,
       r.payer_name_masked
  FROM apart_money a JOIN fund_receipt r ON r.id = a.receipt_id WHERE a.house_id = %s ORDER BY a.id
"""
_REPAYMENTS = """
SELECT p.*, c.contract_no, e.full_name AS enterer, d.full_name AS decider
  FROM advance_repayment p JOIN contract c ON c.id = p.contract_id
  LEFT JOIN officer e ON e.id = p.entered_by LEFT JOIN officer d ON d.id = p.decided_by
 WHERE p.house_id = %s ORDER BY p.id
"""


def ages(law: Law) -> list[Bucket]:
    """The buckets of the list (账龄分段)."""
    told: Mapping[str, int] = law["unrepaid_ages"].value
    edges = sorted(told.values())
    found: list[Bucket] = [(f"{edges[0]} 天以内", None, edges[0])]
    found += [
        (f"{low + 1} 至 {high} 天", low, high) for low, high in pairwise(edges)
    ]
    return [*found, (f"{edges[-1]} 天以上", edges[-1], None)]


def totals(session: Session, today: date, law: Law) -> list[tuple[int, Yuan]]:
    """How many houses and how much, bucket by bucket (各段合计)."""
    buckets = ages(law)
    # Day 90 still belongs to the bucket that ends with it.
    told = {"today": today, "ages": [low + 1 for _, low, _ in buckets if low is not None]}
    found = {row.place: row for row in ask(session, _TOTALS, told, named=True)}
    return [
        (found[at].houses, Yuan.from_fen(found[at].owed)) if at in found else (0, Yuan(0))
        for at in range(len(buckets))
    ]


def owing(session: Session, today: date, bucket: Bucket | None, *, after: int, limit: int) -> list[Any]:
    """Houses whose buyers still owe, the longest first, of one bucket or of all (账龄清单)."""
    _, low, high = bucket or ("", None, None)
    told = {
        "after": after, "limit": limit,
        "until": today - timedelta(days=low + 1) if low is not None else None,
        "since": today - timedelta(days=high + 1) if high is not None else None,
    }  # fmt: skip
    return ask(session, _LISTED, told, named=True)


def deposits(session: Session, house_id: int) -> list[Any]:
    """Who paid the first deposit of a house when, with what was corrected to it or away (谁在何时缴了多少)."""
    return ask(session, _DEPOSITS, {"id": house_id}, named=True)


def mispaid(session: Session, house_id: int) -> list[Any]:
    """What was paid for a house and is not its (误缴多缴)."""
    return ask(session, _MISPAID, (house_id,), named=True)


def repayments(session: Session, house_id: int) -> list[Any]:
    """What its buyers repaid, on which paper, recorded by whom (归还经过)."""
    return ask(session, _REPAYMENTS, (house_id,), named=True)
